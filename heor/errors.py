"""What can go wrong, in three classes, and what is legal but must be read.

Every message has the form *where: what was found; what is allowed. What to do.*
"""

from __future__ import annotations

from collections.abc import Sequence

INTERRUPTED = 130  # exit code after Ctrl-C


class HeorError(Exception):
    """Base of the errors a user can cause; the command line prints them without a traceback."""

    exit_code = 1


class InputError(HeorError):
    """The inputs cannot be a decision problem. Holds *all* problems found, one line each, none twice."""

    exit_code = 2

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


class OutputError(InputError):
    """Results cannot be written where they should go; what was there is as it was."""


class FitError(HeorError):
    """A posterior failed its diagnostics (R-hat, effective sample size, divergences)."""

    exit_code = 3


class ModelError(HeorError):
    """A law of the model broke: occupancy, outcomes or curves are impossible."""

    exit_code = 4


class HeorWarning(UserWarning):
    """Legal, but must be read; every one goes into `run.json` and the report."""
