"""Extreme but legal values of every parameter: an answer or an error that says why, never a traceback."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heor import load
from heor.errors import HeorError
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.problem.units import lookup
from heor.together import decide
from heor.usage.structures import with_structure
from heor.valuation.simulate import simulate
from tests.made_up import joint_draws, response_of

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(load(ROOT / "inputs").parameters)
DRAWS = 20
pytestmark = pytest.mark.exhaustive


def extremes(problem: DecisionProblem, name: str) -> list[float]:
    """0, 1, nearly 0, and both ends of the unit's range, or a thousand times the value, as entered."""
    p = problem.parameters[name]
    found = lookup(p.unit, problem.country.currency)
    assert found is not None
    unit, large = found[1], 1e3 * max(abs(p.entered_mean), 1.0)
    ends = [x if np.isfinite(x) else np.sign(x) * large for x in (unit.low, unit.high)]
    return sorted({v for v in (0.0, 1e-9, 1.0, *ends) if unit.low <= v <= unit.high})


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_at_its_extremes(
    name: str, inputs: Path, problem: DecisionProblem, made_up_draws: Callable[..., Draws]
) -> None:
    for value in extremes(problem, name):
        try:
            changed = load(inputs, overrides={name: value})
        except HeorError as error:
            assert str(error)  # often of what the value makes of a window or a cycle
            continue
        for model in ("partitioned_survival", "semi_markov"):
            own = with_structure(changed, model)
            made = made_up_draws if model == "partitioned_survival" else joint_draws
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                try:
                    found = simulate(own, made(own, DRAWS), workers=1)
                    decide(own, found)
                except HeorError as error:
                    assert str(error)
                    continue
            assert np.isfinite(found.outcomes.data).all(), (value, model)


FITTED = {
    "transport_multiplier": (1e-3, 20.0),
    "os_60_expert.mean": (0.001, 0.9),
    "t_os_60_expert": (0.1, 1440.0),
    "start_age": (40.0, 89.0),
    "share_male": (0.0, 1.0),
}


@pytest.mark.parametrize("name", FITTED)
def test_what_acts_on_the_fits_at_its_extremes(name: str, inputs: Path) -> None:
    """Families by Laplace, alone and joint: fitted, or refused with a message."""
    few = {
        "analysis.survival.distributions": ["lognormal", "joint_lognormal_weibull"],
        "analysis.structures": [],
    }
    for value in FITTED[name]:
        try:
            own = load(inputs, overrides={**few, name: value}, quick=True, draws=60)
            response, _, fits = response_of(own)
        except HeorError as error:
            assert str(error)
            continue
        assert np.isfinite(response.run).all() and fits.weights
