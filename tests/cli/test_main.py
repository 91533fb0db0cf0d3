"""The command line: what a user sees, exit codes, and results that survive failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from heor.cli import main as cli
from heor.errors import FitError, ModelError
from heor.runs.results import Results
from tests.pages import Elements

COMMAND = [sys.executable, "-m", "heor"]


#: Without what stands beside the answer, for tests that do not look at it.
ALONE = tuple(
    f"--set=analysis.{name}"
    for name in ("structures=[]", "companions=[]", "trial=null", "prices=[]")
)


@pytest.fixture(scope="module")
def workplace(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, shared_fits: Path
) -> Path:
    """A folder with a copy of the inputs, where one quick run has been made."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(request.config.rootpath / "inputs", folder / "inputs")
    shutil.copytree(shared_fits, folder / "outputs" / "cache")
    done = heor(folder, "run", "--quick", "--draws", "400")
    assert done.returncode == 0, done.stderr
    shutil.copytree(folder / "outputs" / "cache", shared_fits, dirs_exist_ok=True)
    (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def heor(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, encoding="utf-8"
    )


def tables(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((folder / "tables").glob("*.csv"))}


def test_quick_run_writes_everything_and_answers_in_words(workplace: Path) -> None:
    """The last lines are the answer; the folder holds report, tables, figures, results, record."""
    printed = (workplace / "printed.txt").read_text(encoding="utf-8")
    assert "gains" in printed and "NOK per QALY" in printed
    assert "Quick run (Laplace approximation)" in printed
    assert printed.splitlines()[-1].startswith("Open ")
    said = "report.html (report.md, tables, figures and run.json in the same folder)"
    assert printed.splitlines()[-1].endswith(said)
    folder = workplace / "outputs" / "norway"
    assert {p.name for p in folder.iterdir()} == {
        "cheers.md",
        "report.md",
        "report.html",
        "tables",
        "figures",
        "results.nc",
        "run.json",
    }
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["posterior_method"] == "laplace" and record["quick"]
    assert record["seed"] and record["input_sha256"] and record["versions"]["heor"]
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert report.index("## The answer") < report.index("## What the answer rests on")
    assert "Quick run" in report and "S17 Symmetric" in report and "S19" in report


@pytest.mark.slow
def test_same_inputs_and_seed_same_bytes_cold_and_warm(workplace: Path) -> None:
    """Tables are identical to the byte, with and without cached posteriors."""
    first = tables(workplace / "outputs" / "norway")
    shutil.rmtree(workplace / "outputs" / "cache")
    done = heor(workplace, "run", "--quick", "--draws", "400", "--no-figures", "--output", "cold")
    assert done.returncode == 0
    assert tables(workplace / "cold") == first
    assert len(first) >= 15


@pytest.mark.slow
def test_changed_number_shows_where_it_should(workplace: Path) -> None:
    """A dearer operation moves the cost of surgery by its increase, and no QALY."""
    done = heor(
        workplace,
        "run",
        "--quick",
        "--draws",
        "400",
        "--no-figures",
        *ALONE,
        "--set",
        "c_resection=360000",
        "--output",
        "dear",
    )
    assert done.returncode == 0, done.stderr
    frames = {
        name: pd.read_csv(folder / "tables" / "increments.csv").set_index("outcome")["mean"]
        for name, folder in (
            ("base", workplace / "outputs" / "norway"),
            ("dear", workplace / "dear"),
        )
    }
    assert frames["dear"]["qalys"] == frames["base"]["qalys"]
    assert frames["dear"]["surgery"] - frames["base"]["surgery"] == pytest.approx(86_000, rel=0.03)
    assert "c_resection = 360000" in (workplace / "dear" / "report.md").read_text(encoding="utf-8")


def test_user_mistakes_exit_2_and_leave_results_alone(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = tables(workplace / "outputs" / "norway")
    monkeypatch.chdir(workplace)
    for arguments, expected in (
        (["run", "--set", "cure_if_operatd=0.1"], "Did you mean 'cure_if_operated'?"),
        (["run", "--country", "norwai"], "Did you mean 'norway'?"),
        (["run", "--scenario", "s11_no_cur"], "Did you mean 's11_no_cure'?"),
        (["run", "--set", "cure_if_operated"], "write --set name=value"),
        (["run", "--set", "cure_if_operated=1.5"], "must be between 0 and 1"),
        (["run", "--inputs", "nowhere"], "--inputs"),
        (["check", "--set", "cure_if_operated=x"], "not a finite number"),
        (["run", "--draws", "3"], "--draws"),
        (["survival", "--priors", "vague"], "--priors"),
        (["survival", "--set", "cure_if_operatd=0.1"], "Did you mean 'cure_if_operated'?"),
        (["show", "nothing"], "unknown parameter"),
    ):
        assert cli.main(arguments) == 2, arguments
        assert expected in capsys.readouterr().err, arguments
    assert tables(workplace / "outputs" / "norway") == before


def test_a_mistake_prints_no_traceback(workplace: Path) -> None:
    done = heor(workplace, "run", "--set", "cure_if_operated=1.5")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == "1 problem found; nothing was run."


FEW = (
    "--set",
    "analysis.survival.distributions=[weibull, lognormal]",
    "--set",
    "analysis.draws=200",
)


@pytest.mark.slow
def test_survival_writes_its_own_report_and_keeps_that_of_the_run(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Whole or not at all, beside the run's folder; the same bytes from stored posteriors."""
    before = tables(workplace / "outputs" / "norway")
    monkeypatch.chdir(workplace)
    assert cli.main(["survival", "--quick", *FEW]) == 0
    folder = workplace / "outputs" / "norway-survival"
    beside = {"report.md", "report.html", "tables", "figures", "run.json"}
    assert {p.name for p in folder.iterdir()} == beside
    text = (folder / "report.md").read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert text.splitlines()[0].strip("*") in printed and "not for a decision" in printed
    assert "Open outputs/norway-survival/report.html (report.md, " in printed
    page = Elements((folder / "report.html").read_text(encoding="utf-8"))
    assert sum(tag == "img" for tag, _ in page.found) == text.count("![") > 5
    for line in text.splitlines():
        if line.startswith("!["):
            assert (folder / line.split("(")[1].rstrip(")")).exists(), line
    first = tables(folder)
    assert len(first) >= 18 and tables(workplace / "outputs" / "norway") == before
    monkeypatch.setattr("heor.report.figures.registry.write_figures", lambda *_, **__: [])
    assert cli.main(["survival", "--quick", *FEW, "--output", "again"]) == 0
    assert tables(workplace / "again") == first


def test_faulty_fits_are_named_and_accepted_by_name(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def loaded(*_: object, **named: object) -> None:
        seen.update(named)
        raise FitError("enough")

    monkeypatch.setattr("heor.inputs.load.load", loaded)
    for command in ("run", "survival"):
        assert cli.main([command, "--accept", "a/weibull", "--accept", "b/gompertz"]) == 3
        assert seen.pop("accept") == ("a/weibull", "b/gompertz")


@pytest.mark.parametrize(("error", "code"), [(FitError("fit"), 3), (ModelError("law"), 4)])
def test_exit_codes_of_failed_fits_and_broken_laws(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("heor.inputs.load.load", fail)
    assert cli.main(["check"]) == code
    assert str(error) in capsys.readouterr().err


def test_failed_write_keeps_the_previous_results(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A run that breaks while writing leaves the old folder whole and no temporary one."""
    before = tables(workplace / "outputs" / "norway")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(workplace)
    run = Results.load(workplace / "outputs" / "norway" / "results.nc")
    monkeypatch.setattr("heor.runs.analysis.evaluate", lambda *_, **__: run)
    monkeypatch.setattr("heor.report.folders.run.write_run_record", fail)
    assert cli.main(["run", "--quick", "--draws", "400", "--no-figures"]) == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert tables(workplace / "outputs" / "norway") == before
    assert not list((workplace / "outputs").glob(".*"))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGINT to one process needs POSIX")
def test_interrupted_run_exits_130_and_keeps_results(workplace: Path) -> None:
    before = tables(workplace / "outputs" / "norway")
    process = subprocess.Popen(
        [*COMMAND, "run", "--quick", "--draws", "60000", *ALONE],
        cwd=workplace,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    lines = []
    for line in process.stderr:  # wait until the model runs
        lines.append(line)
        if "Model" in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, "".join(lines) + err
    assert "Interrupted; earlier results are untouched." in err and "Traceback" not in err
    assert tables(workplace / "outputs" / "norway") == before
    assert not list((workplace / "outputs").glob(".norway*"))


@pytest.mark.slow
def test_show_check_and_scenarios(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(workplace)

    def printed(*arguments: str) -> str:
        assert cli.main(list(arguments)) == 0
        return capsys.readouterr().out

    shown = printed("show", "cure_if_operated")
    assert "inputs/model/parameters.csv:" in shown and "assumption" in shown
    overview = printed("show", "--scenario", "s11_no_cure")
    assert "inputs/scenarios/s11_no_cure.yaml:" in overview and "[was 1]" in overview
    checked = printed("check")
    assert "inputs are sound" in checked and "assumption" in checked
    assert "s17_symmetric_treatment: S17" in printed("scenarios")


def test_help_is_light() -> None:
    """`heor --help` imports none of the heavy libraries."""
    code = (
        "import sys, heor.cli.main; heor.cli.main.main(['--help']); "
        "heavy = {'numpy', 'pandas', 'scipy', 'matplotlib', 'pymc', 'xarray', 'pydantic'}; "
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 0


SAYS = """
import logging, warnings
from heor.cli import main as cli
from heor.errors import HeorWarning
cli.quiet()
warnings.warn("Glyph 129516 missing from font(s) DejaVu Sans.", UserWarning)
warnings.warn("this will be removed", FutureWarning)
logging.getLogger("matplotlib.font_manager").warning("findfont: Font family 'X' not found.")
with cli.warnings_as_lines():
    warnings.warn("read me", HeorWarning)
    warnings.warn("read me", HeorWarning)
"""


@pytest.mark.parametrize(
    ("options", "shown"),
    [([], "warning: read me\nwarning: read me\n"), (["-Wdefault"], "Glyph 129516 missing")],
)
def test_warnings_of_libraries_stay_away_from_the_terminal(options: list[str], shown: str) -> None:
    """Ours are one line each; developers who ask Python for warnings get all of them."""
    done = subprocess.run(
        [sys.executable, *options, "-c", SAYS], capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0 and shown in done.stderr
    assert options or done.stderr == shown


def test_odd_letters_leave_the_terminal_clean(tmp_path: Path) -> None:
    rows = ["strategy,draw,cost,qaly"]
    rows += [
        f"手術 🏥,{i},{10 + i},{1 + i / 99}\nalt,{i},{i % 7},{1 - i / 999}" for i in range(120)
    ]
    (tmp_path / "psa.csv").write_text("\n".join(rows), encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "analyse", "psa.csv", "--threshold", "20000"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0
    assert "Warning" not in done.stderr and "Glyph" not in done.stderr and "font" not in done.stderr
