"""`heor report`: the report of a finished run again, in other formats and languages."""

from __future__ import annotations

import click

from heor.cli.options import inputs_option, path_of, run_folder, shown

ALL = "all"


@click.command()
@click.argument("folder", required=False, type=click.Path())
@inputs_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "md", "docx", ALL]),
    default=ALL,
    show_default=True,
    help="One page, Markdown with tables and figures, a Word document, or all that there are.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "nb"]),
    help="Of headings, axes and buttons; default: that of the page in FOLDER, else English.",
)
@click.option(
    "--figures/--no-figures",
    "with_figures",
    default=None,
    help="With or without figures; default: as the run was made.",
)
@click.option("--output", type=click.Path(file_okay=False), help="Folder; default: FOLDER itself.")
def report(folder, inputs, form, language, with_figures, output) -> None:
    """Write the report of a finished run again: nothing is fitted or simulated.

    FOLDER is a run's (outputs/norway), or that of `heor scenarios --run` or `heor country compare`, whose
    report is a page and Markdown; when left out, that of the country in analysis.yaml. Only its
    results.nc is read, so a run from elsewhere will do.
    """
    from heor.archive import OTHER_VERSION
    from heor.progress import progress_display
    from heor.report.folders.rebuild import rebuild

    place = run_folder(folder, inputs)
    if place.is_file():  # the file itself was named
        place = place.parent
    formats = None if form == ALL else (form,)
    with progress_display() as progress:
        results, target, names = rebuild(
            place,
            None if output is None else path_of(output, "--output"),
            formats,
            language,
            with_figures,
            progress,
        )
    for warning in results.warnings[-1:]:
        if warning.startswith(OTHER_VERSION):
            click.echo(f"warning: {warning}", err=True)
    first = next(n for end in (".html", ".docx", "report.md") for n in names if n.endswith(end))
    others = [n for n in names if n != first]
    rest = f" ({', '.join(others)} in the same folder)" if others else ""
    click.echo(f"Open {shown(target / first)}{rest}")
