"""Options that several commands share, and how their words are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

import click

inputs_option = click.option(
    "--inputs", default="inputs", show_default=True, help="Folder with model, countries, scenarios."
)
scenario_option = click.option(
    "--scenario", multiple=True, help="Scenario to run (see `heor scenarios`); may be repeated."
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Fix a parameter (cure_if_operated=0.1) or change a setting (analysis.end_age=90).",
)
accept_option = click.option(
    "--accept",
    multiple=True,
    metavar="EVIDENCE/FAMILY",
    help="Go on although this fit failed its diagnostics; the report says so. May be repeated.",
)
generic_option = click.option(
    "--allow-generic",
    is_flag=True,
    help="Go on where the country has only a stand-in for what it must supply.",
)
as_of_option = click.option(
    "--as-of",
    metavar="DATE",
    help="Rules in force on this day (2026-11-24); default: analysis.yaml.",
)
language_option = click.option(
    "--language",
    type=click.Choice(["en", "nb"]),
    default="en",
    show_default=True,
    help="Of headings, axes and buttons: English or Norwegian. Text and tables are English.",
)
RULES = ("country", "as_of", "programme", "allow_generic")


#: Numba reads this where a program is started; it can name a folder of compiled code to be run.
NUMBA_SETTINGS = Path(".numba_config.yaml")


def refuse_settings_here() -> None:
    """A folder from someone else must not say what code is run."""
    from heor.errors import InputError

    if NUMBA_SETTINGS.exists():
        raise InputError(
            f"{NUMBA_SETTINGS}: Numba would read its settings from this file, also where to load compiled code "
            "from; heor does not start in a folder that has one. Remove the file, or set what it holds as "
            "environment variables (NUMBA_...)."
        )


def country_options(command: Callable) -> Callable:
    """--country, --as-of, --programme, --allow-generic: what `load` takes, as one argument `rules`."""

    @wraps(command)
    def with_rules(*args, **kwargs):
        rules = {name: kwargs.pop(name) for name in RULES}
        return command(*args, rules={**rules, "as_of": day(rules["as_of"])}, **kwargs)

    for option in (
        generic_option,
        click.option(
            "--programme", help="Of the agency (medicine, guideline, ...), see country.yaml."
        ),
        as_of_option,
        click.option("--country", help="Name or ISO code; the default stands in analysis.yaml."),
    ):
        with_rules = option(with_rules)
    return with_rules


def day(text: str | None) -> date | None:
    """A day as YYYY-MM-DD."""
    from heor.errors import InputError

    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            [f"--as-of {text}: no day; write the year, month and day, as in 2026-11-24."]
        ) from error


def overrides(settings: tuple[str, ...], thresholds: tuple[str, ...] = ()) -> dict[str, Any]:
    """--set NAME=VALUE pairs, their values YAML scalars, and --threshold as one of them."""
    from heor.errors import InputError
    from heor.inputs.text.yaml_text import YamlFault, yaml_value
    from heor.limits import excerpt

    problems = [
        f"--set {excerpt(text)}: no '=' found; write --set name=value."
        for text in settings
        if "=" not in text
    ]
    pairs = [[part.strip() for part in text.split("=", 1)] for text in settings if "=" in text]
    problems += [
        f"--set {name}={value}: nothing {'before' if value else 'after'} the '='; write --set name=value, or "
        "leave the option out."
        for name, value in pairs
        if not (name and value)
    ]
    names = [name for name, _ in pairs]
    problems += [
        f"--set {name}: given {names.count(name)} times; a name has one value. Leave one of them out."
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]
    found = {}
    for name, value in pairs if not problems else ():
        try:
            found[name] = yaml_value(value)
        except YamlFault as fault:
            problems.append(f"--set {excerpt(f'{name}={value}')}: {fault}")
    if problems:
        raise InputError(problems)
    if thresholds:
        found["country.thresholds.values"] = money(thresholds, None)
    return found


def money(texts: tuple[str, ...], currency: str | None) -> list[float]:
    """Thresholds as numbers; a currency in front of one must be that of the costs."""
    import re

    from heor.errors import InputError

    problems = [
        f"--threshold {t}: one threshold with a thousands separator, or several with a comma between them? "
        "Write 20000, or 20000,30000."
        for t in texts
        if re.search(r"(^|[^\d,.])\d{1,3}(,\d{3})+\D*$", t)
    ]
    found = []
    for text in () if problems else (part.strip() for t in texts for part in t.split(",")):
        value = _threshold(text, currency)
        if isinstance(value, str):
            problems.append(f"--threshold {text}: {value}")
        else:
            found.append(value)
    if problems:
        raise InputError(problems)
    return found


def _threshold(text: str, currency: str | None) -> float | str:
    """One threshold, or what is wrong with it."""
    from heor.inputs.text.numerals import currencies_of, two_readings, unsigned, written
    from heor.limits import NUMBER

    number, sign = unsigned(text.upper())
    readings = set(written(number).values())
    if len(readings) == 2:
        return f"can be read as {two_readings(number)}. Write one of them."
    if not readings:
        return "is no number; money per QALY is required (20000)."
    value = float(readings.pop())
    if not 0 <= value <= NUMBER:
        return f"must be at least 0 and finite (at most {NUMBER:g}). Correct it."
    own = currencies_of(sign)
    if own and currency and currency.upper() not in own:
        return (
            f"is in {own[0]}, the costs are in {currency}; they must be in one currency. Convert it, or name the "
            "other with --currency where that is an option."
        )
    return value


def shown(path: Path) -> str:
    """A path relative to where the user stands, where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def open_page(folder: Path, files: str) -> str:
    """The last line of a command that wrote a report."""
    return f"Open {shown(folder / 'report.html')} ({files} in the same folder)"


def path_of(text: str, option: str) -> Path:
    """A path as an option names it; refused when nothing can have that name."""
    from heor.errors import InputError
    from heor.files import name_fault
    from heor.limits import excerpt

    if fault := name_fault(text) or ("" if text else "an empty name. Name one, or leave it out."):
        raise InputError(f"{option} {excerpt(text).replace(chr(0), '?')}: {fault}")
    return Path(text)


def run_folder(folder: str | None, inputs: str) -> Path:
    """A run's folder as named, or where a plain `heor run` writes."""
    from heor.inputs.country.packs import default_of

    if folder is not None:
        return path_of(folder, "FOLDER")
    return Path(inputs).resolve().parent / "outputs" / default_of(Path(inputs))


def result_folder(output: str | None, default: Path) -> Path:
    """Where a command writes; refused before any work when somebody's own files are there."""
    from heor.storage.folder import check_folder

    folder = path_of(str(default), "results in") if output is None else path_of(output, "--output")
    check_folder(folder)
    return folder
