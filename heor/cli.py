"""The command line: thin shells over one call each. Heavy imports wait until a command runs."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from heor import limits
from heor.cli_country import country
from heor.cli_figures import figures
from heor.cli_options import (
    accept_option,
    country_options,
    inputs_option,
    language_option,
    money,
    open_page,
    overrides,
    refuse_settings_here,
    result_folder,
    scenario_option,
    set_option,
    shown,
)
from heor.cli_report import report
from heor.cli_utilities import utilities
from heor.errors import INTERRUPTED, HeorWarning


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="heor")
def cli() -> None:
    """Does resecting liver metastases in grey-zone colorectal cancer give enough health for its cost?

    Start with `heor run`; it reads the folder `inputs` and writes `outputs`.
    """
    refuse_settings_here()


@cli.command()
@inputs_option
@country_options
@scenario_option
@set_option
@click.option(
    "--draws",
    type=click.IntRange(50, limits.DRAWS),
    help="Model draws; default in analysis.yaml (5,000).",
)
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option(
    "--quick", is_flag=True, help="Laplace approximation instead of NUTS; for trying out."
)
@accept_option
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="MONEY",
    help="Money per QALY instead of the country's (50000, or 50000,100000); may be repeated.",
)
@click.option("--no-figures", is_flag=True, help="Leave the figures out: tables and words only.")
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def run(
    inputs,
    rules,
    scenario,
    settings,
    thresholds,
    draws,
    seed,
    quick,
    accept,
    no_figures,
    language,
    output,
) -> None:
    """Evaluate the model and write report, tables and figures."""
    from heor.analysis import evaluate
    from heor.inputs.load import load, load_alternatives, load_companions
    from heor.inputs.plausibility import look
    from heor.progress import progress_display
    from heor.report.section_answer import answer, caveat
    from heor.report.write import write_report

    problem = load(
        inputs,
        scenario=scenario,
        overrides=overrides(settings, thresholds),
        draws=draws,
        seed=seed,
        quick=quick,
        accept=accept,
        **rules,
    )
    money(thresholds, problem.country.currency)  # a currency in front must be that of the costs
    outputs = Path(inputs).resolve().parent / "outputs"
    name = "-".join([problem.country.name, *(problem.scenario or "").split("+")]).rstrip("-")
    folder = result_folder(output, outputs / name)
    companions = load_companions(problem, inputs)
    alternatives = load_alternatives(problem, inputs)
    with progress_display() as progress:
        results = evaluate(
            problem, companions, outputs / "cache", progress, alternatives, look(problem, inputs)
        )
        write_report(results, folder, progress, not no_figures, language)
    for warning in (*problem.country.cautions, *results.fits.accepted, *results.warnings):
        click.echo(f"warning: {warning}", err=True)
    for found in results.findings:
        click.echo(f"worth a look: {found}", err=True)
    click.echo()
    if quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(results):
        click.echo(line)
    click.echo(caveat(results))
    beside = (
        "report.md, tables and run.json"
        if no_figures
        else "report.md, tables, figures and run.json"
    )
    click.echo(open_page(folder, beside))


@cli.command()
@inputs_option
@country_options
@scenario_option
@set_option
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option(
    "--quick", is_flag=True, help="Laplace approximation instead of NUTS; for trying out."
)
@click.option(
    "--priors",
    type=click.Choice(["wide", "narrow"]),
    help="Fit also with twice (wide) or half the priors' standard deviation; show what moves.",
)
@accept_option
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def survival(
    inputs, rules, scenario, settings, seed, quick, priors, accept, language, output
) -> None:
    """Fit every survival family and write the survival layer's own report."""
    from heor.inputs.load import load
    from heor.progress import progress_display
    from heor.report.survival.markdown import answer
    from heor.report.survival.write import write_survival_report
    from heor.survival_analysis import appraise, read_targets

    problem = load(
        inputs,
        scenario=scenario,
        overrides=overrides(settings),
        seed=seed,
        quick=quick,
        accept=accept,
        **rules,
    )
    targets = read_targets(inputs)
    outputs = Path(inputs).resolve().parent / "outputs"
    parts = [problem.country.name, "survival", *(problem.scenario or "").split("+")]
    folder = result_folder(output, outputs / "-".join(parts).rstrip("-"))
    with progress_display() as progress:
        results = appraise(problem, priors or "standard", targets, outputs / "cache", progress)
        write_survival_report(results, folder, progress, language)
    for line in (*results.fits.accepted, *results.warnings):
        click.echo(f"warning: {line}", err=True)
    click.echo()
    if quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    click.echo(answer(results))
    click.echo(open_page(folder, "report.md, tables, figures and run.json"))


@cli.command()
@inputs_option
@country_options
@scenario_option
@set_option
def check(inputs, rules, scenario, settings) -> None:
    """Read and check all inputs; fit nothing."""
    from collections import Counter

    from heor.inputs.load import available, load
    from heor.inputs.plausibility import look
    from heor.inputs.remarks import remarks
    from heor.inputs.value_sets import read_value_sets

    problem = load(inputs, scenario=scenario, overrides=overrides(settings), **rules)
    failed: list[str] = []
    if not scenario:  # every scenario must load on this country too
        failed = _failing_scenarios(Path(inputs), rules)
    model = Path(inputs) / "model"
    if (model / "value_sets.yaml").exists():  # read only where answers are scored
        read_value_sets(model, model.as_posix(), failed)
    counts = Counter(p.status for p in problem.parameters.values())
    listed = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in counts.most_common())
    click.echo(f"{problem.country.label}, {problem.scenario_label}: inputs are sound.")
    click.echo(f"{len(problem.parameters)} parameters ({listed}); {len(problem.sources)} sources.")
    click.echo(
        f"{len(problem.evidence)} survival data sets; {len(available(Path(inputs), 'scenarios'))} scenarios."
    )
    for line in (*problem.country.cautions, *remarks(problem)):
        click.echo(f"Read first: {line}")
    if problem.country.unverified:
        click.echo(
            f"Country rules not verified in their source: {', '.join(problem.country.unverified)}."
        )
    findings = look(problem, inputs)
    if findings:
        click.echo("Worth a look (legal, and seldom right):")
    for found in findings:
        click.echo(f"  {found}")
    if failed:
        from heor.errors import InputError

        raise InputError(failed)


def _failing_scenarios(inputs: Path, rules: dict[str, Any]) -> list[str]:
    from heor.errors import InputError
    from heor.inputs.load import available, load

    problems: list[str] = []
    for name in available(inputs, "scenarios"):
        try:
            load(inputs, scenario=name, **rules)
        except InputError as error:
            problems += [f"scenario {name}: {p}" for p in error.problems]
    return problems


@cli.command()
@inputs_option
@country_options
@scenario_option
@set_option
@click.argument("names", nargs=-1)
def show(inputs, rules, scenario, settings, names) -> None:
    """Show every value with its origin, or only NAMES with their source and note."""
    from heor.inputs.load import load
    from heor.report.show import details, overview

    problem = load(inputs, scenario=scenario, overrides=overrides(settings), **rules)
    click.echo(details(problem, names) if names else overview(problem))


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--run", "evaluated", is_flag=True, help="Evaluate them all beside the base case.")
@inputs_option
@country_options
@set_option
@click.option(
    "--draws", type=click.IntRange(50, limits.DRAWS), help="Model draws; default in analysis.yaml."
)
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option(
    "--quick", is_flag=True, help="Laplace approximation instead of NUTS; for trying out."
)
@accept_option
@click.option(
    "--weights",
    metavar="NAME|FILE",
    help="An average of analysis.yaml, or a YAML file with label, why and weights of scenarios.",
)
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def scenarios(
    names, evaluated, inputs, rules, settings, weights, language, output, **fitting
) -> int:
    """List the scenarios and why each is there, or (--run) evaluate them on the same draws.

    NAMES are scenarios; all when left out.
    """
    import textwrap

    from heor.inputs.load import load
    from heor.inputs.scenarios import load_scenarios

    if not evaluated:
        chosen = language if language != "en" else ""
        _only_with_run(
            settings=settings, weights=weights, language=chosen, output=output, **fitting
        )
    base = load(inputs, overrides=overrides(settings), **rules, **fitting)
    if evaluated:
        return _run_scenarios(base, Path(inputs), names, weights, output, language)
    found, faults = load_scenarios(base, inputs, names)
    for name, problem in found.items():
        if problem.scenario:
            click.echo(f"{name}: {problem.scenario_label}")
            click.echo(textwrap.fill(problem.scenario_why, 96, **INDENTED))
    for name, why in faults.items():
        click.echo(f"{name} cannot be read: {why}", err=True)
    return 1 if faults else 0


INDENTED = {"initial_indent": "    ", "subsequent_indent": "    "}


def _only_with_run(**given: Any) -> None:
    from heor.errors import InputError

    names = {"settings": "set"}
    problems = [
        f"--{names.get(name, name)}: found without --run; listing scenarios takes none. Add --run."
        for name, value in given.items()
        if value
    ]
    if problems:
        raise InputError(problems)


def _run_scenarios(
    base, inputs: Path, names, weights: str | None, output: str | None, language: str
) -> int:
    """Evaluate, write and answer; 1 when a scenario could not be evaluated."""
    from heor.inputs.checks import BASE
    from heor.inputs.scenarios import load_scenarios, read_average
    from heor.progress import progress_display
    from heor.report.scenarios import answer, faults, write_scenario_report
    from heor.scenario_analysis import evaluate_scenarios

    averages = base.settings.averages
    if weights:
        average = read_average(base, inputs, weights)
        averages = {average.name: average}
        names = (*names, *(n for n in average.weights if n != BASE)) if names else ()
    problems, unread = load_scenarios(base, inputs, names)
    known = {*problems, *unread}
    averages = {k: a for k, a in averages.items() if known.issuperset(a.weights)}
    outputs = inputs.resolve().parent / "outputs"
    folder = result_folder(output, outputs / f"{base.country.name}-scenarios")
    with progress_display() as progress:
        results = evaluate_scenarios(problems, averages, unread, outputs / "cache", progress)
        write_scenario_report(results, folder, progress, language)
    for line in results.accepted:
        click.echo(f"warning: {line}", err=True)
    if results.warnings:
        click.echo(f"{len(results.warnings)} warnings stand in the report.", err=True)
    for line in faults(results):
        click.echo(line, err=True)
    click.echo()
    if base.settings.fit.quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(results):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables, figures and run.json"))
    return 1 if results.faults else 0


@cli.command("what-if")
@click.argument("names", nargs=-1, required=True, metavar="NAME [NAME]")
@inputs_option
@country_options
@scenario_option
@set_option
@click.option(
    "--range", "ranges", multiple=True, metavar="FROM:TO", help="Of each NAME, as entered."
)
@click.option(
    "--points",
    type=click.IntRange(3, 101),
    help="Along each NAME; default 13, or 7 where each value is another run.",
)
@click.option("--draws", type=click.IntRange(50, limits.DRAWS), help="Model draws.")
@click.option(
    "--seed", type=click.IntRange(0, int(limits.NUMBER)), help="Seed of all random numbers."
)
@click.option("--quick", is_flag=True, help="Laplace approximation instead of NUTS.")
@accept_option
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def what_if(
    names,
    inputs,
    rules,
    scenario,
    settings,
    ranges,
    points,
    draws,
    seed,
    quick,
    accept,
    language,
    output,
) -> None:
    """Where the answer turns along one parameter, or over two.

    NAME is a parameter, pooled effect or derived quantity (see `heor show`). The others stay as uncertain
    as they are. Over its plausible range, unless --range says another: one for each NAME. A NAME that acts
    before the draws (an age, a study, an expert opinion, a correlation) is another run for each value.
    """
    from functools import partial

    from heor.asked import ask
    from heor.inputs.load import load, with_values
    from heor.progress import progress_display
    from heor.report.what_if import answer, write_what_if

    between = _ranges(names, ranges)
    problem = load(
        inputs,
        scenario=scenario,
        overrides=overrides(settings),
        draws=draws,
        seed=seed,
        quick=quick,
        accept=accept,
        **rules,
    )
    _check_money(problem, names, ranges)
    outputs = Path(inputs).resolve().parent / "outputs"
    parts = [problem.country.name, *(problem.scenario or "").split("+"), "what-if", *names]
    folder = result_folder(output, outputs / "-".join(p for p in parts if p))
    again = partial(with_values, problem, inputs)
    with progress_display() as progress:
        found = ask(problem, names, again, between, points, outputs / "cache", progress)
        write_what_if(problem, found, folder, language)
    for line in found.notes:
        click.echo(f"warning: {line}", err=True)
    if quick:
        click.echo("Quick run (Laplace approximation): not for a decision.")
    for line in answer(problem, found):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables and figure"))


def _check_money(problem, names: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Refuse --range 100.000:300.000 of a cost: thousands or not?"""
    from heor.errors import InputError
    from heor.inputs.numerals import value_of

    faults = []
    for name, text in zip(names, texts, strict=False):
        parameter = problem.parameters.get(name)
        if parameter is not None and parameter.currency:
            found = [value_of(part.strip(), thousands=True) for part in text.split(":")]
            faults += [f"--range {text}: {fault}" for fault in found if isinstance(fault, str)]
    if faults:
        raise InputError(faults)


def _ranges(names: tuple[str, ...], texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """--range FROM:TO, one a name."""
    from heor.errors import InputError
    from heor.inputs.numerals import value_of

    problems = []
    if len(names) > 2:
        problems.append(f"what-if: {len(names)} names; one or two are possible.")
    if texts and len(texts) != len(names):
        problems.append(f"--range: {len(texts)} given for {len(names)} names; one each is needed.")
    found = {}
    for name, text in zip(names, texts, strict=False):
        ends = [value_of(part.strip()) for part in text.split(":")]
        if len(ends) != 2 or not all(isinstance(end, float) for end in ends):
            problems.append(f"--range {text}: is no range; write two numbers, FROM:TO (0.1:0.4).")
            continue
        found[name] = (ends[0], ends[1])
    if problems:
        raise InputError(problems)
    return found


@cli.command()
@click.argument("draws", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    required=True,
    metavar="MONEY",
    help="Money per QALY (20000, or 20000,30000); may be repeated. A currency before it must be that "
    "of --currency (EUR 20000).",
)
@click.option("--currency", default="EUR", show_default=True, help="Of costs and thresholds.")
@click.option("--comparator", help="Strategy compared with; default: the first in FILE.")
@click.option("--intervention", help="Strategy asked about; default: the last in FILE.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="LABEL=NAME,NAME",
    help="Parameters whose joint value of information is shown; may be repeated.",
)
@click.option(
    "--parameters",
    type=click.Path(exists=True, dir_okay=False),
    help="CSV with draw and one column a parameter, where they are not in FILE.",
)
@click.option(
    "--largest", type=click.FloatRange(0, limits.NUMBER), help="Largest threshold of the curves."
)
@click.option("--ellipse", is_flag=True, help="95 % ellipses in the plane instead of contours.")
@language_option
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def analyse(
    draws,
    thresholds,
    currency,
    comparator,
    intervention,
    groups,
    parameters,
    largest,
    ellipse,
    language,
    output,
) -> None:
    """Decision analysis of another program's draws.

    FILE is a CSV with the columns strategy, draw, cost and qaly; any other column is a parameter.
    """
    from heor.progress import progress_display
    from heor.psa import analyse as analyse_draws
    from heor.report.psa import answer, write_analysis

    source = Path(draws)
    found = analyse_draws(
        source,
        currency,
        money(thresholds, currency),
        comparator=comparator,
        intervention=intervention,
        groups=_groups(groups),
        parameters=Path(parameters) if parameters else None,
        largest=largest,
    )
    folder = result_folder(output, Path("outputs") / f"analyse-{source.stem}")
    with progress_display() as progress:
        write_analysis(found, folder, progress, ellipse, language)
    for line in (*answer(found), *found.notes):
        click.echo(line)
    click.echo(open_page(folder, "report.md, tables, figures and run.json"))


def _groups(texts: tuple[str, ...]) -> dict[str, list[str]]:
    from heor.errors import InputError

    wrong = [
        f"--group {t}: no '=' found; write --group label=name,name." for t in texts if "=" not in t
    ]
    labels = [t.split("=", 1)[0].strip() for t in texts]
    wrong += [
        f"--group {label}: named {labels.count(label)} times; a label stands for one group. Rename one."
        for label in dict.fromkeys(labels)
        if labels.count(label) > 1
    ]
    if wrong:
        raise InputError(wrong)
    pairs = (t.split("=", 1) for t in texts)
    return {label.strip(): [n.strip() for n in names.split(",")] for label, names in pairs}


@cli.group()
def km() -> None:
    """Published Kaplan-Meier curves."""


@km.command()
@click.argument("clicks", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--at-risk",
    type=click.Path(exists=True, dir_okay=False),
    help="Risk table: a CSV with time and n_at_risk.",
)
@click.option(
    "--patients",
    type=click.IntRange(1, limits.PATIENTS),
    help="Patients at time 0, where no risk table.",
)
@click.option(
    "--events",
    type=click.IntRange(0, limits.PATIENTS),
    help="Total number of events, where published.",
)
@click.option(
    "--time-unit",
    required=True,
    type=click.Choice(["months", "years", "weeks", "days"]),
    help="Unit of the times in FILE and in the risk table.",
)
@click.option(
    "--clicks",
    "style",
    type=click.Choice(["steps", "between"]),
    help="One click at the foot of every step, or points along the curve; default: told from them.",
)
@click.option("--output", type=click.Path(file_okay=False), help="Folder for the results.")
def reconstruct(clicks, at_risk, patients, events, time_unit, style, output) -> None:
    """Individual data from clicks on a published curve (Guyot et al. 2012).

    FILE is a CSV with the columns time and survival.
    """
    from heor.report.reconstruct import PublishedCurve, read_curve, summary, write_reconstruction

    risk = Path(at_risk) if at_risk else None
    curve = PublishedCurve(Path(clicks), risk, patients, events, time_unit, style)
    found = read_curve(curve)
    folder = result_folder(output, Path("outputs") / f"km-{curve.name}")
    write_reconstruction(found, curve, folder)
    for line in summary(found, curve):
        click.echo(line)
    click.echo(f"Individual data: {shown(folder / 'individual.csv')} (figure and notes beside it)")


cli.add_command(country)
cli.add_command(figures)
cli.add_command(report)
cli.add_command(utilities)


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


def entry() -> None:
    """Start as `heor.__main__` does, for `python -m heor.cli` and older installations."""
    from heor.__main__ import entry as start

    start()


if __name__ == "__main__":
    entry()
