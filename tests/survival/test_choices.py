"""Families of each endpoint: how they are chosen, weighted, drawn and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize
from scipy.stats import spearmanr

from heor.errors import InputError
from heor.inputs.load import load
from heor.problem.curve_types import FittedCurve
from heor.problem.evidence import SurvivalEvidence
from heor.problem.problem import DecisionProblem
from heor.problem.settings import FitSettings
from heor.streams import Streams
from heor.survival.families.distributions import get
from heor.survival.fitting import choices, goodness, model_draws
from heor.survival.fitting.fit_problems import SurvivalFits, fit_problems
from heor.survival.fitting.posterior import SurvivalPosterior
from heor.survival.fitting.stacking import linked_weights
from heor.survival.sampler import laplace, workers
from heor.survival_analysis import landmarks
from heor.survival_analysis.fitted import families_of
from heor.together import structure_fits

OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"
UNIT = (OS, PFS)
JOINT = "joint_lognormal_weibull"
M = 400  # posterior draws


def with_families(problem: DecisionProblem, os: tuple, pfs: tuple) -> DecisionProblem:
    """The base case with these families for the comparator's endpoints."""
    own = problem.strategies["chemotherapy"]
    curves = {
        endpoint: replace(own.curves[endpoint], distributions=families)
        for endpoint, families in (("os", os), ("pfs", pfs))
    }
    strategies = {**problem.strategies, "chemotherapy": replace(own, curves=curves)}
    return replace(problem, strategies=strategies)


def invented(evidence: str, family: str, joint: bool = False) -> SurvivalPosterior:
    """Posterior draws of a fit that was never made, with made-up leave-one-out terms."""
    generator = np.random.default_rng(sum(map(ord, evidence + family)))
    model = get("lognormal" if joint else family)
    theta = 0.1 * generator.standard_normal((M, len(model.parameters)))
    natural = {p.name: p.natural(theta[:, i]) for i, p in enumerate(model.parameters)}
    points = np.log(generator.uniform(0.2, 0.9, 6))
    counts = np.arange(1.0, 7.0)
    loo = {"pointwise": points, "counts": counts, "elpd_loo": float(counts @ points)}
    loo |= {"se": 1.0, "p_loo": 2.0, "pareto_k_max": 0.1, "n_bad_k": 0}
    together = UNIT if joint else (evidence,)
    return SurvivalPosterior(
        evidence, evidence[-3:].strip("_"), family, model, together, "laplace", natural,
        np.zeros(len(natural)), np.ones(len(natural)), {}, loo, f"{evidence}/{family}",
    )  # fmt: skip


def posteriors_of(lists: choices.Lists) -> dict[tuple[str, str], SurvivalPosterior]:
    return {
        (name, f): invented(name, f, f == JOINT)
        for name, own in zip(UNIT, lists, strict=True)
        for f in own
    }


# ------------------------------------------------------------------------------------- weights
def test_each_endpoint_has_the_stacking_weights_of_its_own_families() -> None:
    lists = (("weibull", "gamma"), ("lognormal", "gompertz", "exponential"))
    posteriors = posteriors_of(lists)
    found = goodness.compare(posteriors, UNIT, lists=lists)
    assert sum(found.weights.values()) == pytest.approx(1.0)
    for k, (name, own) in enumerate(zip(UNIT, lists, strict=True)):
        points = {f: posteriors[name, f].loo["pointwise"] for f in own}
        alone = goodness.stacking_weights(points, np.arange(1.0, 7.0))
        share = choices.of_evidence(found.weights, k, 2)
        assert share == pytest.approx({f: w for f, w in alone.items() if f in share}, abs=1e-9)
    # every family stands in a row, beside the best of the other endpoint
    seen = {choices.members(c, 2) for c in found.table["family"]}
    assert {f for f, _ in seen} == set(lists[0]) and {f for _, f in seen} == set(lists[1])
    elpd = found.table["elpd_os"] + found.table["elpd_pfs"]
    np.testing.assert_allclose(found.table["elpd"], elpd)
    first = found.table.iloc[0]
    assert first["difference"] == 0 and "(OS) and " in first["label"]


def test_equal_lists_share_their_family_as_before() -> None:
    lists = (("weibull", "gamma"), ("gamma", "weibull"))
    found = goodness.compare(posteriors_of(lists), UNIT, lists=lists)
    assert set(found.weights) == {"weibull", "gamma"}
    plain = goodness.compare(posteriors_of(lists), UNIT)
    assert found.weights == plain.weights


def test_a_joint_family_has_one_weight_for_both_endpoints() -> None:
    lists = (("weibull", "gamma", JOINT), ("lognormal", JOINT))
    posteriors = posteriors_of(lists)
    found = goodness.compare(posteriors, UNIT, lists=lists)
    shares = [choices.of_evidence(found.weights, k, 2) for k in (0, 1)]
    assert shares[0][JOINT] == pytest.approx(shares[1][JOINT])
    assert JOINT in set(found.table["family"])
    points = [
        {f: posteriors[name, f].loo["pointwise"] for f in own}
        for name, own in zip(UNIT, lists, strict=True)
    ]
    assert score(points, found.weights) == pytest.approx(best_score(points), abs=1e-6)


def score(points: list[Mapping[str, np.ndarray]], weights: Mapping[str, float]) -> float:
    total = 0.0
    for k, own in enumerate(points):
        share = choices.of_evidence(weights, k, 2)
        mixture = sum(w * np.exp(own[f]) for f, w in share.items())
        total += float(np.arange(1.0, 7.0) @ np.log(mixture))
    return total


def best_score(points: list[Mapping[str, np.ndarray]]) -> float:
    """By brute force: the joint's weight on a grid, the rest of OS by a bounded search."""
    n = np.arange(1.0, 7.0)
    joint = [np.exp(own[JOINT]) for own in points]
    a, b = (np.exp(points[0][f]) for f in ("weibull", "gamma"))
    c = np.exp(points[1]["lognormal"])
    best = -np.inf
    for w in np.linspace(0, 1, 2001):
        pfs = n @ np.log(w * joint[1] + (1 - w) * c)

        def os(u: float, w: float = w) -> float:
            return -(n @ np.log(w * joint[0] + (1 - w) * (u * a + (1 - u) * b)))

        found = optimize.minimize_scalar(os, bounds=(0, 1), method="bounded")
        best = max(best, pfs - min(found.fun, os(0.0), os(1.0)))
    return float(best)


def test_linked_weights_without_a_use_for_the_shared_family() -> None:
    bad, good = np.log([0.1, 0.1]), np.log([0.9, 0.8])
    found = linked_weights(
        [{"j": bad, "a": good}, {"j": bad, "b": good, "c": bad}], [np.ones(2)] * 2, ["j"]
    )
    assert found[0] == pytest.approx({"j": 0, "a": 1}, abs=1e-6)
    assert found[1] == pytest.approx({"j": 0, "b": 1, "c": 0}, abs=1e-6)


# --------------------------------------------------------------------------------------- draws
@pytest.mark.parametrize("sampling", ["pseudo_random", "sobol"])
def test_draws_are_of_each_endpoint_s_own_families(problem, sampling: str) -> None:
    lists = (("weibull", "gamma"), ("lognormal", "gompertz"))
    problem = with_families(problem, *lists)
    assert model_draws.fitted_units(problem) == {UNIT: lists}
    posteriors, n = posteriors_of(lists), 4096
    weights = {
        UNIT: choices.combined(
            [{"weibull": 0.7, "gamma": 0.3}, {"lognormal": 0.6, "gompertz": 0.4}], ()
        )
    }
    curves = model_draws.curve_draws(
        problem, posteriors, weights, {UNIT: 0.6}, n, Streams(3, sampling)
    )
    names = {k: [m.name for m in curves[k].families] for k in UNIT}
    assert names == {OS: ["weibull", "gamma"], PFS: ["lognormal", "gompertz"]}
    share = {k: np.bincount(curves[k].family, minlength=2) / n for k in UNIT}
    assert share[OS] == pytest.approx([0.7, 0.3], abs=0.03)
    assert share[PFS] == pytest.approx([0.6, 0.4], abs=0.03)
    together = np.mean((curves[OS].family == 1) & (curves[PFS].family == 1))
    assert together == pytest.approx(0.3 * 0.4, abs=0.02)  # chosen independently
    for name in UNIT:
        for i, model in enumerate(curves[name].families):
            rows = curves[name].family == i
            own = posteriors[name, model.name].parameters
            for k, parameter in enumerate(model.parameters):
                assert np.isin(curves[name].theta[rows, k], own[parameter.name]).all()
    # within a pair of families the same patients' correlation is restored
    wanted = 6 / np.pi * np.arcsin(0.6 / 2)
    for i in range(2):
        for j in range(2):
            rows = (curves[OS].family == i) & (curves[PFS].family == j)
            means = [restricted(curves[k], rows) for k in UNIT]
            assert spearmanr(*means).statistic == pytest.approx(wanted, abs=0.12)


def restricted(curves, rows: np.ndarray) -> np.ndarray:
    model = curves.families[curves.family[rows][0]]
    values = {p.name: curves.theta[rows, k] for k, p in enumerate(model.parameters)}
    own = replace(invented(OS, "weibull"), model=model, parameters=values)
    return model_draws.restricted_mean(own)


def test_a_joint_family_gives_both_endpoints_the_same_draw(problem) -> None:
    lists = (("weibull", JOINT), ("gompertz", JOINT))
    posteriors = posteriors_of(lists)
    weights = {UNIT: {JOINT: 0.5, "weibull + gompertz": 0.5}}
    curves = model_draws.curve_draws(
        with_families(problem, *lists), posteriors, weights, {UNIT: 0.5}, 500, Streams(1)
    )
    assert (curves[OS].family == curves[PFS].family).all()
    joint = curves[OS].family == 0
    of = {k: posteriors[k, JOINT].parameters["meanlog"] for k in UNIT}
    place = {
        k: [int(np.flatnonzero(of[k] == v)[0]) for v in curves[k].theta[joint, 0]] for k in UNIT
    }
    assert place[OS] == place[PFS]


def test_one_way_analysis_takes_every_pair_at_its_means(problem) -> None:
    lists = (("weibull", "gamma"), ("lognormal",))
    posteriors = posteriors_of(lists)
    weights = {UNIT: {"weibull + lognormal": 0.8, "gamma + lognormal": 0.2}}
    curves, weight = model_draws.central_curves(posteriors, weights, 3)
    np.testing.assert_allclose(weight, [0.8, 0.2])
    assert [m.name for m in curves[OS].families] == ["weibull", "gamma"]
    assert [m.name for m in curves[PFS].families] == ["lognormal", "lognormal"]
    assert curves[OS].family.tolist() == [0, 1] * 3
    np.testing.assert_allclose(curves[PFS].theta[0], posteriors[PFS, "lognormal"].central())


def test_evidence_in_a_pair_is_not_drawn_again_alone(problem) -> None:
    """Another strategy fits OS to the same patients and has a relative PFS."""
    own = problem.strategies["resection"]
    curves = {**own.curves, "os": problem.strategies["chemotherapy"].curves["os"]}
    both = {**problem.strategies, "resection": replace(own, curves=curves)}
    assert list(model_draws.fitted_units(replace(problem, strategies=both))) == [UNIT]


def test_another_structure_uses_the_joint_families_of_both(problem) -> None:
    lists = (("weibull", JOINT), ("gompertz", JOINT))
    other = with_families(problem, (JOINT,), (JOINT,))
    fits = SurvivalFits(
        posteriors_of(lists), {}, {UNIT: {JOINT: 0.4, "weibull + gompertz": 0.6}}, {}
    )
    assert structure_fits(other, fits).weights == {UNIT: {JOINT: 1.0}}


# ----------------------------------------------------------------------- whole fits, made-up data
def patients(evidence: SurvivalEvidence, time: np.ndarray, **covariates) -> SurvivalEvidence:
    """Individual data censored at four years, in place of an evidence's table."""
    n = len(time)
    table = {"time": np.minimum(time, 4.0), "event": (time < 4.0).astype(float)}
    table |= {"entry": np.zeros(n), "weight": np.ones(n)}
    table |= {f"x_{k}": np.asarray(v, float) for k, v in covariates.items()}
    return replace(evidence, form="individual", table=table)


def quick(problem: DecisionProblem, **settings) -> DecisionProblem:
    fit = FitSettings(quick=True, chains=2, draws=400)
    return replace(problem, opinions={}, settings=replace(problem.settings, fit=fit, **settings))


@pytest.fixture(scope="module")
def different(problem: DecisionProblem) -> tuple[DecisionProblem, SurvivalFits]:
    """PFS Weibull of shape 2.5, OS log-normal: each list holds its truth and a wrong family."""
    generator = np.random.default_rng(4)
    evidence = {
        **problem.evidence,
        PFS: patients(problem.evidence[PFS], 0.8 * generator.weibull(2.5, 300)),
        OS: patients(problem.evidence[OS], np.exp(0.4 + 0.5 * generator.standard_normal(300))),
    }
    made = quick(replace(problem, evidence=evidence), draws=400)
    made = with_families(made, ("lognormal", "exponential"), ("weibull", "loglogistic"))
    return made, fit_problems({"": made}, Streams(2))[""]


def test_made_up_data_get_their_own_families(different) -> None:
    made, fits = different
    assert families_of(fits, OS)["lognormal"] > 0.97 and families_of(fits, PFS)["weibull"] > 0.8
    assert set(families_of(fits, OS)) == {"lognormal", "exponential"}
    curves = landmarks.draws_with_weights(made, fits, fits.weights, Streams(2), {}).curves
    used = {k: {curves[k].families[i].name for i in np.unique(curves[k].family)} for k in UNIT}
    assert "lognormal" in used[OS] and used[OS] <= {"lognormal", "exponential"}
    assert "weibull" in used[PFS] and used[PFS] <= {"weibull", "loglogistic"}
    rows = curves[PFS].family == [m.name for m in curves[PFS].families].index("weibull")
    assert np.median(curves[PFS].theta[rows, 0]) == pytest.approx(2.5, rel=0.15)  # its shape


def test_screening_keeps_each_endpoint_s_own_families(
    different, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has weight by Laplace is sampled, for its endpoint alone; the others are in the table."""
    asked = []

    def sample_all(groups):
        for task in [task for group in groups for task in group]:
            asked.append((task.pieces[0].name, task.distribution.name))
            centre = laplace.start(task.distribution, task.pieces)
            theta = centre + np.random.default_rng(1).normal(0, 0.05, (2, 400, len(centre)))
            zero = np.zeros((2, 400), int)
            yield task.key, workers.Sample(theta, zero > 0, zero, 1.0, 800.0, 800.0, 0.0, 0.0)

    monkeypatch.setattr(workers, "sample_all", sample_all)
    made, quickly = different
    screened = replace(made.settings.fit, quick=False, screen=True)
    made = replace(made, settings=replace(made.settings, fit=screened))
    fits = fit_problems({"": made}, Streams(2))[""]
    kept = {(n, f) for n in UNIT for f, w in families_of(quickly, n).items() if w >= 0.02}
    assert set(asked) == kept and (OS, "exponential") not in kept
    assert {key for key, p in fits.posteriors.items() if p.method == "nuts"} == kept
    table = fits.comparison[UNIT].table
    left = table[["exponential" in family for family in table["family"]]]
    assert len(left) and (left["weight"] == 0).all()
    assert left["flag"].str.contains("no weight when screened by Laplace").all()


def test_tables_hold_every_family_of_each_endpoint_once(different) -> None:
    made, fits = different
    found = landmarks.landmark_tables(made, fits, Streams(2))
    shown = found.summary[found.summary["stage"] == landmarks.BEFORE]
    for name, own in ((OS, ["lognormal", "exponential"]), (PFS, ["weibull", "loglogistic"])):
        families = list(shown[shown["evidence"] == name]["family"])
        assert sorted(families) == sorted([*own, landmarks.AVERAGE])
    average = found.landmarks[found.landmarks["family"] == landmarks.AVERAGE]
    assert set(average["evidence"]) == set(UNIT)


def test_labels_are_those_of_the_evidence_s_own_covariates(problem) -> None:
    generator = np.random.default_rng(5)
    arm, stage = generator.integers(0, 2, 150), generator.normal(0, 1, 150)
    evidence = {
        **problem.evidence,
        OS: patients(problem.evidence[OS], generator.weibull(1.2, 150), arm=arm),
        PFS: patients(problem.evidence[PFS], 0.5 * generator.weibull(1.2, 150), stage=stage),
    }
    made = quick(replace(problem, evidence=evidence), draws=200)
    made = with_families(made, ("weibull",), ("weibull",))
    own = made.strategies["chemotherapy"]
    curves = {
        endpoint: replace(own.curves[endpoint], at={covariate: "0"})
        for endpoint, covariate in (("os", "arm"), ("pfs", "stage"))
    }
    strategies = {**made.strategies, "chemotherapy": replace(own, curves=curves)}
    made = replace(made, strategies=strategies)
    fits = fit_problems({"": made}, Streams(2))[""]
    tables = landmarks.landmark_tables(made, fits, Streams(2))
    for table in (tables.landmarks, tables.summary):
        families = table[table["family"] == "weibull"]
        labels = families.groupby("evidence")["label"].unique().map(list).to_dict()
        assert labels == {OS: ["Weibull by arm"], PFS: ["Weibull by stage"]}


# -------------------------------------------------------------------------------------- checks
def scenario(inputs: Path, os: str, pfs: str, more: str = "") -> list[str]:
    """Faults of a scenario with these distributions; empty when there are none."""
    (inputs / "scenarios" / "mine.yaml").write_text(
        "label: A\nwhy: b\nstrategies:\n  chemotherapy:\n    curves:\n"
        f"      os: {{distributions: [{os}]}}\n      pfs: {{distributions: [{pfs}]}}\n{more}",
        "utf-8",
    )
    try:
        loaded = load(inputs, scenario="mine")
    except InputError as error:
        return error.problems
    curves = loaded.strategies["chemotherapy"].curves
    assert all(isinstance(curve, FittedCurve) for curve in curves.values())
    return []


def test_a_joint_family_stands_in_both_lists_or_in_none(copied_inputs: Path) -> None:
    assert scenario(copied_inputs, "weibull, gamma", "lognormal") == []
    assert scenario(copied_inputs, f"weibull, {JOINT}", f"{JOINT}, lognormal") == []
    (problem,) = scenario(copied_inputs, f"weibull, {JOINT}", "lognormal")
    for part in ("mine.yaml:6:", JOINT, "the distributions of pfs do not hold it: lognormal"):
        assert part in problem
    (problem,) = scenario(copied_inputs, f"weibull, {JOINT}", JOINT)
    assert "mine.yaml:7:" in problem and "no family of its own" in problem


def test_an_extrapolation_that_acts_on_no_curve_is_a_fault(copied_inputs: Path) -> None:
    more = "analysis: {survival: {extrapolation: gompertz}}\n"
    (problem,) = scenario(copied_inputs, "weibull", "lognormal", more)
    assert "mine.yaml:8:" in problem and "'gompertz' acts on no curve" in problem
    assert scenario(copied_inputs, "weibull", "gompertz", more) == []
