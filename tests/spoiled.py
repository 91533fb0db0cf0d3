"""Inputs spoiled by tests, and what must be said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

ANALYSIS = "model/analysis.yaml"

COUNTRY = "countries/norway/country.yaml"

MODEL = "model/parameters.csv"

NORMS = "countries/norway/utility_norms.csv"

NORWAY = "countries/norway/parameters.csv"

FaultsOf = Callable[..., list[str]]

Spoil = Callable[[str, str, str], int]


def expect(problems: list[str], where: str, *parts: str) -> None:
    """One problem starts with `where` and holds every part."""
    found = [p for p in problems if p.startswith(where) and all(part in p for part in parts)]
    assert len(found) == 1, "\n".join([f"expected {where} {parts}, found:", *problems])


def write_scenario(folder: Path, text: str, name: str = "mine") -> None:
    (folder / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")
