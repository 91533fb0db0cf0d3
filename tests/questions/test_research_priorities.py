"""Which inputs to source first, and Monte Carlo error of acceptability under replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from heor import load
from heor.decision.acceptability import ceac
from heor.outcomes.outcomes import Outcomes
from heor.questions.research_priorities import own_worth, population, research_priorities


@pytest.mark.parametrize(("benefit", "sd"), [(0.0, 1.0), (1.5, 1.0), (-300.0, 200.0)])
def test_own_worth_is_the_unit_normal_loss(benefit: float, sd: float) -> None:
    def integrand(x: float) -> float:
        return max(x, 0) * stats.norm.pdf(x, benefit, sd)

    exact = integrate.quad(integrand, -20 * sd, 20 * sd, points=[0], limit=500)[0]
    exact -= max(benefit, 0)
    found = own_worth(benefit, 2 * stats.norm.ppf(0.975) * sd)
    assert found == pytest.approx(exact, rel=1e-5)


def test_patients_are_discounted_over_the_horizon(inputs) -> None:
    problem = load(inputs, quick=True)
    exact = 60 * (1 - 1.04**-10) / np.log(1.04)
    assert population(problem) == pytest.approx(exact, rel=1e-5)


def test_an_input_correlated_with_others_counts_what_its_own_interval_could_be_worth(
    inputs,
) -> None:
    """Travel tells of all unit costs in the draws; a better source for it alone does not."""
    problem = load(inputs, quick=True)
    names = ("c_travel", "c_resection", "p_retreat")
    tornado = pd.DataFrame(
        {
            "parameter": names,
            "description": names,
            "status": ["assumption"] * 3,
            "range_a": [1_000.0, 200_000.0, 30_000.0],
        }
    )
    information = pd.DataFrame(
        {
            "name": names,
            "kind": "single",
            "threshold_name": "a",
            "threshold": 275_000.0,
            "value": [9_000.0, 8_000.0, 500.0],
        }
    )
    found = research_priorities(problem, information, tornado, {"a": -20_000.0}).set_index(
        "parameter"
    )
    assert found["rank"].to_dict() == {"c_resection": 1, "p_retreat": 2, "c_travel": 3}
    assert found.loc["c_travel", "evppi"] < 1e-6 < found.loc["p_retreat", "evppi"] == 500.0
    published = tornado.assign(status=["published", "assumption", "assumption"])
    left = research_priorities(problem, information, published, {"a": -20_000.0})
    assert "c_travel" not in set(left["parameter"])


def test_acceptability_error_is_that_of_the_replicates() -> None:
    rng = np.random.default_rng(1)
    draws = [np.sort(rng.uniform(size=50)) for _ in range(8)]  # even within a replicate
    qalys = np.concatenate([np.linspace(-1, 1, 50) + 0.02 * d.mean() for d in draws])
    table = pd.DataFrame(
        {
            "strategy": np.repeat(["a", "b"], 400),
            "draw": [*range(400)] * 2,
            "cost": 0.0,
            "qaly": np.concatenate([0 * qalys, qalys]),
        }
    )
    plain = Outcomes.from_table(table, "NOK")
    blocks = Outcomes(plain.data, plain.categories, plain.currency, replicates=8)
    shares = (qalys.reshape(8, 50) > 0).mean(axis=1)
    se = {
        n: ceac(o, [1.0]).set_index("strategy").loc["b", "probability_se"]
        for n, o in (("plain", plain), ("blocks", blocks))
    }
    assert se["blocks"] == pytest.approx(shares.std(ddof=1) / np.sqrt(8))
    assert se["plain"] > 2 * se["blocks"]
