"""The command that makes a result again."""

from __future__ import annotations

import shlex

from heor.problem.problem import DecisionProblem


def run_command(problem: DecisionProblem) -> str:
    """What to type to get a run again."""
    return command_line(problem, "run", f"--draws {problem.settings.draws}")


def command_line(problem: DecisionProblem, command: str, *options: str) -> str:
    """What to type to get the same numbers."""
    country = problem.country
    words = [f"heor {command}", f"--country {country.name}", f"--as-of {country.as_of}"]
    if country.programme:
        words.append(f"--programme {country.programme}")
    if problem.allow_generic:
        words.append("--allow-generic")
    if problem.scenario:
        words += [f"--scenario {s}" for s in problem.scenario.split("+")]
    words += [f"--set {shlex.quote(f'{k}={v}')}" for k, v in problem.overrides.items()]
    words += [*options, f"--seed {problem.settings.seed}"]
    words += [f"--accept {name}" for name in problem.settings.fit.accept]
    if problem.settings.fit.quick:
        words.append("--quick")
    return " ".join(words)
