"""The command line: thin shells over one call each. Heavy imports wait until a command runs."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from heor import limits
from heor.cli.analyse import analyse
from heor.cli.check import check, show
from heor.cli.country import country
from heor.cli.figures import figures
from heor.cli.options import refuse_settings_here, shown
from heor.cli.reconstruct import km
from heor.cli.report import report
from heor.cli.run import run
from heor.cli.scenarios import scenarios
from heor.cli.survival import survival
from heor.cli.utilities import utilities
from heor.cli.what_if import what_if
from heor.errors import INTERRUPTED, HeorWarning


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="heor")
def cli() -> None:
    """Does resecting liver metastases in grey-zone colorectal cancer give enough health for its cost?

    Start with `heor run`; it reads the folder `inputs` and writes `outputs`.
    """
    refuse_settings_here()


for command in (
    analyse,
    check,
    country,
    figures,
    km,
    report,
    run,
    scenarios,
    show,
    survival,
    utilities,
    what_if,
):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a user's mistake prints its lines and gives its exit code."""
    from heor.errors import HeorError, InputError, OutputError

    try:
        with warnings_as_lines():
            result = cli.main(args=arguments, prog_name="heor", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo(interruption(), err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except InputError as error:
        for line in error.problems[: limits.PRINTED]:
            click.echo(line, err=True)
        if (more := len(error.problems) - limits.PRINTED) > 0:
            click.echo(f"{more:,} more are not listed.", err=True)
        count = len(error.problems)
        left = "nothing was run"
        if isinstance(error, OutputError):
            left = "nothing was written, and earlier results are as they were"
        click.echo(f"{count} problem{'s' if count > 1 else ''} found; {left}.", err=True)
        return error.exit_code
    except HeorError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except OSError as error:  # a disk that is full or read-only, where nothing has said so yet
        click.echo(f"{error.filename or 'disk'}: {error.strerror or error}.", err=True)
        return 1


def interruption() -> str:
    """What a user who pressed Ctrl-C is told."""
    folder = sys.modules.get("heor.storage.folder")
    if folder is not None and folder.WRITTEN:
        return f"Interrupted; {shown(folder.WRITTEN[-1])} is complete."
    return "Interrupted; earlier results are untouched."


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Warnings of this package as one line each, whatever filters there are."""
    before = warnings.showwarning

    def show(message, category, *place, **named) -> None:
        if issubclass(category, HeorWarning):
            click.echo(f"warning: {message}", err=True)
        else:
            before(message, category, *place, **named)

    with warnings.catch_warnings():
        warnings.simplefilter("always", HeorWarning)
        warnings.showwarning = show
        yield


def quiet() -> None:
    """Keep what libraries say to developers off the terminal.

    Where Python was asked for warnings (`-W`, PYTHONWARNINGS), as tests ask, all of them are shown.
    """
    if sys.warnoptions:
        return
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())  # else Python prints what nobody handles
