"""`heor country new`: a folder for a country that is not there, with all that must be filled marked.

The life table is the UN's, graduated to single years of age; every other rule is a generic default or
another country's, and says so.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pandas as pd

from heor import limits
from heor.errors import InputError
from heor.faults import Faults, nearest
from heor.files import content
from heor.inputs.country import iso
from heor.inputs.country.packs import DEFAULT, NO_COUNTRIES, folders, known_as
from heor.inputs.country.un_mortality import un_life_table
from heor.inputs.read.parameter_table import OPTIONAL, REQUIRED, is_missing, read_parameters
from heor.inputs.read.reading import opened
from heor.storage.folder import new_folder

TEMPLATE = "countries/_template"
MORTALITY = "un_mortality.csv"
#: Files of the template that are filled in; parameters.csv and the life table are made.
TEXTS = ("country.yaml", "sources.yaml")
COLUMNS = (*REQUIRED[:6], *OPTIONAL[:3], *REQUIRED[6:], "evidence", "correlation_group", "note")


@dataclass(frozen=True)
class NewCountry:
    """What was made: the folder, what is to fill in it, and who lends until then."""

    folder: Path
    label: str
    to_fill: tuple[str, ...]
    costs: tuple[str, ...]
    donor: str


def new_country(inputs: str | Path, name: str, donor: str | None = None) -> NewCountry:
    """A folder for a country, by English name or ISO 3166 code.

    Parameters
    ----------
    donor
        Country whose norms, thresholds and unit costs stand in until the country's own are filled in;
        Norway when None.

    Raises
    ------
    InputError
        No inputs folder, or nothing in it to start from; no such country, one that has a folder, or no
        mortality of it.
    """
    root = opened(inputs).folder
    _check_start(root)
    found = iso.territory(name)
    if found is None:
        raise InputError(
            f"country new {name}: no country or area of this name or ISO 3166 code."
            f"{iso.suggestion(name)} Write an English name, or a code of two or three letters."
        )
    known = known_as(root)
    for own in (found.name, found.iso2, found.iso3, found.folder):
        if own.lower() in known:
            raise InputError(
                f"country new {name}: {found.name} has a folder, inputs/countries/{known[own.lower()]}; "
                "edit it, or remove it first."
            )
    donor = _donor(root, donor)
    problems = Faults()
    shown = f"inputs/{TEMPLATE}/{MORTALITY}"
    table = un_life_table(root / TEMPLATE / MORTALITY, shown, found.iso3, problems)
    if table is None:
        raise InputError(problems)
    return _write(root, found, donor, pd.DataFrame(table).astype({"age": int}))


def _check_start(root: Path) -> None:
    """Whether the inputs folder has what a new country is made from."""
    if not folders(root):
        raise InputError(f"country new: {NO_COUNTRIES}")
    missing = [n for n in (*TEXTS, MORTALITY) if not (root / TEMPLATE / n).is_file()]
    if missing:
        raise InputError(
            f"country new: inputs/{TEMPLATE} lacks {', '.join(missing)}; a new country is made from it. "
            "Copy `_template` from the inputs that come with heor."
        )


def _donor(root: Path, name: str | None) -> str:
    """The folder of the country that lends."""
    known = folders(root)
    if name is None and DEFAULT not in known:
        raise InputError(
            f"country new: {DEFAULT}, which lends where nothing else is said, has no folder here. Say which "
            f"country lends, with --donor: {', '.join(known)}."
        )
    if name is not None and name not in known:
        raise InputError(
            f"--donor {name}: no such country folder; available: {', '.join(known)}.{nearest(name, known)}"
        )
    return name or DEFAULT


def _write(root: Path, found: iso.Territory, donor: str, table: pd.DataFrame) -> NewCountry:
    """The folder, whole or not at all."""
    folder = root / "countries" / found.folder
    lent = _facts(root, donor)
    words = {
        "label": found.name,
        "iso2": found.iso2,
        "iso3": found.iso3,
        "folder": found.folder,
        "currency": found.currency or "XXX",
        "price_year": lent["price_year"],
        "donor": donor,
        "donor_label": lent["label"],
        "donor_currency": lent["currency"],
    }
    costs: list[str] = []

    def fill(place: Path) -> None:
        for name in TEXTS:
            text = content(root / TEMPLATE / name, limits.YAML_BYTES, root).decode("utf-8")
            filled = Template(text).substitute(words)
            (place / name).write_text(filled, encoding="utf-8", newline="\n")
        csv_text = table.to_csv(index=False, float_format="%.7f", lineterminator="\n")
        (place / "life_table.csv").write_text(csv_text, encoding="utf-8", newline="\n")
        costs.extend(_write_parameters(root, place / "parameters.csv"))

    new_folder(folder, fill)
    return NewCountry(folder, found.name, TO_FILL, tuple(costs), donor)


#: Blocks of the template that stand in for the country's own.
TO_FILL = (
    "agency",
    "perspective",
    "discounting",
    "thresholds",
    "severity",
    "value_set",
    "utility_norms",
    "prices",
)


def _facts(root: Path, donor: str) -> dict[str, str]:
    """What the template says of the donor."""
    from heor.inputs.text.layers import read_yaml

    path = root / "countries" / donor / "country.yaml"
    values = read_yaml(path, str(path), "country", Faults()).values
    return {name: str(values.get(name, "")) for name in ("label", "currency", "price_year")}


def _write_parameters(root: Path, path: Path) -> list[str]:
    """One row for each value a country supplies, its mean `required`; their names."""
    problems = Faults()
    source = root / "model" / "parameters.csv"
    rows = read_parameters(source, "model/parameters.csv", "model", problems)
    if problems:
        raise InputError(problems)
    wanted = {name: entry for name, entry in rows.items() if is_missing(entry)}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for entry in wanted.values():
        writer.writerow({**entry.cells, "note": ""})
    path.write_text(text.getvalue(), encoding="utf-8", newline="\n")
    return list(wanted)
