"""Eighty modelling errors, each planted in a copy of the shipped inputs by column and name.

They are what people do: a cost in thousands, columns exchanged, a variance for a standard error. `SEEDED`
holds them with a number, what was done, and the function that does it.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PARAMETERS = "model/parameters.csv"
NORWAY = "countries/norway"
PRICES = f"{NORWAY}/parameters.csv"
LIFE = f"{NORWAY}/life_table.csv"
NORMS = f"{NORWAY}/utility_norms.csv"
COUNTRY = f"{NORWAY}/country.yaml"
ANALYSIS, STRATEGIES = "model/analysis.yaml", "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS, PFS = (f"model/survival/second_line_folfiri_{e}.csv" for e in ("os", "pfs"))
BROUQUET = "model/survival/resected_second_line_os.csv"
GONE = object()

Row = dict[str, str]
Mutate = Callable[[Path], None]


@dataclass(frozen=True)
class Seeded:
    """One error; `scenario` where it is in the evidence of one. `harmless`: it changes no result."""

    number: int
    error: str
    mutate: Mutate
    scenario: str | None = None
    harmless: bool = False


def copied(inputs: Path, target: Path) -> Path:
    """The inputs with two countries and the United Nations' mortality: enough, and quick to copy."""
    kept = {"norway", "england", "_template"}

    def others(folder: str, names: list[str]) -> list[str]:
        return [n for n in names if n not in kept] if Path(folder).name == "countries" else []

    return Path(shutil.copytree(inputs, target, ignore=others))


# ------------------------------------------------------------------------------------------ tables
def _read(path: Path) -> tuple[list[str], list[Row]]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    rows = list(reader)
    return list(reader.fieldnames or ()), rows


def _write(path: Path, header: list[str], rows: list[Row]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")


def table(name: str, change: Callable[[list[Row]], list[Row]]) -> Mutate:
    """All rows of a table, changed."""

    def mutate(inputs: Path) -> None:
        header, rows = _read(inputs / name)
        _write(inputs / name, header, change(rows))

    return mutate


def cells(file: str, name: str, **changed: str) -> Mutate:
    """Cells of the row of one name."""

    def change(rows: list[Row]) -> list[Row]:
        assert sum(r["name"] == name for r in rows) == 1, name
        return [r | changed if r["name"] == name else r for r in rows]

    return table(file, change)


def column(file: str, name: str, of: Callable[[float], float]) -> Mutate:
    """A column, every number of it changed."""
    return table(file, lambda rows: [r | {name: f"{of(float(r[name])):.10g}"} for r in rows])


def exchanged(file: str, first: str, second: str) -> Mutate:
    """The headings of two columns exchanged."""

    def mutate(inputs: Path) -> None:
        header, rows = _read(inputs / file)
        new = {first: second, second: first}
        rows = [{new.get(k, k): v for k, v in r.items()} for r in rows]
        _write(inputs / file, [new.get(h, h) for h in header], rows)

    return mutate


def text(file: str, old: str, new: str) -> Mutate:
    """A text in a file as it is written there, once."""

    def mutate(inputs: Path) -> None:
        path = inputs / file
        found = path.read_text(encoding="utf-8")
        assert found.count(old) == 1, (old, found.count(old))
        path.write_text(found.replace(old, new), encoding="utf-8")

    return mutate


def both(*mutations: Mutate) -> Mutate:
    def mutate(inputs: Path) -> None:
        for one in mutations:
            one(inputs)

    return mutate


def _thousandth(row: Row) -> Row:
    """A price and its SE in thousands; other rows as they are."""
    if not row["currency"]:
        return row
    return row | {k: f"{float(row[k]) / 1000:.10g}" for k in ("mean", "se")}


def _norms_of_england(inputs: Path) -> None:
    shutil.copy(inputs / "countries/england/utility_norms.csv", inputs / NORMS)


def _utilities_ten_years_on(rows: list[Row]) -> list[Row]:
    """Each age with the utility of ten years before."""
    moved = [r["utility"] for r in rows]
    moved = moved[:1] * 10 + moved[:-10]
    return [r | {"utility": u} for r, u in zip(rows, moved, strict=True)]


def _again(file: str, name: str, **changed: str) -> Mutate:
    """The row of one name a second time."""
    return table(file, lambda rows: rows + [r | changed for r in rows if r["name"] == name])


# -------------------------------------------------------------------------------------------- YAML
def setting(file: str, path: str, value: Any) -> Mutate:
    """A setting of a YAML file; GONE removes it."""

    def mutate(inputs: Path) -> None:
        found = yaml.safe_load((inputs / file).read_text(encoding="utf-8"))
        *above, last = path.split(".")
        place: Any = found
        for name in above:
            place = place[int(name)] if isinstance(place, list) else place[name]
        if value is GONE:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = value
        dumper = yaml.SafeDumper
        dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
        written = yaml.dump(found, Dumper=dumper, sort_keys=False, allow_unicode=True)
        (inputs / file).write_text(written, encoding="utf-8")

    return mutate


def settings(file: str, values: Mapping[str, Any]) -> Mutate:
    return both(*(setting(file, path, value) for path, value in values.items()))


def times_in(unit: str) -> Mutate:
    return settings(INDEX, {f"second_line_folfiri_{e}.time_unit": unit for e in ("os", "pfs")})


def rates(value: float) -> Mutate:
    """The discount rate of the first years, of costs and effects."""
    paths = (f"discounting.{what}.0.rate" for what in ("costs", "effects"))
    return settings(COUNTRY, dict.fromkeys(paths, value))


HR_CLOCC, HR_ORCHESTRA, HR_PFS = "log_hr_os_clocc", "log_hr_os_orchestra", "log_hr_pfs_marginal"
EARLY, RESECTION = "m_disease_free_early", "c_resection"
OPERATED = "resection.exposures.operated_on_chemotherapy"

SEEDED = (
    Seeded(1, "utility multiplier on 0-100 scale (90)", cells(PARAMETERS, EARLY, mean="90")),
    Seeded(2, "utility norms on 0-100 scale", column(NORMS, "utility", lambda u: 100 * u)),
    Seeded(
        3,
        "utility loss entered as multiplier (0.03 for 0.97)",
        cells(PARAMETERS, EARLY, mean="0.03"),
    ),
    Seeded(4, "cost in thousands (c_resection 260)", cells(PRICES, RESECTION, mean="260", se="52")),
    Seeded(
        5,
        "all Norwegian costs in thousands",
        table(PRICES, lambda rows: list(map(_thousandth, rows))),
    ),
    Seeded(
        6,
        "yearly cost entered in a per-month row (medicines 266400/month)",
        cells(PRICES, "c_second_line_medicines", mean="266400", se="53280"),
    ),
    Seeded(
        7,
        "monthly cost labelled per year (c_progressed)",
        cells(PRICES, "c_progressed", unit="NOK/year"),
    ),
    Seeded(
        8,
        "one-off cost labelled per month (c_resection)",
        cells(PRICES, RESECTION, unit="NOK/month"),
    ),
    Seeded(
        9,
        "monthly cost labelled one-off (c_second_line_other)",
        cells(PRICES, "c_second_line_other", unit="NOK"),
    ),
    Seeded(
        10, "mean and se headers swapped in country parameters", exchanged(PRICES, "mean", "se")
    ),
    Seeded(
        11,
        "mean and se swapped in one row (c_resection)",
        cells(PRICES, RESECTION, mean="52000", se="260000"),
    ),
    Seeded(
        12,
        "SE given as variance (log_hr_os_clocc 0.0459)",
        cells(PARAMETERS, HR_CLOCC, se="0.0459"),
    ),
    Seeded(
        13,
        "SE given as 95% interval width (log_hr_os_clocc 0.84)",
        cells(PARAMETERS, HR_CLOCC, se="0.84"),
    ),
    Seeded(
        14,
        "hazard ratio where log hazard ratio is wanted (0.58)",
        cells(PARAMETERS, HR_CLOCC, mean="0.58"),
    ),
    Seeded(15, "hazard ratio inverted (log +0.5447)", cells(PARAMETERS, HR_CLOCC, mean="0.5447")),
    Seeded(
        16,
        "both hazard ratios inverted",
        both(
            cells(PARAMETERS, HR_CLOCC, mean="0.5447"),
            cells(PARAMETERS, HR_ORCHESTRA, mean="0.1278"),
        ),
    ),
    Seeded(
        17,
        "transport multiplier inverted (1.165)",
        cells(PARAMETERS, "transport_multiplier", mean="1.165"),
    ),
    Seeded(18, "survival times in months declared as days", times_in("days")),
    Seeded(19, "survival times in months declared as weeks, both endpoints", times_in("weeks")),
    Seeded(20, "survival times in months declared as years, both endpoints", times_in("years")),
    Seeded(
        21,
        "OS and PFS files swapped in the index",
        settings(
            INDEX,
            {
                "second_line_folfiri_os.file": "second_line_folfiri_pfs.csv",
                "second_line_folfiri_pfs.file": "second_line_folfiri_os.csv",
            },
        ),
    ),
    Seeded(22, "events and censored columns swapped (OS)", exchanged(OS, "n_events", "n_censored")),
    Seeded(23, "survival CSV sorted by time descending", table(OS, lambda rows: rows[::-1])),
    Seeded(24, "survival CSV with a duplicated row", table(OS, lambda rows: rows[:5] + rows[4:])),
    Seeded(
        25,
        "landmark survival in per cent",
        column(BROUQUET, "survival", lambda s: 100 * s),
        "s02_brouquet",
    ),
    Seeded(
        26,
        "landmark rows sorted descending",
        table(BROUQUET, lambda rows: rows[::-1]),
        "s02_brouquet",
    ),
    Seeded(27, "discount rate 4 instead of 0.04", rates(4)),
    Seeded(28, "discount rate 0.4 % (0.004)", rates(0.004)),
    Seeded(29, "discount bands with a gap", setting(COUNTRY, "discounting.costs.1.from", 50)),
    Seeded(
        30, "price year of one cost 2015 by mistake", cells(PRICES, RESECTION, price_year="2015")
    ),
    Seeded(31, "country price_year 2015 by mistake", setting(COUNTRY, "price_year", 2015)),
    Seeded(32, "currency of one cost missing", cells(PRICES, RESECTION, currency="")),
    Seeded(
        33,
        "currency EUR instead of NOK on one cost",
        cells(PRICES, RESECTION, currency="EUR", unit="EUR"),
    ),
    Seeded(34, "life table male/female swapped", exchanged(LIFE, "q_male", "q_female")),
    Seeded(35, "life table ages shifted by 1 (starts at 1)", column(LIFE, "age", lambda a: a + 1)),
    Seeded(
        36,
        "life table in deaths per 1,000",
        both(*(column(LIFE, f"q_{s}", lambda q: 1000 * q) for s in ("male", "female"))),
    ),
    Seeded(
        37,
        "life table rates ten times too high (typo of scale)",
        both(*(column(LIFE, f"q_{s}", lambda q: min(1.0, 10 * q)) for s in ("male", "female"))),
    ),
    Seeded(38, "utility norms shifted by 10 years", table(NORMS, _utilities_ten_years_on)),
    Seeded(
        39, "utility norms sorted differently (descending)", table(NORMS, lambda rows: rows[::-1])
    ),
    Seeded(40, "utility norms of another value set copied in, label unchanged", _norms_of_england),
    Seeded(
        41,
        "parameters.csv sorted alphabetically",
        table(PARAMETERS, lambda rows: sorted(rows, key=lambda r: r["name"])),
        harmless=True,
    ),
    Seeded(42, "duplicated parameter row", _again(PARAMETERS, HR_CLOCC)),
    Seeded(43, "duplicated country row with other value", _again(PRICES, RESECTION, mean="270000")),
    Seeded(
        44,
        "correlation group misspelt in one row",
        cells(PRICES, "c_ablation", correlation_group="unit_cost"),
    ),
    Seeded(
        45,
        "correlation group misspelt in analysis.yaml",
        setting(ANALYSIS, "correlations.unit_costs.group", "unit_cost"),
    ),
    Seeded(46, "share of men as 60", cells(PARAMETERS, "share_male", mean="60")),
    Seeded(47, "share of men inverted (0.40)", cells(PARAMETERS, "share_male", mean="0.40")),
    Seeded(48, "start age 26 instead of 62", cells(PARAMETERS, "start_age", mean="26")),
    Seeded(49, "start age in months (744)", cells(PARAMETERS, "start_age", mean="744")),
    Seeded(50, "horizon end_age 67 instead of 100", setting(ANALYSIS, "end_age", 67)),
    Seeded(51, "cycle a year instead of a month", setting(ANALYSIS, "cycle", "year")),
    Seeded(
        52,
        "comparator and intervention swapped",
        settings(ANALYSIS, {"comparator": "resection", "intervention": "chemotherapy"}),
    ),
    Seeded(
        53, "thresholds in thousands (275, 825)", setting(COUNTRY, "thresholds.values", [275, 825])
    ),
    Seeded(
        54,
        "one severity threshold mistyped (75000)",
        setting(COUNTRY, "severity.bands.4.threshold", 75000),
    ),
    Seeded(
        55,
        "cost of the operation left out of the strategy",
        setting(STRATEGIES, "resection.costs.resection", GONE),
    ),
    Seeded(
        56,
        "operation cost charged per year of progression-free life",
        setting(STRATEGIES, "resection.costs.resection.exposure", "progression_free"),
    ),
    Seeded(
        57,
        "monthly cost charged on an event (care after progression on deaths)",
        settings(
            STRATEGIES,
            {
                f"{s}.costs.progressed.exposure": "cancer_deaths"
                for s in ("chemotherapy", "resection")
            },
        ),
    ),
    Seeded(
        58,
        "group shares do not add to 1 (not_operated: p_operated)",
        setting(STRATEGIES, "resection.groups.not_operated", "p_operated"),
    ),
    Seeded(
        59,
        "probability above 1 by formula (cured_fraction x 30)",
        setting(
            ANALYSIS, "derived.cured_fraction", "cure_exists * p_operated * cure_if_operated * 30"
        ),
    ),
    Seeded(
        60,
        "negative utility by formula (m_progressed = m_on_chemo - 1)",
        setting(ANALYSIS, "derived.m_progressed", "m_on_chemo - 1"),
    ),
    Seeded(
        61,
        "utility above full health by formula (m_on_chemo = sum)",
        setting(ANALYSIS, "derived.m_on_chemo", "m_disease_free_early + m_on_chemo_relative"),
    ),
    Seeded(
        62,
        "wrong parameter in a formula (late follow-up at the early price)",
        settings(
            STRATEGIES,
            {
                f"{s}.costs.follow_up_late.amount": "c_follow_up_years_1_2"
                for s in ("chemotherapy", "resection")
            },
        ),
    ),
    Seeded(
        63,
        "time in a formula without unit (from: surgery + 3 for months)",
        setting(STRATEGIES, f"{OPERATED}.from", "surgery + 3"),
    ),
    Seeded(
        64,
        "until before from (chemotherapy ends before it starts)",
        setting(STRATEGIES, f"{OPERATED}.until", "surgery"),
    ),
    Seeded(
        65,
        "state utility missing (progressed left out)",
        settings(
            STRATEGIES, {f"{s}.utilities.progressed": GONE for s in ("chemotherapy", "resection")}
        ),
    ),
    Seeded(
        66,
        "normal distribution for a cost with large se",
        cells(PRICES, RESECTION, distribution="normal", se="130000"),
    ),
    Seeded(
        67,
        "beta arguments not of the mean (beta(6; 37))",
        cells(PARAMETERS, "p_operated", distribution="beta(6; 37)"),
    ),
    Seeded(68, "Dirichlet shares above 1", cells(PARAMETERS, "p_clavien_1_2", mean="0.95")),
    Seeded(69, "expert opinion in per cent (3)", cells(PARAMETERS, "os_60_expert", mean="3")),
    Seeded(
        70,
        "expert opinion time in years in a months row (5)",
        cells(PARAMETERS, "t_os_60_expert", mean="5"),
    ),
    Seeded(
        71,
        "decimal comma in parameters.csv",
        text(PARAMETERS, "share_male,share of men,0.60,", "share_male,share of men,0,60,"),
    ),
    Seeded(
        72,
        "decimal comma in quotes with thousands separator (260,000)",
        cells(PRICES, RESECTION, mean="260,000"),
    ),
    Seeded(
        73,
        "thousands separator as a point (260.000)",
        cells(PRICES, RESECTION, mean="260.000", se="52.000"),
    ),
    Seeded(
        74,
        "follow-up duration years in a months row",
        cells(PARAMETERS, "t_follow_up_end", mean="5"),
    ),
    Seeded(
        75,
        "correlation of HRs with the wrong sign (-0.8)",
        cells(PARAMETERS, "correlation_os_pfs", mean="-0.8"),
    ),
    Seeded(
        76,
        "source key of another paper (HR CLOCC cites ORCHESTRA)",
        cells(PARAMETERS, HR_CLOCC, source="gootjes_2024_orchestra"),
    ),
    Seeded(
        77,
        "PFS hazard ratio better than plausible (log -2.03 for -0.203)",
        cells(PARAMETERS, HR_PFS, mean="-2.03"),
    ),
    Seeded(
        78,
        "waning ends before it starts",
        setting(
            "scenarios/s18_wanes_36_60.yaml",
            "strategies.resection.curves.os.effect_ends",
            "24 / 12",
        ),
        "s18_wanes_36_60",
    ),
    Seeded(
        79,
        "patients of the evidence: age 16 for 61",
        settings(INDEX, {f"second_line_folfiri_{e}.age": 16 for e in ("os", "pfs")}),
    ),
    Seeded(
        80,
        "number at risk missing 100 patients in all rows (OS)",
        column(OS, "n_at_risk", lambda n: max(0.0, n - 100)),
    ),
)
