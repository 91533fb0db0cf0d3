"""The scenarios of a run with the base case, and averages of them from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heor.errors import InputError
from heor.faults import nearest
from heor.files import name_fault
from heor.inputs.load import available, with_scenarios
from heor.inputs.read.reading import Reading, validated
from heor.inputs.schema.model import AverageModel
from heor.inputs.text.layers import Layer, read_yaml
from heor.limits import excerpt
from heor.problem.names import BASE, named
from heor.problem.problem import DecisionProblem
from heor.problem.settings import Average


def load_scenarios(
    base: DecisionProblem, folder: str | Path, names: Sequence[str] = ()
) -> tuple[dict[str, DecisionProblem], dict[str, str]]:
    """The base case and scenarios on its country, overrides, draws, seed and way of fitting.

    Parameters
    ----------
    base
        The base case, from `load`.
    folder
        The inputs folder.
    names
        Scenarios; all of the folder when empty.

    Returns
    -------
    problems : dict
        `base` first, then the scenarios that can be read.
    faults : dict
        Scenario → why it cannot be read on this country.

    Raises
    ------
    InputError
        When a name is of no scenario.

    Examples
    --------
    >>> from heor import load
    >>> base = load("inputs")
    >>> problems, faults = load_scenarios(base, "inputs", ["s11_no_cure"])
    >>> list(problems), faults
    (['base', 's11_no_cure'], {})
    """
    known = available(Path(folder).resolve(), "scenarios")
    problems = [
        f"unknown scenario '{name}'; available: {', '.join(known)}.{nearest(name, known)}"
        for name in names
        if name not in known
    ]
    if BASE in known:
        problems.append(
            f"{folder}/scenarios/{BASE}.yaml: '{BASE}' is the base case; no scenario may bear its "
            "name. Rename the file."
        )
    if problems:
        raise InputError(problems)
    found, faults = {BASE: base}, {}
    for name in dict.fromkeys(names or known):
        try:
            found[name] = with_scenarios(base, folder, (name,))
        except InputError as error:
            faults[name] = " ".join(error.problems)
    return found, faults


def read_average(base: DecisionProblem, folder: str | Path, text: str) -> Average:
    """An average of `analysis.yaml` by name, or of a YAML file: label, why, weights.

    Raises
    ------
    InputError
        When it is neither, or the file is faulty.

    Examples
    --------
    >>> from heor import load
    >>> found = read_average(load("inputs"), "inputs", "cure_and_treatment_rule")
    >>> sum(found.weights.values())
    1.0
    """
    averages = base.settings.averages
    if text in averages:
        return averages[text]
    path, known = Path(text), ", ".join(averages) or "none"
    if fault := name_fault(text):
        raise InputError(f"--weights {excerpt(text)}: {fault}")
    if not path.is_file():
        raise InputError(
            f"--weights {text}: neither a file nor an average of analysis.yaml; averages: {known}."
            f"{nearest(text, averages)}"
        )
    reading = Reading(Path(folder).resolve())
    layer: Layer = read_yaml(path, text, "model", reading.problems)
    model = None
    if not reading.problems:
        model = validated(AverageModel, layer.values, layer, "", reading)
    scenarios = available(reading.folder, "scenarios")
    if path.stem in (BASE, *scenarios):
        reading.problems.add(
            text, f"the average '{path.stem}' bears the name of a scenario", "", "Rename the file."
        )
    for member in model.weights if model else ():
        origin = layer.origin(f"weights.{member}", text)
        named("scenario", member, [BASE, *scenarios], origin, reading.problems)
    if reading.problems:
        raise InputError(reading.problems)
    assert model is not None
    return Average(path.stem, **model.model_dump())
