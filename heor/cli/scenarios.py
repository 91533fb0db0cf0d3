"""`heor scenarios`: which there are, and all of them evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from heor import limits
from heor.cli.options import (
    accept_option,
    country_options,
    inputs_option,
    language_option,
    open_page,
    overrides,
    result_folder,
    set_option,
)

INDENTED = {"initial_indent": "    ", "subsequent_indent": "    "}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--run", "evaluated", is_flag=True, help="Evaluate them all, with the base case.")
@inputs_option
@country_options
@set_option
@click.option(
    "--draws", type=click.IntRange(50, limits.DRAWS), help="Model draws; default in analysis.yaml."
)
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option(
    "--quick", is_flag=True, help="Laplace approximation instead of NUTS; for trying out."
)
@accept_option
@click.option(
    "--weights",
    metavar="NAME|FILE",
    help="An average of analysis.yaml, or a YAML file with label, why and weights of scenarios.",
)
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def scenarios(
    names, evaluated, inputs, rules, settings, weights, language, output, **fitting
) -> int:
    """List the scenarios and why each is there, or (--run) evaluate them on the same draws.

    NAMES are scenarios; all when left out.
    """
    import textwrap

    from heor.inputs.load import load
    from heor.inputs.scenarios import load_scenarios

    if not evaluated:
        chosen = language if language != "en" else ""
        _only_with_run(
            settings=settings, weights=weights, language=chosen, output=output, **fitting
        )
    base = load(inputs, overrides=overrides(settings), **rules, **fitting)
    if evaluated:
        return _run_scenarios(base, Path(inputs), names, weights, output, language)
    found, faults = load_scenarios(base, inputs, names)
    for name, problem in found.items():
        if problem.scenario:
            click.echo(f"{name}: {problem.scenario_label}")
            click.echo(textwrap.fill(problem.scenario_why, 96, **INDENTED))
    for name, why in faults.items():
        click.echo(f"{name} cannot be read: {why}", err=True)
    return 1 if faults else 0


def _only_with_run(**given: Any) -> None:
    from heor.errors import InputError

    names = {"settings": "set"}
    problems = [
        f"--{names.get(name, name)}: found without --run; listing scenarios takes none. Add --run."
        for name, value in given.items()
        if value
    ]
    if problems:
        raise InputError(problems)


def _run_scenarios(
    base, inputs: Path, names, weights: str | None, output: str | None, language: str
) -> int:
    """Evaluate, write and answer; 1 when a scenario could not be evaluated."""
    from heor.inputs.scenarios import load_scenarios, read_average
    from heor.problem.names import BASE
    from heor.progress import progress_display
    from heor.report.folders.scenarios import answer, faults, write_scenario_report
    from heor.runs.scenario_analysis import evaluate_scenarios

    averages = base.settings.averages
    if weights:
        average = read_average(base, inputs, weights)
        averages = {average.name: average}
        names = (*names, *(n for n in average.weights if n != BASE)) if names else ()
    problems, unread = load_scenarios(base, inputs, names)
    known = {*problems, *unread}
    averages = {k: a for k, a in averages.items() if known.issuperset(a.weights)}
    outputs = inputs.resolve().parent / "outputs"
    folder = result_folder(output, outputs / f"{base.country.name}-scenarios")
    with progress_display() as progress:
        results = evaluate_scenarios(problems, averages, unread, outputs / "cache", progress)
        write_scenario_report(results, folder, progress, language)
    for line in results.accepted:
        click.echo(f"warning: {line}", err=True)
    if results.warnings:
        click.echo(f"{len(results.warnings)} warnings stand in the report.", err=True)
    for line in faults(results):
        click.echo(line, err=True)
    click.echo()
    if base.settings.fit.quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(results):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables, figures and run.json"))
    return 1 if results.faults else 0
