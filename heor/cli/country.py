"""`heor country`: a new country, what one lacks, all of them, several side by side."""

from __future__ import annotations

from pathlib import Path

import click

from heor import limits
from heor.cli.options import (
    accept_option,
    as_of_option,
    day,
    generic_option,
    inputs_option,
    language_option,
    open_page,
    overrides,
    result_folder,
    scenario_option,
    set_option,
    shown,
)


@click.group()
def country() -> None:
    """Countries: make one, check one, list them, compare several."""


@country.command("list")
@inputs_option
@as_of_option
def listed(inputs, as_of) -> None:
    """All countries: who decides, thresholds, what is borrowed and not verified."""
    from heor.report.console.country_check import country_list

    click.echo(country_list(Path(inputs), as_of=day(as_of)))


@country.command()
@click.argument("name")
@inputs_option
@click.option(
    "--donor",
    help="Country whose norms, thresholds and unit costs stand in until they are filled in; default: norway.",
)
def new(name, inputs, donor) -> None:
    """Make the folder of a country, NAME its English name or ISO code, with all to fill marked."""
    from heor.inputs.country.scaffold import new_country

    made = new_country(inputs, name, donor)
    folder = shown(made.folder)
    click.echo(
        f"Made {folder}: life table from the UN's death rates, generic rules, {made.donor}'s values."
    )
    click.echo(f"To fill in {folder}/country.yaml: {', '.join(made.to_fill)}.")
    click.echo(f"To fill in {folder}/parameters.csv: {len(made.costs)} rows.")
    click.echo(
        f"Next: heor country check {made.folder.name}; heor run --country "
        f"{made.folder.name} --quick --allow-generic"
    )


@country.command()
@click.argument("name")
@inputs_option
@click.option("--programme", help="Of the agency, see country.yaml.")
@as_of_option
def check(name, inputs, programme, as_of) -> int:
    """What a country lacks, borrows or has not verified, and which of it matters most."""
    from heor.report.console.country_check import check_country

    text, complete = check_country(
        Path(inputs), country=name, programme=programme, as_of=day(as_of)
    )
    click.echo(text)
    return 0 if complete else 1


@country.command()
@click.argument("names", nargs=-1)
@inputs_option
@scenario_option
@set_option
@click.option(
    "--draws", type=click.IntRange(50, limits.DRAWS), help="Model draws; default in analysis.yaml."
)
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option("--quick", is_flag=True, help="Laplace approximation instead of NUTS.")
@accept_option
@as_of_option
@generic_option
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def compare(names, inputs, scenario, settings, as_of, language, output, **fitting) -> int:
    """The same question in several countries (NAMES, or codes; all when left out), on the same draws."""
    from heor.errors import InputError
    from heor.inputs.country import packs as countries
    from heor.inputs.load import load
    from heor.inputs.read.reading import opened
    from heor.progress import progress_display
    from heor.report.folders.countries import answer, faults, write_country_report
    from heor.runs.country_comparison import compare_countries

    root = Path(inputs)
    opened(root)
    changed = overrides(settings)
    wanted = names or countries.folders(root)
    found = [countries.folder_of(root, name) for name in wanted]
    problems, unread = {}, {}
    for name in dict.fromkeys(found):
        try:
            problems[name] = load(inputs, name, scenario, changed, as_of=day(as_of), **fitting)
        except InputError as error:
            if names or not problems and name == found[-1]:
                raise
            unread[name] = " ".join(error.problems)
    outputs = root.resolve().parent / "outputs"
    folder = result_folder(output, outputs / "countries")
    with progress_display() as progress:
        results = compare_countries(problems, unread, outputs / "cache", progress)
        write_country_report(results, folder, progress, language)
    for line in faults(results):
        click.echo(line, err=True)
    click.echo()
    if fitting["quick"]:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(results):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables, figure and run.json"))
    return 1 if results.faults else 0
