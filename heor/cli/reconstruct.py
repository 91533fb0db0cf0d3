"""`heor km reconstruct`: patients behind a published Kaplan-Meier curve."""

from __future__ import annotations

from pathlib import Path

import click

from heor import limits
from heor.cli.options import result_folder, shown


@click.group()
def km() -> None:
    """Published Kaplan-Meier curves."""


@km.command()
@click.argument("clicks", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--at-risk",
    type=click.Path(exists=True, dir_okay=False),
    help="Risk table: a CSV with time and n_at_risk.",
)
@click.option(
    "--patients",
    type=click.IntRange(1, limits.PATIENTS),
    help="Patients at time 0, where no risk table.",
)
@click.option(
    "--events",
    type=click.IntRange(0, limits.PATIENTS),
    help="Total number of events, where published.",
)
@click.option(
    "--time-unit",
    required=True,
    type=click.Choice(["months", "years", "weeks", "days"]),
    help="Unit of the times in FILE and in the risk table.",
)
@click.option(
    "--clicks",
    "style",
    type=click.Choice(["steps", "between"]),
    help="One click at the foot of every step, or points along the curve; default: inferred from them.",
)
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def reconstruct(clicks, at_risk, patients, events, time_unit, style, output) -> None:
    """Individual data from clicks on a published curve (Guyot et al. 2012).

    FILE is a CSV with the columns time and survival.
    """
    from heor.report.folders.reconstruction import (
        PublishedCurve,
        read_curve,
        summary,
        write_reconstruction,
    )

    risk = Path(at_risk) if at_risk else None
    curve = PublishedCurve(Path(clicks), risk, patients, events, time_unit, style)
    found = read_curve(curve)
    folder = result_folder(output, Path("outputs") / f"km-{curve.name}")
    write_reconstruction(found, curve, folder)
    for line in summary(found, curve):
        click.echo(line)
    click.echo(
        f"Individual data: {shown(folder / 'individual.csv')} (figure and notes in the same folder)"
    )
