"""Life table of any country, from the United Nations' death rates by age group."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heor.faults import Faults
from heor.inputs.country.graduation import graduated
from heor.inputs.text.tables import number, read_table

COLUMNS = ("iso3", "country", "sex", "age_start", "mx_2020_2025")


def un_life_table(
    path: Path, shown: str, iso3: str, problems: Faults
) -> dict[str, np.ndarray] | None:
    """Single-year life table of a country or area, ages 0 to 100, from `un_mortality.csv`.

    The last age is the open group from 100, whose hazard is constant: in country.yaml say
    `closing: constant_hazard`.

    Parameters
    ----------
    path, shown
        The file, and its name in messages. Columns: iso3, country, sex, age_start (years; the last
        group is open), mx_2020_2025 (deaths by years lived, per year).
    iso3
        Three-letter code of the country or area; case does not matter.
    problems
        Faults are appended, and None is returned.

    Returns
    -------
    `age`, `q_male`, `q_female`. Dims: age.

    References
    ----------
    United Nations (2024) World Population Prospects 2024. For the method see `graduated`.

    Examples
    --------
    >>> file = Path("inputs/countries/_template/un_mortality.csv")
    >>> table = un_life_table(file, file.name, "SWE", [])
    >>> table["age"][-1].item(), table["q_male"][65].round(4).item()
    (100.0, 0.0098)
    """
    rows = read_table(path, shown, COLUMNS, (), problems)
    own = [r for r in rows if r.cells["iso3"] == iso3.upper()]
    if not own:
        if rows:
            known = sorted({r.cells["iso3"] for r in rows})
            problems.add(
                shown,
                f"no country or area '{iso3}'",
                f"{len(known)} are there, each by its three-letter code (ISO 3166)",
                like=(iso3.upper(), known),
            )
        return None
    out: dict[str, np.ndarray] = {}
    for sex in ("male", "female"):
        of_sex = [r for r in own if r.cells["sex"] == sex]
        start, m = (
            np.array([number(r, name, f"{shown}:{r.line}", problems) for r in of_sex])
            for name in ("age_start", "mx_2020_2025")
        )
        try:
            age, out[f"q_{sex}"] = graduated(start, m)
        except ValueError as error:
            problems.add(shown, f"{iso3}, {sex}: {error}")
            return None
    return {"age": age.astype(float), **out}
