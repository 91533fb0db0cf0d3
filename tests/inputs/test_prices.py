"""Money of one currency, country and year as that of another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.faults import Faults
from heor.inputs.read.prices import (
    EXCHANGE,
    INDEX,
    PARITY,
    CannotConvert,
    Money,
    PriceTable,
    conversion,
    read_price_table,
)

ORDERS = ("index_then_rate", "rate_then_index")
positive = st.floats(0.1, 100)


def table(**values: float) -> PriceTable:
    """Norway and Sweden in 2020 and 2024: keys such as nor_2020, rate_2020, ppp_nor_2020."""
    series = {
        (INDEX, "NOR"): {2020: values["nor_2020"], 2024: values["nor_2024"]},
        (INDEX, "SWE"): {2020: values["swe_2020"], 2024: values["swe_2024"]},
        (EXCHANGE, "SEK"): {2020: values["rate_2020"], 2024: values["rate_2024"]},
        (PARITY, "NOR"): {2020: values["ppp_nor_2020"], 2024: values["ppp_nor_2024"]},
        (PARITY, "SWE"): {2020: values["ppp_swe_2020"], 2024: values["ppp_swe_2024"]},
    }
    return PriceTable(series, {"NOR": "NOK", "SWE": "SEK"}, "NOK")


KEYS = [f"{a}_{y}" for a in ("nor", "swe", "rate", "ppp_nor", "ppp_swe") for y in (2020, 2024)]
tables = st.fixed_dictionaries({key: positive for key in KEYS}).map(lambda d: table(**d))
OLD, NEW = Money("NOK", 2020, "NOR"), Money("SEK", 2024, "SWE")


@given(tables, st.sampled_from(ORDERS), st.sampled_from((EXCHANGE, PARITY)))
def test_there_and_back_is_one(found: PriceTable, order: str, rate: str) -> None:
    """Back in the reverse order: the same steps, each undone."""
    other = ORDERS[1 - ORDERS.index(order)]
    there = conversion(found, OLD, NEW, rate, order)
    back = conversion(found, NEW, OLD, rate, other)
    assert there.factor * back.factor == pytest.approx(1, rel=1e-12)


@given(tables, st.sampled_from((EXCHANGE, PARITY)))
def test_by_hand(found: PriceTable, rate: str) -> None:
    s = found.series
    index = {c: s[INDEX, c][2024] / s[INDEX, c][2020] for c in ("NOR", "SWE")}
    at = {
        y: 1 / s[EXCHANGE, "SEK"][y]
        if rate == EXCHANGE
        else s[PARITY, "SWE"][y] / s[PARITY, "NOR"][y]
        for y in (2020, 2024)
    }
    first = conversion(found, OLD, NEW, rate, "index_then_rate").factor
    second = conversion(found, OLD, NEW, rate, "rate_then_index").factor
    assert first == pytest.approx(index["NOR"] * at[2024])
    assert second == pytest.approx(at[2020] * index["SWE"])


@given(tables)
def test_orders_agree_where_rates_follow_prices(found: PriceTable) -> None:
    series = {k: dict(v) for k, v in found.series.items()}
    moved = series[INDEX, "SWE"][2024] / series[INDEX, "SWE"][2020]
    moved /= series[INDEX, "NOR"][2024] / series[INDEX, "NOR"][2020]
    series[EXCHANGE, "SEK"][2024] = series[EXCHANGE, "SEK"][2020] / moved
    found = PriceTable(series, found.currencies, "NOK")
    one, other = (conversion(found, OLD, NEW, EXCHANGE, order).factor for order in ORDERS)
    assert one == pytest.approx(other, rel=1e-9)


@given(tables, st.floats(0.5, 2))
def test_the_base_of_an_index_does_not_matter(found: PriceTable, scale: float) -> None:
    series = {
        k: {y: v * scale for y, v in own.items()} if k[0] == INDEX else own
        for k, own in found.series.items()
    }
    scaled = PriceTable(series, found.currencies, "NOK")
    for order in ORDERS:
        assert conversion(scaled, OLD, NEW, EXCHANGE, order).factor == pytest.approx(
            conversion(found, OLD, NEW, EXCHANGE, order).factor
        )


@pytest.fixture(scope="module")
def shipped(request: pytest.FixtureRequest) -> PriceTable:
    problems = Faults()
    path = request.config.rootpath / "inputs/model/price_indices.csv"
    found = read_price_table([(path, "inputs/model/price_indices.csv")], problems)
    assert problems == []
    return found


def test_the_evidence_carried_over(shipped: PriceTable) -> None:
    """2021 EUR 10.1633, CPI 116.09 and 137.78: as the dossier of costs has them."""
    euro = conversion(
        shipped, Money("EUR", 2021), Money("NOK", 2025, "NOR"), EXCHANGE, "rate_then_index"
    )
    assert euro.factor == pytest.approx(10.1633 * 137.78 / 116.09)
    assert euro.steps == (
        "exchange rate 2021: x 10.1633 NOK per EUR / 1",
        "consumer prices NOR 2021 to 2025: x 137.78 / 116.09",
    )


def test_an_international_dollar_is_a_dollar(shipped: PriceTable) -> None:
    found = conversion(
        shipped, Money("NOK", 2024, "NOR"), Money("USD", 2024, "USA"), PARITY, ORDERS[0]
    )
    assert found.factor == pytest.approx(1 / 9.14214)


@pytest.mark.parametrize(
    ("of", "to", "rate", "said"),
    [
        (Money("NOK", 1999, "NOR"), Money("NOK", 2025, "NOR"), None, "1999; it has 2000-2025"),
        (Money("CAD", 2024, "CAN"), Money("NOK", 2024, "NOR"), EXCHANGE, "exchange rate of CAD"),
        (Money("CAD", 2023, "CAN"), Money("NOK", 2024, "NOR"), EXCHANGE, "prices of CAN"),
        (Money("EUR", 2024), Money("NOK", 2024, "NOR"), PARITY, "column 'price_country'"),
        (Money("EUR", 2024, "FIN"), Money("NOK", 2024, "NOR"), None, "states no way to convert"),
    ],
)
def test_what_is_missing_is_named(
    of: Money, to: Money, rate: str | None, said: str, shipped: PriceTable
) -> None:
    with pytest.raises(CannotConvert, match=said):
        conversion(shipped, of, to, rate, "index_then_rate")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("consumer_price,NOR,2025,100,2015 = 100,x,published", "Did you mean 'consumer_prices'?"),
        ("consumer_prices,NOR,2025,0,2015 = 100,x,published", "above 0"),
        ("consumer_prices,NOR,last,100,2015 = 100,x,published", "column 'year'"),
        ("exchange_rate,USD,2025,1.1,EUR per USD,x,published", "all must be in one money"),
    ],
)
def test_bad_price_table(row: str, said: str, tmp_path: Path) -> None:
    head = "series,code,year,value,unit,source,status\n"
    good = "exchange_rate,EUR,2025,11.7,NOK per EUR,x,published\n"
    path = tmp_path / "price_indices.csv"
    path.write_text(f"{head}{good}{row}\n", encoding="utf-8")
    problems = Faults()
    read_price_table([(path, "price_indices.csv")], problems)
    assert any(said in line for line in problems), problems
    assert all(line.startswith("price_indices.csv") for line in problems)
