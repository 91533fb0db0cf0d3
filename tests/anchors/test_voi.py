"""Value of information of the R package voi 1.0.3, and closed forms.

Its example of two normals is drawn again here as R draws it. The chemotherapy draws belong to a GPL
package and are read from HEOR_REFERENCE.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from heor.decision.cost_effectiveness import evpi
from heor.decision.information import evppi
from heor.outcomes.outcomes import Outcomes

REFERENCE = Path(os.environ.get("HEOR_REFERENCE", ""))
given = pytest.mark.skipif(
    not (REFERENCE / "voi_chemo").is_dir(), reason="set HEOR_REFERENCE to the folder of references"
)
#: net benefit p1 - p2 against 0; p1 ~ N(1, 1), p2 ~ N(0, SD 2)
EXACT = {"all": 0.479810706348393, "p1": 0.0833154705876862, "p2": 0.395593114802612}


def outcomes_of(benefit: dict[str, np.ndarray]) -> Outcomes:
    """Net benefit as QALYs at a threshold of 1."""
    frames = [
        pd.DataFrame({"strategy": k, "draw": range(len(v)), "cost": 0.0, "qaly": v})
        for k, v in benefit.items()
    ]
    return Outcomes.from_table(pd.concat(frames), "NOK")


def normal_case(draws: pd.DataFrame) -> tuple[Outcomes, dict[str, float], dict[str, float]]:
    own = outcomes_of({"a": 0 * draws["p1"], "b": draws["p1"] - draws["p2"]})
    found = {"all": evpi(own, 1.0)}
    for x in evppi(own, draws, {"p1": ["p1"], "p2": ["p2"]}, [1.0]):
        found[x.name] = (x.value[0], x.se[0])
    return own, {k: v for k, (v, _) in found.items()}, {k: s for k, (_, s) in found.items()}


def r_normals(seed: int, n: int) -> np.ndarray:
    """`set.seed(seed); rnorm(n)` of R: Mersenne twister, inversion of 53 bits."""
    state, word = [], seed
    for _ in range(675):  # 50 to warm up, one that R overwrites, 624
        word = (69069 * word + 1) % 2**32
        state.append(word)
    generator = np.random.MT19937()
    key = {"key": np.array(state[51:], np.uint32), "pos": 624}
    generator.state = {"bit_generator": "MT19937", "state": key}
    first, second = (generator.random_raw(2 * n) * 2.3283064365386963e-10).reshape(n, 2).T
    big = 134_217_728
    return special.ndtri((np.floor(big * first) + second) / big)


#: voi 1.0.3 on `set.seed(1); p1 <- rnorm(10000, 1, 1); p2 <- rnorm(10000, 0, 2)`: EVPI by Monte Carlo
#: and EVPPI by a generalised additive model
VOI = {"all": 0.475988509295105, "p1": 0.0821007449311497, "p2": 0.390298274958769}


@pytest.fixture(scope="module")
def normals() -> pd.DataFrame:
    z = r_normals(1, 20_000)
    return pd.DataFrame({"p1": 1 + z[:10_000], "p2": 2 * z[10_000:]})


def test_draws_are_those_of_r(normals: pd.DataFrame) -> None:
    """The first of R's `rnorm` after `set.seed(1)`, as they are printed everywhere."""
    first = [-0.6264538107, 0.1836433242, -0.8356286124, 1.5952808021, 0.3295077718]
    assert (normals["p1"] - 1)[:5].tolist() == pytest.approx(first, abs=1e-10)


def test_normal_draws_of_voi(normals: pd.DataFrame) -> None:
    """The same draws: EVPI to the last digit, EVPPI within an error of voi's regression and the exact value."""
    _, value, se = normal_case(normals)
    assert value["all"] == pytest.approx(VOI["all"], rel=1e-12)
    for name in ("p1", "p2"):
        assert abs(value[name] - VOI[name]) < se[name] < 0.1 * VOI[name]
        assert value[name] == pytest.approx(VOI[name], rel=0.02)
    for name, exact in EXACT.items():
        # the draws' own error besides the regression's
        assert abs(value[name] - exact) < 3 * max(se[name], se["all"])


@given
def test_drawn_again_are_the_draws_of_the_reference(normals: pd.DataFrame) -> None:
    case = json.loads((REFERENCE / "voi_normal_normal/case.json").read_text())
    assert case["exact_evpi"] == pytest.approx(EXACT["all"])
    draws = pd.read_csv(REFERENCE / "voi_normal_normal/input_draws.csv")[["p1", "p2"]]
    np.testing.assert_allclose(normals, draws, rtol=0, atol=1e-13)
    _, value, se = normal_case(draws)
    for name, exact in EXACT.items():
        # the draws' own error besides the regression's
        assert abs(value[name] - exact) < 3 * max(se[name], se["all"])


@pytest.mark.slow
def test_many_normal_draws() -> None:
    """1 % on 400,000 draws (4,000,000: pytest -m exhaustive)."""
    generator = np.random.default_rng(4)
    draws = pd.DataFrame(
        {"p1": generator.normal(1, 1, 400_000), "p2": generator.normal(0, 2, 400_000)}
    )
    _, value, _ = normal_case(draws)
    for name, exact in EXACT.items():
        assert value[name] == pytest.approx(exact, rel=0.015)


#: EVSI of a study of n that observes p1 with an SD of 1
EXACT_SAMPLE = {
    10: 0.0723251202608624,
    100: 0.0821176055971138,
    1000: 0.0831946060999866,
    10_000: 0.0833033732612032,
}


@pytest.mark.exhaustive
def test_four_million_normal_draws() -> None:
    """1 % for EVPI, both EVPPI and four EVSI, whose summary of the data is the posterior mean."""
    generator = np.random.default_rng(4)
    draws = pd.DataFrame(
        {"p1": generator.normal(1, 1, 4_000_000), "p2": generator.normal(0, 2, 4_000_000)}
    )
    own, value, _ = normal_case(draws)
    for name, exact in EXACT.items():
        print(f"{name}: {value[name]:.6f}, exact {exact:.6f}")
        assert value[name] == pytest.approx(exact, rel=0.01)
    for n, exact in EXACT_SAMPLE.items():
        observed = draws["p1"] + generator.standard_normal(len(draws)) / np.sqrt(n)
        posterior = pd.DataFrame({"mean": (1 + n * observed) / (1 + n)})
        found = evppi(own, posterior, {"study": ["mean"]}, [1.0])[0].value[0]
        print(f"study of {n}: {found:.6f}, exact {exact:.6f}")
        assert found == pytest.approx(exact, rel=0.01)


@pytest.fixture(scope="module")
def chemotherapy() -> tuple[Outcomes, pd.DataFrame, pd.DataFrame]:
    folder = REFERENCE / "voi_chemo"
    benefit = pd.read_csv(folder / "input_chemo_nb_k20000.csv")
    reference = pd.read_csv(folder / "evppi.csv")
    own = outcomes_of({name: benefit[name].to_numpy() for name in ("SoC", "Novel")})
    gam = reference[(reference["method"] == "gam") & ~reference["label"].str.contains(" by ")]
    return own, pd.read_csv(folder / "input_chemo_pars.csv"), gam.set_index("label")


@given
def test_single_parameters_of_the_chemotherapy_model(chemotherapy) -> None:
    """Within two standard errors of voi's GAM for all 14."""
    own, draws, reference = chemotherapy
    found = evppi(own, draws, {name: [name] for name in draws}, [1.0])
    assert len(found) == 14
    for x in found:
        expected = reference.loc[x.name]
        assert abs(x.value[0] - expected["evppi"]) < 2 * expected["se"], x.name
        assert not x.has_residual_pattern


@given
def test_groups_of_the_chemotherapy_model(chemotherapy) -> None:
    """Within 3 % of voi's tensor GAM, or of EVPI where a group is worth next to nothing."""
    own, draws, reference = chemotherapy
    groups = {name: name.split("+") for name in reference.index if "+" in name}
    assert len(groups) == 7
    all_of_it = evpi(own, 1.0)[0]
    for x in evppi(own, draws, groups, [1.0]):
        expected = reference.loc[x.name, "evppi"]
        assert x.value[0] == pytest.approx(expected, rel=0.035, abs=0.005 * all_of_it), x.name
