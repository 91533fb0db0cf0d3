"""`load(folder, country, scenario, overrides)`: layers and tables → one checked DecisionProblem.

Precedence: model < country < scenario < overrides (`--set`). All faults come in one InputError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from heor.errors import InputError
from heor.faults import nearest
from heor.files import Unreadable, content
from heor.inputs import assemble
from heor.inputs.assemble import Parts
from heor.inputs.checks import dimensions
from heor.inputs.checks import models as model_checks
from heor.inputs.checks import problem as checks
from heor.inputs.country import packs as countries
from heor.inputs.country.packs import Pack
from heor.inputs.country.read import evidence_country as evidence_country_of
from heor.inputs.country.read import price_table, read_country
from heor.inputs.read import parameter_table
from heor.inputs.read.reading import Reading, opened, parameters_file, validated
from heor.inputs.read.study import read_study
from heor.inputs.request import Request
from heor.inputs.schema import model as schema
from heor.inputs.schema.survival import PRIORS
from heor.inputs.text.layers import Layer, overlay
from heor.limits import excerpt
from heor.problem import country
from heor.problem.parameter import Origin, Parameter
from heor.problem.problem import DecisionProblem
from heor.usage.structures import with_structure

MODEL_FILES = ("analysis", "strategies")
#: Settings that say which rules are read → the option that changes them.
CHOSEN_FIRST = {
    "analysis.country": "--country",
    "analysis.as_of": "--as-of",
    "country.programme": "--programme",
}


def available(folder: Path, kind: str) -> list[str]:
    """Names of the countries or scenarios of an inputs folder."""
    if kind == "countries":
        return countries.folders(Path(folder))
    return sorted(p.stem for p in (Path(folder) / kind).glob("*.yaml"))


def load(
    folder: str | Path = "inputs",
    country: str | None = None,
    scenario: str | Sequence[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    **options: Any,
) -> DecisionProblem:
    """Read and check an inputs folder.

    Parameters
    ----------
    folder, country, scenario, overrides, options
        The fields of a `Request`, which says what each is: `load("inputs", "norway", draws=1000)`.

    Raises
    ------
    InputError
        With all problems found.
    """
    return read(Request(folder, country, scenario, overrides, **options))


def read(request: Request) -> DecisionProblem:
    """The decision problem that is asked for.

    Raises
    ------
    InputError
        With all problems found.
    """
    reading = opened(request.folder)
    _read_model(reading)
    if not reading.entries:  # every name would be unknown
        raise InputError(reading.problems)
    study = read_study(reading)
    analysis = reading.layer.values.get("analysis", {})
    today = _day(reading, analysis.get("as_of"))
    day = request.as_of or today
    asked = request.country
    asked = analysis.get("country", countries.DEFAULT) if asked is None else asked
    pack = read_country(reading, asked, day, request.programme, today)
    scenarios = [m for name in request.scenarios if (m := _read_scenario(reading, name))]
    _apply_overrides(reading, request.changes)
    # after scenarios and overrides, which may change it
    analysis = reading.layer.values.get("analysis", {})
    evidence_country = evidence_country_of(reading, pack, analysis, today)
    if request.priors not in (None, *PRIORS):
        reading.problems.add(
            f"--priors {request.priors}",
            f"unknown priors '{request.priors}'",
            f"allowed: {', '.join(PRIORS)}",
            like=(request.priors, PRIORS),
        )
    models, parameters, pack, money = _models(
        reading, pack, evidence_country, request.allow_generic
    )
    parts = Parts(
        models=models,
        parameters=parameters,
        pack=pack,
        money=money,
        evidence_country=pack if evidence_country.name == pack.name else evidence_country,
        as_of=day,
        study=study,
        scenarios=tuple(scenarios),
        hashes=_hashes(
            reading, [pack.name, *pack.donors, evidence_country.name], request.scenarios
        ),
    )
    problem = assemble.problem(request, reading, parts)
    if problem is not None:
        names = available(reading.folder, "scenarios")
        checks.check(problem, models, reading.layer, names, reading.entries, reading.problems)
        model_checks.check(problem, reading.layer, reading.entries, reading.problems)
        dimensions.check(problem, reading.layer, reading.entries, reading.problems)
    if reading.problems:
        raise InputError(reading.problems)
    assert problem is not None
    return with_structure(problem, problem.settings.model)


def _models(
    reading: Reading, pack: Pack, evidence: Pack, allow_generic: bool
) -> tuple[schema.Inputs, dict[str, Parameter], Pack, parameter_table.MoneyRules | None]:
    """The validated settings and the parameters; stops here when a part cannot be judged further."""
    parts = _validate(reading)
    pack = replace(pack, layer=reading.layer, model=parts["country"])
    parameters, money = {}, None
    if pack.model is not None and not allow_generic:
        reading.problems += countries.stand_ins(pack)
    if pack.model is not None and parts["sources"] is not None and not _lacks(pack):
        money = countries.money_rules(pack, price_table(reading, pack))
        parameters = parameter_table.build(
            reading.entries, money, parts["sources"], reading.problems
        )
    if (
        None in parts.values()
        or money is None
        or (evidence.name != pack.name and evidence.model is None)
    ):
        raise InputError(reading.problems)
    return schema.Inputs.model_construct(**parts), parameters, pack, money


def _lacks(pack: Pack) -> bool:
    """Whether a donor could not be read."""
    return any(donor.model is None for donor in pack.donors.values())


def _read_model(reading: Reading) -> None:
    model = reading.folder / "model"
    for name in MODEL_FILES:
        reading.layer = overlay(reading.layer, reading.yaml(model / f"{name}.yaml", "model", name))
    for name, path in (("sources", "sources.yaml"), ("survival", "survival/index.yaml")):
        reading.layer = overlay(reading.layer, reading.yaml(model / path, "model", name))
    path = parameters_file(model)
    reading.entries = parameter_table.read_parameters(
        path, reading.shown(path), "model", reading.problems
    )


def _day(reading: Reading, found: Any) -> date:
    """The day of the rules, as the analysis says; its own fault is noted when it is checked."""
    return found if isinstance(found, date) else country.UNDATED


def _read_scenario(
    reading: Reading, scenario: str, above: tuple[str, ...] = ()
) -> schema.Scenario | None:
    names = available(reading.folder, "scenarios")
    if scenario not in names:
        raise InputError(
            [
                *reading.problems,
                f"unknown scenario '{scenario}'; available: {', '.join(names)}."
                f"{nearest(scenario, names)}",
            ]
        )
    path = reading.folder / "scenarios" / f"{scenario}.yaml"
    layer = reading.yaml(path, "scenario")
    model = validated(schema.Scenario, layer.values, layer, "", reading)
    if model is None:
        return None
    for base in model.based_on:
        if base in (*above, scenario):
            reading.problems.add(
                layer.origin("based_on"), f"scenario '{base}' is based on itself", "remove it here"
            )
            return model
        _read_scenario(reading, base, (*above, scenario))
    changes = {k: layer.values[k] for k in MODEL_FILES if k in layer.values}
    reading.layer = overlay(reading.layer, Layer(changes, layer.origins))
    for name, change in model.parameters.items():
        origin = layer.origin(f"parameters.{name}")
        written = layer.values["parameters"][name]  # as in the file, not 260 for 260.000
        found = {k: written[k] if k in ("mean", "se") and v is not None else v for k, v in change}
        _override_parameter(reading, name, found, origin)
    return model


def _override_parameter(
    reading: Reading,
    name: str,
    changes: Mapping[str, Any],
    origin: Origin,
    local: Sequence[str] = ("mean", "se"),
) -> None:
    if name not in reading.entries:
        reading.problems.add(
            origin,
            f"unknown parameter '{name}'",
            "only existing parameters can be changed",
            like=(name, reading.entries),
        )
        return
    reading.entries[name] = parameter_table.override(reading.entries, name, changes, origin, local)


def _apply_overrides(reading: Reading, overrides: Mapping[str, Any]) -> None:
    for name, value in overrides.items():
        shown = excerpt(f"--set {name}={value}")
        origin = Origin(shown, None, "override")
        head, _, column = name.rpartition(".")
        root = name.split(".")[0]
        if name in reading.entries:
            _override_parameter(reading, name, {"mean": value}, origin)
        elif head in reading.entries and column in ("mean", "se", "distribution", "status"):
            changes = {column: value}
            if column == "mean":  # the number stays as uncertain as it is
                cells = reading.entries[head].cells
                changes |= {"se": cells["se"], "distribution": cells["distribution"]}
            _override_parameter(reading, head, changes, origin, (column,))
        elif name == "country.thresholds.values":
            asked = {"values": value, "donor": None, "kind": "asked", "currency": None}
            layer = Layer({"country": {"thresholds": asked}}, {name: origin})
            reading.layer = overlay(reading.layer, layer)
        elif name in CHOSEN_FIRST:
            reading.problems.add(
                shown,
                "it chooses what is read, before any setting is changed",
                "",
                f"Use {CHOSEN_FIRST[name]} instead.",
            )
        elif "." in name and root in (*MODEL_FILES, "country") and name in reading.layer.origins:
            values: Any = value
            for part in reversed(name.split(".")):
                values = {part: values}
            reading.layer = overlay(reading.layer, Layer(values, {name: origin}))
        else:
            known = [*reading.entries, *reading.layer.origins]
            reading.problems.add(
                shown,
                f"unknown name '{excerpt(name)}'",
                "a parameter or a dotted setting such as analysis.end_age is allowed",
                "`heor show` lists them.",
                like=(name, known),
            )


def _validate(reading: Reading) -> dict[str, Any]:
    """The parts of `schema.Inputs`; None for each that cannot be read or is faulty."""
    parts: dict[str, Any] = dict.fromkeys(schema.Inputs.model_fields)
    for name, info in schema.Inputs.model_fields.items():
        values = reading.layer.values.get(name)
        if not values:
            parts[name] = _empty(reading, name)
            continue
        if isinstance(info.annotation, type):
            parts[name] = validated(info.annotation, values, reading.layer, name, reading)
            continue
        item = info.annotation.__args__[1]
        checked = {
            key: validated(item, value, reading.layer, f"{name}.{key}", reading)
            for key, value in values.items()
        }
        parts[name] = None if None in checked.values() else checked
    return parts


def _empty(reading: Reading, name: str) -> dict[str, Any] | None:
    """A part without anything in it: a model needs no survival evidence, but all else."""
    origin = reading.layer.origin(name)
    if any(problem.startswith(f"{origin.file}:") for problem in reading.problems):
        return None  # it could not be read, which is noted
    if name == "survival":
        return {}
    reading.problems.add(origin, "holds nothing", f"{name} must be stated", "Fill it in.")
    return None


def _hashes(reading: Reading, used: Sequence[str], scenarios: Sequence[str]) -> dict[str, str]:
    """sha256 of every input file that the run can read."""
    own = [reading.folder / "countries" / name for name in dict.fromkeys(used)]
    folders: Sequence[Path] = (reading.folder / "model", *own)
    files = [p for f in folders for p in sorted(f.rglob("*")) if p.is_file()]
    files += [reading.folder / "scenarios" / f"{name}.yaml" for name in scenarios]
    found = {}
    for path in files:
        with suppress(Unreadable):  # what is too large for a reader has not been read
            found[reading.shown(path)] = hashlib.sha256(content(path)).hexdigest()
    return found


def load_companions(problem: DecisionProblem, folder: str | Path) -> dict[str, DecisionProblem]:
    """The scenarios printed beside a run, with the same country, overrides, draws and seed.

    Beside a scenario stand the base case and the scenario with each companion on top.
    """
    own = tuple(problem.scenario.split("+")) if problem.scenario else ()
    choices = [(name, (*own, name)) for name in problem.companions if name not in own]
    if own:
        choices.insert(0, ("base_case", ()))
    return {name: with_scenarios(problem, folder, scenarios) for name, scenarios in choices}


def load_alternatives(
    problem: DecisionProblem, folder: str | Path
) -> dict[str, DecisionProblem | InputError]:
    """The scenarios that the questions of `what_if` are asked under, on top of the run's own.

    Their fits are quick: they show where an answer turns, they are not the answer. A scenario that does
    not go with this run (a model that cannot follow its curves) is its fault instead: the question is
    left out, and the run says why.
    """
    own = tuple(problem.scenario.split("+")) if problem.scenario else ()
    names = dict.fromkeys(name for question in problem.what_if for name in question.scenarios)
    found: dict[str, DecisionProblem | InputError] = {}
    for name in names:
        try:
            found[name] = with_scenarios(
                problem, folder, tuple(dict.fromkeys((*own, name))), quick=True
            )
        except InputError as error:
            found[name] = error
    return found


def with_scenarios(
    problem: DecisionProblem,
    folder: str | Path,
    scenarios: Sequence[str],
    quick: bool = False,
    values: Mapping[str, Any] | None = None,
) -> DecisionProblem:
    """Other scenarios with the country, overrides, draws and seed of a problem; `values` override more."""
    return load(
        folder,
        problem.country.name,
        scenarios,
        {**problem.overrides, **(values or {})},
        draws=problem.settings.draws,
        seed=problem.settings.seed,
        quick=quick or problem.settings.fit.quick,
        accept=problem.settings.fit.accept,
        priors=problem.settings.fit.priors,
        as_of=problem.country.as_of,
        programme=problem.country.programme,
        allow_generic=problem.allow_generic,
    )


def with_values(
    problem: DecisionProblem, folder: str | Path, values: Mapping[str, float]
) -> DecisionProblem:
    """The problem with some parameters fixed at values as entered, as `--set` fixes them.

    Raises
    ------
    InputError
        Values that the inputs do not allow.
    """
    own = tuple(problem.scenario.split("+")) if problem.scenario else ()
    return with_scenarios(problem, folder, own, values=values)
