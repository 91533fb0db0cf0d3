"""Monte Carlo errors of every table with quasi-random draws, against the spread over seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from heor.decision import acceptability, cost_effectiveness
from heor.decision.averaging import mixture
from heor.decision.convergence import convergence_table
from heor.decision.information import evppi
from heor.outcomes.outcomes import QALYS, Outcomes
from heor.questions.response import Estimates
from heor.report.format.frames import structure_table
from heor.report.sections import structures as section_structures
from heor.runs.country_comparison import _net_health
from heor.runs.results import Results
from heor.runs.scenario_analysis import scenario_row
from heor.streams import SOBOL, Streams
from heor.trial.net_benefit_of_sampling import value_of_trial

DRAWS, REPLICATES, SEEDS = 512, 16, 30
ROLES, THRESHOLDS = ("old", "new"), [("t", 20_000.0)]
PROBLEM = SimpleNamespace(settings=SimpleNamespace(comparator="old", intervention="new"))


@cache
def inputs_of(seed: int) -> tuple[dict[str, np.ndarray], Streams]:
    streams = Streams(seed, SOBOL, REPLICATES)
    with patch("heor.streams.DIMENSIONS", 8):  # 256 take most of the test's time
        return {name: special.ndtri(streams.uniform(name, DRAWS)) for name in "abcd"}, streams


@cache
def drawn(seed: int, shift: float = 0.0) -> tuple[Outcomes, pd.DataFrame, Streams]:
    """A new treatment whose cost and QALYs follow from four inputs; `shift` adds QALYs that vary."""
    x, streams = inputs_of(seed)
    cost = 1000 + 300 * x["a"] + 200 * x["b"] * x["c"]
    qalys = 0.06 + 0.1 * x["c"] + 0.05 * x["d"] + shift * (1 + 0.3 * x["d"])
    table = pd.DataFrame(
        {
            "strategy": np.repeat(ROLES, DRAWS),
            "draw": np.tile(np.arange(DRAWS), 2),
            "cost": np.concatenate([np.full(DRAWS, 500.0), 500 + cost]),
            "qaly": np.concatenate([np.full(DRAWS, 2.0), 2 + qalys]),
        }
    )
    own = replace(Outcomes.from_table(table, "EUR"), replicates=REPLICATES)
    return own, pd.DataFrame(x), streams


def _row(table: pd.DataFrame, value: str, se: str) -> tuple[float, float]:
    return float(table[value].iloc[-1]), float(table[se].iloc[-1])


def _increment(seed: int) -> tuple[float, float]:
    return _row(cost_effectiveness.increment_table(drawn(seed)[0], *ROLES)[:1], "mean", "se")


def _strategy(seed: int) -> tuple[float, float]:
    return _row(cost_effectiveness.strategy_table(drawn(seed)[0]), "mean", "se")


def _icer(seed: int) -> tuple[float, float]:
    return _row(cost_effectiveness.icer_table(drawn(seed)[0], *ROLES), "ratio", "se")


def _net_benefit(value: str, se: str) -> Callable[[int], tuple[float, float]]:
    def found(seed: int) -> tuple[float, float]:
        table = cost_effectiveness.net_benefit_table(drawn(seed)[0], *ROLES, THRESHOLDS)
        return _row(table, value, se)

    return found


def _curve(seed: int) -> tuple[float, float]:
    table = acceptability.ceac(drawn(seed)[0], [20_000.0])
    return _row(table, "probability", "probability_se")


def _convergence(seed: int) -> tuple[float, float]:
    table = convergence_table(drawn(seed)[0], *ROLES, THRESHOLDS)
    return _row(table[table["measure"] == "net benefit"], "value", "se")


def _scenario(seed: int) -> tuple[float, float]:
    """The difference of a scenario from the base case, paired by draw."""
    base = cost_effectiveness.increments(drawn(seed)[0], *ROLES)
    row = scenario_row(drawn(seed, 0.02)[0], base, THRESHOLDS)
    return row["difference_t"], row["difference_t_se"]


def _average(seed: int) -> tuple[float, float]:
    """Of scenarios far apart: the spread within each counts, and not which draws are whose."""
    own, _, streams = drawn(seed)
    both = {"base": own, "other": drawn(seed, 0.3)[0]}
    mixed = mixture(both, {"base": 0.6, "other": 0.4}, streams)
    table = cost_effectiveness.net_benefit_table(mixed, *ROLES, THRESHOLDS)
    return _row(table, "net_benefit", "se")


def _country(seed: int) -> tuple[float, float]:
    changes = cost_effectiveness.increments(drawn(seed)[0], *ROLES)
    row = _net_health(SimpleNamespace(thresholds=THRESHOLDS, tables={}), drawn(seed)[0], changes)
    return row["health_low"], row["health_low_se"]


def _partial(*names: str, regressor: str = "auto") -> Callable[[int], tuple[float, float]]:
    def found(seed: int) -> tuple[float, float]:
        own, inputs, _ = drawn(seed)
        value = evppi(own, inputs, {"x": names}, [20_000.0], regressor=regressor)[0]
        return float(value.value[0]), float(value.se[0])

    return found


ERRORS: dict[str, Callable[[int], tuple[float, float]]] = {
    "strategies": _strategy,
    "increments": _increment,
    "icer": _icer,
    "net_benefit": _net_benefit("net_benefit", "se"),
    "probability": _net_benefit("probability", "probability_se"),
    "evpi": _net_benefit("evpi", "evpi_se"),
    "ceac": _curve,
    "convergence": _convergence,
    "scenario's difference": _scenario,
    "average": _average,
    "country": _country,
    "evppi of one": _partial("c"),
    "evppi of a group": _partial("c", "d"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_the_spread_over_seeds(name: str) -> None:
    """Root mean square of the error against the standard deviation over 30 scrambles."""
    value, se = np.array([ERRORS[name](seed) for seed in range(SEEDS)]).T
    ratio = np.sqrt((se**2).mean()) / value.std(ddof=1)
    assert 0.7 < ratio < 1.45


def test_independent_draws_would_say_several_times_as_much() -> None:
    """The test above can fail."""
    own, *_ = drawn(1)
    plain = replace(own, replicates=1)
    for table in (cost_effectiveness.increment_table, cost_effectiveness.icer_table):
        assert (table(plain, *ROLES)["se"] > 3 * table(own, *ROLES)["se"]).all()


@pytest.mark.slow
def test_value_of_learnt_trees_has_the_error_of_its_replicates() -> None:
    own, inputs, _ = drawn(1)
    found, plain = (
        evppi(o, inputs, {"x": ["c", "d"]}, [2e4], regressor="boosted_trees")[0]
        for o in (own, replace(own, replicates=1))
    )
    assert found.value == plain.value and found.se[0] < plain.se[0] / 2


def replicated(results: Results, replicates: int) -> Results:
    """Draws that pretend to come in replicates, with the tables of the decision made again."""
    from heor.together import decide

    def changed(part):
        own = replace(part.simulation.outcomes, replicates=replicates)
        simulation = replace(part.simulation, outcomes=own)
        return {"simulation": simulation, "decision": decide(results.problem, simulation)}

    structures = tuple(replace(s, **changed(s)) for s in results.structures)
    return replace(results, structures=structures, **changed(results))


def test_structures_have_the_error_of_their_replicates(made_up_run: Results) -> None:
    """In the table, and in the words on the luck of simulated patients."""
    own = replicated(made_up_run, 4)
    problem = own.problem
    change = cost_effectiveness.increments(
        own.simulation.outcomes, problem.settings.comparator, problem.settings.intervention
    )[QALYS]
    expected = stats.sem(change.reshape(4, -1).mean(axis=1))
    assert structure_table(own)["qalys_se"].to_numpy() == pytest.approx([expected] * 2)
    luck = np.random.default_rng(1).standard_normal(own.simulation.outcomes.n)
    data = own.simulation.outcomes.data.copy(deep=True)
    data.loc[{"strategy": problem.settings.intervention, "component": QALYS}] += luck - 9
    noisy = replace(own.simulation, outcomes=replace(own.simulation.outcomes, data=data))
    first, second = own.structures
    models = (
        replace(first, model="semi_markov"),
        replace(second, model="individual", simulation=noisy),
    )
    words = section_structures._noise(replace(own, structures=models))
    assert f"(Monte Carlo SE {stats.sem(luck.reshape(4, -1).mean(axis=1)):.3f}; " in words


def test_answers_to_what_if_have_the_error_of_their_replicates() -> None:
    """Of the run itself: with the error of its own net benefit, whichever way it is asked for."""
    own, *_ = drawn(1)
    changes = cost_effectiveness.increments(own, *ROLES)
    run = np.stack([changes["cost"], changes[QALYS], own.qalys[:, 0]])
    found = Estimates.of_run(run, REPLICATES, 0.0).net_benefit_se(20_000.0)[0]
    benefit = 20_000 * changes[QALYS] - changes["cost"]
    expected = stats.sem(benefit.reshape(REPLICATES, -1).mean(axis=1))
    assert found == pytest.approx(expected, rel=1e-6)
    assert Estimates.of_run(run, 1, 0.0).net_benefit_se(20_000.0)[0] > 3 * expected


def test_value_of_the_trial_knows_the_replicates(
    problem, made_up_draws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression and importance sampling are handed outcomes that say how their draws came about."""
    from heor.trial import net_benefit_of_sampling as module

    class Stop(Exception):
        pass

    def stop(evidence, *_: object) -> None:
        assert evidence.outcomes.replicates == 4
        raise Stop

    monkeypatch.setattr(module, "evsi", stop)
    own, *_ = drawn(1)
    names = list(problem.strategies)
    data = own.data.assign_coords(strategy=[names[0], names[1]])
    with pytest.raises(Stop):
        value_of_trial(
            problem,
            replace(own, data=data, replicates=4),
            np.ones((DRAWS, 2, 3)),
            np.arange(3.0),
            THRESHOLDS,
            Streams(1),
        )
