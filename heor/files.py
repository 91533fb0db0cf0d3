"""Opening a file that someone else may have made: a regular file, inside its folder, not too large."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from heor import limits


class Unreadable(Exception):
    """Why a file is not read, as a message that goes behind its name."""


def content(path: Path, most: int = limits.TABLE_BYTES, root: Path | None = None) -> bytes:
    """The bytes of a regular file.

    Parameters
    ----------
    most
        Its largest size in bytes.
    root
        The folder it must be in, links followed; anywhere when None.

    Raises
    ------
    Unreadable
        It is missing, no regular file (a folder, pipe or device, a link to itself), too large, outside
        its folder, or may not be read.
    """
    if fault := name_fault(str(path)):
        raise Unreadable(fault)
    if root is not None and leaves(path, root):
        raise Unreadable(
            f"a link that leaves {root}; nothing outside is read. Copy the file into the folder."
        )
    try:  # a pipe would wait for its writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise Unreadable("not found; the file is required. Create it or restore it.") from None
    except OSError as error:
        raise Unreadable(_why(path, error)) from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise Unreadable(f"{_kind(found.st_mode)}; a file is needed. Put one in its place.")
    with os.fdopen(handle, "rb") as file:
        text = file.read(most + 1) if found.st_size <= most else b""
    if max(found.st_size, len(text)) > most:
        raise Unreadable(
            f"{max(found.st_size, len(text)):,} bytes; at most {most:,} are read. Check that it is the "
            "right file, or leave out what is not needed."
        )
    return text


def leaves(path: Path, root: Path) -> bool:
    """Whether a path, its links followed, is outside a folder; a link to itself leads nowhere."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def links_out(folder: Path, parts: Sequence[str]) -> list[str]:
    """A fault for each link in these parts of a folder that leads out of it, and for too many files."""
    faults, count = [], 0
    for part in parts:
        for place, folders, names in os.walk(folder / part):
            found = [Path(place, name) for name in (*folders, *names)]
            count += len(found)
            if count > limits.ENTRIES:
                return [
                    *faults,
                    f"{folder.name}: more than {limits.ENTRIES:,} files and folders. Is it the right folder?",
                ]
            for path in (folder / part, *found):
                if path.is_symlink() and leaves(path, folder):
                    shown = path.relative_to(folder.parent).as_posix()
                    faults.append(
                        f"{shown}: a link that leads out of the folder '{folder.name}'; nothing outside is "
                        "read. Copy what it leads to into its place."
                    )
    return list(dict.fromkeys(faults))


def name_fault(name: str) -> str:
    """What makes a name impossible for a file, or an empty string.

    >>> name_fault("outputs/norway"), name_fault("a" * 300)[:36]
    ('', 'a name of 300 characters; at most 25')
    """
    if "\0" in name:
        return "a null byte in the name; no file can have one. Correct the name."
    longest = max((len(os.fsencode(part)) for part in Path(name).parts), default=0)
    if longest > limits.NAME:
        return f"a name of {longest:,} characters; at most {limits.NAME} are possible. Use a shorter name."
    return ""


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def _why(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a link that leads to itself; a file is needed. Put one in its place."
    if path.is_dir():  # as Windows answers
        return "a folder; a file is needed. Put one in its place."
    if error.errno == errno.ENXIO:
        return "a device or socket; a file is needed. Put one in its place."
    return f"cannot be opened ({error.strerror}). Check the name and the right to read it."
