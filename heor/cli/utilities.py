"""`heor utilities`: utilities of patients' answers to the EQ-5D-5L."""

from __future__ import annotations

from pathlib import Path

import click

from heor.cli.options import path_of
from heor.faults import Faults


@click.command()
@click.argument("answers", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--value-set",
    "names",
    multiple=True,
    metavar="NAME",
    help="Of inputs/model/value_sets.yaml, as norway_5l; may be repeated.",
)
@click.option("--by", metavar="COLUMN", help="Summarise each value of this column, too.")
@click.option(
    "--missing",
    multiple=True,
    metavar="CODE",
    help="Stands for no answer, besides empty cells and NA (9, for example); may be repeated.",
)
@click.option(
    "--inputs", default="inputs", show_default=True, help="Folder with model, countries, scenarios."
)
@click.option("--output", type=click.Path(dir_okay=False), help="CSV for the scored answers.")
def utilities(answers, names, by, missing, inputs, output) -> None:
    """Score patients' answers to the EQ-5D-5L by a country's value set.

    FILE is a CSV or XLSX with one row an answer: columns mobility, self_care, usual_activities,
    pain_discomfort and anxiety_depression (or MO, SC, UA, PD, AD), or one column state (21345).
    Other columns are kept.
    """
    from hashlib import sha256

    from heor.errors import InputError
    from heor.files import content
    from heor.inputs.utilities.answers import read_answers, scored
    from heor.report.console.utilities import faults, summary, warnings, words, write_utilities
    from heor.report.format.provenance import short_record

    source = Path(answers)
    path = Path("outputs") / f"utilities-{source.stem}.csv"
    if output is not None:
        path = path_of(output, "--output")
    problems = Faults()
    value_sets = _value_sets(Path(inputs), names, problems)
    found = read_answers(source, answers, problems, missing)
    if found is not None:
        problems += faults(found, names, by)
    problems += _output_faults(path, source)
    if problems:
        raise InputError(problems)
    assert found is not None
    scores = {used.name: scored(found, used) for used in value_sets}
    table = summary(found, scores, by)
    hashes = {source.as_posix(): sha256(content(source)).hexdigest()}
    write_utilities(found, scores, path, short_record(_command(answers, names, missing), hashes))
    for line in warnings(found, value_sets):
        click.echo(f"warning: {line}", err=True)
    for line in words(found, table, value_sets, by):
        click.echo(line)
    click.echo(f"Scored answers: {path}")


def _output_faults(path: Path, source: Path) -> list[str]:
    """Why the scored answers cannot go there."""
    from heor.errors import InputError
    from heor.storage.file import check_file

    try:
        check_file(path)
        if path.exists() and path.samefile(source):
            return [f"--output {path}: is FILE itself, which is kept. Name another file."]
    except InputError as error:
        return error.problems
    return []


def _command(answers: str, names: tuple[str, ...], missing: tuple[str, ...]) -> str:
    import shlex

    words = [f"--value-set {name}" for name in names]
    words += [f"--missing {shlex.quote(code)}" for code in missing]
    return " ".join(["heor utilities", shlex.quote(answers), *words])


def _value_sets(inputs: Path, names: tuple[str, ...], problems: Faults) -> list:
    """The sets named, in their order; a problem for each that there is not."""
    from heor.faults import nearest
    from heor.inputs.utilities.value_sets import read_value_sets

    if not (inputs / "model").is_dir():
        problems.add(
            f"--inputs {inputs}",
            "no inputs folder here (it must hold model/)",
            "",
            "Run heor where the folder 'inputs' is, or name it with --inputs.",
        )
        return []
    before = len(problems)
    known = read_value_sets(inputs / "model", (inputs / "model").as_posix(), problems)
    if len(problems) > before:
        return []
    listed = ", ".join(known)
    if not names:
        problems.append(f"--value-set: none given; name one or more of {listed}.")
    problems += [
        f"--value-set {name}: unknown value set '{name}'; available: {listed}.{nearest(name, known)}"
        for name in names
        if name not in known
    ]
    return [known[name] for name in dict.fromkeys(names) if name in known]
