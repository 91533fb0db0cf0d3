"""What README says is so: its commands run, the files it names exist, layers are as stated."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from heor.cli import main as cli
from heor.runs.results import Results

ROOT = Path(__file__).parents[1]
FEW = "analysis.survival.distributions=[weibull, lognormal]"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """`heor …` lines of README's code blocks, without their comments."""
    blocks = re.findall(r"```\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("heor ")]


def minutes(command: str) -> bool:
    """Variants of a command that already runs: with the slow tests."""
    variants = (
        "heor run --only",
        "heor run --s",
        "heor run --quick",  # test_cli runs it
        "heor run --country",
        "heor country compare",
        "heor survival",  # test_cli runs it
        "heor what-if cure",
        "heor scenarios",
    )
    return command.startswith(variants)


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=pytest.mark.slow) if minutes(c) else c for c in commands()],
)
def test_readme_commands_run(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    made_up_run: Results,
) -> None:
    """Each command as written; fits go to a scratch folder, by Laplace and few of them."""
    words, folder = shlex.split(command)[1:], ROOT
    if words[0] in ("run", "survival"):
        words += ["--output", str(tmp_path / "out")]
        words += [] if "--quick" in words else ["--quick"]
        words += ["--draws", "200", "--no-figures"] if words[0] == "run" else ["--set", FEW]
    if words[:2] == ["scenarios", "--run"]:
        words += ["s11_no_cure", "s06_null", "--quick", "--draws", "100"]
        words += ["--output", str(tmp_path / "out")]
    if words[:2] == ["country", "compare"]:
        words += ["--quick", "--draws", "200", "--output", str(tmp_path / "out")]
    if words[0] == "what-if":
        words += ["--quick", "--draws", "200", "--points", "3", "--output", str(tmp_path / "out")]
        words += ["--set", FEW]
    if words[0] == "analyse":  # the reader's own file
        folder = tmp_path
        rows = [f"{s},{i},{100 * k + i},{k + i / 9}" for k, s in enumerate("ab") for i in range(20)]
        (tmp_path / "psa.csv").write_text("\n".join(["strategy,draw,cost,qaly", *rows]))
    if words[0] == "report":  # of a run that is there
        made_up_run.save(tmp_path / "results.nc")
        words += [str(tmp_path), "--no-figures"]
    if words[0] == "utilities":  # the reader's own file
        folder = tmp_path
        (tmp_path / "answers.csv").write_text("id,MO,SC,UA,PD,AD\n1,1,2,1,3,1\n2,4,1,1,1,1\n")
        words += ["--inputs", str(ROOT / "inputs")]
    if words[0] == "figures":  # of a run made before
        words.insert(1, str(tmp_path))
        made_up_run.save(tmp_path / "results.nc")
    if words[0] == "km":  # the reader's own files
        folder = tmp_path
        (tmp_path / "clicks.csv").write_text("time,survival\n0,1\n6,0.8\n12,0.5\n24,0.2\n")
        (tmp_path / "risk.csv").write_text("time,n_at_risk\n0,100\n12,48\n24,15\n")
    monkeypatch.chdir(folder)
    code = cli.main(words)
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert shown.out


def test_setup_commands_stand_in_readme() -> None:
    """.ci/run takes both from README and runs them unchanged."""
    assert "python -m pip install -e . && heor run" in README
    assert 'python -m pip install -e ".[test]" && pytest' in README


def test_paths_named_in_readme_exist() -> None:
    for path in re.findall(r"`((?:inputs|tests|heor)/[\w/.]+)`", README):
        # what the reader makes, following it
        assert "iceland" in path or (ROOT / path.rstrip("/")).exists(), path
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).exists(), picture


def test_layers_import_downwards_only() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_names_a_machine() -> None:
    """No path or host of the machine it was written on."""
    words = ("/" + "work/", "/" + "root/", "local" + "host", ".." + "/shared")
    for path in [*ROOT.glob("heor/**/*.py"), *ROOT.glob("inputs/**/*.*"), ROOT / "README.md"]:
        if path.suffix in (".py", ".md", ".yaml", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert not [w for w in words if w in text], path
