"""`heor check` and `heor show`: the inputs, before anything is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from heor.cli.options import country_options, inputs_option, overrides, scenario_option, set_option
from heor.faults import Faults


@click.command()
@inputs_option
@country_options
@scenario_option
@set_option
def check(inputs, rules, scenario, settings) -> None:
    """Read and check all inputs; fit nothing."""
    from collections import Counter

    from heor.inputs.load import available, load
    from heor.inputs.plausibility import look
    from heor.inputs.remarks import remarks
    from heor.inputs.utilities.value_sets import read_value_sets

    problem = load(inputs, scenario=scenario, overrides=overrides(settings), **rules)
    failed = Faults()
    if not scenario:  # every scenario must load on this country too
        failed += _failing_scenarios(Path(inputs), rules)
    model = Path(inputs) / "model"
    if (model / "value_sets.yaml").exists():  # read only where answers are scored
        read_value_sets(model, model.as_posix(), failed)
    counts = Counter(p.status for p in problem.parameters.values())
    listed = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in counts.most_common())
    click.echo(f"{problem.country.label}, {problem.scenario_label}: inputs are sound.")
    click.echo(f"{len(problem.parameters)} parameters ({listed}); {len(problem.sources)} sources.")
    click.echo(
        f"{len(problem.evidence)} survival data sets; {len(available(Path(inputs), 'scenarios'))} scenarios."
    )
    for line in (*problem.country.cautions, *remarks(problem)):
        click.echo(f"Read first: {line}")
    if problem.country.unverified:
        click.echo(
            f"Country rules not verified in their source: {', '.join(problem.country.unverified)}."
        )
    findings = look(problem, inputs)
    if findings:
        click.echo("Worth a look (legal, and seldom right):")
    for found in findings:
        click.echo(f"  {found}")
    if failed:
        from heor.errors import InputError

        raise InputError(failed)


def _failing_scenarios(inputs: Path, rules: dict[str, Any]) -> list[str]:
    from heor.errors import InputError
    from heor.inputs.load import available, load

    problems = Faults()
    for name in available(inputs, "scenarios"):
        try:
            load(inputs, scenario=name, **rules)
        except InputError as error:
            problems += [f"scenario {name}: {p}" for p in error.problems]
    return problems


@click.command()
@inputs_option
@country_options
@scenario_option
@set_option
@click.argument("names", nargs=-1)
def show(inputs, rules, scenario, settings, names) -> None:
    """Show every value with its origin, or only NAMES with their source and note."""
    from heor.inputs.load import load
    from heor.report.console.parameters import details, overview

    problem = load(inputs, scenario=scenario, overrides=overrides(settings), **rules)
    click.echo(details(problem, names) if names else overview(problem))
