"""A folder of results is replaced whole, and never a file of its user."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor.cli import main as cli
from heor.errors import HeorWarning, InputError
from heor.storage.folder import write_folder


def filled(text: str):
    def fill(place: Path) -> None:
        (place / "report.md").write_text(text, encoding="utf-8")
        (place / "tables").mkdir()
        (place / "tables" / "icer.csv").write_text(text, encoding="utf-8")

    return fill


def content(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text("utf-8") if p.is_file() else "" for p in folder.iterdir()}


def test_what_the_reader_keeps_beside_results_stays(tmp_path):
    """Whatever no record lists stays, also under names that reports have and in folders of results."""
    folder = write_folder(tmp_path / "run", filled("one"))
    (folder / "mine").mkdir()
    for name in ("notes.txt", "report-norway.docx", "trial.md", "tables/mine.csv"):
        (folder / name).write_text("mine", encoding="utf-8")
    write_folder(folder, filled("two"))
    found = content(folder)
    assert found.pop("run.json")
    assert found == {
        "report.md": "two",
        "tables": "",
        "notes.txt": "mine",
        "mine": "",
        "report-norway.docx": "mine",
        "trial.md": "mine",
    }
    assert content(folder / "tables") == {"icer.csv": "two", "mine.csv": "mine"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_what_else_was_made_of_the_results_before_goes(tmp_path):
    """The Word report and figures for a journal, unless somebody changed them; it is said."""
    folder = write_folder(tmp_path / "run", filled("one"))
    made = ("report-norway.docx", "report-norway-s1.docx", "figures-85mm/plane.pdf")

    def more(place: Path) -> None:
        (place / "figures-85mm").mkdir()
        for name in made:
            (place / name).write_text("one", encoding="utf-8")

    write_folder(folder, more, renew=())
    (folder / made[0]).write_text("with comments", encoding="utf-8")
    with pytest.warns(HeorWarning) as caught:
        write_folder(folder, filled("two"))
    assert content(folder).keys() == {"report.md", "tables", "run.json", made[0]}
    assert (folder / made[0]).read_text("utf-8") == "with comments"
    said = [str(w.message) for w in caught]
    assert any("left in place" in line and made[0] in line for line in said)
    assert any("removed with the earlier results" in line and made[1] in line for line in said)


@pytest.mark.parametrize(
    "name",
    ["thesis.docx", "inputs", "results.nc", "report.md", "report.html", "repairs.txt", "run.json"],
)
def test_a_folder_of_somebody_else_is_refused(name, tmp_path):
    """No name says whose a file is; a record that lists files does."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=f"holds '{name}', and no results of heor"):
        write_folder(tmp_path / "own", filled("one"))
    assert content(tmp_path / "own") == {name: "mine"}


def test_an_empty_folder_will_do_and_a_file_will_not(tmp_path):
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", filled("one"))
    assert set(content(tmp_path / "empty")) == {"report.md", "tables", "run.json"}
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        write_folder(tmp_path / "file", filled("one"))


def test_commands_refuse_before_they_work(tmp_path, capsys, inputs):
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    for words in (["run"], ["survival"], ["country", "compare", "NO", "SE"]):
        arguments = [*words, "--inputs", str(inputs), "--output", str(tmp_path)]
        assert cli.main(arguments) == 2
        shown = capsys.readouterr()
        assert "holds 'thesis.docx', and no results of heor" in shown.err
        assert "fits" not in shown.err and "--output" in shown.err
    assert content(tmp_path) == {"thesis.docx": "mine"}
