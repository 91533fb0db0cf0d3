"""`heor survival`: the survival evidence, its fits and checks."""

from __future__ import annotations

from pathlib import Path

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
    scenario_option,
    set_option,
)


@click.command()
@inputs_option
@country_options
@scenario_option
@set_option
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option(
    "--quick", is_flag=True, help="Laplace approximation instead of NUTS; for trying out."
)
@click.option(
    "--priors",
    type=click.Choice(["wide", "narrow"]),
    help="Fit also with twice (wide) or half the priors' standard deviation; show what moves.",
)
@accept_option
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def survival(
    inputs, rules, scenario, settings, seed, quick, priors, accept, language, output
) -> None:
    """Fit every survival family and write the survival layer's own report."""
    from heor.inputs.load import load
    from heor.progress import progress_display
    from heor.report.folders.survival import write_survival_report
    from heor.report.survival.markdown import answer
    from heor.survival_analysis import appraise, read_targets

    problem = load(
        inputs,
        scenario=scenario,
        overrides=overrides(settings),
        seed=seed,
        quick=quick,
        accept=accept,
        **rules,
    )
    targets = read_targets(inputs)
    outputs = Path(inputs).resolve().parent / "outputs"
    parts = [problem.country.name, "survival", *(problem.scenario or "").split("+")]
    folder = result_folder(output, outputs / "-".join(parts).rstrip("-"))
    with progress_display() as progress:
        results = appraise(problem, priors or "standard", targets, outputs / "cache", progress)
        write_survival_report(results, folder, progress, language)
    for line in (*results.fits.accepted, *results.warnings):
        click.echo(f"warning: {line}", err=True)
    click.echo()
    if quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    click.echo(answer(results))
    click.echo(open_page(folder, "report.md, tables, figures and run.json"))
