"""`heor what-if`: net benefit over one quantity or two."""

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
from heor.faults import Faults


@click.command("what-if")
@click.argument("names", nargs=-1, required=True, metavar="NAME [NAME]")
@inputs_option
@country_options
@scenario_option
@set_option
@click.option(
    "--range", "ranges", multiple=True, metavar="FROM:TO", help="Of each NAME, as entered."
)
@click.option(
    "--points",
    type=click.IntRange(3, 101),
    help="Along each NAME; default 13, or 7 where each value is another run.",
)
@click.option("--draws", type=click.IntRange(50, limits.DRAWS), help="Model draws.")
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option("--quick", is_flag=True, help="Laplace approximation instead of NUTS.")
@accept_option
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def what_if(
    names,
    inputs,
    rules,
    scenario,
    settings,
    ranges,
    points,
    draws,
    seed,
    quick,
    accept,
    language,
    output,
) -> None:
    """Where the answer turns along one parameter, or over two.

    NAME is a parameter, pooled effect or derived quantity (see `heor show`). The others stay as uncertain
    as they are. Over its plausible range, unless --range says another: one for each NAME. A NAME that acts
    before the draws (an age, a study, an expert opinion, a correlation) is another run for each value.
    """
    from functools import partial

    from heor.inputs.load import load, with_values
    from heor.progress import progress_display
    from heor.questions.asked import ask
    from heor.report.folders.what_if import answer, write_what_if

    between = _ranges(names, ranges)
    problem = load(
        inputs,
        scenario=scenario,
        overrides=overrides(settings),
        draws=draws,
        seed=seed,
        quick=quick,
        accept=accept,
        **rules,
    )
    _check_money(problem, names, ranges)
    outputs = Path(inputs).resolve().parent / "outputs"
    parts = [problem.country.name, *(problem.scenario or "").split("+"), "what-if", *names]
    folder = result_folder(output, outputs / "-".join(p for p in parts if p))
    again = partial(with_values, problem, inputs)
    with progress_display() as progress:
        found = ask(problem, names, again, between, points, outputs / "cache", progress)
        write_what_if(problem, found, folder, language)
    for line in found.notes:
        click.echo(f"warning: {line}", err=True)
    if quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(problem, found):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables and figure"))


def _check_money(problem, names: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Refuse --range 100.000:300.000 of a cost: thousands or not?"""
    from heor.errors import InputError
    from heor.inputs.text.numerals import value_of

    faults = []
    for name, text in zip(names, texts, strict=False):
        parameter = problem.parameters.get(name)
        if parameter is not None and parameter.currency:
            found = [value_of(part.strip(), thousands=True) for part in text.split(":")]
            faults += [f"--range {text}: {fault}" for fault in found if isinstance(fault, str)]
    if faults:
        raise InputError(faults)


def _ranges(names: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """--range FROM:TO, one a name."""
    from heor.errors import InputError
    from heor.inputs.text.numerals import value_of

    problems = Faults()
    if len(names) > 2:
        problems.append(f"what-if: {len(names)} names; one or two are possible.")
    if texts and len(texts) != len(names):
        problems.append(f"--range: {len(texts)} given for {len(names)} names; one each is needed.")
    found = {}
    for name, text in zip(names, texts, strict=False):
        ends = [value_of(part.strip()) for part in text.split(":")]
        if len(ends) != 2 or not all(isinstance(end, float) for end in ends):
            problems.add(f"--range {text}", "is no range", "write two numbers, FROM:TO (0.1:0.4)")
            continue
        found[name] = (ends[0], ends[1])
    if problems:
        raise InputError(problems)
    return found
