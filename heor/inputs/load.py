"""`load(folder, country, scenario, overrides)`: layers and tables → one checked DecisionProblem.

Precedence: model < country < scenario < overrides (`--set`). All faults come in one InputError.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from heor.errors import InputError
from heor.inputs import assemble, checks, countries, model_checks, parameter_table, schema, versions
from heor.inputs.countries import Pack
from heor.inputs.layers import Layer, nearest, overlay, read_yaml
from heor.inputs.prices import PriceTable, read_price_table
from heor.inputs.problem import DecisionProblem, Origin, Parameter
from heor.inputs.schema_country import CountryModel
from heor.inputs.schema_survival import PRIORS
from heor.inputs.structures import with_structure

M = TypeVar("M", bound=BaseModel)
MODEL_FILES = ("analysis", "strategies")


@dataclass
class Reading:
    """What has been read so far: the layers, the parameter rows, and every problem found."""

    folder: Path
    problems: list[str] = field(default_factory=list)
    layer: Layer = field(default_factory=Layer)
    entries: dict[str, parameter_table.Entry] = field(default_factory=dict)

    def shown(self, path: Path) -> str:
        """A path as the user knows it: relative to where the inputs folder stands."""
        return path.relative_to(self.folder.parent).as_posix()

    def yaml(self, path: Path, layer: str, under: str = "") -> Layer:
        """One YAML file, its values placed under a dotted prefix."""
        found = read_yaml(path, self.shown(path), layer, self.problems)
        if not under:
            return found
        origins = {f"{under}.{k}": o for k, o in found.origins.items()}
        return Layer({under: found.values}, {under: Origin(self.shown(path), 1, layer), **origins})


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
    *,
    draws: int | None = None,
    seed: int | None = None,
    quick: bool = False,
    accept: Sequence[str] = (),
    priors: str | None = None,
    as_of: date | None = None,
    programme: str | None = None,
    allow_generic: bool = False,
) -> DecisionProblem:
    """Read and check an inputs folder.

    Parameters
    ----------
    folder
        The inputs folder (`model/`, `countries/`, `scenarios/`).
    country, scenario
        Name or ISO code of a country and names of one or several scenario files (later over
        earlier); the country of `analysis.yaml` and the base case when None.
    overrides
        Name → value: a parameter (`cure_if_operated`, fixed at the value), one of its columns
        (`c_resection.se`) or a dotted setting (`analysis.end_age`).
    draws, seed, quick
        Replace the number of draws and the seed; quick means Laplace + PSIS instead of NUTS.
    accept
        Further `evidence/family` whose failed diagnostics are accepted.
    priors
        Replaces the priors of the fits: `standard`, `wide` or `narrow`.
    as_of, programme
        The country's rules in force on a day, in a programme; those of `analysis.yaml` and the
        country's default when None.
    allow_generic
        Go on where the country must supply something and has only a stand-in.

    Raises
    ------
    InputError
        With all problems found.
    """
    reading = _opened(folder)
    _read_model(reading)
    analysis = reading.layer.values.get("analysis", {})
    today = _day(reading, analysis.get("as_of"))
    day = as_of or today
    asked = country or analysis.get("country", countries.DEFAULT)
    pack = _read_country(reading, asked, day, programme, today)
    evidence_country = _evidence_country(reading, pack, analysis, today)
    names = (scenario,) if isinstance(scenario, str) else tuple(scenario or ())
    scenarios = [model for name in names if (model := _read_scenario(reading, name))]
    _apply_overrides(reading, overrides or {})
    if priors not in (None, *PRIORS):
        reading.problems.append(
            f"--priors {priors}: unknown priors '{priors}'; allowed: {', '.join(PRIORS)}."
            f"{nearest(priors, PRIORS)}"
        )
    models, parameters, pack, money = _models(reading, pack, evidence_country, allow_generic)
    if evidence_country.name == pack.name:
        evidence_country = pack
    problem = assemble.problem(
        reading.folder,
        reading.shown,
        models,
        parameters,
        reading.layer,
        reading.problems,
        pack=pack,
        money=money,
        as_of=day,
        evidence_country=evidence_country,
        allow_generic=allow_generic,
        draws=draws,
        seed=seed,
        quick=quick,
        accept=accept,
        priors=priors,
        scenario="+".join(names) or None,
        scenario_label=" + ".join(m.label for m in scenarios) or "Base case",
        scenario_why=" ".join(m.why for m in scenarios),
        overrides=dict(overrides or {}),
        hashes=_hashes(reading, [pack.name, *pack.donors, evidence_country.name], names),
    )
    if problem is not None:
        checks.check(
            problem,
            models,
            reading.layer,
            available(reading.folder, "scenarios"),
            reading.entries,
            reading.problems,
        )
        model_checks.check(problem, reading.layer, reading.problems)
    if reading.problems:
        raise InputError(reading.problems)
    assert problem is not None
    return with_structure(problem, problem.settings.model)


def _opened(folder: str | Path) -> Reading:
    """The inputs folder, if it is one."""
    reading = Reading(Path(folder).resolve())
    if not (reading.folder / "model").is_dir():
        raise InputError(
            f"{folder}: no inputs folder here (it must hold model/, countries/, scenarios/). Run heor "
            "where the folder 'inputs' is, or name it with --inputs."
        )
    return reading


def _models(
    reading: Reading, pack: Pack, evidence: Pack, allow_generic: bool
) -> tuple[schema.Inputs, dict[str, Parameter], Pack, parameter_table.MoneyRules | None]:
    """The validated settings and the parameters; stops here when a part cannot be judged further."""
    parts = _validate(reading)
    pack = replace(pack, layer=reading.layer, model=parts["country"])
    parameters, money = {}, None
    if pack.model is not None and not allow_generic:
        reading.problems += countries.stand_ins(pack)
    if pack.model is not None and parts["sources"] and not _lacks(pack):
        money = countries.money_rules(pack, _price_table(reading, pack))
        parameters = parameter_table.build(
            reading.entries, money, parts["sources"], reading.problems
        )
    if (
        not all(parts.values())
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
    path = _parameters_file(model)
    reading.entries = parameter_table.read_parameters(
        path, reading.shown(path), "model", reading.problems
    )


def _parameters_file(folder: Path) -> Path:
    """parameters.csv, or parameters.xlsx where only that exists."""
    csv, xlsx = folder / "parameters.csv", folder / "parameters.xlsx"
    return xlsx if xlsx.exists() and not csv.exists() else csv


def _read_country(
    reading: Reading, country: Any, day: date, programme: str | None, today: date
) -> Pack:
    """The country's layer and rows over the model's, with those of its donors, as of today, between."""
    name = countries.folder_of(reading.folder, country, reading.problems)
    pack = _pack(reading, name, day, programme)
    reading.layer = overlay(reading.layer, pack.layer)
    pack = replace(pack, donors=_donors(reading, pack, today))
    donor = pack.donors.get(countries.donors_of(pack.layer).get("prices", ""))
    base, lent = dict(reading.entries), {}
    if donor is not None and donor.model is not None:
        lent = countries.borrowed_rows(base, pack, donor)
        reading.entries = parameter_table.merge(base, lent, reading.problems)
    own = {n: e for n, e in pack.rows.items() if not parameter_table.is_missing(e) or n not in base}
    still = {n: e for n, e in pack.rows.items() if n not in own and n not in lent}
    reading.entries = parameter_table.merge(reading.entries, {**own, **still}, reading.problems)
    return pack


def _pack(reading: Reading, name: str, day: date, programme: str | None) -> Pack:
    """One country folder as read, without its donors; its sources join those of the model."""
    folder = reading.folder / "countries" / name
    raw = reading.yaml(folder / "country.yaml", "country", "country")
    chosen = versions.programme_of(raw, programme, reading.problems)
    layer, undated = versions.in_force(raw, day, chosen, reading.problems)
    if (folder / "sources.yaml").exists():
        own = reading.yaml(folder / "sources.yaml", "country", "sources")
        reading.layer = overlay(reading.layer, own)
    path = _parameters_file(folder)
    rows = parameter_table.read_parameters(path, reading.shown(path), "country", reading.problems)
    return Pack(name, folder, layer, None, rows, chosen, tuple(undated))


def _donors(reading: Reading, pack: Pack, day: date) -> dict[str, Pack]:
    """The countries this one borrows from, which must have what they lend."""
    found: dict[str, Pack] = {}
    for block, donor in countries.donors_of(pack.layer).items():
        origin = pack.layer.origin(f"country.{block}.donor")
        try:
            name = countries.folder_of(reading.folder, donor)
        except InputError as error:
            reading.problems += [f"{origin}: donor: {line}" for line in error.problems]
            continue
        if name != donor:
            reading.problems.append(
                f"{origin}: donor '{donor}'; write the name of its folder, '{name}'."
            )
            continue
        if name not in found:
            lent = _pack(reading, name, day, None)
            model = validated(
                CountryModel, lent.layer.values["country"], lent.layer, "country", reading
            )
            found[name] = replace(lent, model=model)
        theirs = countries.donors_of(found[name].layer)
        if name == pack.name or block in theirs:
            whose = "itself" if name == pack.name else f"{theirs[block]}, its own donor"
            reading.problems.append(
                f"{origin}: {block} is borrowed from {name}, which has it from {whose}. Name a country "
                "that has its own."
            )
    return found


def _evidence_country(reading: Reading, pack: Pack, analysis: Mapping[str, Any], day: date) -> Pack:
    """The country whose mortality the evidence's patients have: of the run unless the analysis says."""
    settings = analysis.get("survival")
    name = settings.get("background") if isinstance(settings, Mapping) else None
    if name in (None, pack.name):
        return pack
    if name in pack.donors:
        return pack.donors[name]
    origin = reading.layer.origin("analysis.survival.background")
    if name not in countries.folders(reading.folder):
        listed = ", ".join(countries.folders(reading.folder))
        reading.problems.append(
            f"{origin}: unknown country '{name}'; available: {listed}."
            f"{nearest(str(name), countries.folders(reading.folder))}"
        )
        return pack
    found = _pack(reading, name, day, None)
    values = found.layer.values["country"]
    return replace(found, model=validated(CountryModel, values, found.layer, "country", reading))


def _price_table(reading: Reading, pack: Pack) -> PriceTable:
    """Indices and rates of the model, with those of the country on top."""
    folders = (reading.folder / "model", pack.folder)
    paths = [p for f in folders if (p := f / "price_indices.csv").exists()]
    if not paths:
        return PriceTable()
    return read_price_table([(p, reading.shown(p)) for p in paths], reading.problems)


def _day(reading: Reading, found: Any) -> date:
    """The day of the rules, as the analysis says; its own fault is noted when it is checked."""
    return found if isinstance(found, date) else versions.UNDATED


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
            reading.problems.append(
                f"{layer.origin('based_on')}: scenario '{base}' is based on itself; remove it here."
            )
            return model
        _read_scenario(reading, base, (*above, scenario))
    changes = {k: layer.values[k] for k in MODEL_FILES if k in layer.values}
    reading.layer = overlay(reading.layer, Layer(changes, layer.origins))
    for name, change in model.parameters.items():
        origin = layer.origin(f"parameters.{name}")
        _override_parameter(reading, name, change.model_dump(), origin)
    return model


def _override_parameter(
    reading: Reading,
    name: str,
    changes: Mapping[str, Any],
    origin: Origin,
    local: Sequence[str] = ("mean", "se"),
) -> None:
    if name not in reading.entries:
        reading.problems.append(
            f"{origin}: unknown parameter '{name}'; only existing parameters can be changed."
            f"{nearest(name, reading.entries)}"
        )
        return
    reading.entries[name] = parameter_table.override(reading.entries, name, changes, origin, local)


def _apply_overrides(reading: Reading, overrides: Mapping[str, Any]) -> None:
    for name, value in overrides.items():
        origin = Origin(f"--set {name}={value}", None, "override")
        head, _, column = name.rpartition(".")
        root = name.split(".")[0]
        if name in reading.entries:
            _override_parameter(reading, name, {"mean": value}, origin)
        elif head in reading.entries and column in ("mean", "se", "distribution", "status"):
            cells = {
                "mean": reading.entries[head].cells["mean"],
                "se": reading.entries[head].cells["se"],
            }
            cells["distribution"] = reading.entries[head].cells["distribution"]
            _override_parameter(reading, head, {**cells, column: value}, origin, (column,))
        elif name == "country.thresholds.values":
            asked = {"values": value, "donor": None, "kind": "asked", "currency": None}
            layer = Layer({"country": {"thresholds": asked}}, {name: origin})
            reading.layer = overlay(reading.layer, layer)
        elif "." in name and root in (*MODEL_FILES, "country") and name in reading.layer.origins:
            values: Any = value
            for part in reversed(name.split(".")):
                values = {part: values}
            reading.layer = overlay(reading.layer, Layer(values, {name: origin}))
        else:
            known = [*reading.entries, *reading.layer.origins]
            reading.problems.append(
                f"--set {name}={value}: unknown name '{name}'; a parameter or a dotted setting such as "
                f"analysis.end_age is allowed.{nearest(name, known)} `heor show` lists them."
            )


def validated(model: type[M], values: Any, layer: Layer, prefix: str, reading: Reading) -> M | None:
    """Validate with pydantic; every error becomes one line with file and line number."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            path = ".".join([p for p in (prefix, *map(str, fault["loc"])) if p])
            reading.problems.append(_fault_line(model, fault, path, layer))
    return None


def _fault_line(model: type[BaseModel], fault: Any, path: str, layer: Layer) -> str:
    origin, last = (
        layer.origin(path, path.split(".")[0]),
        str(fault["loc"][-1]) if fault["loc"] else "",
    )
    if fault["type"] == "extra_forbidden":
        allowed = _siblings(model, fault["loc"][:-1])
        hint = nearest(last, allowed)
        listed = f" allowed: {', '.join(allowed)}." if allowed else ""
        return f"{origin}: unknown name '{last}';{listed}{hint}"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{origin}: '{path}' is missing; a value is required. Add it."
    shown = "" if isinstance(fault["input"], dict | list) else f" (found {fault['input']!r})"
    if isinstance(fault["input"], dict):  # a fault of several values together
        origin = layer.latest(path)
    allowed = re.findall("'([^']+)'", fault.get("ctx", {}).get("expected", ""))
    return f"{origin}: {path}: {message}{shown}.{nearest(str(fault['input']), allowed)}"


def _siblings(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names allowed beside an unknown one, found by walking the model along the error's path."""
    current: Any = model
    for part in location:
        if _is_model(current):
            info = current.model_fields.get(str(part)) or next(
                (f for f in current.model_fields.values() if f.alias == part), None
            )
            current = info.annotation if info else None
        else:  # a name of a mapping or an index of a list
            current = _model_inside(current)
    current = _model_inside(current)
    return [f.alias or n for n, f in current.model_fields.items()] if current else []


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    """The model in `dict[str, M]`, `list[M]`, `M | None` or itself."""
    if _is_model(annotation):
        return annotation
    found = (_model_inside(a) for a in getattr(annotation, "__args__", ()))
    return next((m for m in found if m), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _validate(reading: Reading) -> dict[str, Any]:
    """The parts of `schema.Inputs`; None for each that cannot be read or is faulty."""
    parts: dict[str, Any] = dict.fromkeys(schema.Inputs.model_fields)
    for name, info in schema.Inputs.model_fields.items():
        values = reading.layer.values.get(name)
        if not values:
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


def _hashes(reading: Reading, used: Sequence[str], scenarios: Sequence[str]) -> dict[str, str]:
    """sha256 of every input file that the run can read."""
    own = [reading.folder / "countries" / name for name in dict.fromkeys(used)]
    folders: Sequence[Path] = (reading.folder / "model", *own)
    files = [p for f in folders for p in sorted(f.rglob("*")) if p.is_file()]
    files += [reading.folder / "scenarios" / f"{name}.yaml" for name in scenarios]
    return {
        reading.shown(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.exists()
    }


def load_companions(problem: DecisionProblem, folder: str | Path) -> dict[str, DecisionProblem]:
    """The scenarios printed beside a run, with the same country, overrides, draws and seed.

    Beside a scenario stand the base case and the scenario with each companion on top.
    """
    own = tuple(problem.scenario.split("+")) if problem.scenario else ()
    choices = [(name, (*own, name)) for name in problem.companions if name not in own]
    if own:
        choices.insert(0, ("base_case", ()))
    return {name: beside(problem, folder, scenarios) for name, scenarios in choices}


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
            found[name] = beside(problem, folder, tuple(dict.fromkeys((*own, name))), quick=True)
        except InputError as error:
            found[name] = error
    return found


def beside(
    problem: DecisionProblem, folder: str | Path, scenarios: Sequence[str], quick: bool = False
) -> DecisionProblem:
    """Other scenarios with the country, overrides, draws and seed of a problem."""
    return load(
        folder,
        problem.country.name,
        scenarios,
        problem.overrides,
        draws=problem.settings.draws,
        seed=problem.settings.seed,
        quick=quick or problem.settings.fit.quick,
        accept=problem.settings.fit.accept,
        priors=problem.settings.fit.priors,
        as_of=problem.country.as_of,
        programme=problem.country.programme,
        allow_generic=problem.allow_generic,
    )
