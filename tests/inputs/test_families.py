"""Names of families, accepted fits, priors and opinions."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor.errors import InputError
from heor.inputs.load import load, load_companions
from heor.problem import family_names as families
from heor.problem.problem import DecisionProblem
from heor.usage.usage import used_parameters
from tests.spoiled import ANALYSIS, FaultsOf, Spoil, expect

STRATEGIES = "model/strategies.yaml"
INDEX = "model/survival/index.yaml"
OS = "model/survival/second_line_folfiri_os.csv"
LIFE = "countries/norway/life_table.csv"


# One spoilt place each: id, file, text replaced, by what, and what the message must say.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("weibull", ("weibull", None, "", None)),
        ("generalised_f", ("generalised_f", None, "", None)),
        ("weibull_cure", ("weibull", None, "mixture", None)),
        ("gompertz_cure_nonmixture", ("gompertz", None, "nonmixture", None)),
        ("piecewise_exponential_12", ("piecewise_exponential", 12, "", None)),
        ("spline_hazard_0", ("spline_hazard", 0, "", None)),
        ("spline_normal_6_cure", ("spline_normal", 6, "mixture", None)),
        ("m_spline", ("m_spline", 10, "", None)),
        ("m_spline_7", ("m_spline", 7, "", None)),
        ("joint_lognormal_weibull", ("joint", None, "", ("lognormal", "weibull"))),
        (
            "joint_gompertz_exponential_cure",
            ("joint", None, "mixture", ("gompertz", "exponential")),
        ),
    ],
)
def test_family_names(name: str, expected: tuple) -> None:
    found = families.parse(name)
    assert (found.base, found.size, found.cure, found.joint) == expected
    assert found.text == name and families.fault(name) == ""


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("weibul", ("unknown distribution 'weibul'", "Did you mean 'weibull'?")),
        ("weibul_cure", ("unknown distribution 'weibul_cure'", "_cure", "'weibull'?")),
        ("spline_hazard_7", ("size 7", "spline_hazard_K takes 0 to 6 inner knots")),
        ("spline_hazard", ("no size", "0 to 6 inner knots")),
        ("piecewise_exponential", ("no size", "2 to 20 pieces")),
        ("piecewise_exponential_1", ("size 1", "2 to 20 pieces")),
        ("m_spline_4_cure", ("size 4", "5 to 20 basis functions")),
        ("joint_gamma_weibull", ("joint_PFS_POST", "PFS one of lognormal")),
        ("joint_weibull_gompertz", ("joint_PFS_POST", "POST one of exponential")),
        ("joint_weibull_weibull_cure_nonmixture", ("with or without _cure",)),
        ("", ("unknown distribution ''", "allowed: exponential")),
    ],
)
def test_faulty_family_names(name: str, parts: tuple[str, ...]) -> None:
    assert families.parse(name) is None
    fault = families.fault(name)
    assert all(part in fault for part in parts), fault


def test_words_beside_families() -> None:
    assert families.fault("stacked", "extrapolation", ("stacked",)) == ""
    assert "allowed: stacked, exponential" in families.fault("x", "extrapolation", ("stacked",))


def test_accepted_fits_and_priors(copied_inputs: Path, spoil: Spoil) -> None:
    fit = load(copied_inputs).settings.fit
    assert (fit.accept, fit.screen, fit.priors) == ((), True, "standard")
    own = "second_line_folfiri_os/gompertz"
    spoil(ANALYSIS, "accept: []", f"accept: [{own}]")
    spoil(ANALYSIS, "priors: standard", "priors: narrow")
    fit = load(copied_inputs).settings.fit
    assert (fit.accept, fit.screen, fit.priors) == ((own,), True, "narrow")
    other = "second_line_folfiri_pfs/weibull_cure"
    found = load(copied_inputs, accept=[own, other], priors="wide")
    assert (found.settings.fit.accept, found.settings.fit.priors) == ((own, other), "wide")
    for companion in load_companions(found, copied_inputs).values():
        assert companion.settings.fit == found.settings.fit


@pytest.mark.parametrize(
    ("fit", "parts"),
    [
        (
            "second_line_folfiri_o/weibull",
            ("unknown survival evidence", "'second_line_folfiri_os'?"),
        ),
        ("second_line_folfiri_os/weibul", ("unknown distribution 'weibul'", "'weibull'?")),
        ("second_line_folfiri_os", ("does not name a fit", "write evidence/family")),
    ],
)
def test_faulty_accepted_fits(
    fit: str, parts: tuple[str, ...], spoil: Spoil, faults: FaultsOf, inputs: Path
) -> None:
    with pytest.raises(InputError) as caught:
        load(inputs, accept=[fit])
    expect(caught.value.problems, f"--accept {fit}:", *parts)
    line = spoil(ANALYSIS, "accept: []", f"accept: [{fit}]")
    expect(faults(), f"inputs/{ANALYSIS}:{line}:", *parts)


def test_unknown_priors(inputs: Path, spoil: Spoil, faults: FaultsOf) -> None:
    with pytest.raises(InputError, match="unknown priors 'wid'.*Did you mean 'wide'"):
        load(inputs, priors="wid")
    spoil(ANALYSIS, "priors: standard", "priors: wid")
    expect(faults(), f"inputs/{ANALYSIS}:", "analysis.survival.priors", "found 'wid'")


def test_the_opinion_of_the_base_case(problem: DecisionProblem, inputs: Path) -> None:
    """About 3 % at 60 months, at the mean transport multiplier; off in a scenario."""
    opinion = problem.opinions["os_60"]
    assert (opinion.time, opinion.mean, opinion.se) == (5, 0.03, 0.01)
    assert opinion.multiplier == problem.parameters["transport_multiplier"].mean
    assert (opinion.evidence, opinion.parameter) == ("second_line_folfiri_os", "os_60_expert")
    assert problem.parameters["os_60_expert"].status == "expert"
    assert load(inputs, scenario="no_expert_opinion").opinions == {}
    moved = load(inputs, scenario="no_transport").opinions["os_60"]
    assert moved.multiplier == 1


def test_opinions_count_as_used_by_the_fit_only(problem: DecisionProblem, inputs: Path) -> None:
    own = {"os_60_expert", "t_os_60_expert"}
    assert own <= used_parameters(problem)
    assert not own & used_parameters(problem, fits=False)
    assert "transport_multiplier" in used_parameters(problem, fits=False)
    for other in ("no_expert_opinion", "s12_panitumumab"):  # off; about other evidence
        assert not own & used_parameters(load(inputs, scenario=other))


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("survival: os_60_expert", "survival: os_60_expet", ("'os_60_expet'", "'os_60_expert'?")),
        ("time: t_os_60_expert", "time: t_os_60_expet", ("time:", "'t_os_60_expert'?")),
        ("time: t_os_60_expert", "time: 0", ("time is 0; it must be above 0",)),
        (
            "      multiplier: transport_multiplier",
            "      multiplier: medicines",
            ("multiplier:", "'medicines'"),
        ),
        (
            "      evidence: second_line_folfiri_os",
            "      evidence: folfiri",
            ("unknown survival evidence",),
        ),
        (
            "      label: survival at 60",
            "      lable: survival at 60",
            ("'lable'", "Did you mean 'label'?"),
        ),
    ],
)
def test_faulty_opinions(
    old: str, new: str, parts: tuple[str, ...], spoil: Spoil, faults: FaultsOf
) -> None:
    line = spoil(ANALYSIS, old, new)
    expect(faults(), f"inputs/{ANALYSIS}:{line}:", *parts)


def test_an_opinion_is_a_beta(faults: FaultsOf) -> None:
    problems = faults(overrides={"os_60_expert": 0.03})
    expect(problems, "--set os_60_expert=0.03:", "needs a beta with an se above 0", "null")
