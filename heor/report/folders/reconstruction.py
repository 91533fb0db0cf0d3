"""`heor km reconstruct`: read the clicks, reconstruct, write the individual data and the figure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from heor.errors import InputError
from heor.faults import Faults
from heor.inputs.read.clicks import read_at_risk, read_clicks
from heor.report.format.cells import plain_table
from heor.report.format.provenance import short_record, write_json
from heor.storage.folder import write_folder
from heor.storage.manifest import RECORD
from heor.survival.evidence.reconstruct import Reconstruction, reconstruct

DIGITS = "%.10g"


@dataclass(frozen=True)
class PublishedCurve:
    """Files and numbers that describe one published curve, as given on the command line."""

    clicks: Path
    at_risk: Path | None
    patients: int | None
    events: int | None
    unit: str
    style: str | None = None

    @property
    def name(self) -> str:
        return self.clicks.stem


def read_curve(curve: PublishedCurve) -> Reconstruction:
    """The reconstruction of a published curve from its files.

    Raises
    ------
    InputError
        A file cannot be read, or the curve cannot be reconstructed; all problems.
    """
    problems = Faults()
    notes: list[str] = []
    clicks = read_clicks(curve.clicks, problems, notes)
    rows = read_at_risk(curve.at_risk, problems, notes) if curve.at_risk else None
    if problems or clicks is None:
        raise InputError(problems)
    try:
        found = reconstruct(
            clicks["time"],
            clicks["survival"],
            patients=curve.patients,
            at_risk=(rows["time"], rows["n_at_risk"]) if rows else None,
            events=curve.events,
            clicks=curve.style,
        )
    except ValueError as error:
        lines = str(error).splitlines()
        places = [curve.at_risk if "risk table:" in line else curve.clicks for line in lines]
        raise InputError([f"{p}: {line}" for p, line in zip(places, lines, strict=True)]) from error
    return replace(found, repairs=(*notes, *found.repairs))


def write_reconstruction(found: Reconstruction, curve: PublishedCurve, folder: Path) -> Path:
    """Individual data, comparison, repairs, snippet for `index.yaml`, figure, run.json; see `write_folder`."""
    from heor.report.figures.reconstruction import reconstruction
    from heor.report.figures.registry import figure_bytes

    figure = reconstruction(found, curve.name, curve.unit)

    def fill(place: Path) -> None:
        _csv(pd.DataFrame(found.table), place / "individual.csv")
        _csv(found.fit, place / "comparison.csv")
        _text(place / "repairs.txt", [*found.repairs] or ["Nothing was repaired or assumed."])
        _text(place / "index.yaml", snippet(found, curve))
        for form in ("svg", "png"):
            (place / f"reconstruction.{form}").write_bytes(figure_bytes(figure, form))
        write_json(short_record(_command(curve), _hashes(curve)), place / RECORD)

    return write_folder(folder, fill)


def _command(curve: PublishedCurve) -> str:
    options = {
        "at-risk": curve.at_risk,
        "patients": curve.patients,
        "events": curve.events,
        "time-unit": curve.unit,
        "clicks": curve.style,
    }
    given = [f"--{k} {shlex.quote(str(v))}" for k, v in options.items() if v is not None]
    return " ".join(["heor km reconstruct", shlex.quote(str(curve.clicks)), *given])


def _hashes(curve: PublishedCurve) -> dict[str, str]:
    files = [path for path in (curve.clicks, curve.at_risk) if path is not None]
    return {path.as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def _csv(table: pd.DataFrame, path: Path) -> None:
    plain_table(table).to_csv(path, index=False, float_format=DIGITS, lineterminator="\n")


def _text(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def snippet(found: Reconstruction, curve: PublishedCurve) -> list[str]:
    """Lines for `inputs/model/survival/index.yaml`; what only the user knows is left to fill in."""
    name = "".join(c if c.isalnum() else "_" for c in curve.name.lower()).strip("_")
    return [
        "# Paste into inputs/model/survival/index.yaml, with individual.csv in the same folder under the",
        "# name given here. Fill in endpoint, age, share_male and source.",
        f"{name or 'curve'}:",
        f"  file: {name or 'curve'}.csv",
        f"  label: {curve.name!r}",
        "  endpoint: os",
        "  form: individual",
        f"  time_unit: {curve.unit}",
        "  age:",
        "  share_male:",
        "  source:",
        "  -",
        "  status: derived",
        f"  note: {found.n} patients and {found.events} events reconstructed from the published",
        "    curve (method after Guyot et al. 2012); see repairs.txt for what was assumed",
    ]


def summary(found: Reconstruction, curve: PublishedCurve) -> list[str]:
    """What the command prints: size, median, fit and every repair."""
    median = f"{found.median:.3g} {curve.unit}" if np.isfinite(found.median) else "not reached"
    return [
        f"{found.n:,} patients, {found.events:,} events, {found.n - found.events:,} censored; "
        f"median {median}.",
        f"Largest difference from the {len(found.fit):,} clicks: "
        f"{100 * found.max_difference:.1f} percentage points (root mean square "
        f"{100 * found.rmse:.1f}).",
        "Repaired or assumed:" if found.repairs else "Nothing was repaired or assumed.",
        *(f"  - {line}" for line in found.repairs),
    ]
