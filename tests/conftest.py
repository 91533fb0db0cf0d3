"""Fixtures: the shipped inputs, a copy that may be spoilt, the base case, draws made by hand."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from heor.errors import InputError
from heor.inputs.load import load
from heor.parameters.draws import Draws
from heor.problem.problem import DecisionProblem
from heor.runs.results import Companion, Results, Structure
from heor.simulation.simulated import Simulation
from heor.together import decide
from heor.valuation.simulate import simulate
from tests.made_up import hand_made_draws

settings.register_profile("default", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("default")

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="show what moved and write new golden values"
    )


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


@pytest.fixture(scope="session")
def inputs() -> Path:
    """The repository's inputs folder."""
    return ROOT / "inputs"


@pytest.fixture
def copied_inputs(tmp_path: Path, inputs: Path) -> Path:
    """A writable copy of the inputs, Norway the only country: most tests need no other."""

    def others(folder: str, names: list[str]) -> list[str]:
        return [n for n in names if n != "norway"] if Path(folder).name == "countries" else []

    return Path(shutil.copytree(inputs, tmp_path / "inputs", ignore=others))


@pytest.fixture(scope="session")
def problem(inputs: Path) -> DecisionProblem:
    """The Norwegian base case."""
    return load(inputs, "norway")


@pytest.fixture(scope="session")
def shared_fits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fitted posteriors, the same folder in every process of a test run: each is fitted once."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    (folder / "fits").mkdir(exist_ok=True)
    return folder / "fits"


@pytest.fixture
def faults(copied_inputs: Path) -> Callable[..., list[str]]:
    """Every problem `load` finds in the copied inputs; fails when it finds none."""

    def found(**arguments: object) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(copied_inputs, **arguments)
        return caught.value.problems

    return found


@pytest.fixture
def spoil(copied_inputs: Path) -> Callable[[str, str, str], int]:
    """Replace the one occurrence of a text in an input file; the line number it stood in."""

    def replace(name: str, old: str, new: str) -> int:
        path = copied_inputs / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return replace


@pytest.fixture(scope="session")
def made_up_draws() -> Callable[..., Draws]:
    """`made_up_draws(problem, n, seed, replaced)`: draws without any fitted posterior."""
    return hand_made_draws


@pytest.fixture(scope="session")
def made_up_run(problem: DecisionProblem, made_up_draws: Callable[..., Draws]) -> Results:
    """Results of a whole run on made-up draws; made once, so change copies only."""
    from tests.made_up_results import made_up_results

    return made_up_results(problem, made_up_draws)


@pytest.fixture(scope="session")
def three_strategies(made_up_run: Results) -> Results:
    """A third strategy that is best in 64 of 100 draws; the intervention beats the comparator in 98.

    Beside it a scenario in which the intervention is the best of the three, and another structure.
    """
    problem = made_up_run.problem
    third = replace(problem.strategies["resection"], name="ablation", label="Ablation first")
    strategies = {**problem.strategies, "ablation": third}
    problem = replace(problem, strategies=strategies, trial=None, prices=(), what_if=())
    simulated = simulate(problem, made_up_run.draws, workers=1)
    n = simulated.outcomes.n
    gain = np.where(np.arange(n) < 98, 1.0, -0.5) + 0.01 * np.sin(np.arange(n))

    def among(lead: float) -> Simulation:
        """The third leads the intervention by this many QALYs in 64 draws, and is behind in 36."""
        more = np.where(np.arange(n) < 64, lead, -0.2)
        data = simulated.outcomes.data.copy(deep=True)
        categories = list(simulated.outcomes.categories)
        for name, own in (
            ("chemotherapy", 0 * gain),
            ("resection", gain),
            ("ablation", gain + more),
        ):
            data.loc[{"strategy": name, "component": categories}] = 40_000.0 / len(categories)
            for years in ("qalys", "qalys_undiscounted"):
                data.loc[{"strategy": name, "component": years}] = 2.0 + own
            for years in ("life_years", "life_years_undiscounted"):
                data.loc[{"strategy": name, "component": years}] = 4.0 + own
        extra = {"strategy": ["resection", "ablation"], "component": categories}
        data.loc[extra] += 50_000.0 / len(categories)
        return replace(simulated, outcomes=replace(simulated.outcomes, data=data))

    simulation, turned = among(0.3), among(0.05)
    decision = decide(problem, simulation)
    return replace(
        made_up_run,
        problem=problem,
        simulation=simulation,
        decision=decision,
        information=pd.DataFrame(),
        information_curves=pd.DataFrame(),
        trial=None,
        companions=(
            Companion("same", "The same again", "A row below.", decision),
            Companion("turned", "A smaller lead", "Another.", decide(problem, turned)),
        ),
        structures=(
            Structure("partitioned_survival", "Partitioned survival", decision, simulation),
            Structure("semi_markov", "Semi-Markov", decide(problem, turned), turned),
        ),
    )


@pytest.fixture(scope="module")
def browser():
    """Chromium; tests of pages are skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no Chromium: the page was not opened in a browser")
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def run(inputs: Path) -> Callable[..., Simulation]:
    """`run(scenario, n, overrides)`: simulate a scenario on made-up draws."""

    def simulated(
        scenario: str | None = None,
        n: int = 200,
        overrides: Mapping[str, object] | None = None,
        replaced: Mapping[str, float | np.ndarray] | None = None,
    ) -> Simulation:
        problem = load(inputs, "norway", scenario, overrides)
        return simulate(problem, hand_made_draws(problem, n, replaced=replaced), workers=1)

    return simulated
