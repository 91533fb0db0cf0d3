"""What was observed, by every form of evidence, and whether fits would have produced it."""

from __future__ import annotations

import numpy as np
import pytest

from heor.problem.evidence import SurvivalEvidence
from heor.problem.parameter import Origin
from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.evidence import observed
from heor.survival.evidence.evidence import individual, piece
from heor.survival.families.distributions import DISTRIBUTIONS, survival
from heor.survival.fitting import goodness
from heor.survival.fitting.posterior import FitRequest
from heor.survival_analysis import predictive
from tests.fits import fit_all

QUICK = FitSettings(quick=True, chains=2, draws=400)


def evidence(form: str, table: dict, **more) -> SurvivalEvidence:
    arrays = {k: np.asarray(v, float) for k, v in table.items()}
    origin = Origin("made up")
    return SurvivalEvidence("x", "X", "os", form, arrays, (), "trial", origin, **more)


def people(n: int, shape: float, seed: int = 1, last: float = 5.0) -> SurvivalEvidence:
    """Weibull times of scale 1.5 years under uniform censoring."""
    generator = np.random.default_rng(seed)
    time, censored = 1.5 * generator.weibull(shape, n), generator.uniform(0, last, n)
    event = (time <= censored).astype(float)
    return evidence("individual", {"time": np.minimum(time, censored), "event": event})


def grouped(own: SurvivalEvidence, step: float = 1 / 24) -> SurvivalEvidence:
    """The same patients counted by half months."""
    time, event = own.table["time"], own.table["event"]
    edges = np.arange(0.0, time.max() + step, step)
    dead, _ = np.histogram(time[event > 0], edges)
    left, _ = np.histogram(time, edges)
    at_risk = len(time) - np.append(0, np.cumsum(left)[:-1])
    counts = {"n_at_risk": at_risk, "n_events": dead, "n_censored": left - dead}
    return evidence("grouped", {"start": edges[:-1], "end": edges[1:], **counts})


LANDMARK = evidence(
    "landmark",
    {
        "start": [0, 1, 3],
        "end": [1, 3, 5],
        "n": [100, 60, 20.4],
        "survivors": [80, 45, 10.2],
        "time": [1, 3, 5],
        "survival": [0.8, 0.6, 0.3],
    },
)
CLICKS = evidence(
    "published_curve",
    {
        "click_time": np.linspace(0, 3, 31),
        "click_survival": np.exp(-0.5 * np.linspace(0, 3, 31)),
        "risk_time": [0, 1, 2],
        "risk_n": [200, 110, 60],
    },
    patients=200,
)
FORMS = {
    "individual": people(200, 1.2),
    "grouped": grouped(people(200, 1.2)),
    "landmark": LANDMARK,
    "published_curve": CLICKS,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_a_curve_numbers_at_risk_and_a_hazard(form: str) -> None:
    own = FORMS[form]
    table = observed.kaplan_meier(own)
    assert list(table) == ["time", "survival", "low", "high", "n_at_risk", "n_events"]
    assert table["survival"].iloc[0] == 1 and table["survival"].is_monotonic_decreasing
    inside = table.dropna()
    assert (inside["low"] <= inside["survival"] + 1e-12).all()
    assert (inside["survival"] <= inside["high"] + 1e-12).all()
    last_event, last = observed.follow_up(own)
    assert 0 < last_event <= last <= 5.01
    at_risk = observed.number_at_risk(own, np.array([0.0, 1.0, 2.0, last + 0.1]))
    assert (np.diff(at_risk) <= 0).all() and at_risk[0] == own.n and at_risk[-1] == 0
    windows = observed.empirical_hazard(own, observed.hazard_windows(own))
    assert windows["events"].sum() == pytest.approx(individual(own).events, abs=1.5)
    assert (windows["hazard"] > 0).all() and (windows["person_years"] > 0).all()


def test_landmarks_give_back_the_published_survival() -> None:
    table = observed.kaplan_meier(LANDMARK)
    np.testing.assert_allclose(table["survival"], [1, 0.8, 0.6, 0.3])
    assert observed.median(LANDMARK) == 5
    assert observed.smooth_hazard(LANDMARK).empty  # nothing to smooth


def test_curves_of_patients_and_of_their_counts_agree() -> None:
    own = people(1500, 1.4)
    a, b = observed.kaplan_meier(own), observed.kaplan_meier(grouped(own))
    found = np.interp(b["time"], a["time"], a["survival"])
    assert np.abs(found - b["survival"])[b["time"] < 4].max() < 0.02


def test_a_late_entry_is_not_at_risk_before() -> None:
    own = evidence("individual", {"time": [2, 3, 4], "event": [1, 1, 1], "entry": [0, 0, 2.5]})
    table = observed.kaplan_meier(own)
    np.testing.assert_allclose(table["survival"], [1, 1 / 2, 1 / 4, 0])
    assert observed.number_at_risk(own, np.array([1.0, 2.6])).tolist() == [2, 2]


@pytest.mark.parametrize("shape", [0.7, 1.0, 1.6])
@pytest.mark.parametrize("counted", [False, True])
def test_smoothed_hazard_finds_a_known_hazard(shape: float, counted: bool) -> None:
    """Within 20 % between the first month and the end, and inside its band nearly everywhere."""
    own = people(4000, shape)
    table = observed.smooth_hazard(grouped(own) if counted else own)
    table = table[table["time"] > 1 / 12]
    true = shape / 1.5 * (table["time"] / 1.5) ** (shape - 1)
    ratio = (table["hazard"] / true)[table["time"] < 3]
    assert ratio.between(0.8, 1.25).all()
    assert (table["low"].le(true) & table["high"].ge(true)).mean() > 0.85


def test_a_smoothed_hazard_is_not_biased_at_time_zero() -> None:
    """A kernel without boundary correction halves a constant hazard there."""
    at_zero = [
        observed.smooth_hazard(people(800, 1.0, seed))["hazard"].iloc[0] for seed in range(20)
    ]
    assert np.mean(at_zero) == pytest.approx(1 / 1.5, rel=0.1)


def test_each_scale_is_straight_for_its_family() -> None:
    table = observed.transforms(people(6000, 1.5, last=9.0))
    own = table[(table["scale"] == "log_cumulative_hazard") & table["time"].between(0.1, 3)]
    slope, _ = np.polyfit(np.log(own["time"]), own["value"], 1)
    assert slope == pytest.approx(1.5, abs=0.06)
    assert set(table["scale"]) == set(observed.SCALES)
    own = own.dropna()
    assert (own["low"] <= own["value"]).all() and (own["value"] <= own["high"]).all()


def fit(own: SurvivalEvidence, family: str):
    request = FitRequest(DISTRIBUTIONS[family], (piece(own),))
    return next(iter(fit_all([request], QUICK, Streams(3)).values()))


def checked(own: SurvivalEvidence, family: str, seed: int) -> dict[str, float]:
    """p-values by statistic."""
    posterior, found = fit(own, family), predictive.cells(own)
    fitted = survival(posterior.model, posterior.parameters, found.edges)[:400]
    replicated = predictive.replicate(found, fitted, np.random.default_rng(seed))
    rows = predictive.statistics(found, fitted, replicated)
    return {row["statistic"]: row["p"] for row in rows}


def test_predictive_checks_pass_the_true_family_and_flag_a_wrong_one() -> None:
    """Over data sets of the model the p-values are spread, and centred as such p-values are."""
    true = [checked(grouped(people(300, 1.7, seed)), "weibull", seed) for seed in range(12)]
    distance = np.array([p[predictive.DISTANCE] for p in true])
    assert (distance < 0.05).sum() <= 2 and 0.35 < distance.mean() < 0.85
    landmark = np.array([p["survival at 12 months"] for p in true])
    assert ((landmark < 0.025) | (landmark > 0.975)).sum() <= 2 and 0.3 < landmark.mean() < 0.7
    wrong = checked(grouped(people(300, 1.7, 1)), "exponential", 1)
    assert wrong[predictive.DISTANCE] < 0.01


@pytest.mark.parametrize("form", FORMS)
def test_replicates_keep_the_design(form: str) -> None:
    """With survival as estimated, replicated curves are centred on the observed one."""
    found = predictive.cells(FORMS[form])
    s = np.append(1.0, found.survival)
    fitted = np.tile(s, (3000, 1))
    replicated = predictive.replicate(found, fitted, np.random.default_rng(1))
    some = found.at_risk >= 10
    assert np.abs(replicated.mean(axis=0) - found.survival)[some].max() < 0.015
    assert (np.diff(replicated, axis=1) <= 1e-12).all()


def test_replicates_censor_as_the_data_do() -> None:
    """The spread of replicated curves is that of Greenwood's formula."""
    own = grouped(people(400, 1.3, seed=5))
    found, table = predictive.cells(own), observed.kaplan_meier(own)
    fitted = np.tile(np.append(1.0, found.survival), (4000, 1))
    replicated = predictive.replicate(found, fitted, np.random.default_rng(1))
    at = int(np.searchsorted(found.edges, 2.0)) - 1
    width = table["high"].iloc[at + 1] - table["low"].iloc[at + 1]
    assert 3.92 * replicated[:, at].std() == pytest.approx(width, rel=0.1)


def test_individual_data_are_counted_without_loss() -> None:
    found = predictive.cells(people(500, 1.2))
    assert found.events.sum() + found.censored.sum() == found.entering.sum() == 500
    assert found.at_risk[0] == 500 and (found.at_risk >= found.events + found.censored).all()


def test_landmark_table_takes_any_survival() -> None:
    posterior = fit(people(200, 1.0), "exponential")
    bare = goodness.landmark_table([posterior], [12, 60])
    assert list(bare) == ["evidence", "endpoint", "distribution", "month", "mean", "low", "high"]
    halved = goodness.landmark_table(
        [posterior], [12, 60], lambda p, t: 0.5 * survival(p.model, p.parameters, t)
    )
    np.testing.assert_allclose(halved["mean"], 0.5 * bare["mean"])
