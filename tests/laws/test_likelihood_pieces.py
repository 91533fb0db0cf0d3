"""What registry counts, opinions, late entry, background mortality and priors do to a fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from heor.survival.families import likelihood
from heor.survival.families.distributions import DISTRIBUTIONS, Distribution, survival
from heor.survival.families.families import resolve
from heor.survival.families.likelihood import Piece
from heor.survival.sampler import laplace, psis
from tests import fits
from tests.likelihoods import EDGES, grouped, individual

FAMILIES = ("weibull", "lognormal", "weibull_cure")
EVERY = pytest.mark.parametrize("family", FAMILIES)
DRAWS = 4000


def counts(start: float, end: float, n: float, survivors: float) -> Piece:
    data = {"start": start, "end": end, "n": n, "survivors": survivors}
    zeros = {"background_start": np.zeros(1), "background_end": np.zeros(1)}
    arrays = {k: np.array([float(v)]) for k, v in data.items()}
    return Piece("registry", "os", "binomial", arrays | zeros, main=False)


def opinion(time: float, a: float, b: float, multiplier: float = 1.0, background: float = 0.0):
    data = {"time": time, "multiplier": multiplier, "background": background, "a": a, "b": b}
    arrays = {k: np.array([float(v)]) for k, v in data.items()}
    return Piece("expert", "os", "opinion", arrays, main=False)


def trial(n: int = 150, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Weibull times (shape 1.2, scale 2 years), censored at 3 years."""
    time = 2.0 * np.random.default_rng(seed).weibull(1.2, n)
    return np.minimum(time, EDGES[-1]), (time <= EDGES[-1]).astype(float)


def fit(model: Distribution, *pieces: Piece, draws: int = DRAWS) -> laplace.LaplaceFit:
    encoded = [likelihood.encoded(model, piece) for piece in pieces]
    found = laplace.fit_laplace(model, encoded, draws, np.random.default_rng(1))
    assert found.pareto_k < psis.PARETO_K_MAX
    return found


def survival_at(model: Distribution, found: laplace.LaplaceFit, time: float) -> np.ndarray:
    return survival(model, model.natural(found.theta), np.array([time]))[:, 0]


# ---------------------------------------------------------------- external counts


@EVERY
def test_counts_that_agree_narrow_the_curve_and_leave_it_where_it_is(family: str) -> None:
    model, data = resolve(family), grouped(*trial())
    before = survival_at(model, fit(model, data), 6.0)
    n = 400
    after = survival_at(model, fit(model, data, counts(0.0, 6.0, n, n * before.mean())), 6.0)
    assert after.std() < 0.8 * before.std()
    assert abs(after.mean() - before.mean()) < 0.35 * before.std()


@EVERY
def test_counts_that_disagree_draw_the_curve_the_more_the_more_they_are(family: str) -> None:
    model, data, share = resolve(family), grouped(*trial()), 0.3
    means = [survival_at(model, fit(model, data), 6.0).mean()]
    for n in (20, 80, 320):
        means.append(survival_at(model, fit(model, data, counts(0, 6, n, n * share)), 6.0).mean())
    assert means[0] < share - 0.1 and (np.diff(means) > 0).all() and means[-1] < share + 0.02


def test_counts_of_a_later_interval_speak_of_those_who_reached_it() -> None:
    """Conditional on survival to its start: an exponential rate learns from it as from zero on."""
    model = DISTRIBUTIONS["exponential"]
    data = grouped(*trial())
    early, late = (fit(model, data, counts(a, a + 2, 100, 40)) for a in (0.0, 5.0))
    np.testing.assert_allclose(late.mean, early.mean, rtol=1e-10)


# ---------------------------------------------------------------- expert opinion


@pytest.mark.parametrize(
    ("a", "b", "multiplier", "background"),
    [(8.0, 4.0, 1.0, 0.0), (3.0, 20.0, 1.0, 0.1), (6.0, 6.0, 0.6, 0.05), (1.0, 1.0, 1.0, 0.0)],
)
def test_an_opinion_alone_times_the_prior_is_the_posterior(
    a: float, b: float, multiplier: float, background: float
) -> None:
    """One parameter, the log rate, on a grid: prior density times the beta density of S(t).

    One patient seen for an hour stands for no data.
    """
    model, time = DISTRIBUTIONS["exponential"], 3.0
    found = fit(model, individual([1e-4], [0.0]), opinion(time, a, b, multiplier, background))

    theta = np.linspace(-9.0, 8.0, 40_001)
    s = np.exp(-multiplier * np.exp(theta) * time - background)
    prior = stats.norm(model.parameters[0].prior.mean, model.parameters[0].prior.sd)
    density = prior.pdf(theta) * s ** (a - 1.0) * (1.0 - s) ** (b - 1.0)
    reached = np.cumsum(density) / density.sum()
    ranks = np.interp(found.theta[:, 0], theta, reached)
    assert stats.kstest(ranks, "uniform").statistic < 1.63 / np.sqrt(DRAWS)  # p = 0.01


@EVERY
def test_an_opinion_moves_the_curve_towards_it(family: str) -> None:
    model, data = resolve(family), grouped(*trial())
    before = survival_at(model, fit(model, data), 6.0).mean()
    after = survival_at(model, fit(model, data, opinion(6.0, 30.0, 70.0)), 6.0).mean()
    assert before + 0.03 < after < 0.3


@EVERY
def test_a_flat_opinion_says_nothing(family: str) -> None:
    model, data = resolve(family), grouped(*trial())
    without, flat = fit(model, data), fit(model, data, opinion(6.0, 1.0, 1.0))
    np.testing.assert_allclose(flat.theta, without.theta, atol=1e-6)


# ---------------------------------------------------------------- priors


@pytest.mark.parametrize(
    ("family", "factor"),
    # not the other way round for cure: reweighting finds no tail that was not drawn
    [(f, factor) for f in FAMILIES for factor in (0.5, 2.0) if (f, factor) != (FAMILIES[2], 2.0)],
)
def test_other_priors_are_the_posterior_reweighted(family: str, factor: float) -> None:
    """What the fit under other priors gives, the ratio of the priors gives too."""
    model, data = resolve(family), grouped(*trial(60))
    other = model.with_priors(factor)
    from_, to = (fit(m, data, draws=16_000) for m in (model, other))
    log_ratio = other.log_prior(from_.theta) - model.log_prior(from_.theta)
    weight = np.exp(log_ratio - log_ratio.max())
    weight /= weight.sum()
    mean = weight @ from_.theta
    # effective draws of both importance samples, the first once more unequal by the ratio
    sizes = np.array([from_.importance_ess / (16_000 * weight @ weight), to.importance_ess])
    sizes *= laplace.PROPOSALS
    noise = np.sqrt(weight @ (from_.theta - mean) ** 2 * (1 / sizes).sum())
    assert sizes.min() > 500 and (np.abs(to.mean - mean) < 4 * noise).all()


@pytest.mark.parametrize("family", FAMILIES[:2])  # three years identify no cured share
def test_the_more_data_the_less_the_priors_matter(family: str) -> None:
    model = resolve(family)

    def moved(n: int) -> float:
        """How far survival at 2 or 6 years goes with priors half as wide."""
        data = grouped(*trial(n))
        curves = [
            [survival_at(m, found, t).mean() for t in (2.0, 6.0)]
            for m in (model, model.with_priors(0.5))
            for found in [fit(m, data)]
        ]
        return np.abs(np.subtract(*curves)).max()

    assert 4 * moved(4000) < 0.02 < moved(6)


# ---------------------------------------------------------------- late entry, background


def truncated(n: int, seed: int) -> tuple[np.ndarray, ...]:
    """Patients who come under observation late: only those still alive then are seen."""
    generator = np.random.default_rng(seed)
    time = 2.0 * generator.weibull(1.3, 4 * n)
    entry = generator.uniform(0.0, 2.0, 4 * n)
    kept = np.flatnonzero(time > entry)[:n]
    end = np.minimum(time[kept], 4.0)
    return end, (time[kept] <= 4.0).astype(float), entry[kept]


def test_late_entry_recovers_what_ignoring_it_does_not() -> None:
    time, event, entry = truncated(3000, 5)
    truth = np.log([1.3, 2.0])

    def errors(entry: np.ndarray | float) -> np.ndarray:
        found = fits.fit_maximum_likelihood("weibull", [individual(time, event, entry)])
        return (found.transformed - truth) / np.sqrt(np.diag(found.covariance))

    assert np.abs(errors(entry)).max() < 3
    assert np.abs(errors(0.0)).max() > 10


def test_late_entry_of_a_constant_hazard_loses_only_the_time_before() -> None:
    time, event, entry = truncated(200, 6)
    a = fits.fit_maximum_likelihood("exponential", [individual(time, event, entry)])
    assert a.estimates["rate"] == pytest.approx(event.sum() / (time - entry).sum(), rel=1e-6)


@pytest.mark.parametrize("form", [individual, grouped])
def test_excess_and_background_make_up_the_data(form) -> None:
    """Excess Weibull, constant background: both are recovered, and their sum fits the deaths."""
    n, rate, generator = 6000, 0.15, np.random.default_rng(8)
    time = np.minimum(2.0 * generator.weibull(0.8, n), generator.exponential(1 / rate, n))
    event, end = (time <= 3.0).astype(float), np.minimum(time, 3.0)
    truth = np.log([0.8, 2.0])

    def fitted(background: float) -> tuple[np.ndarray, np.ndarray]:
        found = fits.fit_maximum_likelihood("weibull", [form(end, event, background=background)])
        errors = (found.transformed - truth) / np.sqrt(np.diag(found.covariance))
        grid = np.array([0.5, 1.0, 2.0, 2.9])
        excess = survival("weibull", found.estimates, grid)[0]
        dead = np.array([(time <= t).mean() for t in grid])
        return errors, excess * np.exp(-background * grid) - (1 - dead)

    errors, distance = fitted(rate)
    assert np.abs(errors).max() < 3 and np.abs(distance).max() < 0.015
    errors, _ = fitted(0.0)
    assert np.abs(errors).max() > 5


# ---------------------------------------------------------------- leave-one-out


def one_row_a_patient(piece: Piece) -> Piece:
    """The same grouped cells, every patient in a row of their own."""
    data = piece.data
    rows = np.arange(len(data["start"]))
    n_events, n_censored = (data[k].astype(int) for k in ("n_events", "n_censored"))
    row = np.concatenate([np.repeat(rows, n_events), np.repeat(rows, n_censored)])
    died = (np.arange(len(row)) < n_events.sum()).astype(float)
    own = {k: data[k][row] for k in data if not k.startswith("n_")}
    return Piece("trial", "os", "grouped", own | {"n_events": died, "n_censored": 1.0 - died})


def repeated(piece: Piece) -> Piece:
    """Individual rows, each as often as its weight."""
    times = piece.data["weight"].astype(int)
    data = {k: np.repeat(v, times) for k, v in piece.data.items()}
    return Piece("trial", "os", "individual", data | {"weight": np.ones(times.sum())})


def weighted() -> Piece:
    time, event = trial(40)
    time = np.maximum(time, 0.1)  # a death on day 4 may as well be background: two modes
    weight = 1.0 + np.arange(40) % 3
    return individual(time, event, 0.2 * (time > 0.5), weight, background=0.02)


CASES = [
    pytest.param(family, piece, expand, id=f"{family}-{piece.form}")
    for family in FAMILIES
    for piece, expand in ((grouped(*trial(60)), one_row_a_patient), (weighted(), repeated))
]


@pytest.mark.parametrize(("family", "piece", "expand"), CASES)
def test_leave_one_out_is_over_patients(family: str, piece: Piece, expand) -> None:
    """Counts are multiplicities: written out, the fit and its leave-one-out stay the same."""
    model, every = resolve(family), expand(piece)
    a, b = (fit(model, own, counts(0, 6, 50, 10)) for own in (piece, every))
    np.testing.assert_allclose(b.mean, a.mean, rtol=1e-5, atol=1e-6)
    ours, theirs = (
        psis.leave_one_out(*likelihood.pointwise(model, a.theta, [likelihood.encoded(model, own)]))
        for own in (piece, every)
    )
    patients = piece.counts.sum()
    assert ours["counts"].sum() == patients == len(theirs["counts"])
    for key in ("elpd_loo", "se", "p_loo", "pareto_k_max"):
        assert ours[key] == pytest.approx(theirs[key], rel=1e-8), key
    np.testing.assert_allclose(
        np.sort(np.repeat(ours["pointwise"], ours["counts"].astype(int))),
        np.sort(theirs["pointwise"]),
        rtol=1e-8,
    )


@pytest.mark.parametrize(("family", "piece", "expand"), CASES)
def test_leave_one_out_is_arvizs_on_every_patient(family: str, piece: Piece, expand) -> None:
    az = pytest.importorskip("arviz")
    model = resolve(family)
    theta = fit(model, piece).theta
    ours = psis.leave_one_out(
        *likelihood.pointwise(model, theta, [likelihood.encoded(model, piece)])
    )
    every = likelihood.encoded(model, expand(piece))
    terms, _ = likelihood.pointwise(model, theta, [every])
    posterior = {"x": np.zeros((1, DRAWS))}
    data = az.from_dict(posterior=posterior, log_likelihood={"y": terms[None]})
    theirs = az.loo(data, pointwise=True, reff=1.0)
    assert ours["elpd_loo"] == pytest.approx(theirs.elpd_loo, abs=1e-6)
    assert ours["se"] == pytest.approx(theirs.se, abs=1e-6)
    assert ours["p_loo"] == pytest.approx(theirs.p_loo, abs=1e-6)
    np.testing.assert_allclose(
        np.sort(np.repeat(ours["pointwise"], ours["counts"].astype(int))),
        np.sort(theirs.loo_i.values),
        atol=1e-6,
    )
