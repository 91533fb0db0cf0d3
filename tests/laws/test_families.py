"""Laws of flexible, cured and regression families, and the names they go by."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heor.survival.families import families, flexible, likelihood
from heor.survival.families.cure import MixtureCure, NonMixtureCure
from heor.survival.families.distributions import (
    DISTRIBUTIONS,
    Distribution,
    cumulative_hazard,
    hazard,
    survival,
)
from heor.survival.families.flexible import MSpline, PiecewiseExponential, RoystonParmar
from heor.survival.families.likelihood import Piece
from heor.survival.families.ops import NumpyOps
from heor.survival.families.regression import Regression
from heor.survival.sampler import laplace
from tests.distributions import KNOTS, MODELS, parameters_of
from tests.fits import from_gammas, gammas_of

TIME = np.linspace(0.0, 12.0, 241)
M_KNOTS = (0.5, 1.2, 2.5, 4.0)
REGRESSIONS = {
    "exponential": Regression(DISTRIBUTIONS["exponential"], ("a", "b")),
    "gompertz on shape": Regression(DISTRIBUTIONS["gompertz"], ("a",), on="shape"),
    "weibull cure": Regression(MixtureCure(DISTRIBUTIONS["weibull"]), ("a",), on="cured"),
    "lognormal nonmixture": Regression(NonMixtureCure(DISTRIBUTIONS["lognormal"]), ("a",)),
    "spline": Regression(RoystonParmar("odds", KNOTS), ("a", "b")),
    "m_spline": Regression(MSpline(M_KNOTS), ("a", "b"), nonproportional=("a",)),
}


def pieces() -> dict[str, Piece]:
    """Every form of evidence, with background mortality, entry, weights and two covariates."""
    edges = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0])
    grouped = {
        "start": edges[:-1],
        "end": edges[1:],
        "n_events": np.array([3.0, 5.0, 9.0, 8.0, 4.0, 3.0]),
        "n_censored": np.array([0.0, 1.0, 0.0, 2.0, 6.0, 9.0]),
        "background_start": 0.02 * edges[:-1],
        "background_end": 0.02 * edges[1:],
    }
    time = np.array([0.1, 0.4, 0.9, 1.7, 2.6, 3.9, 5.5, 1.0])
    individual = {
        "time": time,
        "event": np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
        "entry": np.array([0.0, 0.0, 0.2, 0.5, 0.0, 1.0, 0.0, 0.0]),
        "weight": np.array([1.0, 2.0, 1.0, 0.5, 1.0, 1.0, 3.0, 1.0]),
        "background_hazard": np.full(8, 0.02),
        "background_increment": 0.02 * time,
        "x_a": np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
        "x_b": np.linspace(-1.0, 1.0, 8),
    }
    binomial = {
        "start": np.array([5.0, 6.0]),
        "end": np.array([6.0, 8.0]),
        "n": np.array([40.0, 31.0]),
        "survivors": np.array([31.0, 20.0]),
        "background_start": np.array([0.1, 0.12]),
        "background_end": np.array([0.12, 0.16]),
    }
    opinion = {
        "time": np.array([10.0]),
        "multiplier": np.array([1.2]),
        "background": np.array([0.2]),
        "a": np.array([4.0]),
        "b": np.array([12.0]),
    }
    forms = {"grouped": grouped, "individual": individual, "binomial": binomial, "opinion": opinion}
    return {
        form: Piece(form, "os", form, data, form in ("grouped", "individual"))
        for form, data in forms.items()
    }


def constants(value: float, model: Distribution) -> dict[str, np.ndarray]:
    return {name: np.array([value]) for name in model.names}


# ---------------------------------------------------------------- limits


@given(shape=st.floats(0.3, 3), scale=st.floats(0.2, 8))
def test_splines_without_inner_knots_are_the_classics(shape: float, scale: float) -> None:
    """Weibull, log-logistic and log-normal, whatever the boundary knots."""
    t = np.geomspace(1e-3, 50, 80)
    log_scale = np.log(scale)
    classics = {
        "hazard": ("weibull", {"shape": shape, "scale": scale}),
        "odds": ("loglogistic", {"shape": shape, "scale": scale}),
        "normal": ("lognormal", {"meanlog": log_scale, "sdlog": 1 / shape}),
    }
    for kind, (name, p) in classics.items():
        spline = RoystonParmar(kind, (-1.0, 1.4))
        own = {"level": shape * (spline.middle - log_scale), "slope_1": shape}
        for f in (cumulative_hazard, hazard):
            np.testing.assert_allclose(f(spline, own, t), f(name, p, t), rtol=1e-9, atol=1e-14)


@given(st.data())
def test_equal_slopes_are_a_straight_line(data) -> None:
    inner = data.draw(st.lists(st.floats(-0.9, 1.3), max_size=4, unique=True))
    knots = (-1.0, *(k for k in sorted(inner)), 1.4)
    if np.diff(knots).min() < 0.05:
        return
    model = RoystonParmar("hazard", knots)
    own = {"level": 0.3, **{name: 1.3 for name in model.names[1:]}}
    scale = np.exp(model.middle - 0.3 / 1.3)
    np.testing.assert_allclose(
        cumulative_hazard(model, own, TIME),
        cumulative_hazard("weibull", {"shape": 1.3, "scale": scale}, TIME),
        rtol=1e-9,
    )


def test_constant_hazards_are_exponential() -> None:
    exponential = cumulative_hazard("exponential", {"rate": [0.7]}, TIME)
    for cuts in ((), (0.5, 2.0)):
        model = PiecewiseExponential(cuts)
        p = constants(1.0, model) | {"rate": np.array([0.7])}
        np.testing.assert_allclose(cumulative_hazard(model, p, TIME), exponential, atol=1e-12)
    for smooth in flexible.SMOOTH:
        for degree in (1, 2, 3, 4):
            model = MSpline((0.2, *M_KNOTS), degree, smooth)
            p = constants(0.0, model) | {"eta": np.array([0.7 * model.total]), "sd": np.ones(1)}
            np.testing.assert_allclose(cumulative_hazard(model, p, TIME), exponential, atol=1e-12)
            np.testing.assert_allclose(hazard(model, p, TIME), 0.7, atol=1e-12)


def test_piecewise_exponential_by_hand() -> None:
    model = PiecewiseExponential((1.0, 3.0))
    p = {"rate": [0.2], "ratio_2": [2.0], "ratio_3": [0.5]}
    t = np.array([0.5, 1.0, 2.0, 3.0, 10.0])
    np.testing.assert_allclose(cumulative_hazard(model, p, t)[0], [0.1, 0.2, 0.6, 1.0, 2.4])
    np.testing.assert_allclose(hazard(model, p, t)[0], [0.2, 0.2, 0.4, 0.4, 0.2])


def test_m_spline_is_level_after_the_last_knot_and_smooth_before_it() -> None:
    model = MSpline(M_KNOTS)
    p = {k: v + 0.3 for k, v in constants(0.5, model).items()}
    h = hazard(model, p, np.array([4.0, 5.0, 50.0]))[0]
    np.testing.assert_allclose(h, h[0], rtol=1e-12)
    step = 1e-3
    before = hazard(model, p, 4.0 - step * np.arange(4))[0]
    assert abs(before[0] - before[1]) < 10 * h[0] * step**3  # first and second derivative vanish
    integral = flexible.m_splines(M_KNOTS, np.array([100.0]))[1]
    np.testing.assert_allclose(integral[0, :-1], 1.0, atol=1e-12)


CURES = {n: m for n, m in MODELS.items() if isinstance(m, MixtureCure | NonMixtureCure)}


@pytest.mark.parametrize("model", CURES.values(), ids=CURES)
@given(data=st.data())
def test_cured_share_is_where_survival_ends(model, data) -> None:
    p = parameters_of(model, data)
    c = p["cured"][0]
    h0 = cumulative_hazard(model.base, p, TIME)[0]
    h = cumulative_hazard(model, p, TIME)[0]
    s0 = np.exp(-h0)
    mixture = isinstance(model, MixtureCure)
    by_hand = c + (1 - c) * s0 if mixture else c ** (1 - s0)
    np.testing.assert_allclose(np.exp(-h), by_hand, rtol=1e-9)
    assert (h <= -np.log(c) * (1 + 1e-12)).all()
    last = cumulative_hazard(model, p, np.array([1e9]))[0, 0]
    if cumulative_hazard(model.base, p, np.array([1e9]))[0, 0] > 40:
        assert last == pytest.approx(-np.log(c), rel=1e-12)
        assert hazard(model, p, np.array([1e9]))[0, 0] < 1e-12


@pytest.mark.parametrize("kind", [MixtureCure, NonMixtureCure])
def test_cure_keeps_its_digits(kind) -> None:
    """Early, where survival is 1 to many digits, and without a cured share."""
    model, t = kind(DISTRIBUTIONS["exponential"]), np.array([1e-13, 1e-9, 1e-4])
    h = cumulative_hazard(model, {"rate": [1.0], "cured": [0.25]}, t)[0]
    slope = 0.75 if kind is MixtureCure else -np.log(0.25)
    np.testing.assert_allclose(h, slope * t, rtol=2e-4)
    np.testing.assert_allclose(h[:2], slope * t[:2], rtol=1e-8)
    if kind is MixtureCure:
        none = cumulative_hazard(model, {"rate": [1.0], "cured": [1e-300]}, np.array([300.0]))
        assert none[0, 0] == pytest.approx(300.0, rel=1e-12)


# ---------------------------------------------------------------- covariates


@pytest.mark.parametrize("name", REGRESSIONS)
def test_at_without_covariates_is_the_base(name: str) -> None:
    model = REGRESSIONS[name]
    theta = np.linspace(-0.3, 0.4, len(model.parameters))
    p = {k: np.array([[v]]) for k, v in model.natural(theta).items()}
    nobody = {"x_a": np.zeros(4), "x_b": np.zeros(4)}
    t = model.encode(np.array([0.0, 0.5, 1.0, 7.0]))
    plain = model.base.cumulative_hazard(t, p, NumpyOps)
    np.testing.assert_allclose(model.cumulative_hazard(t, p, NumpyOps), plain)
    moved = model.at(p, nobody, NumpyOps)
    np.testing.assert_allclose(model.cumulative_hazard(t, moved, NumpyOps), plain, rtol=1e-12)


def test_effects_act_on_the_scale_they_claim() -> None:
    p = {"rate": np.array([[0.5]]), "beta_a": np.array([[0.4]]), "beta_b": np.array([[0.0]])}
    row = {"x_a": np.array([1.0, 0.0])}
    model = REGRESSIONS["exponential"]
    assert model.at(p, row, NumpyOps)["rate"][0] == pytest.approx([0.5 * np.exp(0.4), 0.5])
    cured = {"cured": np.array([[0.2]]), "beta_a": np.array([[0.4]])}
    odds = REGRESSIONS["weibull cure"].at(cured, row, NumpyOps)["cured"][0]
    assert odds / (1 - odds) == pytest.approx([0.25 * np.exp(0.4), 0.25])
    base, p = MSpline(M_KNOTS), {"beta_a": np.array([[0.4]])}
    model = Regression(base, ("a",))
    p |= {k: v[:, None] for k, v in (constants(0.3, base) | {"eta": np.ones(1)}).items()}
    t = model.encode(np.array([2.0, 2.0]))
    h = model.log_hazard(t, model.at(p, row, NumpyOps), NumpyOps)[0]
    assert h[0] - h[1] == pytest.approx(0.4)  # proportional hazards


def test_nonproportional_effects_change_the_ratio_in_time() -> None:
    model = REGRESSIONS["m_spline"]
    p = {k: np.array([[0.4]]) for k in model.names}
    t = np.array([0.2, 1.0, 2.0, 8.0])
    ratio = []
    for x in (1.0, 0.0):
        one = model.at(p, {"x_a": np.full(4, x), "x_b": np.zeros(4)}, NumpyOps)
        ratio.append(model.log_hazard(model.encode(t), one, NumpyOps)[0])
    assert np.ptp(ratio[0] - ratio[1]) > 0.3
    p |= {f"z_a_{k}": np.array([[0.0]]) for k in range(1, 5)}
    same = model.at(p, {"x_a": np.ones(4), "x_b": np.zeros(4)}, NumpyOps)
    constant = model.log_hazard(model.encode(t), same, NumpyOps)[0] - ratio[1]
    np.testing.assert_allclose(constant, 0.4)


def test_what_a_regression_refuses() -> None:
    with pytest.raises(ValueError, match="weibull has no parameter 'rate'; it has shape, scale"):
        Regression(DISTRIBUTIONS["weibull"], ("a",), on="rate")
    with pytest.raises(ValueError, match="nonproportional effects need an M-spline"):
        Regression(DISTRIBUTIONS["weibull"], ("a",), nonproportional=("a",))
    with pytest.raises(ValueError, match=r"\['b'\] are not among the covariates"):
        Regression(MSpline(M_KNOTS), ("a",), nonproportional=("b",))


# ---------------------------------------------------------------- NumPy and PyMC


EVERY = {**MODELS, **{f"{name} by covariates": m for name, m in REGRESSIONS.items()}}


@pytest.mark.parametrize("model", EVERY.values(), ids=EVERY)
def test_pymc_evaluates_the_same_density(model) -> None:
    """All forms of evidence, without compiling: PyTensor's own evaluation of PyMC's graph."""
    pytensor = pytest.importorskip("pytensor")
    from heor.survival.sampler import plain_code

    data = [likelihood.encoded(model, piece) for piece in pieces().values()]
    pymc = plain_code.build_model(model, data)
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    function = pytensor.function(pymc.value_vars, pymc.logp(), mode=mode, on_unused_input="ignore")
    f = laplace.log_likelihood_function(model, data)
    centre = laplace.start(model, data)
    for shift in (-0.2, 0.0, 0.25):
        theta = centre + shift * np.linspace(1.0, 0.5, len(centre))
        ours = f(theta[None])[0] + model.log_prior(theta)
        assert np.isfinite(ours)
        assert float(function(*theta)) == pytest.approx(ours, rel=1e-9)


@pytest.mark.parametrize("model", EVERY.values(), ids=EVERY)
def test_models_are_cheap_to_send_to_workers(model) -> None:
    sent = pickle.dumps(model)
    assert len(sent) < 5_000 and pickle.loads(sent).names == model.names
    assert hash(model) == hash(model)


def test_covariates_on_an_integrated_density_are_refused() -> None:
    class WithoutIncompleteGamma(NumpyOps):
        exact = False

    model = Regression(DISTRIBUTIONS["gamma"], ("a",))
    with pytest.raises(ValueError, match="Fit it by maximum likelihood or Laplace"):
        model.at({}, {"x_a": np.ones(1)}, WithoutIncompleteGamma)


# ---------------------------------------------------------------- names and knots


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("weibull", ("shape", "scale")),
        ("generalised_f_cure", ("mu", "sigma", "Q", "P", "cured")),
        ("piecewise_exponential_3", ("rate", "ratio_2", "ratio_3")),
        ("spline_odds_1", ("level", "slope_1", "slope_2")),
        ("spline_normal_0_cure_nonmixture", ("level", "slope_1", "cured")),
        ("m_spline_5", ("eta", "sd", "z_1", "z_2", "z_3", "z_4")),
        ("joint_lognormal_weibull", None),
    ],
)
def test_names_resolve_and_are_kept(name: str, parameters) -> None:
    model = families.resolve(name, pieces()["individual"])
    assert model.name == name
    if parameters:
        assert model.names == parameters and model.label == families.label(name)


def test_default_size_keeps_the_name_it_was_asked_by() -> None:
    grouped = pieces()["grouped"]
    short, long = (families.resolve(n, grouped) for n in ("m_spline_cure", "m_spline_10_cure"))
    assert (short.name, long.name) == ("m_spline_cure", "m_spline_10_cure")
    assert short.compile_key == long.compile_key
    assert families.label("m_spline_cure") == families.label("m_spline_10_cure")
    with pytest.raises(ValueError, match="spline_odds_9"):
        families.resolve("spline_odds_9")
    with pytest.raises(ValueError, match="spline_odds_9"):
        families.label("spline_odds_9")


def test_knots_come_from_the_events_of_the_main_pieces() -> None:
    own = pieces()
    time, weight = flexible.event_times(list(own.values()))
    middles = [0.125, 0.375, 0.75, 1.5, 2.5, 4.0]
    assert sorted(time) == sorted([*middles, 0.1, 0.4, 1.7, 2.6, 1.0])
    assert weight.sum() == 32 + 5.5
    spline = families.resolve("spline_hazard_1", own["grouped"])
    assert np.exp(spline.knots) == pytest.approx([0.125, 0.75, 4.0])
    many = families.resolve("m_spline_20", own["grouped"])
    assert len(many.knots) <= len(middles)  # no more than the event times there are
    assert many.knots[-1] == 4.0
    cuts = families.resolve("piecewise_exponential_4", own["grouped"]).cuts
    assert cuts == pytest.approx((0.65625, 0.75, 1.5))  # interpolated, as R and NumPy do


def test_later_evidence_adds_knots() -> None:
    own = pieces()
    alone = families.resolve("m_spline_6", own["grouped"])
    extended = families.resolve("m_spline_6", [own["grouped"], own["binomial"], own["opinion"]])
    assert extended.knots == (*alone.knots, 5.0, 8.0, 10.0) and extended.name == "m_spline_6"


def test_too_few_events_are_said() -> None:
    grouped = pieces()["grouped"]
    grouped.data["n_events"][1:] = 0.0
    with pytest.raises(
        ValueError, match="grouped: events at 1 distinct times; knots need at least"
    ):
        families.resolve("spline_odds_2", grouped)


@given(
    st.lists(st.floats(0.01, 10), min_size=2, max_size=30),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_quantiles_are_numpys_and_weights_are_repetitions(values, shares) -> None:
    value = np.array(values)
    found = flexible.weighted_quantiles(value, np.ones(len(value)), shares)
    np.testing.assert_allclose(found, np.quantile(value, shares), rtol=1e-6)
    weight = np.arange(len(value)) % 3 + 1
    np.testing.assert_allclose(
        flexible.weighted_quantiles(value, weight.astype(float), shares),
        np.quantile(np.repeat(value, weight), shares),
        rtol=1e-6,
    )


@pytest.mark.parametrize("knots", [(1.0,), (2.0, 1.0), (1.0, 1.0)])
def test_knots_must_increase(knots) -> None:
    with pytest.raises(ValueError, match="must be at least 2, increase"):
        RoystonParmar("hazard", knots)


def test_unknown_options_are_named() -> None:
    with pytest.raises(ValueError, match="unknown scale 'cloglog'; allowed: hazard, odds, normal"):
        RoystonParmar("cloglog", (0.0, 1.0))
    with pytest.raises(ValueError, match="unknown smooth 'none'"):
        MSpline(M_KNOTS, smooth="none")
    with pytest.raises(ValueError, match="unknown error 't'"):
        MSpline(M_KNOTS, error="t")


@given(gammas=st.tuples(st.floats(-2, 2), st.floats(0.5, 2), st.floats(-0.05, 0.05)))
def test_gammas_there_and_back(gammas) -> None:
    model = RoystonParmar("normal", KNOTS[:3])
    np.testing.assert_allclose(gammas_of(model, from_gammas(model, gammas))[0], gammas, atol=1e-9)


def test_gammas_of_a_falling_spline_are_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        from_gammas(RoystonParmar("hazard", KNOTS), [0.0, -1.0, 0.0, 0.0])


def test_every_draw_of_a_spline_prior_is_a_survival_curve() -> None:
    generator = np.random.default_rng(1)
    for model in (RoystonParmar("hazard", KNOTS), RoystonParmar("odds", KNOTS), MSpline(M_KNOTS)):
        theta = np.stack([p.prior.sample(generator, 500) for p in model.parameters], axis=-1)
        s = survival(model, model.natural(theta), TIME)
        assert (s[:, 0] > 1 - 1e-9).all() and (np.diff(s, axis=1) <= 0).all()
