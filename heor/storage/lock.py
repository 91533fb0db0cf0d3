"""One writer to a folder: a lock that the operating system drops when its process ends.

The lock file is removed on release. A process that waited on the removed file sees that it is no longer
the one in the folder, and starts again.
"""

from __future__ import annotations

import errno
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from heor.errors import HeorWarning

if os.name == "nt":
    import msvcrt
else:
    import fcntl

LOCK = ".heor.lock"
PAUSE = 0.05  # seconds between two attempts
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}


@contextmanager
def locked(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a folder, which is made when missing and removed again when left empty.

    Parameters
    ----------
    wait
        For another writer to finish, with a warning; otherwise yields False at once.

    Raises
    ------
    OSError
        The folder cannot be made or written.
    """
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        held = _acquired(folder, wait)
        try:
            yield held is not None
        finally:
            if held is not None:
                _release(held, folder / LOCK)
    finally:
        with suppress(OSError):  # not empty: there are results, or another writer
            for place in missing:
                place.rmdir()


def _acquired(folder: Path, wait: bool) -> int | None:
    """Descriptor of the lock file, once it is ours; None when another has it and we do not wait."""
    warned = False
    while True:
        found = _attempt(folder)
        if found is not None or not wait:
            return found
        if not warned:
            warned = True
            warnings.warn(
                f"{folder}: another heor is writing here; waiting until it has finished.",
                HeorWarning,
                stacklevel=2,
            )
        time.sleep(PAUSE)


def _attempt(folder: Path) -> int | None:
    path = folder / LOCK
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, flags, 0o666)
    except FileNotFoundError:  # the writer before us has just removed the empty folder
        return None
    except PermissionError:
        if os.name == "nt" and path.exists():  # being removed by the writer before us
            return None
        raise
    try:
        if _locked(descriptor) and _same(descriptor, path):
            return descriptor
    except OSError as error:
        if error.errno in NO_LOCKS:
            warnings.warn(
                f"{folder}: this file system has no locks; do not let two commands write here at once.",
                HeorWarning,
                stacklevel=2,
            )
            return descriptor
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _locked(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def _same(descriptor: int, path: Path) -> bool:
    """Whether the locked file is still the one in the folder."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _release(descriptor: int, path: Path) -> None:
    with suppress(OSError):  # Windows removes no open file
        path.unlink()
    os.close(descriptor)
    if os.name == "nt":
        with suppress(OSError):  # another has it now
            path.unlink()
