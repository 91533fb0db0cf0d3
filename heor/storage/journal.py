"""Install new files so that a stop at any moment can be finished or undone.

New files wait complete in `STAGING/new`. The journal, written next, names each with its hash; from then
on whoever comes can finish. Each file is moved in by one `os.replace`, after the file before it was given
a second name in `STAGING/old`, from which a failed installation is undone. The journal's name tells how
far things are: `TO_DO`, `DONE`, `UNDO` or `UNDONE`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from heor import limits
from heor.files import Unreadable
from heor.files import content as bytes_of
from heor.storage.manifest import free_name, hash_of, is_inside

STAGING = ".heor-writing"
NEW, OLD, PART = "new", "old", "part"
NOTES = "notes.json"
STATES = TO_DO, DONE, UNDO, UNDONE = "to_do.json", "done.json", "undo.json", "undone.json"


@dataclass
class Notes:
    """What happened to files of the folder, for the user to read."""

    kept: dict[str, str] = field(default_factory=dict)  # name → the name it is kept under
    stays: list[str] = field(default_factory=list)  # listed, changed, and no longer written
    gone: list[str] = field(default_factory=list)  # listed, unchanged, and no longer written
    made: list[str] = field(default_factory=list)  # folders

    def sound(self) -> bool:
        """Whether all names are of files in the folder."""
        lists = (list(self.kept), list(self.kept.values()), self.stays, self.gone, self.made)
        return all(isinstance(n, str) and is_inside(n) for names in lists for n in names)


@dataclass
class Journal:
    """What is to be done to a folder.

    Attributes
    ----------
    new : dict
        Name → sha256 of files to install, in this order.
    gone : list
        Names of files to remove where they are unchanged.
    before : dict
        Name → sha256 that a file must have to be replaced or removed.
    earlier : str
        Folder where files in the way are kept; empty: beside the new ones, under another name.
    """

    folder: Path
    new: Mapping[str, str]
    gone: list[str] = field(default_factory=list)
    before: Mapping[str, str] = field(default_factory=dict)
    earlier: str = ""
    state: str = ""
    notes: Notes = field(default_factory=Notes)

    @property
    def staging(self) -> Path:
        return self.folder / STAGING

    def install(self) -> Notes:
        """Do it all; on any failure the folder is as it was before.

        Raises
        ------
        OSError
            A file cannot be moved: it is open in another program, or may not be changed.
        """
        try:
            self._save()
            self._move()
        except BaseException:
            if self.state != DONE:
                self._undo()
            raise
        with suppress(OSError):  # the next command removes what is left
            clear(self.staging)
        return self.notes

    def resume(self) -> bool:
        """Finish or undo what was stopped; whether the new files are in their places now."""
        if self.state == TO_DO and self._waiting_are_whole():
            self.install()
        elif self.state in (TO_DO, UNDO):
            self._undo()
        clear(self.staging)
        return self.state == DONE

    def _save(self) -> None:
        """From here on the folder holds all that is needed to finish."""
        if self.state:
            return
        content = {k: getattr(self, k) for k in ("new", "gone", "before", "earlier")}
        self._write(content, TO_DO)
        self.state = TO_DO

    def _write(self, content: Mapping[str, object], name: str) -> None:
        with (self.staging / PART).open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.staging / PART, self.staging / name)

    def _go_on(self, state: str) -> None:
        before, self.state = self.state, state
        if before == state:
            return
        try:
            os.replace(self.staging / before, self.staging / state)
        except OSError:
            self.state = before
            raise

    def _move(self) -> None:
        """All that is not done yet; may be repeated."""
        for name in self.new:
            self._put(name)
        for name in self.gone:
            self._remove(name)
        self._go_on(DONE)

    def _undo(self) -> None:
        """All that was done is undone; may be repeated."""
        if self.state:
            self._go_on(UNDO)
            for name in reversed(list(self.new)):
                if not os.path.lexists(self.staging / NEW / name):
                    self._restore(name)
            for name in self.gone:
                self._restore(name)
            for name in reversed(self.notes.made):
                self._prune(self.folder / name)
            for name in list(self.notes.kept):
                self._keep_no_more(name)
            self._go_on(UNDONE)
        clear(self.staging)

    def _waiting_are_whole(self) -> bool:
        """Whether new files that wait have the bytes they were written with."""
        waiting = ((self.staging / NEW / name, own) for name, own in self.new.items())
        return all(hash_of(path) == own for path, own in waiting if os.path.lexists(path))

    def _put(self, name: str) -> None:
        new, here = self.staging / NEW / name, self.folder / name
        if not os.path.lexists(new):
            return  # done before a stop
        self._make_way(name)
        if os.path.lexists(here):
            found = hash_of(here)
            if found is None or found not in (self.before.get(name), self.new[name]):
                self._keep(name, until_replaced=found is not None)
        self._back_up(name)
        os.replace(new, here)

    def _remove(self, name: str) -> None:
        here = self.folder / name
        if not os.path.lexists(here):
            return
        if self._reached_by_folders(name) and hash_of(here) == self.before.get(name):
            self._back_up(name)
            here.unlink()
            self._prune(here.parent)
            self.notes.gone.append(name)
        else:
            self.notes.stays.append(name)

    def _restore(self, name: str) -> None:
        """Put back what was there before a new file, and nothing where nothing was."""
        here, old = self.folder / name, self.staging / OLD / name
        if not self._reached_by_folders(name):
            return
        now, before = hash_of(here), hash_of(old)
        if before is None and now is not None and now == self.new.get(name):
            here.unlink()
            self._prune(here.parent)
        if before is None or now == before:
            return
        if os.path.lexists(here) and now != self.new.get(name):  # changed since the stop
            self._keep(name, until_replaced=now is not None)
        here.parent.mkdir(parents=True, exist_ok=True)
        part = self.staging / PART
        part.unlink(missing_ok=True)
        self._twin(old, part)
        os.replace(part, here)

    def _make_way(self, name: str) -> None:
        """Folders for a file; a link or file of their name is kept under another."""
        place = self.folder
        for part in name.split("/")[:-1]:
            place /= part
            if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
                self._keep(place.relative_to(self.folder).as_posix(), until_replaced=False)
            if not place.exists():
                self.notes.made.append(place.relative_to(self.folder).as_posix())
                self._write(asdict(self.notes), NOTES)
                place.mkdir()

    def _reached_by_folders(self, name: str) -> bool:
        """Whether no link stands between the folder and a file of it."""
        between = [p for p in (self.folder / name).parents if self.folder in p.parents]
        return not any(p.is_symlink() for p in between)

    def _keep(self, name: str, until_replaced: bool) -> None:
        """Another name for what is in the way, in addition to its own `until_replaced`."""
        here, kept = self.folder / name, self.folder / self.notes.kept.get(name, "")
        if name in self.notes.kept and (own := hash_of(here)) and hash_of(kept) == own:
            return  # before a stop
        if self.earlier:
            kept = self.folder / self.earlier / name
            kept.parent.mkdir(parents=True, exist_ok=True)
        if not self.earlier or os.path.lexists(kept):
            kept = free_name(here)
        self.notes.kept[name] = kept.relative_to(self.folder).as_posix()
        self._write(asdict(self.notes), NOTES)
        if not until_replaced or not _second_name(here, kept):
            os.replace(here, kept)

    def _keep_no_more(self, name: str) -> None:
        """What was in the way has its place again."""
        here, kept = self.folder / name, self.folder / self.notes.kept[name]
        if not os.path.lexists(kept):
            pass
        elif not os.path.lexists(here):
            os.replace(kept, here)
        elif (own := hash_of(here)) and hash_of(kept) == own:
            kept.unlink()
        else:
            return
        del self.notes.kept[name]
        self._prune(kept.parent)

    def _back_up(self, name: str) -> None:
        here, old = self.folder / name, self.staging / OLD / name
        if os.path.lexists(here) and not os.path.lexists(old):
            old.parent.mkdir(parents=True, exist_ok=True)
            self._twin(here, old)

    def _twin(self, here: Path, other: Path) -> None:
        """A second name for a file; a copy where the disk has no hard links."""
        if not _second_name(here, other):
            copy = self.staging / f"{PART}.copy"
            shutil.copy2(here, copy)
            os.replace(copy, other)

    def _prune(self, place: Path) -> None:
        """Folders that are empty now go."""
        with suppress(OSError):
            while place != self.folder:
                place.rmdir()
                place = place.parent


def _second_name(here: Path, other: Path) -> bool:
    """Give a file a second name; False where the disk cannot."""
    try:
        os.link(here, other)
    except OSError:
        return False
    return True


def pending(folder: Path) -> Journal | None:
    """The journal of an installation that was stopped; None where there is none that can be read."""
    for state in STATES:
        content = _read(folder / STAGING / state)
        try:
            journal = Journal(folder, **content, state=state)
            names = [*journal.new, *journal.gone, *filter(None, [journal.earlier])]
            hashes = [*journal.new.values(), *journal.before.values()]
            if all(isinstance(v, str) for v in (*names, *hashes)) and all(map(is_inside, names)):
                notes = Notes(**_read(folder / STAGING / NOTES))
                journal.notes = notes if notes.sound() else Notes()
                return journal
        except (TypeError, AttributeError):
            continue
    return None


def _read(path: Path) -> dict:
    try:
        content = json.loads(bytes_of(path, limits.RECORD_BYTES).decode("utf-8"))
    except (Unreadable, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def clear(staging: Path) -> None:
    """Remove the staging folder, its journal last."""
    for name in (NEW, OLD):
        with suppress(FileNotFoundError):
            shutil.rmtree(staging / name)
    for name in (PART, f"{PART}.copy", NOTES, *STATES):
        (staging / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        staging.rmdir()
