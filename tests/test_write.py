"""A folder of results is replaced whole, and never somebody's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from heor import cli
from heor.errors import InputError
from heor.report.write import write_whole


def filled(text: str):
    def fill(place: Path) -> None:
        (place / "report.md").write_text(text, encoding="utf-8")
        (place / "tables").mkdir()

    return fill


def content(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text("utf-8") if p.is_file() else "" for p in folder.iterdir()}


def test_what_the_reader_keeps_beside_results_stays(tmp_path):
    """Notes stay, what was made of the results before goes."""
    folder = write_whole(tmp_path / "run", filled("one"))
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "mine").mkdir()
    for old in ("report-norway.docx", "trial.md"):
        (folder / old).write_text("of the run before", encoding="utf-8")
    (folder / "figures-85mm").mkdir()
    write_whole(folder, filled("two"))
    assert content(folder) == {"report.md": "two", "tables": "", "notes.txt": "mine", "mine": ""}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["thesis.docx", "inputs", "results.nc"])
def test_a_folder_of_somebody_else_is_refused(name, tmp_path):
    """results.nc alone does not say whose it is."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=f"holds '{name}', and no results of heor"):
        write_whole(tmp_path / "own", filled("one"))
    assert content(tmp_path / "own") == {name: "mine"}


def test_an_empty_folder_will_do_and_a_file_will_not(tmp_path):
    (tmp_path / "empty").mkdir()
    write_whole(tmp_path / "empty", filled("one"))
    assert set(content(tmp_path / "empty")) == {"report.md", "tables"}
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        write_whole(tmp_path / "file", filled("one"))


def test_commands_refuse_before_they_work(tmp_path, capsys, inputs):
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    for words in (["run"], ["survival"], ["country", "compare", "NO", "SE"]):
        arguments = [*words, "--inputs", str(inputs), "--output", str(tmp_path)]
        assert cli.main(arguments) == 2
        shown = capsys.readouterr()
        assert "holds 'thesis.docx', and no results of heor" in shown.err
        assert "fits" not in shown.err and "--output" in shown.err
    assert content(tmp_path) == {"thesis.docx": "mine"}
