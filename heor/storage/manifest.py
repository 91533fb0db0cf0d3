"""What this program wrote: names and sha256 in a record, `run.json` of a folder.

A file is replaced or removed only when a record lists it and its bytes are still those. The record lists
itself too, under the hash of its text with that hash left empty.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from heor import limits
from heor.errors import InputError
from heor.files import Unreadable
from heor.files import content as bytes_of
from heor.limits import excerpt

RECORD = "run.json"
FILES = "files"
#: One part of a path on every system: no separator, no drive, no leading dot.
FILE_NAME = re.compile(r"[A-Za-z0-9_][\w .,()+-]{0,149}")
UNLISTED = "files_of_an_earlier_version"  # in a record: there are such, and it does not list them


@dataclass(frozen=True)
class Manifest:
    """What a folder's record says.

    Attributes
    ----------
    content : dict or None
        The record; None where there is none of this program.
    files : dict
        Name with forward slashes → sha256, of files in the folder that this program wrote.
    """

    content: Mapping[str, Any] | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def incomplete(self) -> bool:
        """Whether a version that listed no files wrote results there, which no whole run has replaced."""
        return self.content is not None and (FILES not in self.content or UNLISTED in self.content)

    @property
    def own(self) -> dict[str, Any]:
        """The content without what it says of files."""
        return {k: v for k, v in (self.content or {}).items() if k not in (FILES, UNLISTED)}


def manifest(folder: Path, record: str = RECORD) -> Manifest:
    """The manifest of a folder; empty where its record is missing, or somebody else's.

    >>> manifest(Path("nowhere")).content is None
    True
    """
    path = folder / record
    if not _plain(path):
        return Manifest()
    try:
        text = bytes_of(path, limits.RECORD_BYTES).decode()
        content = json.loads(text)
    except (Unreadable, ValueError, RecursionError):
        return Manifest()
    if not isinstance(content, dict):
        return Manifest()
    listed = content.get(FILES)
    if not isinstance(listed, dict):
        return Manifest(content) if _listed_nothing(content) else Manifest()
    files = {k: v for k, v in listed.items() if isinstance(v, str) and is_inside(k)}
    own = files.pop(record, "")
    if own and _sha(text.replace(own, "", 1).encode()) == own:
        files[record] = _sha(text.encode())
    return Manifest(content, files)


def sealed(content: Mapping[str, Any], files: Mapping[str, str], record: str = RECORD) -> str:
    """Text of a record that lists these files and itself."""

    def text(own: str) -> str:
        listed = dict(sorted({**files, record: own}.items()))
        found = {**content, FILES: listed}
        return json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n"

    return text(_sha(text("").encode()))


def is_inside(name: str) -> bool:
    """Whether a name in a record or journal stays inside its folder on every system.

    >>> [is_inside(n) for n in ("tables/icer.csv", "../x", "/etc/x", "C:x", "a\\\\b", "a//b", "")]
    [True, False, False, False, False, False, False]
    """
    parts = name.split("/")
    plain = not {"", ".", ".."} & set(parts) and "\\" not in name and "\0" not in name
    return plain and not PurePosixPath(name).is_absolute() and not PureWindowsPath(name).drive


def file_in(folder: Path, name: str) -> Path:
    """The path of a file whose name comes from the inputs or from results.

    Raises
    ------
    InputError
        The name is no plain file name.

    >>> file_in(Path("tables"), "fits_os.csv").as_posix()
    'tables/fits_os.csv'
    """
    if not FILE_NAME.fullmatch(name):
        raise InputError(
            f"{excerpt(name)!r}: cannot be the name of a file; it is made of a name in the inputs. Letters, "
            "digits, spaces and _ . , ( ) + - are allowed, 150 at most, and no dot comes first. Rename it there."
        )
    return folder / name


def hash_of(path: Path) -> str | None:
    """sha256 of a file; None of what is no regular file, such as a link.

    >>> hash_of(Path("nowhere")) is None
    True
    """
    if not _plain(path):
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_name(path: Path) -> Path:
    """A name that is free for a file to be kept: its own, and the day it was last changed."""
    day = datetime.fromtimestamp(path.lstat().st_mtime).date().isoformat()
    number, found = 1, path.with_name(f"{path.stem} (kept {day}){path.suffix}")
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.stem} (kept {day}, {number}){path.suffix}")
    return found


def _listed_nothing(content: Mapping[str, Any]) -> bool:
    """Whether it is a record of a version that listed no files."""
    versions = content.get("versions")
    return "finished" in content and isinstance(versions, dict) and "heor" in versions


def _plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
