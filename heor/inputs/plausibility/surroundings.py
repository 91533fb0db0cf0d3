"""What lies around a problem in its inputs folder. Each part is read when a check first asks for it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from heor.faults import Faults
from heor.inputs.country import life_tables as life_tables
from heor.inputs.country.packs import folders
from heor.inputs.load import available
from heor.inputs.read.parameter_table import Entry, read_parameters
from heor.inputs.read.prices import PARITY, PriceTable, read_price_table
from heor.inputs.read.reading import parameters_file
from heor.inputs.text import tables
from heor.inputs.text.layers import read_text, read_yaml
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem

#: Tables of a country that are no norms.
OTHER_TABLES = {"parameters.csv", "life_table.csv", "price_indices.csv"}
UN_MORTALITY = "countries/_template/un_mortality.csv"


@dataclass(frozen=True)
class Norms:
    """The utility norms in another country's folder: whose, of which value set, by age and column."""

    country: str
    value_set: str
    columns: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Surroundings:
    """The inputs folder of a problem that was loaded from it.

    Whatever is faulty here is reported by `load` of the country or scenario it belongs to, not again.
    """

    folder: Path
    problem: DecisionProblem

    def shown(self, path: Path) -> str:
        """A path as the user knows it."""
        return path.relative_to(self.folder.parent).as_posix()

    @cached_property
    def model_rows(self) -> dict[str, Entry]:
        """Rows of the model's parameters by name, as written."""
        return self._rows(self.folder / "model", "model")

    @cached_property
    def country_rows(self) -> dict[str, Entry]:
        """Rows of the country's own parameters by name, as written."""
        return self.rows_of(self.problem.country.name)

    def rows_of(self, country: str) -> dict[str, Entry]:
        """Rows of a country's own parameters by name, as written."""
        return self._rows(self.folder / "countries" / country, "country")

    def iso3_of(self, country: str) -> str:
        """Three-letter code of a country of the folder."""
        return str(self._values(self.folder / "countries" / country).get("iso3", ""))

    def _rows(self, folder: Path, layer: str) -> dict[str, Entry]:
        path = parameters_file(folder)
        return read_parameters(path, self.shown(path), layer, Faults()) if path.exists() else {}

    @cached_property
    def time_units(self) -> dict[str, str]:
        """Survival evidence → the unit of its times."""
        path = self.folder / "model" / "survival" / "index.yaml"
        values = (
            read_yaml(path, self.shown(path), "model", Faults()).values if path.exists() else {}
        )
        return {
            name: str(entry["time_unit"])
            for name, entry in values.items()
            if isinstance(entry, Mapping) and "time_unit" in entry
        }

    @cached_property
    def names_elsewhere(self) -> frozenset[str]:
        """Names in the expressions of the scenarios, and of the base case where this is a scenario."""
        layers = []
        for name in available(self.folder, "scenarios"):
            path = self.folder / "scenarios" / f"{name}.yaml"
            layers.append(read_yaml(path, self.shown(path), "scenario", Faults()).values)
        if self.problem.scenario:
            paths = {n: self.folder / "model" / f"{n}.yaml" for n in ("analysis", "strategies")}
            layers.append(
                {n: read_yaml(p, p.name, "model", Faults()).values for n, p in paths.items()}
            )
        texts = (text for layer in layers for text in _expressions(layer))
        return frozenset(name for text in texts for name in re.findall(r"[A-Za-z_]\w*", text))

    @cached_property
    def un_life_table(self) -> dict[str, np.ndarray] | None:
        """Life table of the country by the United Nations: `age`, `q_male`, `q_female`; None without.

        The rate of an age group holds at each of its ages.
        """
        path, iso3 = self.folder / UN_MORTALITY, self.problem.country.iso3
        text = read_text(path, self.shown(path), Faults()) if iso3 else None
        if text is None:
            return None
        header, *lines = text.splitlines()
        own = [line for line in lines if line.startswith(f"{iso3},")]  # of 10,000 rows these are 44
        rows = list(csv.DictReader([header, *own]))
        out: dict[str, np.ndarray] = {}
        for sex in ("male", "female"):
            of_sex = [r for r in rows if r["sex"] == sex]
            if not of_sex:
                return None
            start = [int(r["age_start"]) for r in of_sex]
            rate = [float(r["mx_2020_2025"]) for r in of_sex]
            out["age"] = np.arange(start[0], tables.OLDEST + 1.0)
            last = np.searchsorted(start, out["age"], side="right") - 1
            out[f"q_{sex}"] = -np.expm1(-np.array(rate)[last])
        return out

    @cached_property
    def other_norms(self) -> list[Norms]:
        """Utility norms that other countries of the folder have a file of."""
        found = []
        for name in folders(self.folder):
            folder = self.folder / "countries" / name
            tables_of = {p.name for p in folder.glob("*.csv")} - OTHER_TABLES
            if name == self.problem.country.name or not tables_of:
                continue
            block = self._values(folder).get("utility_norms")
            if not isinstance(block, dict) or not block.get("file"):
                continue
            path = folder / str(block["file"])
            columns = life_tables.read_norms(path, path.name, Faults()) if path.exists() else None
            if columns is not None:
                found.append(Norms(name, str(block.get("value_set", "")), columns))
        return found

    def _values(self, folder: Path) -> dict[str, Any]:
        """A country's rules, as written."""
        path = folder / "country.yaml"
        return read_yaml(path, path.name, "country", Faults()).values if path.exists() else {}

    @cached_property
    def prices(self) -> PriceTable:
        """Price indices and rates, those of the country on top."""
        places = (self.folder / "model", self.folder / "countries" / self.problem.country.name)
        paths = [p for place in places if (p := place / "price_indices.csv").exists()]
        return read_price_table([(p, self.shown(p)) for p in paths], Faults())

    def dollars(self, amount: float) -> float | None:
        """An amount of the run's money in international dollars, at the rate of the nearest year.

        None where no rate is known. Near enough to tell a thousand from one.
        """
        country = self.problem.country
        rates = self.prices.series.get((PARITY, country.iso3))
        if not rates or country.currency != country.own_currency:
            return None
        return amount / rates[min(rates, key=lambda year: abs(year - country.price_year))]


def _expressions(layer: Mapping[str, Any]) -> Iterator[str]:
    """Texts of a layer that may be expressions: not its lists of names, nor its words."""
    analysis = layer.get("analysis")
    for part in ("derived", "syntheses") if isinstance(analysis, Mapping) else ():
        yield from _texts(analysis.get(part))
    yield from _texts(layer.get("strategies"))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a tree of mappings and lists."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def origin(problem: DecisionProblem, path: str) -> Origin:
    """Where a dotted setting, or the nearest it is part of, was last set."""
    while path:
        if path in problem.origins:
            return problem.origins[path]
        path = path.rpartition(".")[0]
    return Origin("inputs")
