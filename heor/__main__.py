"""Where the command `heor` starts, and what Ctrl-C does from its first moment to its last.

The first Ctrl-C stops the command, which then clears up. A second one ends the process at once: what was
half written stays for the next command to finish or remove.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from heor.errors import INTERRUPTED

SHOW_CURSOR = b"\x1b[?25h"  # which a progress bar hides


class _Interrupts:
    """The handler of Ctrl-C."""

    def __init__(self) -> None:
        self.heard = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.heard:
            self.end()
        self.heard = True
        raise KeyboardInterrupt

    def end(self) -> None:
        """Say it once, and leave without waiting for anything."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cursor = SHOW_CURSOR if os.isatty(2) else b""
        os.write(2, cursor + f"{_words()}\n".encode())
        os._exit(INTERRUPTED)


def _words() -> str:
    module = sys.modules.get("heor.cli.main")
    words = getattr(module, "interruption", None)
    return words() if words else "Interrupted; earlier results are untouched."


def entry() -> None:
    """Run the command line and leave with its exit code."""
    interrupts = _Interrupts()
    signal.signal(signal.SIGINT, interrupts)
    try:
        from heor.cli.main import main, quiet

        quiet()
        code = main()
    except BaseException:
        if not interrupts.heard:
            raise
        interrupts.end()  # an import that was interrupted may say it in its own words
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


if __name__ == "__main__":
    entry()
