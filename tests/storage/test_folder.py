"""A folder that is written while processes die, disks fill and users edit."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from heor.errors import HeorWarning, InputError, OutputError
from heor.storage import journal as journals
from heor.storage.file import write_file
from heor.storage.folder import settle, write_folder
from heor.storage.journal import STAGING, pending
from heor.storage.lock import LOCK
from heor.storage.manifest import FILES, UNLISTED, hash_of, manifest

BEFORE = {
    "report.md": "before",
    "tables/icer.csv": "before",
    "tables/same.csv": "same",
    "tables/only.csv": "before",
    "report-norway.docx": "before",
}
AFTER = {
    "report.md": "after",
    "tables/icer.csv": "after",
    "tables/same.csv": "same",
    "trial.md": "after",
    "data/plane.csv": "after",
}
#: What the user adds and edits: one that is replaced next, one that is not, two in the way.
USERS = {
    "tables/icer.csv": "edited",
    "report-norway.docx": "with comments",
    "trial.md": "mine",
    "data": "mine",
    "notes.txt": "mine",
    "tables/mine.csv": "mine",
}


def filled(files: dict[str, str]) -> Callable[[Path], None]:
    def fill(place: Path) -> None:
        put(place, files)

    return fill


def put(place: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")


def content(folder: Path) -> dict[str, str]:
    found = sorted(folder.rglob("*"))
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in found if p.is_file()}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results, then edited by their user."""
    place = write_folder(tmp_path / "run", filled(BEFORE), content={"made": "before"})
    put(place, USERS)
    for name in USERS:
        os.utime(place / name, (0, 86_400 * 366))  # 2 January 1971, in any time zone near
    return place


def write_after(folder: Path) -> None:
    write_folder(folder, filled(AFTER), content={"made": "after"})


@pytest.fixture
def complete(folder: Path, tmp_path: Path) -> dict[str, str]:
    """The folder after a run that nothing disturbed."""
    twin = Path(shutil.copytree(folder, tmp_path / "twin"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeorWarning)
        write_after(twin)
    found = content(twin)
    shutil.rmtree(twin)
    return found


def test_edits_are_kept_and_said(folder: Path) -> None:
    with pytest.warns(HeorWarning) as caught:
        write_after(folder)
    day = next(n for n in content(folder) if n.startswith("trial (")).split("kept ")[1][:10]
    assert day.startswith("1971-01-0")
    assert {k: v for k, v in content(folder).items() if k != "run.json"} == {
        **AFTER,
        f"tables/icer (kept {day}).csv": "edited",
        f"trial (kept {day}).md": "mine",
        f"data (kept {day})": "mine",
        "report-norway.docx": "with comments",
        "notes.txt": "mine",
        "tables/mine.csv": "mine",
    }
    said = "\n".join(str(w.message) for w in caught)
    assert "changed since heor wrote it: tables/icer.csv as 'icer (kept 1971-01-" in said
    assert "not written by heor: data as 'data (kept 1971-01-" in said and "trial.md as" in said
    assert (
        "left in place, with the earlier results, because changed since heor wrote it: report-norway.docx"
        in said
    )
    assert (
        "removed with the earlier results, unchanged since heor wrote it: tables/only.csv." in said
    )
    listed = json.loads((folder / "run.json").read_text("utf-8"))[FILES]
    assert listed.keys() == {*AFTER, "run.json"}
    assert all(hash_of(folder / k) == v for k, v in listed.items() if k != "run.json")


def test_a_second_edit_does_not_take_the_place_of_the_first(folder: Path) -> None:
    with pytest.warns(HeorWarning):
        write_after(folder)
        (folder / "tables/icer.csv").write_text("edited again", encoding="utf-8")
        os.utime(folder / "tables/icer.csv", (0, 86_400 * 366))
        write_after(folder)
    kept = sorted(p.name for p in (folder / "tables").glob("icer (*"))
    assert len(kept) == 2 and ", 2).csv" in "".join(kept)
    assert {(folder / "tables" / n).read_text() for n in kept} == {"edited", "edited again"}


def test_an_edited_record_is_kept(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(path.read_text("utf-8").replace('"before"', '"by me"'), encoding="utf-8")
    with pytest.warns(HeorWarning):
        write_after(folder)
    (kept,) = folder.glob("run (kept *).json")
    assert json.loads(kept.read_text("utf-8"))["made"] == "by me"
    assert json.loads(path.read_text("utf-8"))["made"] == "after"


def test_a_part_leaves_the_rest_and_its_record(folder: Path) -> None:
    with pytest.warns(HeorWarning, match="icer"):
        write_folder(folder, filled({"tables/icer.csv": "part"}), renew=("tables",))
    assert (folder / "tables/icer.csv").read_text() == "part"
    assert not (folder / "tables/only.csv").exists()  # of the table folder, which is renewed
    found = manifest(folder)
    assert found.content["made"] == "before"
    unseen = {"tables/only.csv", "tables/same.csv"}
    assert found.files.keys() == BEFORE.keys() - unseen | {"run.json"}


@pytest.mark.parametrize("parts_first", [False, True])
def test_results_of_a_version_that_listed_no_files(parts_first: bool, folder: Path) -> None:
    """What could be an edit is kept, all in one folder that looks like the old one."""
    old = {"command": "heor run", "finished": "2026-01-01", "versions": {"heor": "0.1.0"}}
    (folder / "run.json").write_text(json.dumps(old), encoding="utf-8")
    if parts_first:  # of `heor report` and `heor figures`: the rest is as little known as before
        write_folder(folder, filled({"report.html": "a part"}), renew=())
        with pytest.warns(
            HeorWarning, match=r"new ones \(report.md\) are kept in 'earlier results'"
        ):
            write_folder(folder, filled({"report.md": "a part"}), renew=())
        assert manifest(folder).own == old
    before = content(folder)
    with pytest.warns(HeorWarning, match="are kept in 'earlier results"):
        write_after(folder)
    after, place = content(folder), "earlier results 2" if parts_first else "earlier results"
    unknown = {"tables/icer.csv", "trial.md", "data"}
    unknown |= set() if parts_first else {"report.md", "run.json"}
    assert {k: v for k, v in after.items() if k.startswith(f"{place}/")} == {
        f"{place}/{k}": before[k] for k in unknown
    }
    assert {k: after[k] for k in AFTER} == AFTER
    assert all(after[k] == before[k] for k in ("notes.txt", "tables/mine.csv", "tables/only.csv"))
    assert UNLISTED not in manifest(folder).content


def test_somebody_elses_files_are_never_replaced(tmp_path: Path) -> None:
    mine = {"report.md": "mine", "tables/icer.csv": "mine", "run.json": "{}"}
    put(tmp_path / "mine", mine)
    with pytest.raises(InputError, match="no results of heor"):
        write_folder(tmp_path / "mine", filled(AFTER))
    with pytest.raises(
        OutputError, match=r"report\.md.*icer\.csv.*there already, and no run\.json"
    ):
        write_folder(tmp_path / "mine", filled(AFTER), renew=())
    assert content(tmp_path / "mine") == mine
    write_folder(tmp_path / "out", filled({"a.md": "a"}), renew=())
    put(tmp_path / "out", {"b.md": "mine"})
    write_folder(tmp_path / "out", filled({"c.md": "c"}), renew=())
    assert content(tmp_path / "out").keys() == {"a.md", "b.md", "c.md", "run.json"}


def test_single_files(tmp_path: Path) -> None:
    """Replaced when ours, kept when edited, refused when somebody's."""
    path = write_file(tmp_path / "scored.csv", b"1", {"command": "x"})
    assert write_file(path, b"2", {}).read_bytes() == b"2"
    path.write_bytes(b"edited")
    with pytest.warns(HeorWarning, match="kept under another name"):
        write_file(path, b"3", {})
    assert path.read_bytes() == b"3"
    assert [p.read_bytes() for p in tmp_path.glob("scored (kept *).csv")] == [b"edited"]
    (tmp_path / "mine.csv").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"mine\.csv: there already, and no mine\.run\.json"):
        write_file(tmp_path / "mine.csv", b"4", {})
    assert (tmp_path / "mine.csv").read_bytes() == b"mine"
    (tmp_path / "link.csv").symlink_to(tmp_path / "mine.csv")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
    else:
        (tmp_path / "pipe.csv").mkdir()
    for name in ("link.csv", "pipe.csv", str(tmp_path), "n" * 300, "a\0b"):
        with pytest.raises(InputError, match="Choose another name"):
            write_file(tmp_path / name, b"5", {})
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


class Killed(BaseException):
    """The process is dead: nothing it still tries reaches the disk."""


class Disk:
    """Every change of the disk, counted; at one of them the process dies, or an error is raised once."""

    CHANGES = ("replace", "rename", "link", "unlink", "mkdir", "rmdir")

    def __init__(self, patch: pytest.MonkeyPatch, step: int, error: BaseException | None) -> None:
        self.left, self.error, self.opened = step, error, []
        for name in self.CHANGES:
            patch.setattr(os, name, self.counted(getattr(os, name)))
        open_file, descriptor = io.open, os.open
        patch.setattr(io, "open", self.counted(open_file, lambda _, mode="r", *rest: "w" in mode))

        def opened(path: object, flags: int, *rest: object, **named: object) -> int:
            found = descriptor(path, flags, *rest, **named)
            self.opened.append(found)
            return found

        counted = self.counted(opened, lambda _, flags, *rest: flags & os.O_CREAT)
        patch.setattr(os, "open", counted)

    def counted(self, function: Callable, changes: Callable = lambda *_: True) -> Callable:
        def call(*arguments: object, **named: object) -> object:
            if changes(*arguments):
                self.left -= 1
                if self.left == 0 or (self.left < 0 and self.error is None):
                    raise self.error or Killed
            return function(*arguments, **named)

        return call


def disturbed(work: Callable[[], object], step: int, error: BaseException | None) -> str:
    """What comes of work on a disk on which something happens at a step."""
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch, step, error)
        try:
            work()
        except (InputError, KeyboardInterrupt, Killed) as raised:
            found = type(raised).__name__
        else:
            found = "done"
    for descriptor in disk.opened:  # a dead process holds no lock
        with suppress(OSError):
            os.close(descriptor)
    return "past the end" if disk.left > 0 else found


@pytest.mark.filterwarnings("ignore::heor.errors.HeorWarning")
def test_killed_at_every_step(folder: Path, complete: dict[str, str], tmp_path: Path) -> None:
    """Before each change of the disk: the next command finds the one or the other, whole."""
    before, seen = content(folder), []
    for step in range(1, 200):
        place = Path(shutil.copytree(folder, tmp_path / f"run{step}"))
        code = disturbed(lambda: write_after(place), step, None)  # noqa: B023
        if code == "past the end":
            break
        assert code == "Killed"
        left = content(place)
        assert {"report.md", "tables/icer.csv"} <= left.keys()
        assert set(left.values()) <= {
            *BEFORE.values(),
            *AFTER.values(),
            *USERS.values(),
            *(v for k, v in left.items() if k.endswith((".json", LOCK)) or STAGING in k),
        }
        if step % 2:
            settle(place)
            found = content(place)
            found.pop(LOCK, None)  # of a process that died when all was done, or nothing
            assert found in (before, complete), step
            seen.append(found == complete)
        else:
            write_after(place)
            assert {k: content(place).get(k) for k in AFTER} == AFTER
            assert not [p for p in place.iterdir() if p.name.startswith(".")]
        shutil.rmtree(place)
    assert len(seen) > 20 and seen == sorted(seen) and True in seen and False in seen


@pytest.mark.filterwarnings("ignore::heor.errors.HeorWarning")
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failure_at_every_step(
    error: BaseException, folder: Path, complete: dict[str, str], tmp_path: Path
) -> None:
    """Undone at once, nothing left behind, unless it struck while all was done or undone."""
    before, undone = content(folder), 0
    for step in range(1, 200):
        place = Path(shutil.copytree(folder, tmp_path / f"run{step}"))
        code = disturbed(lambda: write_after(place), step, error)  # noqa: B023
        if code == "past the end":
            break
        found = content(place)
        if found == before:
            undone += 1
            assert code in ("OutputError", "KeyboardInterrupt")
        elif found != complete:  # it struck in clearing up: the next command does it
            settle(place)
            found = content(place)
            found.pop(LOCK, None)
            assert found in (before, complete), step
        shutil.rmtree(place)
    assert undone > 20


def test_killed_while_undoing(folder: Path, complete: dict[str, str], tmp_path: Path) -> None:
    """A disk that fails, and a kill in each step of what follows: the earlier results come back."""
    before, restored = content(folder), 0
    for step in range(1, 60):
        place = Path(shutil.copytree(folder, tmp_path / f"run{step}"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journals.Journal, "_remove", raising(OSError(errno.EACCES, "no")))
            from_here = journals.Journal._undo

            def undo(journal: journals.Journal) -> None:
                if disturbed(lambda: from_here(journal), step, None) != "done":  # noqa: B023
                    raise Killed

            patch.setattr(journals.Journal, "_undo", undo)
            patch.setattr("heor.storage.folder.clear", lambda staging: None)
            with pytest.raises((Killed, OutputError)) as caught:
                write_after(place)
        if caught.type is not Killed:
            break
        found = []
        for _ in range(2):  # again and again
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HeorWarning)
                settle(place)
            found.append(content(place))
        assert found[0] == found[1] and found[0] in (before, complete), step
        restored += found[0] == before
        shutil.rmtree(place)
    assert restored > 20


def raising(error: BaseException) -> Callable[..., None]:
    def raises(*_: object) -> None:
        raise error

    return raises


OUTSIDE = "../outside.txt"


def crafted(folder: Path, **journal: object) -> None:
    """A stopped installation as somebody else might send it."""
    staging = folder / STAGING
    put(staging / "new", {"report.md": "sent"})
    (staging / "old").mkdir()
    content = {"new": {}, "gone": [], "before": {}, "earlier": "", **journal}
    (staging / journals.TO_DO).write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.filterwarnings("ignore::heor.errors.HeorWarning")
def test_a_folder_from_elsewhere_reaches_nothing_outside(folder: Path, tmp_path: Path) -> None:
    """Names in records and journals, and links instead of folders."""
    outside = tmp_path / "outside.txt"
    outside.write_text("mine", encoding="utf-8")
    own = str(hash_of(outside))
    for journal in (
        {"new": {OUTSIDE: own}},
        {"new": {str(outside): own}},
        {"gone": [OUTSIDE], "before": {OUTSIDE: own}},
        {"new": {"trial.md": "x"}, "earlier": ".."},
        {"new": [1]},
        {"other": 1},
    ):
        crafted(folder, **journal)
        settle(folder)
        assert outside.read_text("utf-8") == "mine" and not (folder / STAGING).exists()
        assert content(folder)["trial.md"] == "mine"
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record[FILES] |= {OUTSIDE: own, str(outside): own}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    write_after(folder)
    assert outside.read_text("utf-8") == "mine"


@pytest.mark.filterwarnings("ignore::heor.errors.HeorWarning")
def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    """A link in the place of a folder of results is kept as it is, under another name."""
    elsewhere = tmp_path / "elsewhere"
    put(elsewhere, {"icer.csv": "mine", "only.csv": "before"})
    shutil.rmtree(folder / "tables")
    (folder / "tables").symlink_to(elsewhere)
    write_after(folder)
    assert content(elsewhere) == {"icer.csv": "mine", "only.csv": "before"}
    assert not (folder / "tables").is_symlink()
    (kept,) = folder.glob("tables (kept *)")
    assert kept.is_symlink() and kept.resolve() == elsewhere.resolve()
    for name in ("", "new", "old", "new/tables"):
        link = folder / STAGING / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(elsewhere)
        with pytest.raises(OutputError, match="is or holds a link.*Remove it"):
            write_after(folder)
        assert content(elsewhere) == {"icer.csv": "mine", "only.csv": "before"}
        link.unlink()
        shutil.rmtree(folder / STAGING, ignore_errors=True)


@pytest.mark.filterwarnings("ignore::heor.errors.HeorWarning")
def test_what_a_stopped_run_left_is_said(folder: Path, complete: dict[str, str]) -> None:
    work = lambda: write_after(folder)  # noqa: E731
    assert disturbed(work, 8, None) == "Killed"
    with pytest.warns(HeorWarning, match="stopped while it was writing; nothing else was touched"):
        settle(folder)
    for step in range(20, 60):
        if disturbed(work, step, None) == "Killed" and pending(folder):
            break
    with pytest.warns(HeorWarning) as caught:
        settle(folder)
    said = "\n".join(str(w.message) for w in caught)
    assert "stopped while it was writing; its results are complete now" in said
    assert "icer.csv as 'icer (kept" in said  # also what the stopped one had kept
    assert content(folder) == complete
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settle(folder)


def test_the_later_of_two_writers_waits(tmp_path: Path) -> None:
    """It says so, and both finish: the results are those of the later."""
    folder, inside, go_on = tmp_path / "run", threading.Event(), threading.Event()

    def slow(place: Path) -> None:
        put(place, {"report.md": "first"})
        inside.set()
        assert go_on.wait(20)

    first = threading.Thread(target=write_folder, args=(folder, slow))
    first.start()
    assert inside.wait(20)
    settle(folder)  # a reader neither waits nor disturbs
    assert (folder / STAGING / "new" / "report.md").exists()
    threading.Timer(0.2, go_on.set).start()
    with pytest.warns(HeorWarning, match="another heor is writing here; waiting"):
        write_folder(folder, filled({"report.md": "second"}))
    first.join()
    assert content(folder)["report.md"] == "second"


def test_many_writers(tmp_path: Path) -> None:
    folder, failed = tmp_path / "run", []
    write_folder(folder, filled({"report.md": "0"}))
    put(folder, {"notes.txt": "mine"})

    def work(name: str) -> None:
        try:
            for number in range(8):
                files = dict.fromkeys(("report.md", f"tables/{name}.csv"), f"{name} {number}")
                write_folder(folder, filled(files), content={"by": f"{name} {number}"})
        except Exception as error:
            failed.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeorWarning)
        threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed
    by = manifest(folder).content["by"]
    found = content(folder)
    assert found.pop("run.json") and by.endswith(" 7")
    assert found == {"notes.txt": "mine", "report.md": by, f"tables/{by[0]}.csv": by}


def test_a_disk_without_hard_links(
    folder: Path, complete: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies serve instead."""
    monkeypatch.setattr(os, "link", raising(OSError(errno.EPERM, "no links")))
    before = content(folder)
    with monkeypatch.context() as patch, pytest.raises(OutputError):
        patch.setattr(journals.Journal, "_remove", raising(OSError(errno.EACCES, "no")))
        write_after(folder)
    assert content(folder) == before
    with pytest.warns(HeorWarning):
        write_after(folder)
    assert content(folder) == complete
