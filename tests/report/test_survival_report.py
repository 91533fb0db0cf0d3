"""The survival layer's own report: tables and their units, text, figures, files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from heor.errors import InputError
from heor.inputs.load import load
from heor.problem.problem import DecisionProblem
from heor.report.figures.canvas import house_style
from heor.report.figures.registry import figure_bytes
from heor.report.folders import survival as write
from heor.report.survival.figures import survival_figures
from heor.report.survival.markdown import answer
from heor.report.survival.tables import survival_tables
from heor.survival.fitting.model_draws import restricted_mean
from heor.survival_analysis import SurvivalResults, appraise, read_targets, unscreened
from heor.survival_analysis.landmarks import AFTER, AVERAGE, BEFORE
from heor.survival_analysis.opinions import conflicts
from tests.reports import survival_markdown as report

OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"
FAMILIES = ["exponential", "lognormal", "joint_lognormal_weibull"]
FEW = {
    "analysis.survival.distributions": FAMILIES,
    "analysis.draws": 400,
    "analysis.survival.chains": 2,
    "analysis.survival.draws_per_chain": 400,
}
COLUMNS = {
    "evidence": "evidence label endpoint role form status source n events last_event_months "
    "follow_up_months median_months at_risk_near_end time_unit background covariates note",
    "reconstruction": "evidence repair max_difference rmse",
    "kaplan_meier": "evidence month survival low high n_at_risk n_events",
    "at_risk": "evidence month n_at_risk",
    "hazards": "evidence kind family month from_month to_month hazard low high",
    "transforms": "evidence scale month value low high",
    "landmarks": "evidence endpoint family label weight stage month mean low high",
    "summary": "evidence endpoint family label weight stage median_months median_low median_high "
    "restricted_mean_years restricted_low restricted_high mean_years data_end_months "
    "share_beyond_data",
    "curves": "evidence family stage month mean low high",
    "structure": "evidence quantity within_sd between_sd share_between",
    "targets": "target quantity evidence stage source dependence validation value target_low "
    "target_high unit model low high rule verdict",
    "predictive_checks": "evidence endpoint family label method statistic observed replicated low "
    "high p p_two_sided",
    "predictive_curves": "evidence family month observed low median high",
    "priors": "evidence family parameter description unit scale prior_mean prior_sd posterior_mean "
    "posterior_sd learned distance_in_sd prior_low prior_high mean low high",
    "prior_sensitivity": "priors evidence family label quantity unit standard standard_sd value "
    "value_sd change change_in_sd",
    "opinions": "opinion label evidence family family_label weight month opinion_mean opinion_se "
    "data_mean data_sd posterior_mean posterior_sd data_method distance_in_sd conflict",
    "effects": "synthesis label row kind use tau_scale median low high hazard_ratio "
    "hazard_ratio_low hazard_ratio_high in_model unit",
    "hazard_ratios": "strategy endpoint patients median low high draws",
}


@pytest.fixture(scope="module")
def few(inputs: Path) -> DecisionProblem:
    return load(inputs, "norway", overrides=FEW, quick=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def results(few: DecisionProblem, inputs: Path, cache: Path) -> SurvivalResults:
    return appraise(few, "narrow", read_targets(inputs), cache)


@pytest.fixture(scope="module")
def text(results: SurvivalResults) -> str:
    return report(results)


def chosen(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def test_every_table_has_its_columns(results: SurvivalResults) -> None:
    assert {k: " ".join(v) for k, v in results.tables.items()} == COLUMNS
    extra = set(survival_tables(results)) - set(COLUMNS)
    assert extra == {"diagnostics", "comparison", "correlations", "sources"}
    for name, table in survival_tables(results).items():
        assert not table.empty or name == "reconstruction", name
        assert "seconds" not in table.columns


def test_tables_are_in_the_units_they_name(results: SurvivalResults) -> None:
    """Months where a column says months; hazards per year; shares between 0 and 1."""
    t = results.tables
    os = chosen(t["evidence"], evidence=OS).iloc[0]
    assert (os["n"], os["events"], os["last_event_months"]) == (542, 471, 46.5)
    assert os["median_months"] == pytest.approx(12.5) and 0 < os["at_risk_near_end"] < 0.1
    assert chosen(t["at_risk"], evidence=OS)["n_at_risk"].tolist()[:3] == [542, 411, 253]
    smooth = chosen(t["hazards"], evidence=OS, kind="smoothed")
    assert smooth["hazard"].between(0.1, 2.0)[10:].all()  # about 0.08 a month
    background = chosen(t["hazards"], evidence=OS, kind="background")["hazard"]
    assert background.between(0.004, 0.03).all()
    for name in ("landmarks", "curves"):
        assert t[name][["mean", "low", "high"]].stack().between(0, 1).all()
    assert sorted(set(t["landmarks"]["month"])) == [12, 24, 36, 60, 120]
    summary = chosen(t["summary"], evidence=OS, family=AVERAGE, stage=BEFORE).iloc[0]
    assert 10 < summary["median_months"] < 14 and 1.1 < summary["restricted_mean_years"] < 1.5
    assert t["predictive_checks"][["p", "p_two_sided"]].stack().between(0, 1).all()


def test_landmarks_hold_every_family_and_the_average_at_both_stages(
    results: SurvivalResults,
) -> None:
    table = results.tables["landmarks"]
    found = table.groupby(["evidence", "stage"])["family"].unique()
    for families in found:
        assert list(families) == [*FAMILIES, AVERAGE]
    assert set(found.index) == {(e, s) for e in (OS, PFS) for s in (BEFORE, AFTER)}
    weights = chosen(table, evidence=OS, stage=BEFORE, month=12.0)
    weights = weights[weights["family"] != AVERAGE]
    average = chosen(table, evidence=OS, stage=BEFORE, month=12.0, family=AVERAGE)
    assert (weights["weight"] @ weights["mean"]) == pytest.approx(average["mean"].iloc[0], abs=0.01)
    after = chosen(table, evidence=OS, stage=AFTER, month=24.0, family=AVERAGE)["mean"].iloc[0]
    assert after > chosen(table, evidence=OS, stage=BEFORE, month=24.0)["mean"].max()


def test_the_curve_of_a_family_passes_through_its_landmarks(results: SurvivalResults) -> None:
    """Two ways to the same number: posteriors, and the model's own draws."""
    curve = chosen(results.tables["curves"], evidence=OS, family="lognormal", stage=BEFORE)
    for _, r in chosen(
        results.tables["landmarks"], evidence=OS, family="lognormal", stage=BEFORE
    ).iterrows():
        at = float(np.interp(r["month"], curve["month"], curve["mean"]))
        assert at == pytest.approx(r["mean"], abs=0.004)


def test_share_beyond_the_data_is_that_of_the_curve(results: SurvivalResults) -> None:
    summary = chosen(results.tables["summary"], evidence=OS, family="lognormal", stage=BEFORE)
    posterior = results.fits.posteriors[OS, "lognormal"]
    row = summary.iloc[0]
    assert row["restricted_mean_years"] == pytest.approx(
        restricted_mean(posterior).mean(), rel=0.02
    )
    assert 0.02 < row["share_beyond_data"] < 0.15
    assert row["mean_years"] > row["restricted_mean_years"]


def test_fitted_hazards_are_near_the_smoothed_one(results: SurvivalResults) -> None:
    table = chosen(results.tables["hazards"], evidence=OS)
    smooth = chosen(table, kind="smoothed")
    fitted = chosen(table, kind="fitted", family="joint_lognormal_weibull")
    month = np.array([6.0, 12.0, 18.0, 24.0])
    a, b = (np.interp(month, x["month"], x["hazard"]) for x in (smooth, fitted))
    np.testing.assert_allclose(a, b, rtol=0.4)


def test_only_independent_targets_are_validation(results: SurvivalResults) -> None:
    table = results.tables["targets"]
    assert (table["validation"] == (table["dependence"] == "independent")).all()
    assert set(table["verdict"]) <= {"inside", "outside"}
    assert not table["target"].str.contains("brouquet|resect|bergen").any()
    raise_os = chosen(table, target="raise_os_median")
    assert set(raise_os["stage"]) == {BEFORE, AFTER} and set(raise_os["unit"]) == {"months"}
    km = chosen(table, target="chemotherapy_os_24_before_transport").iloc[0]
    assert km["stage"] == BEFORE and km["verdict"] == "inside" and not km["validation"]
    bound = chosen(table, target="norway_synchronous_os_60", stage=BEFORE).iloc[0]
    assert bound["rule"].startswith("upper bound") and bound["verdict"] == "inside"


def test_targets_are_none_without_a_file(tmp_path: Path) -> None:
    assert read_targets(tmp_path) == ()


def test_a_damaged_target_is_named(copied_inputs: Path) -> None:
    path = copied_inputs / "model" / "targets.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",11.7,10.8,", ",about 12,10.8,"))
    with pytest.raises(InputError, match=r"targets.csv:\d+: column 'value': 'about 12'"):
        read_targets(copied_inputs)


def test_opinions_stand_beside_the_data_without_them(results: SurvivalResults) -> None:
    table = results.tables["opinions"]
    assert set(table["evidence"]) == {OS} and list(table["family"]) == FAMILIES
    between = (table["posterior_mean"] - table["data_mean"]) * (
        table["opinion_mean"] - table["data_mean"]
    )
    moved = (table["posterior_mean"] - table["data_mean"]).abs() > 1e-3
    assert (between[moved] > 0).all()  # the posterior lies towards the opinion
    assert (table["posterior_sd"] < table["data_sd"]).all()


def test_a_far_opinion_is_a_conflict_in_words(results: SurvivalResults) -> None:
    table = results.tables["opinions"].assign(
        opinion_mean=0.6, distance_in_sd=9.0, conflict=True, weight=0.5
    )
    lines = conflicts(table)
    assert len(lines) == len(table) and "9.0 joint standard deviations apart" in lines[0]
    assert conflicts(table.assign(weight=0.0)) == ()


def test_no_opinion_no_section(results: SurvivalResults) -> None:
    without = replace(
        results, tables={**results.tables, "opinions": results.tables["opinions"][:0]}
    )
    assert "## Expert opinion" not in report(without)
    assert "opinions" not in survival_figures(without)


def test_narrow_priors_move_the_posterior_towards_the_prior(results: SurvivalResults) -> None:
    table = results.tables["prior_sensitivity"]
    sized = table[table["quantity"] != "stacking weight"]
    assert sized["change_in_sd"].abs().is_monotonic_decreasing
    assert set(table["unit"]) == {"probability", "years", "share"}
    assert sized["change_in_sd"].abs().max() > 0.005
    for f in FAMILIES:
        own = chosen(table, family=f, evidence=OS)
        assert len(own) == 7  # five landmarks, the restricted mean, the weight


def test_priors_beside_posteriors_once_a_fit(results: SurvivalResults) -> None:
    table = results.tables["priors"]
    joint = chosen(table, family="joint_lognormal_weibull")
    assert set(joint["evidence"]) == {f"{OS} + {PFS}"} and joint["parameter"].is_unique
    assert (table["learned"] < 1).all()
    rate = chosen(table, family="exponential", evidence=OS).iloc[0]
    assert rate["unit"] == "per year" and rate["low"] < rate["mean"] < rate["high"]
    assert rate["prior_low"] == pytest.approx(np.exp(-1.96 * 1.5), rel=1e-3)


def test_effects_show_mean_and_predictive_under_every_prior(results: SurvivalResults) -> None:
    table = results.tables["effects"]
    assert (table["kind"] == "study").sum() == 2 and table["in_model"].sum() == 1
    predictive = chosen(table, use="predictive").sort_values("tau_scale")
    assert predictive["tau_scale"].tolist() == [0.125, 0.25, 0.5, 1.0]
    assert (predictive["high"] - predictive["low"]).is_monotonic_increasing
    own = chosen(table, in_model=True).iloc[0]
    # the doctest of `pool`
    assert [round(own[f"hazard_ratio{k}"], 2) for k in ("_low", "", "_high")] == [0.37, 0.77, 1.46]
    ratios = chosen(results.tables["hazard_ratios"], endpoint="os").set_index("patients")["median"]
    assert ratios["not cured"] > ratios["all (marginal)"]


def test_first_line_is_the_answer(results: SurvivalResults, text: str) -> None:
    first = text.splitlines()[0]
    assert first == f"**{answer(results)}**"
    for words in ("carr", "median overall survival", "reach 5 years", "after transport", "beyond"):
        assert words in first


def test_the_report_says_what_a_reviewer_asks(text: str) -> None:
    for words in (
        "Quick run",
        "## Evidence",
        "No Pareto k is above 0.7",
        "correlate by",
        "1 y",
        "10 y",
        "**Validation**",
        "**Not validation**",
        "## Posterior predictive checks",
        "R-hat",
        "## Expert opinion",
        "What moves under narrow priors",
        "**Marginal** (all patients)",
        "doi:10.1214/17-BA1091",
        "`heor survival --country norway",
        "--priors narrow",
    ):
        assert words in text, words


def test_accepted_faults_stand_at_the_top(results: SurvivalResults) -> None:
    fits = replace(results.fits, accepted=("Accepted by the analyst: x/weibull.",))
    text = report(replace(results, fits=fits))
    assert text.index("Accepted by the analyst") < text.index("## Evidence")


@pytest.fixture(scope="module")
def drawn(results: SurvivalResults) -> dict[str, Figure]:
    """Every figure, drawn once."""
    return {name: draw(results) for name, draw in survival_figures(results).items()}


def test_figures_stand_in_the_text_and_are_whole(drawn: dict[str, Figure], text: str) -> None:
    for name, figure in drawn.items():
        assert f"(figures/{name}.svg)" in text
        with matplotlib.style.context(house_style()):  # as its file is drawn
            figure.draw_without_rendering()
        width, height = figure.bbox.size
        ticks = {id(t) for a in figure.axes for axis in (a.xaxis, a.yaxis) for t in labels(axis)}
        for words in figure.findobj(Text):
            if not words.get_visible() or not words.get_text() or id(words) in ticks:
                continue
            box = words.get_window_extent()
            inside = -1 <= box.x0 and box.x1 <= width + 1 and -1 <= box.y0 and box.y1 <= height + 1
            assert inside, (name, words)


def labels(axis) -> list[Text]:
    """Tick labels: those outside the limits are not drawn."""
    return [t for tick in axis.get_major_ticks() for t in (tick.label1, tick.label2)]


def test_no_panel_title_runs_into_the_next(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        titles = [a.title.get_window_extent() for a in figure.axes if a.title.get_text()]
        for i, a in enumerate(titles):
            assert not any(a.overlaps(b) for b in titles[i + 1 :]), name


@pytest.mark.parametrize("name", [f"fits_{OS}", "relative_effects"])
def test_the_same_results_give_the_same_bytes(results, drawn, name) -> None:
    again = survival_figures(results)[name](results)
    assert figure_bytes(again, "svg") == figure_bytes(drawn[name], "svg")


def test_the_same_problem_gives_the_same_tables(
    few: DecisionProblem, results: SurvivalResults, inputs: Path, cache: Path
) -> None:
    """From stored posteriors too."""
    again = appraise(few, "standard", read_targets(inputs), cache)
    for name, table in results.tables.items():
        if name != "prior_sensitivity":
            pd.testing.assert_frame_equal(table, again.tables[name])
    assert again.tables["prior_sensitivity"].empty


def test_screening_is_off(few: DecisionProblem) -> None:
    fit = replace(few.settings.fit, screen=True, priors="wide")
    problem = replace(few, settings=replace(few.settings, fit=fit))
    assert not unscreened(problem).settings.fit.screen
    assert unscreened(problem).settings.fit.priors == "standard"


def test_a_failed_write_keeps_the_earlier_folder(
    results: SurvivalResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heor.report.figures.registry.write_figures", lambda *_, **__: [])
    folder = write.write_survival_report(results, tmp_path / "norway-survival")
    before = {p.name: p.read_bytes() for p in (folder / "tables").iterdir()}
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["posterior_method"] == "laplace" and record["priors"] == "narrow"
    assert all("seconds" in fit for fit in record["fits"].values())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "write_json", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write.write_survival_report(results, folder)
    assert {p.name: p.read_bytes() for p in (folder / "tables").iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["norway-survival"]


@pytest.mark.slow
def test_a_series_of_landmarks_alone_is_appraised(inputs: Path) -> None:
    """One endpoint without a partner, in survivors by interval; nothing to smooth."""
    own = "strategies.resection.curves.os.distributions"
    overrides = {**FEW, "analysis.survival.distributions": ["weibull"], own: ["weibull"]}
    found = appraise(load(inputs, "norway", "s03_adam_progression", overrides, quick=True))
    unit = ("resected_progression_os",)
    assert unit in found.fits.comparison
    kinds = set(chosen(found.tables["hazards"], evidence=unit[0])["kind"])
    assert kinds == {"windows", "background", "fitted"}
    figures = survival_figures(found)
    assert all(
        figures[f"{kind}_{unit[0]}"](found).axes for kind in ("fits", "hazards", "predictive")
    )
    assert "Adam" in report(found) or "progress" in report(found)
