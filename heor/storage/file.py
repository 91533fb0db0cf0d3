"""Write single files: whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heor.errors import InputError
from heor.storage.folder import write_folder, writing
from heor.storage.journal import NEW, STAGING, clear


def write_bytes(path: Path, data: bytes) -> None:
    """A file of this program's own, such as one of a cache: replaced at once.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    staging = path.parent / STAGING
    with writing(path.parent, path, quiet=True):
        try:
            (staging / NEW).mkdir(parents=True)
            (staging / NEW / path.name).write_bytes(data)
            os.replace(staging / NEW / path.name, path)
        finally:
            clear(staging)


def record_of(path: Path) -> str:
    """Name of the record beside a single file.

    >>> record_of(Path("outputs/scored.csv"))
    'scored.run.json'
    """
    return f"{path.stem}.run.json"


def check_file(path: Path) -> None:
    """Whether a file can go there; to be asked before work.

    Raises
    ------
    InputError
        A folder, link, device or pipe is there.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be a file ({getattr(error, 'strerror', None) or error}). Choose another name "
            "with --output."
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(
            f"{path}: is there already, and is no plain file. Choose another name with --output."
        )


def write_file(path: Path, data: bytes, content: Mapping[str, Any]) -> Path:
    """A file for the user, with a record beside it that lists it; see `write_folder`.

    Parameters
    ----------
    content
        Of the record: what the file was made of.

    Raises
    ------
    InputError
        Something else is there; see `check_file`.
    OutputError
        A file of this name is there and no record shows that this program wrote it; or the disk does not
        let us write.
    """
    check_file(path)
    write_folder(
        path.parent,
        lambda place: (place / path.name).write_bytes(data),
        renew=(),
        content=content,
        record=record_of(path),
        shown=path,
    )
    return path
