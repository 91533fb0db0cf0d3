"""`heor country check` and `heor country list`: what a country has, lacks, borrows, and where it matters most."""

from __future__ import annotations

import textwrap
from io import BytesIO
from pathlib import Path

import pandas as pd

from heor.decision.information import ENOUGH_DRAWS
from heor.errors import InputError
from heor.files import content
from heor.inputs.country.packs import NO_COUNTRIES
from heor.inputs.load import available, load
from heor.inputs.read.reading import opened
from heor.problem.problem import DecisionProblem
from heor.report.format.words import significant, table
from heor.storage.folder import settle

#: Table of a run that ranks its inputs: written with 500 draws or more.
RANKED = "information"
LISTED_FIRST = 12


def check_country(inputs: Path, **rules) -> tuple[str, bool]:
    """What is missing, borrowed, unverified or inconsistent in a country; and whether it can be run.

    Parameters
    ----------
    rules
        As `load` takes them: country, as_of, programme; stand-ins are allowed here.
    """
    faults: list[str] = []
    opened(inputs)
    try:
        load(inputs, **{**rules, "allow_generic": False})
    except InputError as error:
        faults = error.problems
    stand_ins = [line for line in faults if "is a stand-in" in line]
    broken = [line for line in faults if line not in stand_ins]
    if broken:
        lines = ["Inconsistent or missing:", *(f"  {line}" for line in broken)]
        lines += ["", "Stand-ins:", *(f"  {line}" for line in stand_ins)] if stand_ins else []
        return "\n".join(lines), False
    problem = load(inputs, **{**rules, "allow_generic": True})
    return "\n".join(map(_wrapped, _lines(problem, stand_ins, inputs))), not stand_ins


def _wrapped(line: str) -> str:
    """A line no wider than a screen; a table as it is."""
    if line.startswith("|"):
        return line
    own = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line, 100, subsequent_indent=f"{own}    ", break_long_words=False)


def _lines(problem: DecisionProblem, stand_ins: list[str], inputs: Path) -> list[str]:
    country = problem.country
    programme = f", {country.programme_label}" if country.programme_label else ""
    lines = [
        f"{country.label}: {country.agency}{programme}; rules of {country.as_of}; results in "
        f"{country.currency} {country.price_year}.",
        "",
    ]
    lines += ["To fill; a run needs --allow-generic until then:"] if stand_ins else []
    lines += [f"  {line}" for line in stand_ins]
    lines += ["Read first:"] if country.cautions else []
    lines += [f"  {line}" for line in country.cautions]
    lines += _unverified(problem)
    lines += _adjust(problem)
    return [*lines, "", *_ranking(problem, inputs)]


def _unverified(problem: DecisionProblem) -> list[str]:
    rules = ", ".join(problem.country.unverified) or "none"
    own = [
        p.name
        for p in problem.parameters.values()
        if p.transfer == "country" and not p.donor and p.status == "to_verify"
    ]
    return [
        f"Rules not verified in their source: {rules}.",
        f"Values of this country not verified in their source: {', '.join(own) or 'none'}.",
    ]


def _adjust(problem: DecisionProblem) -> list[str]:
    names = [
        p.name
        for p in problem.parameters.values()
        if p.transfer == "adjust" and p.origin.layer == "model"
    ]
    return [
        f"Values of the model that may not fit this country ({len(names)}): {', '.join(names)}.",
        "  To change one, add its row to the country's parameters.csv.",
    ]


def _ranking(problem: DecisionProblem, inputs: Path) -> list[str]:
    """Borrowed and unverified values by what knowing them is worth, from the donor's last run."""
    lent = {p.name for p in problem.parameters.values() if p.donor}
    adjust = {p.name for p in problem.parameters.values() if p.transfer == "adjust"}
    donors = {p.donor for p in problem.parameters.values() if p.donor}
    if not donors:
        return ["Nothing is borrowed: no donor's run to rank by."]
    donor = sorted(donors)[0]
    run = Path(inputs).resolve().parent / "outputs" / donor
    settle(run)  # a stopped run may have left half of its tables
    path = run / "tables" / f"{RANKED}.csv"
    if not path.exists() and path.parent.is_dir():
        return [
            f"The last run of {donor} has no value of information to rank by: it needs at least "
            f"{ENOUGH_DRAWS} draws. Run `heor run --country {donor} --draws 5000`, then this command again."
        ]
    if not path.exists():
        return [
            f"Which of these matter most is told by a run of {donor}: `heor run --country {donor}`, then "
            "this command again."
        ]
    found = pd.read_csv(BytesIO(content(path)))
    own = found[(found["kind"] == "single") & found["name"].isin(lent | adjust)]
    best = own.loc[own.groupby("name")["value"].idxmax()].sort_values("value", ascending=False)
    best = best[best["value"] > 0].head(LISTED_FIRST)
    if best.empty:
        return [
            f"In the last run of {donor} none of these is worth knowing by itself: at its thresholds no "
            "value of one of them would change the decision."
        ]
    money = f"{donor} money a patient"
    frame = pd.DataFrame(
        {
            "Value": [problem.parameters[n].description for n in best["name"]],
            "Name": list(best["name"]),
            f"Worth knowing ({money})": [significant(v, 2) for v in best["value"]],
            "Here": ["borrowed" if n in lent else "the model's" for n in best["name"]],
        }
    )
    return [
        f"What to find first: value of knowing each by itself, in the last run of {donor} (largest over its "
        "thresholds). Norms, mortality, rates and thresholds are rules, not uncertain numbers, and come "
        "before all of these.",
        "",
        table(frame, 2),
    ]


def country_list(inputs: Path, **rules) -> str:
    """One row a country: who decides, money, thresholds, what is borrowed and unverified."""
    rows, names = [], available(opened(inputs).folder, "countries")
    if not names:
        raise InputError(f"country list: {NO_COUNTRIES}")
    for name in names:
        try:
            problem = load(inputs, name, allow_generic=True, **rules)
        except InputError as error:
            rows.append({"Country": name, "Thresholds per QALY": f"{len(error.problems)} faults"})
            continue
        country = problem.country
        values = ", ".join(f"{t:,.0f}" for t in country.thresholds)
        borrowed = sum(p.donor is not None for p in problem.parameters.values())
        rows.append(
            {
                "Country": name,
                "Codes": f"{country.iso2} {country.iso3}",
                "Results in": f"{country.currency} {country.price_year}",
                "Thresholds per QALY": f"{values} ({_kind(country)})",
                "Severity": (country.severity_rule or "none").replace("_", " "),
                "Borrowed": f"{borrowed} values" if borrowed else "none",
                "Unverified": f"{len(country.unverified)} blocks",
            }
        )
    return table(pd.DataFrame(rows).fillna(""), 2)


def _kind(country) -> str:
    return country.threshold_kind if country.has_verdict else "another country's"
