"""`heor run`: the whole analysis, from inputs to report."""

from __future__ import annotations

from pathlib import Path

import click

from heor import limits
from heor.cli.options import (
    accept_option,
    country_options,
    inputs_option,
    language_option,
    money,
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
    "--draws",
    type=click.IntRange(50, limits.DRAWS),
    help="Model draws; default in analysis.yaml (5,000).",
)
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option(
    "--quick", is_flag=True, help="Laplace approximation instead of NUTS; for trying out."
)
@accept_option
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="MONEY",
    help="Money per QALY instead of the country's (50000, or 50000,100000); may be repeated.",
)
@click.option("--no-figures", is_flag=True, help="Leave the figures out: tables and words only.")
@click.option(
    "--only",
    type=click.Choice(["answer", "decision", "all"]),
    default="all",
    help="Stop after the base case (answer), or after scenarios, structures and one-way sensitivity "
    "(decision).",
)
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def run(
    inputs,
    rules,
    scenario,
    settings,
    thresholds,
    draws,
    seed,
    quick,
    accept,
    no_figures,
    only,
    language,
    output,
) -> None:
    """Evaluate the model and write report, tables and figures.

    The answer is printed first. Ctrl-C after it keeps a smaller report, which says what was left out.
    """
    from heor.inputs.load import load, load_alternatives, load_companions
    from heor.inputs.plausibility import look
    from heor.progress import progress_display
    from heor.report.folders.run import write_report
    from heor.runs.analysis import evaluate
    from heor.storage.folder import WRITTEN

    problem = load(
        inputs,
        scenario=scenario,
        overrides=overrides(settings, thresholds),
        draws=draws,
        seed=seed,
        quick=quick,
        accept=accept,
        **rules,
    )
    money(thresholds, problem.country.currency)  # a currency in front must be that of the costs
    outputs = Path(inputs).resolve().parent / "outputs"
    name = "-".join([problem.country.name, *(problem.scenario or "").split("+")]).rstrip("-")
    folder = result_folder(output, outputs / name)
    companions = load_companions(problem, inputs)
    alternatives = load_alternatives(problem, inputs)
    done: list = []

    def told(results) -> None:
        if not done:
            _print_answer(results)
        done[:] = [results]

    with progress_display() as progress:
        options = {"findings": look(problem, inputs), "only": only, "on_partial_results": told}
        try:
            results = evaluate(
                problem, companions, outputs / "cache", progress, alternatives, **options
            )
            told(results)
            write_report(results, folder, progress, not no_figures, language)
        except KeyboardInterrupt:
            if not done or WRITTEN:
                raise
            click.echo("Interrupted: what is there is written …", err=True)
            write_report(done[0], folder, progress, False, language)
            raise
    for warning in (*problem.country.cautions, *results.fits.accepted, *results.warnings):
        click.echo(f"warning: {warning}", err=True)
    for found in results.findings:
        click.echo(f"worth a look: {found}", err=True)
    files = (
        "report.md, tables and run.json"
        if no_figures
        else "report.md, tables, figures and run.json"
    )
    click.echo(open_page(folder, files))


def _print_answer(results) -> None:
    """The answer in words, as soon as the base case is valued."""
    from heor.report.sections.answer import answer, caveat

    click.echo()
    if results.problem.settings.fit.quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(results):
        click.echo(line)
    click.echo(caveat(results))
