"""report.html: complete, escaped, reachable by keyboard and ear, and equal to the tables."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from string import Formatter

import numpy as np
import pandas as pd
import pytest

from heor.decision import acceptability
from heor.decision.choice import choice_table, choices
from heor.decision.cost_effectiveness import net_benefit_table
from heor.decision.frontier import STATUSES
from heor.decision.information import ENOUGH_DRAWS
from heor.errors import InputError
from heor.inputs.load import load
from heor.problem.problem import DecisionProblem
from heor.report import outline
from heor.report.figures.registry import FIGURES, figure_bytes, figures_of
from heor.report.folders.tables import TABLES
from heor.report.format.blocks import Paragraph, Table
from heor.report.format.command_line import command_line
from heor.report.format.frames import parameter_table
from heor.report.format.selection import MOST, shown_strategies
from heor.report.format.translations import labels
from heor.report.format.words import STATUS_WORDS, money
from heor.report.html.page import page
from heor.report.html.prose import prose
from heor.report.html.sections import SECTIONS
from heor.report.html.template import VENDOR
from heor.report.run_report import report
from heor.report.sections.answer import answer
from heor.report.sections.trial import trial_page
from heor.runs.results import Results
from heor.together import decide
from heor.valuation.simulate import simulate
from tests.made_up_results import made_up_results
from tests.pages import NASTY, Elements, choose, serious, tiles

TIED = ("plane", "ceac", "loss", "evpi", "tornado")


@pytest.fixture(scope="module")
def results(made_up_run: Results) -> Results:
    return made_up_run


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    """The page with two of the figures: drawing all of them says nothing more."""
    drawn = {k: figure_bytes(FIGURES[k](results), "svg") for k in ("survival_os", "costs")}
    return page(results, drawn)


def amounts(text: str) -> set[str]:
    """Numbers of at least four digits."""
    return set(re.findall(r"\d{1,3}(?:,\d{3})+", text))


def relabelled(results: Results, **labels: str) -> Results:
    """Results whose strategies carry other labels."""
    problem = results.problem
    own = {
        name: replace(s, label=labels.get(name, s.label)) for name, s in problem.strategies.items()
    }
    return replace(results, problem=replace(problem, strategies=own))


# --- the file ---------------------------------------------------------------------------------


def test_sections_in_order_with_the_answer_first(results, html):
    found = [a["id"] for tag, a in Elements(html).found if tag == "section"]
    absent = {"tipping"}  # nothing was asked
    assert found == [name for name in SECTIONS if name not in absent]
    assert html.index(answer(results)[0]) < html.index('id="assumptions"')


def test_one_file_that_asks_for_nothing(html):
    """No address is loaded: links are followed by the reader only."""
    for tag, attributes in Elements(html).found:
        for name in ("src", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, name)
        assert tag not in ("link", "iframe", "object", "embed", "base")
    assert "default-src 'none'" in html


def test_same_results_same_page(results, html):
    drawn = {k: figure_bytes(FIGURES[k](results), "svg") for k in ("survival_os", "costs")}
    assert page(results, drawn) == html


def test_small_enough_at_5000_draws(results):
    """Draws weigh 5,000 x 2 strategies x 2 doubles in base64; libraries and words the rest."""
    size = len(page(results, {}).encode("utf-8"))
    draws = 5000 * 2 * 2 * 8 * 4 / 3
    assert size + draws < 2.5e6


def test_headings_descend_without_a_gap_and_ids_are_unique(html):
    found = Elements(html).found
    levels = [int(tag[1]) for tag, _ in found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    ids = Counter(a["id"] for _, a in found if "id" in a)
    assert max(ids.values()) == 1
    targets = {a["href"][1:] for _, a in found if a.get("href", "").startswith("#")}
    assert targets <= set(ids)


def test_every_table_has_a_caption_and_every_picture_words(html):
    found = Elements(html).found
    tags = Counter(tag for tag, _ in found)
    assert tags["table"] == tags["caption"] > 10
    assert all(a["alt"] for tag, a in found if tag == "img") and tags["img"] == 2
    assert {a.get("scope") for tag, a in found if tag == "th"} == {"row", "col"}


def test_every_parameter_is_listed_with_status_and_linked_source(results, html):
    text, frame = Elements(html), parameter_table(results)
    links = {a["href"] for tag, a in text.found if tag == "a"}
    for _, row in frame.iterrows():
        assert row["name"] in html
    shown = sum(tag == "tr" and "data-status" in a for tag, a in text.found)
    assert shown == len(frame) + len(results.problem.syntheses)  # and what is pooled from them
    statuses = {a["data-status"] for tag, a in text.found if "data-status" in a}
    assert statuses == {STATUS_WORDS[s] for s in frame["status"]}
    used = {s for p in results.problem.parameters.values() for s in p.source}
    for source in (results.problem.sources[k] for k in used):
        if source.doi:
            assert f"https://doi.org/{source.doi}" in links


def test_another_input_leaves_no_old_number(inputs, results, made_up_draws, html):
    """Every amount in the page's sentences stands in the report of the same results, and no other."""
    dear = made_up_results(
        load(inputs, "norway", overrides={"c_resection": 900_000}), made_up_draws
    )
    written = [amounts(report(r, []) + trial_page(r, [])) for r in (results, dear)]
    before, after = (amounts(Elements(text).prose) for text in (html, page(dear, {})))
    assert before <= written[0] and after <= written[1]
    assert len(before - written[1]) > 8
    assert answer(dear)[0] in Elements(page(dear, {})).text


def test_too_few_draws_say_how_to_get_value_of_information(results):
    without = replace(results, information=pd.DataFrame(), information_curves=pd.DataFrame())
    text = Elements(page(without, {})).text
    command = command_line(results.problem, "run", "--draws 5000")
    assert f"at least {ENOUGH_DRAWS:,}" in text and command in text


def test_labels_cannot_become_code(results):
    nasty = relabelled(results, resection=NASTY)
    text = page(nasty, {})
    whole = Elements(text)
    assert "window.hacked = 1</script>" not in text
    assert NASTY in whole.text
    assert sum(tag == "script" for tag, _ in whole.found) == 1 + len(VENDOR) + 5


def test_markdown_is_text():
    rows = pd.DataFrame([["`1`", "b"]], columns=["a", ""])
    made = prose([Paragraph("[x](javascript:alert(1)) <b onclick='x'>&amp;</b>"), Table(rows)])
    assert "<b" not in made and 'href="javascript' not in made
    assert (
        '<th scope="row" class="left"><code>1</code></th>' in made
    )  # the first cell heads its row
    assert "<th></th>" not in made  # an empty heading is no heading


def test_both_languages_have_the_same_words_and_blanks():
    def flat(found: dict, path: str = "") -> Iterator[tuple[str, set]]:
        for key, value in found.items():
            if isinstance(value, dict):
                yield from flat(value, f"{path}{key}.")
            else:
                yield path + key, {name for _, name, _, _ in Formatter().parse(value) if name}

    norwegian = dict(labels("nb"))
    assert set(norwegian.pop("sections")) == set(SECTIONS) == {s.name for s in outline.PAGE}
    assert dict(flat(labels("en"))) == dict(flat(norwegian))
    assert set(FIGURES) - {"plane", "ceac", "expected_loss"} == set(labels("en")["figures"])
    with pytest.raises(InputError, match="'xx' is not one of en, nb"):
        labels("xx")


def test_every_word_is_used():
    """A label stands in a template, a script or the code; those of sections and figures by their name."""
    folder = Path(str(resources.files("heor.report.html")))
    files = [f for kind in ("*.py", "static/*.js", "templates/*") for f in folder.glob(kind)]
    text = "".join(f.read_text(encoding="utf-8") for f in files)
    for section, found in labels("en").items():
        if section in ("sections", "figures"):
            continue
        for key in found if isinstance(found, dict) else [section]:
            assert re.search(rf"\b{key}\b", text), key


def test_norwegian_page_says_what_is_english(results):
    text = page(results, {}, "nb")
    assert '<html lang="nb">' in text and labels("nb")["language_note"] in text
    assert '<div class="prose" lang="en">' in text


def test_libraries_are_the_published_files():
    """Hashes as the register beside the files states them; licences go with the page."""
    folder = resources.files("heor.report.html") / "vendor"
    register = (folder / "README.md").read_text(encoding="utf-8")
    for name, licences in VENDOR.items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() in register
        assert all((folder / licence).read_text(encoding="utf-8") for licence in licences)


def test_every_figure_of_a_run_finds_its_place(results):
    """A figure is on the page once, unless a chart that follows the threshold replaces it."""
    replaced = {"plane", "ceac", "expected_loss", "tornado"}
    marks = {name: f"<svg>{name}</svg>".encode() for name in figures_of(results)}
    images = [a["src"] for tag, a in Elements(page(results, marks)).found if tag == "img"]
    assert len(images) == len(set(images)) == len(set(marks) - replaced)


# --- in a browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(browser, html, tmp_path_factory):
    """`opened(text, width, height)`: the page in a tab, with what it complained of."""
    folder = tmp_path_factory.mktemp("page")

    def tab(text: str = html, width: int = 1366, height: int = 768):
        path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.html"
        path.write_text(text, encoding="utf-8")
        found = browser.new_page(viewport={"width": width, "height": height})
        found.complaints, found.requests = [], []
        found.on("console", lambda message: found.complaints.append(message.text))
        found.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.on("request", lambda request: found.requests.append(request.url))
        found.goto(path.as_uri())
        found.wait_for_selector("#chart-ceac svg")
        return found

    return tab


@pytest.fixture(scope="module")
def laptop(opened):
    return opened()


def test_opens_without_complaint_or_request(laptop):
    assert laptop.complaints == []
    assert [u for u in laptop.requests if not u.startswith(("file:", "data:"))] == []
    assert all(laptop.query_selector(f"#chart-{name} svg") for name in TIED)


@pytest.mark.parametrize("place", ["named", "grid", "between"])
def test_numbers_at_a_threshold_are_those_of_the_tables(results, laptop, place):
    """Named thresholds, points of the curves' grid, and between them: to every shown digit."""
    outcomes, settings = results.simulation.outcomes, results.problem.settings
    roles, currency = (settings.comparator, settings.intervention), outcomes.currency
    curves = results.decision.tables["ceac"]
    values = {
        "named": [value for _, value in results.decision.thresholds],
        "grid": curves["threshold"].iloc[[0, 150, -1]].tolist(),
        "between": [123_456.0, 700_001.5],
    }[place]
    table = net_benefit_table(outcomes, *roles, [(str(v), v) for v in values])
    for _, row in table.iterrows():
        choose(laptop, row["threshold"])
        own = acceptability.ceac(outcomes, [row["threshold"]]).set_index("strategy")
        assert tiles(laptop) == {
            "benefit": f"{money(row['net_benefit'])} {currency}",
            "interval": f"{money(row['low'])} to {money(row['high'])} (95 % of draws)",
            "probability": f"{row['probability']:.1%}",
            "evpi": f"{money(row['evpi'])} {currency}",
        }
        verdict = laptop.inner_text("#verdict").replace("−", "-")
        assert ("is not worth" in verdict) == (row["net_benefit"] <= 0)
        assert f"{row['probability']:.1%}" in verdict and money(row["evpi"]) in verdict
        described = laptop.get_attribute("#chart-ceac svg", "aria-label")
        assert f"{own.loc[roles[1], 'probability']:.1%}" in described
        described = laptop.get_attribute("#chart-loss svg", "aria-label")
        assert money(own.loc[roles[0], "expected_loss"]) in described


def test_slider_moves_every_chart_and_keys_move_the_slider(laptop):
    choose(laptop, 715_000)
    before = {name: laptop.inner_html(f"#chart-{name}") for name in TIED}
    laptop.focus("#threshold-slider")
    for _ in range(9):
        laptop.keyboard.press("ArrowLeft")
    laptop.wait_for_timeout(50)
    assert float(laptop.input_value("#threshold-number")) < 715_000
    for name in TIED:
        assert laptop.inner_html(f"#chart-{name}") != before[name], name
    laptop.wait_for_timeout(600)  # said aloud when the slider rests
    assert laptop.inner_text("#verdict-aloud") == laptop.inner_text("#verdict")


def test_curves_are_the_tables_own(results, laptop):
    model = json.loads(laptop.inner_text("#data") or laptop.text_content("#data"))
    table = results.decision.tables["ceac"]
    for k, (_, rows) in enumerate(table.groupby("strategy", sort=False)):
        np.testing.assert_array_equal(model["curves"]["probability"][k], rows["probability"])
        np.testing.assert_array_equal(model["curves"]["loss"][k], rows["expected_loss"])


def test_severity_threshold_is_a_button_and_a_mark(results, laptop):
    severity = dict(results.decision.thresholds)["severity"]
    laptop.click(".presets button:has-text('severity-weighted')")
    assert float(laptop.input_value("#threshold-number")) == severity
    assert "severity-weighted" in laptop.inner_text("#verdict")
    assert "severity-weighted" in laptop.text_content("#chart-ceac svg")


@pytest.mark.parametrize("typed", ["", "-5", "1e99"])
def test_impossible_thresholds_change_nothing(laptop, typed):
    choose(laptop, 275_000)
    before = tiles(laptop)
    laptop.fill("#threshold-number", typed)
    laptop.wait_for_timeout(30)
    assert tiles(laptop) == before
    laptop.press("#threshold-number", "Tab")
    assert laptop.input_value("#threshold-number") == "275000"


def test_tornado_follows_the_threshold(results, laptop):
    choose(laptop, 275_000)
    row = results.tornado.set_index("parameter").loc["cure_if_operated"]
    described = laptop.get_attribute("#chart-tornado > svg", "aria-label").replace("−", "-")
    ends = " / ".join(money(row[f"net_benefit_275000_{end}"]) for end in ("low", "high"))
    assert f"{row['description']} {ends}" in described


def test_parameters_are_searched_filtered_and_sorted(results, laptop):
    frame = parameter_table(results)
    laptop.fill("#parameter-search", "cure operated")
    shown = laptop.inner_text("#parameter-table tbody")
    assert "cure_if_operated" in shown and "start_age" not in shown
    laptop.fill("#parameter-search", "")
    laptop.select_option("#parameter-status", STATUS_WORDS["to_verify"])
    laptop.check("#parameter-used")
    wanted = frame[(frame["status"] == "to_verify") & frame["used"]]
    rows = laptop.query_selector_all("#parameter-table tbody tr:not([hidden])")
    assert len(rows) == len(wanted) > 0
    assert laptop.inner_text("#parameter-count").startswith(
        f"{len(wanted)} of {len(frame) + len(results.problem.syntheses)} "
    )
    laptop.click("#parameter-table th:nth-child(2) button")
    values = laptop.eval_on_selector_all(
        "#parameter-table tbody tr:not([hidden]) td[data-sort]", "e => e.map(x => +x.dataset.sort)"
    )
    assert values == sorted(values) and len(set(values)) > 1
    assert laptop.get_attribute("#parameter-table th:nth-child(2)", "aria-sort") == "ascending"


@pytest.mark.slow
def test_no_serious_barrier_on_a_laptop(laptop):
    assert serious(laptop) == []


@pytest.mark.slow
def test_phone_in_norwegian(results, opened):
    """Nothing is wider than the screen; no serious barrier."""
    tab = opened(page(results, {}, "nb"), 390, 844)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    assert tab.inner_text("#verdict").startswith(
        "Ved 715\N{NO-BREAK SPACE}000 NOK per QALY (alvorlighetsvektet)"
    )
    assert serious(tab) == [] and tab.complaints == []


def test_paper_holds_every_chart(laptop):
    """At the width of A4 no chart is wider than its column, and no control is left."""
    laptop.set_viewport_size({"width": 687, "height": 972})  # 210 mm less margins
    laptop.emulate_media(media="print")
    widths = laptop.eval_on_selector_all(
        ".chart svg, .picture img", "e => e.map(x => x.getBoundingClientRect().right)"
    )
    assert len(widths) >= len(TIED) and max(widths) <= 687
    assert laptop.is_hidden(".presets") and laptop.is_hidden(".contents")
    laptop.emulate_media(media="screen")
    laptop.set_viewport_size({"width": 1366, "height": 768})


@pytest.mark.slow
def test_labels_stay_labels_in_the_browser(results, opened):
    tab = opened(page(relabelled(results, resection=NASTY, chemotherapy="`*a*`"), {}))
    assert tab.evaluate("window.hacked") is None and tab.complaints == []
    assert NASTY in tab.inner_text("#verdict")


@pytest.mark.slow
def test_no_verdict_at_another_countrys_threshold(results, opened):
    """A country without a threshold of its own gets numbers, and no word on whether it is worth it."""
    country = replace(results.problem.country, threshold_kind="none")
    tab = opened(page(replace(results, problem=replace(results.problem, country=country)), {}))
    for threshold in (100_000, 900_000):
        choose(tab, threshold)
        verdict = tab.inner_text("#verdict")
        assert "no verdict" in verdict and "worth its cost" not in verdict
    assert "cost-effective" not in tab.inner_text(".tiles")


def with_strategies(results: Results, problem: DecisionProblem, made_up_draws) -> Results:
    """The results' other parts beside a decision among other strategies."""
    n = results.problem.settings.draws
    problem = replace(problem, settings=replace(problem.settings, draws=n), trial=None)
    draws = made_up_draws(problem, n)
    simulation = simulate(problem, draws, workers=1)
    return replace(
        results,
        problem=problem,
        draws=draws,
        simulation=simulation,
        decision=decide(problem, simulation),
        information=pd.DataFrame(),
        information_curves=pd.DataFrame(),
        trial=None,
        companions=(),
        structures=(),
    )


@pytest.mark.slow
def test_three_strategies_share_charts_and_get_a_table(results, problem, made_up_draws, opened):
    """The third is the second by another name: they share the draws in which they are best."""
    resection = problem.strategies["resection"]
    again = replace(resection, name="again", label="Again")
    strategies = {**problem.strategies, "again": again}
    three = with_strategies(results, replace(problem, strategies=strategies), made_up_draws)
    tab = opened(page(three, {}))
    rows = tab.eval_on_selector_all("#by-strategy tbody tr", "e => e.map(x => x.innerText)")
    start = dict(three.decision.thresholds)["severity"]
    own = acceptability.ceac(three.simulation.outcomes, [start]).set_index("strategy")
    assert [text.split("\t")[0] for text in rows] == [s.label for s in strategies.values()]
    for name, text in zip(own.index, rows, strict=True):
        assert text.split("\t")[2] == f"{own.loc[name, 'probability']:.1%}"
        assert text.split("\t")[3] == money(own.loc[name, "expected_loss"])
    assert own.loc["again", "probability"] == own.loc["resection", "probability"] > 0
    assert tab.complaints == []


def test_slider_names_the_best_of_three_strategies(three_strategies, opened):
    """The sentence and the tiles at any threshold, also at those between the tables' own."""
    tab, problem = opened(page(three_strategies, {})), three_strategies.problem
    labels = {name: s.label for name, s in problem.strategies.items()}
    outcomes, roles = three_strategies.simulation.outcomes, ("chemotherapy", "resection")
    for threshold in (275_000.0, 123_456.0, 1_200_000.0):
        choose(tab, threshold)
        own = choices({"choice": choice_table(outcomes, roles[0], [("t", threshold)])})["t"]
        pair = net_benefit_table(outcomes, *roles, [("t", threshold)]).iloc[0]
        best, chance = labels[own.strategy], f"{own.chances[own.strategy]:.1%}"
        verdict = tab.inner_text("#verdict").replace("−", "-")
        assert f"{best} has the highest expected net benefit of all 3 strategies" in verdict
        assert f"it is the best in {chance} of draws" in verdict and money(own.evpi) in verdict
        against = f"Compared with {labels[roles[0]]} alone, {labels[roles[1]]} has a net benefit of"
        assert f"{against} {money(pair['net_benefit'])} NOK" in verdict
        assert "worth its cost" not in verdict
        assert tiles(tab)["probability"] == chance
        assert tiles(tab)["benefit"] == f"{money(pair['net_benefit'])} NOK"
        assert best in tab.inner_text("#label-probability")
        assert f"against {labels[roles[0]]} alone" in tab.inner_text("#label-benefit")
    assert tab.complaints == []


def test_slider_says_that_draws_are_too_few(results, opened):
    outcomes = results.simulation.outcomes
    few = replace(outcomes, data=outcomes.data[:60])
    simulation = replace(results.simulation, outcomes=few)
    own = replace(results, simulation=simulation, decision=decide(results.problem, simulation))
    tab = opened(page(own, {}))
    verdict = tab.inner_text("#verdict")
    assert "60 draws are too few to say how sure that is; at least 100 are needed" in verdict
    assert "cost-effective" not in verdict and "worth" not in verdict
    assert tiles(tab)["probability"] == tiles(tab)["evpi"] == "–" and tiles(tab)["interval"] == ""


def many_strategies(results: Results, problem: DecisionProblem, made_up_draws, n: int) -> Results:
    """As many programmes as wished: resection by other names, each dearer or better by chance."""
    resection = problem.strategies["resection"]
    others = {
        f"p{k}": replace(resection, name=f"p{k}", label=f"Programme {k}") for k in range(n - 2)
    }
    strategies = {**problem.strategies, **others}
    found = with_strategies(results, replace(problem, strategies=strategies), made_up_draws)
    data, rng = found.simulation.outcomes.data, np.random.default_rng(3)
    noise = rng.gamma(20, 1 / 20, (1, n, 1)) * rng.gamma(30, 1 / 30, (len(data), n, 1))
    outcomes = replace(found.simulation.outcomes, data=data * noise)
    simulation = replace(found.simulation, outcomes=outcomes)
    return replace(found, simulation=simulation, decision=decide(found.problem, simulation))


@pytest.fixture(scope="module")
def forty(results, problem, made_up_draws) -> Results:
    return many_strategies(results, problem, made_up_draws, 40)


@pytest.mark.slow
def test_forty_strategies_make_a_readable_report(forty):
    """Tables and figures hold those that matter and say so; the CSV files hold all."""
    shown = list(shown_strategies(forty))
    assert len(shown) == MOST and len(TABLES["strategies"](forty)["strategy"].unique()) == 40
    both = {forty.problem.settings.comparator, forty.problem.settings.intervention}
    frontier = forty.decision.tables["frontier"]
    assert both | set(frontier.loc[frontier["status"] == STATUSES[0], "strategy"]) <= set(shown)
    words = f"{MOST} of 40 strategies"
    assert words in report(forty, []) and words in page(forty, {})
    for name in ("plane", "ceac", "expected_loss", "survival_os", "occupancy"):
        figure = figures_of(forty)[name](forty)
        assert words in figure.caption
        labels = {forty.problem.strategies[s].label for s in shown}
        column = "label" if name == "survival_os" else "strategy"
        drawn = set(figure.numbers.table[column]) & {
            s.label for s in forty.problem.strategies.values()
        }
        assert drawn in (labels, labels - {forty.problem.strategies["chemotherapy"].label})


@pytest.mark.slow
def test_numbers_among_forty_are_those_of_all(forty, opened):
    """Chance, loss and EVPI know the strategies that charts leave out, at any threshold."""
    tab = opened(page(forty, {}))
    names, labels = list(shown_strategies(forty)), forty.problem.strategies
    for threshold in (123_456, 600_000, 1_234_567):
        choose(tab, threshold)
        rows = tab.eval_on_selector_all("#by-strategy tbody tr", "e => e.map(x => x.innerText)")
        cells = [row.split("\t") for row in rows]
        own = acceptability.ceac(forty.simulation.outcomes, [threshold]).set_index("strategy")
        for name, cell in zip(names, cells, strict=False):
            assert cell[0] == labels[name].label
            assert cell[2] == f"{own.loc[name, 'probability']:.1%}"
            assert cell[3] == money(own.loc[name, "expected_loss"])
        rest = own.drop(index=names)["probability"].sum()
        assert cells[-1][0].startswith("32 others") and cells[-1][2] == f"{rest:.1%}"
        assert tiles(tab)["evpi"] == f"{money(own['evpi'].iloc[0])} NOK"
    assert tab.complaints == []


@pytest.mark.slow
def test_one_strategy_alone_has_no_plane(results, problem, made_up_draws, opened):
    name = problem.settings.comparator
    settings = replace(problem.settings, intervention=name)
    alone = replace(problem, strategies={name: problem.strategies[name]}, settings=settings)
    tab = opened(page(with_strategies(results, alone, made_up_draws), {}))
    assert tab.query_selector("#chart-plane") is None and tab.complaints == []
    assert tiles(tab)["evpi"] == "0 NOK"
