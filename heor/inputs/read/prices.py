"""Money of one currency, country and year as that of another: by price indices and rates that are shown.

Two orders are in use and they differ: indexing in the money's own country and then converting at the
rate of the price year (`index_then_rate`), or converting at the rate of the old year and then indexing
in the new country (`rate_then_index`). Turner et al. 2019 (Value Health 22:1026-32) compare them; which
one a country uses stands in its country.yaml, and every conversion is shown with its arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heor.faults import Faults
from heor.inputs.text.tables import number, read_table
from heor.problem.parameter import Origin

INDEX, EXCHANGE, PARITY = "consumer_prices", "exchange_rate", "purchasing_power"
COLUMNS = ("series", "code", "year", "value", "unit", "source", "status")


class CannotConvert(ValueError):
    """A price index or rate is missing; the message says which, and which years there are."""


@dataclass(frozen=True)
class Money:
    """What an amount is in: a currency (ISO 4217), the prices of a year, and a country (ISO 3166-1
    alpha-3), which tells whose price index and purchasing power; None: the currency's own."""

    currency: str
    year: int
    country: str | None = None

    def __str__(self) -> str:
        return f"{self.currency} {self.year}"


@dataclass(frozen=True)
class Conversion:
    """A factor, and how it was made."""

    factor: float
    steps: tuple[str, ...]


@dataclass(frozen=True)
class PriceTable:
    """Yearly price indices by country, exchange rates by currency, purchasing powers by country.

    Attributes
    ----------
    series : dict
        (series, code) → year → value. Exchange rates are money of `base` per unit of a currency;
        purchasing powers are national money per international dollar.
    currencies : dict
        Country → its currency, as far as purchasing powers tell.
    base : str
        Currency in which all exchange rates are given.
    """

    series: Mapping[tuple[str, str], Mapping[int, float]] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    shown: str = "price_indices.csv"

    def value(self, series: str, code: str, year: int) -> float:
        """One number.

        Raises
        ------
        CannotConvert
            Saying which years or codes there are.
        """
        if series == EXCHANGE and code == self.base:
            return 1.0
        found = self.series.get((series, code))
        what = series.replace("_", " ")
        if found is None:
            codes = sorted({c for s, c in self.series if s == series})
            raise CannotConvert(
                f"{self.shown} has no {what} of {code}; it has {', '.join(codes) or 'none'}. Add rows, "
                "or a price_indices.csv in the country's folder."
            )
        if year not in found:
            raise CannotConvert(
                f"{self.shown} has no {what} of {code} for {year}; it has {_years(found)}. Add the year, "
                "or choose a price year that is there."
            )
        return found[year]

    def country_of(self, money: Money, series: str) -> str:
        """The code whose index or purchasing power is meant.

        Raises
        ------
        CannotConvert
            For a currency of several countries, when none is named.
        """
        if money.country and (series, money.country) in self.series:
            return money.country
        codes = sorted(c for c, currency in self.currencies.items() if currency == money.currency)
        codes = [c for c in codes if (series, c) in self.series]
        if money.country is None and len(codes) == 1:
            return codes[0]
        if series == INDEX and money.currency == "EUR" and (series, EURO_AREA) in self.series:
            return EURO_AREA
        if money.country is None and codes:
            raise CannotConvert(
                f"{money.currency} is the money of {', '.join(codes)}: whose {series.replace('_', ' ')}? "
                "Name the country in column 'price_country'."
            )
        return money.country or money.currency


EURO_AREA = "EMU"


def _years(found: Mapping[int, float]) -> str:
    """2000-2013, 2015: runs of years."""
    years, runs = sorted(found), []
    for year in years:
        if runs and year == runs[-1][1] + 1:
            runs[-1][1] = year
        else:
            runs.append([year, year])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def conversion(table: PriceTable, of: Money, to: Money, rate: str | None, order: str) -> Conversion:
    """The factor that turns amounts `of` into amounts `to`, and its arithmetic.

    Parameters
    ----------
    rate
        `exchange_rate` or `purchasing_power`; None where only the year may differ.
    order
        `index_then_rate` or `rate_then_index`.

    Raises
    ------
    CannotConvert
        An index or a rate is missing.

    Examples
    --------
    >>> series = {
    ...     (INDEX, "NOR"): {2024: 100.0, 2025: 104.0},
    ...     (PARITY, "NOR"): {2024: 9.0},
    ...     (PARITY, "SWE"): {2024: 8.1},
    ... }
    >>> table = PriceTable(series, {"NOR": "NOK", "SWE": "SEK"}, "NOK")
    >>> of, to = Money("NOK", 2025, "NOR"), Money("SEK", 2024, "SWE")
    >>> found = conversion(table, of, to, "purchasing_power", "index_then_rate")
    >>> round(found.factor, 6)
    0.865385
    >>> for step in found.steps:
    ...     print(step)
    consumer prices NOR 2025 to 2024: x 100 / 104
    purchasing power 2024: x 8.1 SEK / 9 NOK
    """
    abroad = of.currency != to.currency or _differ(of.country, to.country)
    if not abroad:
        return _indexed(table, of, to.year)
    if rate is None:
        raise CannotConvert(
            f"{of} cannot become {to}: the country states no way to convert. Write 'prices: rate: "
            "purchasing_power' (or exchange_rate) in its country.yaml."
        )
    if order == "index_then_rate":
        first = _indexed(table, of, to.year)
        second = _rated(table, of, to, to.year, rate)
    else:
        first = _rated(table, of, to, of.year, rate)
        second = _indexed(table, Money(to.currency, of.year, to.country), to.year)
    return Conversion(first.factor * second.factor, (*first.steps, *second.steps))


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _indexed(table: PriceTable, money: Money, year: int) -> Conversion:
    """To the prices of another year, in the money's own country."""
    if money.year == year:
        return Conversion(1.0, ())
    code = table.country_of(money, INDEX)
    old, new = (table.value(INDEX, code, y) for y in (money.year, year))
    step = f"consumer prices {code} {money.year} to {year}: x {new:g} / {old:g}"
    return Conversion(new / old, (step,))


def _rated(table: PriceTable, of: Money, to: Money, year: int, rate: str) -> Conversion:
    """To another country's money at the rate of a year."""
    if rate == EXCHANGE:
        old, new = (table.value(EXCHANGE, m.currency, year) for m in (of, to))
        if of.currency == to.currency:
            return Conversion(1.0, ())
        step = f"exchange rate {year}: x {_per(old, of, table.base)} / {_per(new, to, table.base)}"
        return Conversion(old / new, (step,))
    old, new = (table.value(PARITY, table.country_of(m, PARITY), year) for m in (of, to))
    step = f"purchasing power {year}: x {new:g} {to.currency} / {old:g} {of.currency}"
    return Conversion(new / old, (step,))


def _per(value: float, money: Money, base: str) -> str:
    return f"{value:g} {base} per {money.currency}" if money.currency != base else "1"


def read_price_table(paths: list[tuple[Path, str]], problems: Faults) -> PriceTable:
    """Price indices and rates of one or several files, later ones over earlier ones.

    Columns: `series` (consumer_prices, exchange_rate, purchasing_power), `code` (a country, or a
    currency for exchange rates), `year`, `value`, `unit`, `source`, `status`.
    """
    series: dict[tuple[str, str], dict[int, float]] = {}
    currencies: dict[str, str] = {"USA": "USD"}
    bases: dict[str, Origin] = {}
    for path, shown in paths:
        for row in read_table(path, shown, COLUMNS, ("note",), problems):
            where = f"{shown}:{row.line}"
            name, code = row.cells["series"], row.cells["code"]
            year, value = (number(row, c, where, problems) for c in ("year", "value"))
            if name not in (INDEX, EXCHANGE, PARITY):
                problems.add(
                    where,
                    f"unknown series '{name}'",
                    f"allowed: {INDEX}, {EXCHANGE}, {PARITY}",
                    like=(name, (INDEX, EXCHANGE, PARITY)),
                )
            elif not value > 0:
                problems.add(where, f"value {value:g}", "an index or a rate is above 0")
            elif year == year:
                series.setdefault((name, code), {})[int(year)] = value
                money, _, _ = row.cells["unit"].partition(" per ")
                if name == PARITY:
                    currencies[code] = money
                elif name == EXCHANGE:
                    bases.setdefault(money, Origin(shown, row.line))
    if len(bases) > 1:
        listed = ", ".join(f"{money} ({origin})" for money, origin in bases.items())
        problems.add(
            paths[-1][1],
            f"exchange rates in {listed}",
            "all must be in one money",
            "Write the unit as 'NOK per EUR'.",
        )
    # an international dollar is a US dollar
    years = {y for (name, _), found in series.items() if name == PARITY for y in found}
    if years:
        series[PARITY, "USA"] = dict.fromkeys(years, 1.0) | series.get((PARITY, "USA"), {})
    return PriceTable(series, currencies, next(iter(bases), ""), paths[0][1])
