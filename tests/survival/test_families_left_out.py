"""A fit that cannot be computed: its family is left out with a reason, or the run says which fit failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from heor.errors import FitError
from heor.problem.country import LifeTable
from heor.problem.curve_types import Opinion
from heor.problem.problem import DecisionProblem
from heor.problem.settings import FitSettings
from heor.report.markdown import text
from heor.report.survival.text_fits import fits_section
from heor.streams import Streams
from heor.survival.evidence import background
from heor.survival.evidence.evidence import opinion_piece, piece
from heor.survival.families import likelihood
from heor.survival.families.distributions import DISTRIBUTIONS
from heor.survival.fitting import goodness, plausible
from heor.survival.fitting.fit_each import QUICK_TIMES, FailedFit, fit_each
from heor.survival.fitting.fit_problems import fit_problems
from heor.survival.fitting.posterior import FitRequest
from heor.survival.sampler import laplace, workers
from tests.fits import fit_all

OS, PFS = "second_line_folfiri_os", "second_line_folfiri_pfs"
SETTINGS = FitSettings(quick=True, chains=2, draws=300)


def people(n: int, shape: float = 1.2, seed: int = 1) -> dict[str, np.ndarray]:
    """Uncensored Weibull times, scale one year."""
    time = np.random.default_rng(seed).weibull(shape, n)
    return {"time": time, "event": np.ones(n), "entry": np.zeros(n), "weight": np.ones(n)}


@pytest.fixture
def made(problem: DecisionProblem) -> Callable[..., DecisionProblem]:
    """The base case with one fitted curve, the comparator's OS, on 60 made-up patients."""

    def build(families: tuple[str, ...], table=None, form="individual", **changes):
        own = problem.strategies["chemotherapy"]
        curves = {"os": replace(own.curves["os"], distributions=families)}
        table = people(60) if table is None else {k: np.asarray(v, float) for k, v in table.items()}
        evidence = {OS: replace(problem.evidence[OS], form=form, table=table)}
        settings = replace(problem.settings, fit=SETTINGS, endpoints=("os",), draws=200)
        changes = {"opinions": {}, **changes}
        return replace(
            problem,
            strategies={"chemotherapy": replace(own, curves=curves)},
            evidence=evidence,
            settings=settings,
            **changes,
        )

    return build


def fitted(problem: DecisionProblem):
    return fit_problems({"": problem}, Streams(1))[""]


def broken(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    """Laplace of one family fails, and so does the sampler of every fit it gets."""
    works = laplace.fit_laplace

    def fit_laplace(model, *rest):
        if model.name == name:
            raise error
        return works(model, *rest)

    def sample_all(groups):
        raise RuntimeError("A fit failed in its worker (x):\nTraceback\nValueError: no start")
        yield

    monkeypatch.setattr(laplace, "fit_laplace", fit_laplace)
    monkeypatch.setattr(workers, "sample_all", sample_all)


@pytest.mark.parametrize(
    "error", [ArithmeticError("no maximum was found"), np.linalg.LinAlgError("Singular matrix")]
)
def test_a_family_that_fails_is_left_out_and_its_weight_unknown(
    made, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken(monkeypatch, "gompertz", error)
    found = fitted(made(("weibull", "gompertz", "lognormal")))
    assert set(found.weights[OS,]) <= {"weibull", "lognormal"}
    assert sum(found.weights[OS,].values()) == pytest.approx(1.0)
    row = found.comparison[OS,].table.set_index("family").loc["gompertz"]
    assert np.isnan(row["weight"]) and np.isnan(row["elpd"]) and row["label"] == "Gompertz"
    assert row["flag"].startswith("left out: Laplace approximation: ")
    said = found.cautions[0]
    for part in (
        "Left out of 2nd-line FOLFIRI",
        "unknown",
        str(error),
        "NUTS: ValueError: no start",
    ):
        assert part in said
    alone = fitted(made(("weibull", "lognormal")))
    assert found.weights == alone.weights


def test_the_only_family_names_its_fit(made, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "gompertz", ArithmeticError("no maximum was found"))
    with pytest.raises(FitError) as error:
        fitted(made(("gompertz",)))
    first, last = str(error.value).splitlines()
    assert first.startswith(
        f"{OS}/gompertz: could not be fitted. Laplace approximation: no maximum"
    )
    assert last == "No other family is left. Name other families, or check the evidence."


def test_an_unknown_weight_is_written_so(made, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shown:  # what the section reads of an appraisal
        pass

    broken(monkeypatch, "gompertz", ArithmeticError("no maximum was found"))
    results = Shown()
    results.problem = made(("weibull", "gompertz"))
    results.fits = fitted(results.problem)
    results.tables = {"structure": goodness.pd.DataFrame(columns=["quantity"])}
    line = next(x for x in text(fits_section(results)).splitlines() if x.startswith("| Gompertz"))
    assert "unknown" in line and "nan" not in line.lower() and "left out" in line


def test_one_failed_sampler_does_not_take_the_others_with_it(
    made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch fails at one task; the others are sampled all the same."""

    def sample_all(groups):
        for task in [task for group in groups for task in group]:
            if task.distribution.name == "gompertz":
                raise RuntimeError("A fit failed in its worker (x):\nMemoryError: no room")
            size = len(task.distribution.parameters)
            theta = np.random.default_rng(2).normal(0, 0.05, (2, 300, size))
            zero = np.zeros((2, 300), int)
            yield task.key, workers.Sample(theta, zero > 0, zero, 1.0, 500.0, 500.0, 0.0, 0.0)

    monkeypatch.setattr(workers, "sample_all", sample_all)
    requests = [
        FitRequest(DISTRIBUTIONS[name], (piece(made(("weibull",)).evidence[OS]),))
        for name in ("gompertz", "weibull", "lognormal")
    ]
    nuts = replace(SETTINGS, quick=False)
    failed, *others = fit_each(requests, nuts, Streams(1))
    assert isinstance(failed, FailedFit) and failed.reason == "NUTS: MemoryError: no room."
    assert [p.distribution for (p,) in others] == ["weibull", "lognormal"]
    with pytest.raises(FitError, match=f"{OS}/gompertz: could not be fitted. NUTS: MemoryError"):
        fit_all(requests, nuts, Streams(1))


def test_numbers_that_are_not_finite_are_a_failed_fit(made, monkeypatch) -> None:
    monkeypatch.setattr(likelihood, "pointwise", lambda *_: (np.full((600, 3), np.nan), np.ones(3)))
    broken(monkeypatch, "none", ArithmeticError())
    with pytest.raises(FitError, match="not finite"):
        fitted(made(("weibull",)))


def test_a_quick_run_leaves_failed_diagnostics_out(made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Laplace cannot be trusted NUTS samples, and may fail its diagnostics."""
    broken(monkeypatch, "gompertz", ArithmeticError("no maximum was found"))

    def sample_all(groups):
        for task in [task for group in groups for task in group]:
            theta = np.random.default_rng(2).normal(0, 0.05, (2, 300, 2))
            zero = np.zeros((2, 300), int)
            yield task.key, workers.Sample(theta, zero > 0, zero, 1.2, 500.0, 500.0, 0.0, 0.0)

    monkeypatch.setattr(workers, "sample_all", sample_all)
    found = fitted(made(("weibull", "gompertz")))
    assert set(found.weights[OS,]) == {"weibull"} and "R-hat is 1.200" in found.cautions[0]
    with pytest.raises(FitError, match="--accept second_line_folfiri_os/gompertz"):
        fitted(made(("gompertz",)))  # the analyst named it: his to accept
    accepted = replace(SETTINGS, accept=(f"{OS}/gompertz",))
    problem = made(("weibull", "gompertz"))
    problem = replace(problem, settings=replace(problem.settings, fit=accepted))
    assert "gompertz" in set(fitted(problem).comparison[OS,].weights)


def test_a_quick_run_does_not_wait_for_nuts_to_integrate_up_to_every_patient(
    made, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, "gamma", ArithmeticError("no maximum was found"))
    monkeypatch.setattr(workers, "sample_all", lambda groups: pytest.fail("sampled"))
    found = fitted(made(("weibull", "gamma"), people(QUICK_TIMES + 50)))
    assert set(found.weights[OS,]) == {"weibull"}
    assert "a run without --quick samples it" in found.cautions[0]


def test_hopeless_weights_stop_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first proposals say that the others will not help."""
    seen = []

    def two_peaks(distribution, pieces):
        def f(theta):
            seen.append(len(theta))
            x = np.clip(np.abs(theta[:, 0]), 0.0, 8.0)  # far from the mode the density is higher
            return -0.5 * x**2 + 0.05 * x**4 - 0.5 * theta[:, 1] ** 2

        return f

    monkeypatch.setattr(laplace, "log_likelihood_function", two_peaks)
    monkeypatch.setattr(laplace, "start", lambda *_: np.array([0.3, 0.1]))
    flat = DISTRIBUTIONS["weibull"].with_priors(1e6)  # priors that say nothing
    fit = laplace.fit_laplace(flat, (), 100, np.random.default_rng(1))
    assert fit.pareto_k > laplace.HOPELESS
    assert max(seen) == laplace.BLOCK and seen.count(laplace.BLOCK) == 1


@pytest.mark.parametrize("family", ["spline_hazard_2", "m_spline", "piecewise_exponential_4"])
def test_too_few_events_for_knots_leave_the_family_out(made, family: str) -> None:
    few = {"time": [1.0, 1.0, 2.0], "event": [1, 1, 0], "entry": [0] * 3, "weight": [1] * 3}
    found = fitted(made(("exponential", family), few))
    assert set(found.weights[OS,]) == {"exponential"}
    assert any("Left out" in c and "distinct times" in c for c in found.cautions)
    with pytest.raises(FitError, match="distinct times"):
        fitted(made((family,), few))


def test_a_joint_family_of_landmarks_is_left_out(problem: DecisionProblem) -> None:
    table = {"start": [0.0], "end": [1.0], "n": [40.0], "time": [1.0]}
    evidence = {
        name: replace(
            problem.evidence[name],
            form="landmark",
            table={
                k: np.array(v)
                for k, v in (table | {"survivors": [s], "survival": [s / 40]}).items()
            },
        )
        for name, s in ((OS, 20.0), (PFS, 8.0))
    }
    own = problem.strategies["chemotherapy"]
    families = ("exponential", "joint_lognormal_weibull")
    curves = {k: replace(c, distributions=families) for k, c in own.curves.items()}
    made = replace(
        problem,
        evidence=evidence,
        opinions={},
        strategies={**problem.strategies, "chemotherapy": replace(own, curves=curves)},
        settings=replace(problem.settings, fit=SETTINGS),
    )
    found = fitted(made)
    assert set(found.weights[OS, PFS]) == {"exponential"}
    assert "survivors by interval" in found.cautions[0]


# -------------------------------------------------------------------- data that are hard to believe
def certain(problem: DecisionProblem, age: int) -> LifeTable:
    """One in a hundred dies a year, and everybody at `age`."""
    ages, q = np.arange(age + 1.0), np.full(age + 1, 0.01)
    q[-1] = 1.0
    return LifeTable(ages, q, q, (), problem.country.life_table.origin, "certain_death")


def test_background_mortality_stays_finite_past_certain_death(problem: DecisionProblem) -> None:
    """One in 10^12 lives through such a year: the hazard adds up, where survival is 0 in numbers."""
    table, time = certain(problem, 65), np.array([0.0, 2.0, 4.0, 40.0, 60.0])
    found = background.cumulative_hazard(table, 62.0, 0.6, time)
    yearly = 12 * np.log(10)
    early = -np.log(0.99)
    expected = [0, 2 * early, 3 * early + yearly, 3 * early + 37 * yearly, 3 * early + 57 * yearly]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-12)
    assert np.isfinite(background.cumulative_hazard(table, 62.0, 1.0, time)).all()


def test_patients_who_outlive_the_population_are_named(made, problem: DecisionProblem) -> None:
    """Fitted all the same; the report says what is odd."""
    table = people(80)
    own = made(("weibull",), {**table, "time": 6.0 * table["time"]}).evidence[OS]
    (line,) = plausible.doubts(own, 80, certain(problem, 63))
    for part in (OS, "general population", "Check 'time_unit', age", "(61 years, 60% men)"):
        assert part in line
    assert plausible.doubts(own, 80, problem.trial_life_table) == ()


def test_few_events_are_named(made) -> None:
    few = {"time": [0.5, 1.0, 2.0], "event": [1, 0, 1], "entry": [0] * 3, "weight": [1] * 3}
    found = fitted(made(("exponential",), few))
    assert f"{OS}: the curve rests on 2 events" in found.cautions[0]
    assert not [c for c in fitted(made(("weibull",))).cautions if "rests on" in c]


@pytest.mark.parametrize(
    ("time", "mean", "se"), [(1.0, 0.97, 0.005), (60.0, 0.3, 0.03), (0.05, 0.03, 0.01)]
)
def test_an_opinion_far_from_the_data_is_a_warning(made, time, mean, se) -> None:
    opinion = Opinion("expert", "Expert", OS, time, mean, se, 1.0, "x")
    found = fitted(made(("weibull", "lognormal"), opinions={"expert": opinion}))
    assert found.conflicts and found.conflicts[0] in found.warnings
    line = found.conflicts[0]
    for part in ("opinion 'expert'", "joint standard deviations apart", f"{12 * time:.3g} months"):
        assert part in line


def test_the_distance_of_an_opinion_is_that_of_the_data_alone(made) -> None:
    """Near normal, without fitting the data again: 2.6 to 3.5 joint standard deviations."""
    alone = fitted(made(("exponential",))).posteriors[OS, "exponential"]
    own = made(("exponential",))
    neutral = Opinion("expert", "Expert", OS, 1.0, 0.5, 0.05, 1.0, "x")
    data = plausible.implied(alone, opinion_piece(own, neutral, "os"))
    mean = data.mean() + 3.0 * np.hypot(0.05, data.std())
    opinion = replace(neutral, mean=mean)
    found = fitted(made(("exponential",), opinions={"expert": opinion}))
    (line,) = found.conflicts
    distance = float(line.split(" joint standard")[0].split()[-1])
    assert distance == pytest.approx(3.0, abs=0.5)
    near = replace(neutral, mean=data.mean() + 1.0 * np.hypot(0.05, data.std()))
    assert fitted(made(("exponential",), opinions={"expert": near})).conflicts == ()
