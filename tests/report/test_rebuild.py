"""`heor report`: the same report again from results.nc alone, and nothing lost when that fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
import pytest
from docx import Document

from heor import archive
from heor.archive import GROUP, TREE
from heor.cli import main as cli
from heor.errors import HeorWarning, InputError, OutputError
from heor.inputs.country.packs import default_of
from heor.report.figures import registry as drawing
from heor.report.folders.rebuild import rebuild
from heor.report.folders.run import write_report
from heor.runs.results import Results
from tests.reports import FIGURES, content

DOCUMENT = "report-norway.docx"


@pytest.fixture(autouse=True)
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """One small figure instead of twenty: drawing them has tests of its own."""
    few = {"plane": FIGURES["plane"]}
    monkeypatch.setattr(drawing, "figures_of", lambda results: few)


@pytest.fixture(scope="module")
def written(made_up_run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `heor run` writes it."""
    folder = tmp_path_factory.mktemp("runs") / "norway"
    with pytest.MonkeyPatch.context() as patch:
        few = {"plane": FIGURES["plane"]}
        patch.setattr(drawing, "figures_of", lambda results: few)
        return write_report(made_up_run, folder)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "norway"))


def test_the_same_bytes_as_the_run(written, tmp_path):
    before = content(written)
    for name in ("report.md", "report.html", "trial.md", "cheers.md", "tables/cheers.csv"):
        assert name in before
    _, target, _ = rebuild(written, tmp_path / "again", ("html", "md"))
    assert content(target) == before == content(written)


def test_what_is_not_made_again_stays(folder):
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "report.md").write_text("edited", encoding="utf-8")
    (folder / "tables" / "mine.csv").write_text("mine", encoding="utf-8")
    before = content(folder)
    with pytest.warns(HeorWarning, match=r"report\.md as 'report \(kept "):
        rebuild(folder, formats=("md",))
    after = content(folder)
    assert after["notes.txt"] == after["tables/mine.csv"] == b"mine"
    assert after["run.json"] == before["run.json"]
    assert after["report.html"] == before["report.html"]
    kept = next(name for name in after if name.startswith("report (kept "))
    assert after["report.md"] != b"edited" == after[kept]
    assert sorted(p.name for p in folder.parent.iterdir()) == ["norway"]


@pytest.mark.slow
def test_page_and_document_are_a_file_each(folder, tmp_path, capsys):
    """Files of the reader in the same place are left alone."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine", encoding="utf-8")
    _, target, names = rebuild(folder, tmp_path / "out", ("html",))
    assert names == ["report.html"]
    assert set(content(target)) == {"report.html", "thesis.txt", "run.json"}
    command = ["report", str(folder), "--format", "docx", "--output", str(tmp_path / "word")]
    assert cli.main(command) == 0
    assert set(content(tmp_path / "word")) == {DOCUMENT, "run.json"}
    assert capsys.readouterr().out.strip().endswith(DOCUMENT)
    assert Document(tmp_path / "word" / DOCUMENT).tables


@pytest.mark.slow
def test_all_is_everything(folder, tmp_path, capsys):
    assert cli.main(["report", str(folder), "--output", str(tmp_path / "out")]) == 0
    assert set(content(tmp_path / "out")) == {*content(folder), DOCUMENT}
    assert "report.html (" in capsys.readouterr().out


def test_a_run_without_figures_stays_without_unless_asked(folder, tmp_path):
    shutil.rmtree(folder / "figures")
    _, target, _ = rebuild(folder, tmp_path / "out", ("md",))
    assert not (target / "figures").exists()
    assert "## Figures" not in (target / "report.md").read_text(encoding="utf-8")
    rebuild(folder, formats=("md",), with_figures=True)
    assert (folder / "figures" / "plane.svg").exists()


def test_language(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert cli.main(["report", str(folder), "--format", "html", "--language", "nb"]) == 0
    assert capsys.readouterr().out.strip() == "Open norway/report.html"
    assert '<html lang="nb">' in (folder / "report.html").read_text(encoding="utf-8")
    rebuild(folder, formats=("html",))  # the page keeps the language it was made in
    assert '<html lang="nb">' in (folder / "report.html").read_text(encoding="utf-8")
    assert cli.main(["report", str(folder), "--format", "html", "--language", "xx"]) == 2


def test_command_says_what_to_open(folder, tmp_path, capsys, monkeypatch):
    """The file itself may be named, and its results need no inputs."""
    monkeypatch.chdir(tmp_path)
    file = str(folder / "results.nc")
    assert cli.main(["report", file, "--output", "out", "--format", "md"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Open out/report.md (") and "cheers.md" in shown


def test_left_out_folder_is_that_of_the_countrys_run(copied_inputs, spoil, capsys):
    assert default_of(copied_inputs) == "norway"
    arguments = ["report", "--inputs", str(copied_inputs), "--format", "html"]
    assert cli.main(arguments) == 2
    wanted = Path("outputs") / "norway" / "results.nc"
    said = capsys.readouterr().err
    assert str(wanted) in said and "`heor run` writes it" in said
    spoil("model/analysis.yaml", "country: norway ", "country: Norwya ")
    assert cli.main(arguments) == 2
    assert "unknown country 'Norwya'; available: norway." in capsys.readouterr().err


def command(folder: Path) -> str:
    """As run.json has it."""
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))["command"]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def older(path: Path, change: Callable[[dict], object] = lambda run: run.update(gone=1)) -> None:
    """Of another version, whose classes had another field."""
    with h5py.File(path, "a") as file:
        group = file[GROUP]
        tree = json.loads(group[TREE][:].tobytes())
        tree["version"] = "0.0.1"
        run = next(o for o in tree["objects"] if o.get("class") == "heor.runs.results:Results")
        change(run["items"])
        del group[TREE]
        group[TREE] = np.frombuffer(json.dumps(tree).encode(), np.uint8)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, "cannot be read"),
        (lambda path: path.write_text("not netCDF"), "cannot be read"),
        (older, "made by heor 0.0.1, this is"),
        (lambda path: older(path, lambda run: run.pop("prices")), "made by heor 0.0.1, this is"),
        (lambda path: path.unlink(), "not found"),
    ],
)
def test_results_that_cannot_be_read_leave_the_report_whole(folder, capsys, damage, said):
    damage(folder / "results.nc")
    before = content(folder)
    assert cli.main(["report", str(folder)]) == 2
    error = capsys.readouterr().err
    assert said in error and f"`{command(folder)}`" in error and "Traceback" not in error
    assert content(folder) == before


def test_results_of_another_version_say_so_on_the_first_page(folder, capsys):
    older(folder / "results.nc", lambda run: None)
    assert cli.main(["report", str(folder), "--format", "html"]) == 0
    said = f"Results made by heor 0.0.1, report by heor {version('heor')}: methods may differ."
    assert said in capsys.readouterr().err
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert said in page and command(folder).replace("'", "&#x27;") in page


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_report_whole(folder, monkeypatch, error):
    import heor.report.html.page as html

    def fail(*arguments: object) -> str:
        raise error

    before = content(folder)
    monkeypatch.setattr(html, "page", fail)
    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        rebuild(folder, formats=("md", "html"))
    assert content(folder) == before
    assert sorted(p.name for p in folder.parent.iterdir()) == ["norway"]


def test_two_runs_do_not_share_a_folder(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "results.nc").write_bytes(b"another run")
    before = content(other)
    with pytest.raises(InputError, match="holds another run .* --output"):
        rebuild(folder, other, ("html",))
    assert content(other) == before


def test_files_of_the_user_in_another_folder_are_not_replaced(folder, tmp_path, capsys):
    """Others of theirs there stay; where their names are free, the report may stand beside them."""
    (tmp_path / "paper").mkdir()
    for name in ("report.html", "run.json", "thesis.txt"):
        (tmp_path / "paper" / name).write_text("mine", encoding="utf-8")
    before = content(tmp_path / "paper")
    words = ["report", str(folder), "--format", "html", "--output", str(tmp_path / "paper")]
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert "report.html, " in said and "run.json: there already, and no run.json shows" in said
    assert "--output" in said and content(tmp_path / "paper") == before
    (tmp_path / "paper" / "report.html").unlink()
    (tmp_path / "paper" / "run.json").unlink()
    assert cli.main(words) == 0
    assert content(tmp_path / "paper").keys() == {"report.html", "run.json", "thesis.txt"}
    assert cli.main(words) == 0  # its own of before


def test_a_document_with_comments_outlives_the_next_run(folder, made_up_run, monkeypatch):
    """`heor report --format docx` writes it into the folder of the run, whose record lists it."""
    monkeypatch.setattr("heor.report.word.document.word_document", lambda *_: b"document")
    rebuild(folder, formats=("docx",))
    listed = json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"]
    assert DOCUMENT in listed
    (folder / DOCUMENT).write_bytes(b"document with comments")
    with pytest.warns(HeorWarning, match=f"left in place.*{DOCUMENT}"):
        write_report(made_up_run, folder, with_figures=False)
    assert (folder / DOCUMENT).read_bytes() == b"document with comments"
    with pytest.warns(HeorWarning, match=f"not written by heor: {DOCUMENT} as"):
        rebuild(folder, formats=("docx",))
    (kept,) = folder.glob("report-norway (kept *).docx")
    assert kept.read_bytes() == b"document with comments"


def test_results_that_are_replaced_meanwhile(folder, monkeypatch):
    """A report of the earlier results must not stand beside the new ones."""
    import heor.report.folders.rebuild as module

    def read(path: Path) -> object:
        found = archive.read_archive(path)
        path.write_bytes(path.read_bytes() + b" ")
        return found

    before = content(folder)["report.html"]
    monkeypatch.setattr(module, "read_archive", read)
    with pytest.raises(OutputError, match="new results were written meanwhile"):
        rebuild(folder, formats=("html",))
    assert content(folder)["report.html"] == before
