"""Write a folder of results: whole or not at all, beside whatever the user keeps there.

What a folder's record lists, and nobody changed since, is replaced; a changed file, and one of the
user's in the place of a new one, is kept under another name; everything else stays.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from heor.errors import InputError, OutputError
from heor.storage.journal import NEW, STAGING, Journal, clear, pending
from heor.storage.lock import locked
from heor.storage.manifest import RECORD, UNLISTED, hash_of, manifest, sealed
from heor.storage.messages import listed, say, tell, why

EARLIER = "earlier results"
NOT_COUNTED = {"desktop.ini", "Thumbs.db"}  # beside names with a dot: what systems leave in folders
WRITTEN: list[Path] = []  # folders that this process has written


def check_folder(folder: Path, whole: bool = True) -> None:
    """Whether results can be written there; to be asked before long work.

    Parameters
    ----------
    whole
        The results are all there will be, so the folder must be new, empty, or one with results.

    Raises
    ------
    InputError
        A file, a link that leads nowhere, somebody's own folder, or one that cannot be written.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            folder.lstat()  # of a name that no disk takes
        if os.path.lexists(folder) and not folder.exists():
            raise InputError(
                f"{folder}: is a link to {os.readlink(folder)}, which is not there. Make that folder, or "
                "choose another with --output."
            )
        if folder.exists() and not folder.is_dir():
            kind = "a file" if folder.is_file() else "a device or pipe"
            raise InputError(
                f"{folder}: is {kind}; a folder is needed. Choose another with --output."
            )
        if whole and folder.exists():
            settle(folder)
            _refuse_somebody_elses(folder)
        nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: cannot be a folder for results ({why(error)}). Choose another with --output."
        ) from error
    if not nearest.is_dir():
        raise InputError(
            f"{folder}: cannot be made, because {nearest} is a file. Choose another folder with --output."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(
            f"{folder}: cannot be written (no permission in {nearest}). Choose another folder with --output."
        )


def _refuse_somebody_elses(folder: Path) -> None:
    names = sorted(p.name for p in folder.iterdir() if not _not_counted(p.name))
    if names and manifest(folder).content is None and not (folder / STAGING).exists():
        raise InputError(
            f"{folder}: holds {names[0]!r}{' and more' if len(names) > 1 else ''}, and no results of heor "
            f"(no {RECORD} that lists them). Choose a new or empty folder with --output; if an earlier "
            "version of heor wrote this one, rename it first."
        )


def _not_counted(name: str) -> bool:
    return name.startswith(".") or name in NOT_COUNTED


def write_folder(
    folder: Path,
    fill: Callable[[Path], object],
    *,
    renew: Collection[str] | None = None,
    content: Mapping[str, Any] | None = None,
    record: str = RECORD,
    shown: Path | None = None,
) -> Path:
    """`folder` with the files that `fill` writes into a new one, and all that is the user's.

    `fill` runs once no other process writes there. A run that is killed leaves either the folder's
    previous results, or a journal from which the next command finishes.

    Parameters
    ----------
    renew
        None: these are all the results there are, so others that the record lists go. Otherwise only
        those go that stand in a folder named here (`tables`), where `fill` writes into it.
    content
        Of the record, where `fill` writes none; None keeps the folder's.
    record
        Name of the record.
    shown
        What errors name; None is the folder.

    Raises
    ------
    InputError
        The folder is somebody's own, or a file in the place of a new one is, and no record is there.
    OutputError
        It cannot be written: a full disk, no permission, a file open in another program.
    """
    check_folder(folder, renew is None)
    with writing(folder, shown or folder):
        if renew is None:
            _refuse_somebody_elses(folder)
        new = folder / STAGING / NEW
        try:
            new.mkdir(parents=True)
            fill(new)
            journal = _journal(folder, new, renew, content, record)
            journal.install()
        finally:
            if pending(folder) is None:
                clear(folder / STAGING)
        tell(journal)
    WRITTEN.append(folder)
    return folder


def new_folder(folder: Path, fill: Callable[[Path], object]) -> Path:
    """A folder that is not there yet, with what `fill` writes: whole or not at all, and with no record.

    Raises
    ------
    OutputError
        It is there, or cannot be written.
    """
    staging = folder.parent / STAGING
    with writing(folder.parent, folder, quiet=True):
        if os.path.lexists(folder):
            raise OutputError(f"{folder}: is there already. Edit it, or remove it first.")
        try:
            (staging / NEW).mkdir(parents=True)
            fill(staging / NEW)
            os.rename(staging / NEW, folder)
        finally:
            clear(staging)
    return folder


@contextmanager
def writing(folder: Path, shown: Path, quiet: bool = False) -> Iterator[None]:
    """A folder for one writer, once what a stopped one left there is cleared up.

    Raises
    ------
    OutputError
        The disk does not let us write; it names what is `shown`.
    """
    try:
        with locked(folder):
            _clear_up(folder, quiet)
            yield
    except OSError as error:
        raise OutputError(
            f"{shown}: cannot be written ({why(error)}). Close programs that have its files open, or "
            "choose another place with --output."
        ) from error


def settle(folder: Path, quiet: bool = False) -> None:
    """Clear up what a stopped command left in a folder that is about to be read.

    Raises
    ------
    OutputError
        An installation was stopped and can be neither finished nor undone here.
    """
    if not os.path.lexists(folder / STAGING):
        return
    try:
        with locked(folder, wait=False) as free:
            if free:
                _clear_up(folder, quiet)
    except OSError as error:
        raise OutputError(
            f"{folder}: a command was stopped while it was writing here, and its work cannot be finished "
            f"({why(error)}). Make the folder writable, close its files and run this again."
        ) from error


def _clear_up(folder: Path, quiet: bool) -> None:
    """Finish, undo or remove what a stopped process left; that the lock is free shows that it is gone."""
    staging = folder / STAGING
    if not os.path.lexists(staging):
        return
    if staging.is_symlink() or any(p.is_symlink() for p in staging.rglob("*")):
        raise OutputError(f"{staging}: is or holds a link, and heor makes none there. Remove it.")
    journal = pending(folder)
    if journal is None:
        found = "nothing else was touched, and what it had not finished is removed"
        if not any(p.is_file() for p in (staging / NEW).rglob("*")):
            quiet = True
        clear(staging)
    else:
        complete = journal.resume()
        found = "its results are complete now" if complete else "the earlier results were restored"
    if not quiet:
        say(f"{folder}: an earlier command was stopped while it was writing; {found}.")
    if journal is not None:
        tell(journal)


def _journal(
    folder: Path,
    new: Path,
    renew: Collection[str] | None,
    content: Mapping[str, Any] | None,
    record: str,
) -> Journal:
    """What is to be done so that the folder has the new files and a record of them."""
    found = manifest(folder, record)
    hashes = {p.relative_to(new).as_posix(): hash_of(p) for p in new.rglob("*") if p.is_file()}
    before, carried = dict(found.files), False
    if hashes.pop(record, None):
        content = json.loads((new / record).read_text(encoding="utf-8"))
    elif content is None:
        content, carried = found.own, True
    tops = {name.split("/")[0] for name in hashes} & set(renew or ())
    gone = [
        name
        for name in sorted(before.keys() - hashes.keys() - {record})
        if renew is None or name.split("/")[0] in tops
    ]
    if found.incomplete and renew is not None:
        content = {**content, UNLISTED: True}
    files = {k: v for k, v in before.items() if k not in gone and k != record} | hashes
    (new / record).write_text(sealed(content, files, record), encoding="utf-8", newline="\n")
    hashes = dict(sorted(hashes.items())) | {record: hash_of(new / record)}
    if found.content is None:
        _refuse_files_in_the_way(folder, hashes, record)
    elif carried and (own := hash_of(folder / record)):
        before[record] = own  # its content goes on, so nothing of it is lost
    earlier = _earlier(folder) if found.incomplete else ""
    return Journal(folder, hashes, gone, before, earlier)


def _refuse_files_in_the_way(folder: Path, new: Mapping[str, str], record: str) -> None:
    """Where no record tells what is ours, nothing is replaced."""
    there = [
        str(folder / name)
        for name, own in new.items()
        if (os.path.lexists(folder / name) and hash_of(folder / name) != own)
        or any(p.is_symlink() or p.is_file() for p in _between(folder, name))
    ]
    if there:
        raise OutputError(
            f"{listed(there)}: there already, and no {record} shows that heor wrote it. Move or rename it, "
            "or choose another place with --output."
        )


def _between(folder: Path, name: str) -> list[Path]:
    return [p for p in (folder / name).parents if folder in p.parents]


def _earlier(folder: Path) -> str:
    """A new name for the folder of what an earlier version wrote."""
    number, name = 1, EARLIER
    while os.path.lexists(folder / name):
        number += 1
        name = f"{EARLIER} {number}"
    return name
