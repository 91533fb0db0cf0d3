"""`heor analyse`: the decision analysis of another program's draws."""

from __future__ import annotations

from pathlib import Path

import click

from heor import limits
from heor.cli.options import language_option, money, open_page, result_folder


@click.command()
@click.argument("draws", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    required=True,
    metavar="MONEY",
    help="Money per QALY (20000, or 20000,30000); may be repeated. A currency before it must be that "
    "of --currency (EUR 20000).",
)
@click.option("--currency", default="EUR", show_default=True, help="Of costs and thresholds.")
@click.option("--comparator", help="Strategy compared with; default: the first in FILE.")
@click.option("--intervention", help="Strategy asked about; default: the last in FILE.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="LABEL=NAME,NAME",
    help="Parameters whose joint value of information is shown; may be repeated.",
)
@click.option(
    "--parameters",
    type=click.Path(exists=True, dir_okay=False),
    help="CSV with draw and one column a parameter, where they are not in FILE.",
)
@click.option(
    "--largest", type=click.FloatRange(0, limits.NUMBER), help="Largest threshold of the curves."
)
@click.option("--ellipse", is_flag=True, help="95 % ellipses in the plane instead of contours.")
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def analyse(
    draws,
    thresholds,
    currency,
    comparator,
    intervention,
    groups,
    parameters,
    largest,
    ellipse,
    language,
    output,
) -> None:
    """Decision analysis of another program's draws.

    FILE is a CSV with the columns strategy, draw, cost and qaly; any other column is a parameter.
    """
    from heor.progress import progress_display
    from heor.report.folders.external_draws import answer, write_analysis
    from heor.runs.external_draws import analyse as analyse_draws

    source = Path(draws)
    found = analyse_draws(
        source,
        currency,
        money(thresholds, currency),
        roles=(comparator, intervention),
        groups=_groups(groups),
        parameters=Path(parameters) if parameters else None,
        largest=largest,
    )
    folder = result_folder(output, Path("outputs") / f"analyse-{source.stem}")
    with progress_display() as progress:
        write_analysis(found, folder, progress, ellipse, language)
    for line in (*answer(found), *found.notes):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables, figures and run.json"))


def _groups(texts: tuple[str, ...]) -> dict[str, list[str]]:
    from heor.errors import InputError

    wrong = [
        f"--group {t}: no '=' found; write --group label=name,name." for t in texts if "=" not in t
    ]
    labels = [t.split("=", 1)[0].strip() for t in texts]
    wrong += [
        f"--group {label}: named {labels.count(label)} times; a label stands for one group. Rename one."
        for label in dict.fromkeys(labels)
        if labels.count(label) > 1
    ]
    if wrong:
        raise InputError(wrong)
    pairs = (t.split("=", 1) for t in texts)
    return {label.strip(): [n.strip() for n in names.split(",")] for label, names in pairs}
