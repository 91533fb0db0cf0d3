"""The reporting checklist: every item once, every number from the results, every place there."""

from __future__ import annotations

import ast
import csv
import io
import re
from dataclasses import fields, replace
from datetime import date
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from heor.problem.country import DiscountBand
from heor.problem.study import Author, Study
from heor.report.cheers.answer import MISSING, NOT_APPLICABLE, PARTLY, REPORTED, SLOTS, STATUSES
from heor.report.cheers.items import ITEMS, VOI_ITEMS
from heor.report.cheers.table import checklist, cheers_page, cheers_table, summary
from heor.report.folders.tables import TABLES, write_csv
from heor.report.format.words import money
from heor.report.html.page import page
from heor.report.markdown import text
from heor.report.outline import CHECKLIST, heading
from heor.report.run_report import report
from heor.report.sections.trial import trial_page
from heor.runs.results import Results
from heor.together import decide
from heor.valuation.simulate import simulate

VALUE = heading("information", CHECKLIST)
NASTY = "A | \"b\" & 'c' </td><script>window.hacked = 1</script> 🏥"
#: Slot of study.yaml → items it answers.
SLOT_ITEMS = {
    "title": {"1"},
    "abstract": {"2"},
    "background": {"3"},
    "analysis_plan": {"4"},
    "population": {"5"},
    "setting": {"6"},
    "choice_of_strategies": {"7"},
    "choice_of_model": {"16"},
    "availability": {"16", "V12"},
    "validation": {"17"},
    "subgroups": {"18"},
    "distributional_effects": {"19"},
    "engagement": {"21"},
    "effect_of_engagement": {"25"},
    "generalisability": {"26"},
    "funding": {"27"},
    "conflicts_of_interest": {"28"},
}


@pytest.fixture(scope="module")
def results(made_up_run: Results) -> Results:
    """Without any statement of authors, and without structures: their table is on the run's own cycles."""
    return with_problem(replace(made_up_run, structures=()), study=Study())


@pytest.fixture(scope="module")
def before(results: Results) -> pd.DataFrame:
    return cheers_table(results).set_index("item")


def with_problem(results: Results, **changes) -> Results:
    return replace(results, problem=replace(results.problem, **changes))


def with_country(results: Results, **changes) -> Results:
    return with_problem(results, country=replace(results.problem.country, **changes))


def with_settings(results: Results, **changes) -> Results:
    return with_problem(results, settings=replace(results.problem.settings, **changes))


def with_parameter(results: Results, name: str, **changes) -> Results:
    own = results.problem.parameters
    return with_problem(results, parameters={**own, name: replace(own[name], **changes)})


def bare(results: Results) -> Results:
    """A run that was asked for nothing but the decision."""
    problem = replace(results.problem, trial=None, limits=(), correlations=(), syntheses={})
    country = replace(problem.country, severity_rule=None, severity_bands=())
    problem = replace(problem, country=country)
    return replace(
        results,
        problem=problem,
        decision=replace(results.decision, severity=None),
        information=pd.DataFrame(),
        information_curves=pd.DataFrame(),
        trial=None,
        companions=(),
        structures=(),
        warnings=(),
    )


def moved(before: pd.DataFrame, after: Results) -> dict[str, str]:
    """Items that say something else, with what they say."""
    found = cheers_table(after).set_index("item")["reports"]
    return {item: text for item, text in found.items() if text != before.loc[item, "reports"]}


# --- the items ----------------------------------------------------------------------------------


def test_every_item_once_in_order(before):
    assert [i.number for i in ITEMS] == [str(n) for n in range(1, 29)]
    assert list(before.index) == [i.number for i in (*ITEMS, *VOI_ITEMS)]
    assert before["status"].isin(STATUSES).all()
    assert before[["topic", "asks", "reports"]].map(len).min().min() > 4


def test_value_of_information_only_where_it_was_valued(results, before):
    assert (before["part"] == VALUE).sum() == len(VOI_ITEMS) > 0
    assert VALUE not in set(cheers_table(bare(results))["part"])
    alone = replace(results, trial=None)
    own = cheers_table(alone).set_index("item")["status"]
    assert list(own.index[own == NOT_APPLICABLE]) == ["V10", "V11"]


@pytest.mark.parametrize("shape", [lambda r: r, bare, lambda r: replace(r, trial=None)])
def test_every_place_is_there(made_up_run, shape):
    """A heading of the report, or a file that this run writes."""
    found = shape(made_up_run)
    headings = set(re.findall(r"^#+ (.+)$", report(found, []), flags=re.MULTILINE))
    files = {f"tables/{name}.csv" for name, make in TABLES.items() if not make(found).empty}
    files |= {"trial.md"} if trial_page(found, []) else set()
    known = headings | files | {"first page", "inputs/model/strategies.yaml"}
    for _, row in cheers_table(found).iterrows():
        places = row["where"].split("; ") if row["where"] else []
        assert set(places) <= known, row["item"]
        assert places or row["status"] in (MISSING, NOT_APPLICABLE) or row["item"] == "V5"


@pytest.mark.parametrize("slot", SLOT_ITEMS)
def test_a_statement_fills_its_item_and_no_other(results, before, slot):
    changed = moved(before, with_problem(results, study=Study(**{slot: "Stated here."})))
    assert set(changed) == SLOT_ITEMS[slot]
    assert all("Stated here." in text for text in changed.values())


def test_every_slot_has_an_item(results):
    """Or stands on the first page of the document."""
    assert set(SLOT_ITEMS) | {"version", "authors", "contact"} == {f.name for f in fields(Study)}
    stated = {slot: "Stated here." for slot in SLOT_ITEMS}
    full = with_problem(results, study=Study(**stated))
    own = cheers_table(full).set_index("item")["status"]
    assert set(own.index[own == PARTLY]) == {"24", "V1"} and MISSING not in set(own)
    assert "for the authors" not in summary(full)


def test_what_only_authors_know_is_not_reported_without_them(before):
    for item, slot in (("4", "analysis_plan"), ("21", "engagement"), ("27", "funding")):
        assert before.loc[item, "status"] == MISSING
        assert f"`{slot}` in `{SLOTS}`" in before.loc[item, "reports"]


def test_not_applicable_is_an_answer(results):
    study = Study(engagement="Not applicable: no one was asked.")
    own = cheers_table(with_problem(results, study=study)).set_index("item")
    assert own.loc["21", "status"] == NOT_APPLICABLE
    assert own.loc["21", "reports"] == study.engagement


# --- no stale number ----------------------------------------------------------------------------


def test_population_and_horizon(results, before):
    @given(age=st.integers(20, 80), end=st.integers(81, 110), men=st.integers(1, 99))
    @settings(max_examples=10)
    def check(age: int, end: int, men: int) -> None:
        other = with_parameter(results, "start_age", mean=age + 0.5)
        other = with_parameter(other, "share_male", mean=men / 100)
        changed = moved(before, with_settings(other, end_age=end))
        assert set(changed) == {"5", "9"}
        assert f"age {age}.5 " in changed["5"] and f"{men}% of them men" in changed["5"]
        years = end - age - 0.5
        assert f"{years:g} years, from age {age}.5 to age {end}." in changed["9"]

    check()


def test_discounting(results, before):
    @given(rate=st.integers(0, 90), effects=st.integers(100, 190), edge=st.integers(1, 60))
    @settings(max_examples=10)
    def check(rate: int, effects: int, edge: int) -> None:
        costs = (DiscountBand(0, edge, rate / 1000), DiscountBand(edge, None, 0.002))
        benefits = (DiscountBand(0, None, effects / 1000),)
        other = with_country(results, discount_costs=costs, discount_effects=benefits)
        changed = moved(before, other)
        assert {"10"} <= set(changed) <= {"10", "V6", "V9"}  # patients are discounted, too
        said = f"costs {rate / 10:.1f}% from year 0 to {edge}, 0.2% from year {edge}"
        assert said in changed["10"]
        assert f"effects {effects / 10:.1f}% from year 0." in changed["10"]

    check()


SETTINGS = {
    "seed": (lambda r: with_settings(r, seed=987), {"20"}, "seed 987"),
    "sampling": (lambda r: with_settings(r, sampling="sobol"), {"20"}, "sobol"),
    "cycle": (lambda r: with_settings(r, cycle=0.25), {"16"}, "cycle 3 months"),
    "within_cycle": (lambda r: with_settings(r, within_cycle="life_table"), {"17"}, "life table"),
    "states": (
        lambda r: with_settings(r, states=(*r.problem.settings.states[:-1], "gone", "dead")),
        {"16"},
        "gone and dead",
    ),
    "price_year": (lambda r: with_country(r, price_year=2031), {"15"}, "prices of 2031"),
    "value_set": (lambda r: with_country(r, value_set="Set of 2044"), {"13"}, "Set of 2044"),
    "perspective": (lambda r: with_country(r, perspective="Societal"), {"8"}, "Societal."),
    "agency": (lambda r: with_country(r, agency="ABC"), {"6", "8", "10"}, "ABC"),
    "guideline": (lambda r: with_country(r, guideline="Of 2050"), {"8", "10"}, "(Of 2050)"),
    "unverified": (
        lambda r: with_country(r, unverified=("perspective (streams)", "discounting")),
        {"8", "10"},
        "not yet verified",
    ),
    "lent": (lambda r: with_country(r, borrowed={"discounting": "X"}), {"6", "10"}, "from X"),
    "money": (lambda r: with_country(r, own_currency="CAD"), {"15"}, "own money is CAD"),
    "as_of": (lambda r: with_country(r, as_of=date(2031, 2, 3)), {"6"}, "2031-02-03"),
    "programme": (lambda r: with_country(r, programme_label="Drugs"), {"6"}, ", Drugs,"),
    "borrowed": (lambda r: with_country(r, borrowed={"prices": "X"}), {"6"}, "prices (X)"),
    "limits": (
        lambda r: with_country(with_problem(r, limits=("a",)), limits=("b",)),
        {"17", "26"},
        "2 limits",
    ),
    "question": (lambda r: with_problem(r, question="Why?"), {"3", "V2"}, "Why?"),
    "warnings": (lambda r: replace(r, warnings=("a", "b", "c")), {"17"}, "3 warnings"),
    "companions": (lambda r: replace(r, companions=r.companions * 3), {"20", "24"}, "3 scenarios"),
    "donor": (lambda r: with_parameter(r, "c_resection", donor="X"), {"15"}, "1 value of another"),
    "conversion": (
        lambda r: with_parameter(r, "c_resection", conversion=("1 EUR", "= 11 NOK")),
        {"15"},
        "1 value of another currency",
    ),
    "people": (lambda r: with_parameter(r, "eligible_per_year", mean=77.0), {"V6", "V9"}, "77"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_another_setting_moves_its_items_alone(results, before, name):
    change, items, said = SETTINGS[name]
    changed = moved(before, change(results))
    assert set(changed) == items
    assert any(said in text for text in changed.values())


def test_another_status_moves_every_count(results, before):
    """One assumption fewer, one published more."""
    assert results.problem.parameters["c_ablation"].status == "assumption"
    changed = moved(before, with_parameter(results, "c_ablation", status="published"))
    assert set(changed) == {"14", "17", "22", "26"}
    was, now = (
        re.search(r"assumption (\d+)", t)[1] for t in (before.loc["22", "reports"], changed["22"])
    )
    assert int(was) - int(now) == 1


def test_other_evidence_and_pooling(results, before):
    problem = results.problem
    name = next(iter(results.fits.weights))[0]
    evidence = replace(problem.evidence[name], label="Another trial", patients=None)
    table = {**evidence.table, "n_at_risk": evidence.table["n_at_risk"] + 1000}
    evidence = replace(evidence, table=table)
    changed = moved(before, with_problem(results, evidence={**problem.evidence, name: evidence}))
    assert set(changed) == {"5", "12"}
    assert f"Another trial ({evidence.n:,} patients)" in changed["5"]
    pooled = replace(problem.syntheses["log_hr_os"], studies=("a", "b", "c"))
    other = with_problem(results, syntheses={"log_hr_os": pooled})
    assert "3 studies pooled" in moved(before, other)["12"]


def test_other_outcomes_leave_no_old_amount(results, before, made_up_draws):
    """Draws of another seed: every item that speaks of results says the new ones."""
    problem = results.problem
    draws = made_up_draws(problem, problem.settings.draws, seed=2)
    simulation = simulate(problem, draws, workers=1)
    decision = decide(problem, simulation)
    companions = tuple(replace(c, decision=decision) for c in results.companions)
    new_results = replace(results, simulation=simulation, decision=decision, companions=companions)
    changed = moved(before, new_results)
    assert (
        {"2", "23", "24", "V6", "V8"}
        <= set(changed)
        <= {"2", "9", "18", "19", "23", "24", "V6", "V8"}
    )
    tables = decision.tables
    mean = tables["increments"].set_index("outcome")["mean"]
    rows = tables["net_benefit"].set_index("threshold_name")
    assert money(mean["cost"]) in changed["2"] and money(mean["cost"]) in changed["23"]
    for name in rows.index:
        assert money(rows.loc[name, "evpi"]) in changed["V6"]
    assert money(rows.loc["severity", "net_benefit"]) in changed["24"]
    new = set(re.findall(r"\d{2,3},\d00", " ".join(changed.values())))
    for item in ("2", "23", "24"):
        old = set(re.findall(r"\d{2,3},\d00", before.loc[item, "reports"]))
        thresholds = {f"{t:,.0f}" for _, t in decision.thresholds}
        assert not (old - thresholds) & new, item


def test_no_number_is_written_by_hand():
    """Numbers in the words of items come from fields in braces: the text around them has none."""
    allowed = ("95 %", "inputs/", "study.yaml")
    folder = Path(str(resources.files("heor.report.cheers")))
    for path in folder.glob("*.py"):
        if path.name in ("items.py", "table.py"):
            continue  # item numbers and references
        tree = ast.parse(path.read_text(encoding="utf-8"))
        quiet = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # docstrings
        quiet |= {
            id(part)
            for n in ast.walk(tree)
            if isinstance(n, ast.FormattedValue) and n.format_spec
            for part in ast.walk(n.format_spec)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                for word in allowed:
                    text = text.replace(word, "")
                assert id(node) in quiet or not re.search(r"\d", text), (path.name, node.value)


# --- where it stands ----------------------------------------------------------------------------


def cells(markdown: str) -> list[str]:
    """Words of all cells, as a reader of the Markdown sees them."""
    found, inside = [], False
    for token in MarkdownIt("commonmark", {"html": False}).enable("table").parse(markdown):
        if token.type in ("td_open", "th_open"):
            inside = True
        elif token.type == "inline" and inside:
            found.append("".join(t.content for t in token.children or []))
            inside = False
    return found


def nasty(results: Results) -> Results:
    own = results.problem.strategies
    strategies = {n: replace(s, label=f"{NASTY} {n}") for n, s in own.items()}
    study = Study(funding=f"{NASTY}\nand a second line", authors=(Author(NASTY),))
    return with_problem(results, strategies=strategies, study=study)


@pytest.fixture(scope="module")
def nasty_page(results) -> str:
    return page(nasty(results), {})


def test_labels_survive_in_every_form(results, nasty_page, tmp_path):
    found = nasty(results)
    frame = cheers_table(found)
    write_csv({"cheers": frame}, tmp_path)
    text = (tmp_path / "cheers.csv").read_text(encoding="utf-8")
    rows = {row["item"]: row for row in csv.DictReader(io.StringIO(text))}
    assert NASTY in rows["7"]["reports"]
    assert rows["27"]["reports"] == f"{NASTY} and a second line"
    assert rows["27"]["status"] == REPORTED
    said = cells(cheers_page(found))
    assert len(said) == (len(frame) + frame["part"].nunique()) * 6
    assert any(NASTY in cell for cell in said)
    assert "window.hacked = 1</script>" not in nasty_page
    assert "&lt;script&gt;window.hacked = 1&lt;/script&gt; 🏥 and a second line" in nasty_page


def test_report_has_a_line_and_the_page_the_table(results, before, nasty_page):
    line = text(checklist(results))
    own = before[before["part"] != VALUE]["status"].value_counts()
    assert line in report(results, [])
    assert f"{own[REPORTED]} are reported and {own[PARTLY]} in part" in line
    assert "(cheers.md)" in line and len(line) < 700
    start = nasty_page.index('id="checklist"')
    assert start > nasty_page.index('id="reproduce"')
    assert "<details" in nasty_page[start:] and "Discount rate" in nasty_page[start:]
    assert "cheers.md" not in nasty_page  # the page stands alone
