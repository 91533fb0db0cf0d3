"""No effect must give no difference; and extreme but legal effects an answer or a true message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heor import load
from heor.errors import InputError, ModelError
from heor.parameters.draws import Draws, draw_parameters
from heor.streams import Streams
from heor.survival.curves import marginal
from heor.usage.structures import STRUCTURES, with_structure
from heor.valuation.simulate import simulate
from tests.made_up import joint_draws

NO_EFFECT = {
    "log_hr_os_clocc": 0,
    "log_hr_os_orchestra": 0,
    "tau_hr": 0,
    "log_hr_pfs_marginal": 0,
    "cure_exists": 0,
    "hr_post_recurrence_resection": 1,
    "analysis.patients": 20,
}


@pytest.mark.parametrize("model", STRUCTURES)
def test_hazard_ratio_one_and_no_cure_is_the_same_survival(model: str, inputs: Path) -> None:
    """The first test a reviewer makes, under every structure: equal in every state and draw."""
    problem = with_structure(load(inputs, overrides=NO_EFFECT), model)
    found = simulate(problem, joint_draws(problem, 4), workers=1)
    control, treated = (found.occupancy.sel(strategy=s) for s in problem.strategies)
    np.testing.assert_allclose(treated, control, rtol=0, atol=1e-12)
    for name in ("life_years", "life_years_undiscounted"):
        lived = found.outcomes.component(name)
        np.testing.assert_allclose(lived[:, 1], lived[:, 0], rtol=1e-12)
    for ratio in found.hazard_ratios:
        assert (found.hazard_ratios[ratio] == 1).all()


def test_a_root_at_the_guess_is_exact() -> None:
    """Hazard ratio 1 is found to the last digit; others within the tolerance of the search."""
    time = marginal.window_grid(5.0)
    control = np.exp(-0.6 * time - 0.01 * time**2)[None, :]

    def treated(ratio: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.exp(-0.01 * time**2) * np.exp(-0.6 * time * ratio[:, None])

    one, attained = marginal.uncured_hazard_ratio(np.ones(1), control, treated)
    assert one[0] == 1.0 and attained[0]
    assert marginal.marginal_hazard_ratio(control, control)[0] == 1.0


def test_nobody_left_alive_is_compared_up_to_there() -> None:
    """A control that dies within days: the ratio is found from those days, not from 0 / 0."""
    time = marginal.window_grid(5.0)
    cumulative = 500.0 * time[None, :]
    control = np.exp(-cumulative)
    assert (control[:, -1] == 0).all()
    found, attained = marginal.uncured_hazard_ratio(
        np.array([0.7]), control, lambda r, i: np.exp(-r[:, None] * cumulative[i])
    )
    assert attained[0] and found[0] == pytest.approx(0.7, abs=0.02)  # of the grid


def test_a_window_that_differs_between_draws(inputs: Path) -> None:
    """Each draw is solved within its window: as if all draws had it."""
    problem = load(inputs)
    windows = np.array([3.0, 5.0, 3.0, 5.0, 2.0])
    alone = {}
    for window in np.unique(windows):
        own = joint_draws(problem, 5, hr_calibration_window_os=window)
        alone[window] = simulate(problem, own, workers=1).outcomes.qalys
    draws = joint_draws(problem, 5)
    values = {**draws.values, "hr_calibration_window_os": windows}
    mixed = simulate(problem, Draws(values, draws.curves), workers=1).outcomes.qalys
    for row, window in enumerate(windows):
        np.testing.assert_allclose(mixed[row], alone[window][row], rtol=1e-12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"log_hr_os": -4.9, "smr_cured": 19.0}, "the population's mortality alone causes more"),
        ({"cured_fraction": 0.9, "log_hr_os": -0.1}, "the cured fraction is too large for it"),
    ],
)
def test_a_ratio_out_of_reach_says_why(
    changed: dict[str, float], words: str, inputs: Path, made_up_draws: Callable[..., Draws]
) -> None:
    problem = load(inputs)
    with pytest.raises(ModelError) as caught:
        simulate(problem, made_up_draws(problem, 20, replaced=changed), workers=1)
    text = str(caught.value)
    assert "cannot be reached in 20 of 20 draws" in text and words in text
    assert "cured_fraction, exp(log_hr_os), exp(log_hr_pfs_marginal)" in text


@pytest.mark.parametrize("model", ["partitioned_survival", "state_transition", "semi_markov"])
def test_near_certain_mortality_has_an_answer(model: str, inputs: Path) -> None:
    """Twenty times the excess hazard: patients die within months, and the sum still comes out."""
    problem = with_structure(load(inputs), model)
    own = joint_draws(problem, 4, transport_multiplier=20.0)
    outcomes = simulate(problem, own, workers=1, unattained_most=1.0).outcomes
    assert np.isfinite(outcomes.data).all()
    assert (outcomes.component("life_years")[:, 0] < 0.3).all()


def test_a_between_study_sd_without_uncertainty_is_that_sd(inputs: Path) -> None:
    """Fixed at 0.2 it is 0.2, not a prior with mean 0.2: the predictive effect is normal."""
    problem = load(inputs, overrides={"tau_hr": 0.2})
    drawn = draw_parameters(problem, 20_000, Streams(3))["log_hr_os"]
    y, s = np.array([-0.5447, -0.1278]), np.array([0.2142, 0.1153])
    weight = 1 / (s**2 + 0.04)
    mean, sd = weight @ y / weight.sum(), np.sqrt(1 / weight.sum() + 0.04)
    assert drawn.mean() == pytest.approx(mean, abs=4 * sd / 20_000**0.5)
    assert drawn.std() == pytest.approx(sd, rel=0.02)


def test_studies_known_exactly_cannot_differ_under_a_common_effect(inputs: Path) -> None:
    fixed = {"tau_hr": 0, "log_hr_os_clocc": -0.5, "log_hr_os_orchestra": -0.1}
    with pytest.raises(InputError) as caught:
        load(inputs, overrides=fixed)
    (text,) = caught.value.problems
    assert "analysis.yaml:" in text and "log_hr_os_clocc -0.5, log_hr_os_orchestra -0.1" in text
    assert "cannot be both" in text
    load(inputs, overrides={**fixed, "tau_hr": 0.1})
