"""What NUTS rests on, without sampling: convergence, arithmetic, machine code on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import special as scipy_special

from heor.survival.families import likelihood, special
from heor.survival.families.distributions import DISTRIBUTIONS
from heor.survival.families.likelihood import Piece, encoded
from heor.survival.sampler import compiled, convergence
from heor.survival.sampler.compiled import MachineCode

CODE = MachineCode("symbol", ("time_0", "event_0"), (1, 1), ("<f8", "<f8"), b"\x00\x01machine")


def pieces(name: str) -> list[Piece]:
    one = np.ones(3)
    data = {k: one for k in ("time", "event", "weight", "background_hazard")}
    data |= {k: 0 * one for k in ("entry", "background_increment")}
    both = (Piece("a", "os", "individual", data), likelihood.neutral_opinion("os"))
    return [encoded(DISTRIBUTIONS[name], piece) for piece in both]


def chains(correlation: float, draws: int) -> np.ndarray:
    """Four autoregressive chains."""
    generator = np.random.default_rng(draws)
    x = generator.standard_normal((4, draws))
    for i in range(1, draws):
        x[:, i] += correlation * x[:, i - 1]
    return x


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.97, -0.5, -0.9])
@pytest.mark.parametrize("draws", [101, 1000])
def test_convergence_as_arviz_computes_it(correlation: float, draws: int) -> None:
    arviz = pytest.importorskip("arviz")
    x = chains(correlation, draws)
    assert convergence.r_hat(x) == pytest.approx(arviz.rhat(x), rel=1e-10)
    assert convergence.ess_bulk(x) == pytest.approx(arviz.ess(x, method="bulk"), rel=1e-10)
    assert convergence.ess_tail(x) == pytest.approx(arviz.ess(x, method="tail"), rel=1e-10)


def test_convergence_of_equal_draws() -> None:
    """A rejected proposal repeats the draw before; a chain may stand still."""
    arviz = pytest.importorskip("arviz")
    x = np.round(chains(0.6, 1000), 1)
    assert convergence.r_hat(x) == pytest.approx(arviz.rhat(x), rel=1e-10)
    assert convergence.ess_bulk(x) == pytest.approx(arviz.ess(x, method="bulk"), rel=1e-10)
    assert convergence.ess_bulk(np.ones((4, 100))) == 400
    assert not convergence.r_hat(np.ones((4, 100))) < 1.01
    assert convergence.r_hat(np.repeat([[0.0], [1.0]], 100, axis=1)) == np.inf


def test_digamma_and_erfcx() -> None:
    x = 10.0 ** np.linspace(-8, 8, 1001)
    found, right = np.array([special.digamma(v) for v in x]), scipy_special.psi(x)
    np.testing.assert_allclose(found, right, rtol=1e-14, atol=1e-15)
    x = np.append(np.linspace(-8, 60, 2001), 10.0 ** np.arange(2, 9))
    found, right = np.array([special.erfcx(v) for v in x]), scipy_special.erfcx(x)
    np.testing.assert_allclose(found, right, rtol=1e-14)


def test_machine_code_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled.FOLDER, str(tmp_path / "made"))
    assert compiled.load("a") is None
    assert compiled.save("a", CODE)
    assert compiled.load("a") == CODE and compiled.load("b") is None
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["a"]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "another's"])
def test_damaged_machine_code_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setenv(compiled.FOLDER, str(tmp_path))
    compiled.save("a", CODE)
    stored = (tmp_path / "a").read_bytes()
    spoilt = {
        "cut": stored[:-1],
        "changed": stored[:-3] + b"x" + stored[-2:],
        "empty": b"",
        "another's": stored,
    }
    (tmp_path / "b").write_bytes(spoilt[damage])
    assert compiled.load("b") is None


def test_nothing_is_kept_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(compiled.FOLDER, str(tmp_path / "file"))
    assert not compiled.save("a", CODE) and compiled.load("a") is None
    monkeypatch.setenv(compiled.FOLDER, "")
    assert compiled.folder() is None and not compiled.save("a", CODE)


def test_key_holds_what_the_code_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    weibull, own = DISTRIBUTIONS["weibull"], pieces("weibull")
    key = compiled.key(weibull, own)
    other_endpoint = [replace(piece, endpoint="pfs") for piece in own]
    longer = [replace(p, data={k: np.tile(v, 2) for k, v in p.data.items()}) for p in own]
    assert key == compiled.key(weibull, other_endpoint) == compiled.key(weibull, longer)
    assert key != compiled.key(weibull.with_priors(2.0), own)
    assert key != compiled.key(DISTRIBUTIONS["gompertz"], pieces("gompertz"))
    assert key != compiled.key(weibull, own[:1])
    monkeypatch.setenv("NUMBA_OPT", "1")
    changed = compiled.key(weibull, own)
    monkeypatch.delenv("NUMBA_OPT")
    monkeypatch.setattr(compiled, "version", lambda package: "0")
    assert len({key, changed, compiled.key(weibull, own)}) == 3


def test_key_holds_the_formulas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    weibull, own = DISTRIBUTIONS["weibull"], pieces("weibull")
    key = compiled.key(weibull, own)
    edited = tmp_path / "ops.py"
    edited.write_text("# edited")
    sources = compiled._sources(weibull)
    monkeypatch.setattr(
        compiled, "_sources", lambda d: [edited if p.name == "ops.py" else p for p in sources]
    )
    assert compiled.key(weibull, own) != key
