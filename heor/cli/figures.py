"""`heor figures`: the figures of a saved run as files for a journal."""

from __future__ import annotations

import click

from heor.cli.options import inputs_option, path_of, run_folder, shown


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option("--only", multiple=True, metavar="NAME", help="Figure, or several with commas.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("pdf",),
    show_default=True,
    metavar="svg|pdf|png",
    help="Or several with commas. Text stays text; a PDF has its font inside, an SVG does not.",
)
@click.option(
    "--width",
    default="page",
    show_default=True,
    help="Of the figures: 85mm, 8.5cm, 3.35in, column (85 mm) or page (174 mm). Panels stand one "
    "below the other below 130 mm.",
)
@click.option("--dpi", type=click.IntRange(72, 1200), default=300, show_default=True)
@click.option(
    "--no-caption", is_flag=True, help="Title and caption into a text file next to each figure."
)
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the figures.")
@inputs_option
def figures(folder, only, formats, width, dpi, no_caption, output, inputs) -> None:
    """Draw the figures of a run again, at a journal's width and in its format.

    FOLDER was written by `heor run`, `heor scenarios --run` or `heor country compare`; default: the run
    of the country of analysis.yaml. Nothing is fitted or computed anew. The numbers of each figure go into
    the folder data.
    """
    from heor.progress import progress_display
    from heor.report.figures.page import INCH, Page, width_of
    from heor.report.folders.figure_files import chosen, known_formats, saved_figures, write_chosen

    page, formats = Page(width_of(width), not no_caption), known_formats(_parts(formats))
    folder = run_folder(folder, inputs)
    found, known = saved_figures(folder)
    wanted = chosen(known, _parts(only))
    millimetres = f"{page.width * INCH:.4g}mm"
    place = folder / f"figures-{millimetres}"
    if output is not None:
        place = path_of(output, "--output")
    with progress_display() as progress:
        write_chosen(found, wanted, place, page, formats, dpi, progress)
    click.echo(
        f"{len(wanted)} figure{'' if len(wanted) == 1 else 's'} ({', '.join(formats)}; "
        f"{page.width * INCH:.4g} mm wide): {shown(place)} (their numbers in data)"
    )


def _parts(texts: tuple[str, ...]) -> list[str]:
    """Names that were given one by one or with commas."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
