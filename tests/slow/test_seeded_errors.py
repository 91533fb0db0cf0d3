"""Of eighty planted modelling errors, how many are refused, stopped, or named as worth a look?"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from heor.errors import HeorError, InputError
from heor.inputs.load import load
from heor.inputs.plausibility import look
from heor.runs.analysis import evaluate
from heor.runs.plausibility import look_at_results
from tests.seeded_errors import SEEDED, Seeded, copied

LEAST = 70
DRAWS = 100


def outcome(seeded: Seeded, inputs: Path, cache: Path) -> tuple[str, str]:
    """What becomes of an error, and by what: as a user would meet it, `heor check` first."""
    try:
        problem = load(inputs, "norway", seeded.scenario, quick=True, draws=DRAWS)
    except InputError as error:
        return "refused", error.problems[0]
    findings = look(problem, inputs)
    if findings:
        return "named", ", ".join(dict.fromkeys(f.check for f in findings))
    try:
        results = evaluate(problem, cache=cache)
    except HeorError as error:
        return "stopped", str(error)
    findings = look_at_results(results)
    return ("named", ", ".join(f.check for f in findings)) if findings else ("silent", "")


@pytest.mark.slow
def test_seeded_errors_do_not_pass_in_silence(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, clean = tmp_path / "cache", copied(inputs, tmp_path / "clean")
    control = Seeded(0, "none (control)", lambda _: None)
    found = {}
    for seeded in (control, *SEEDED):
        spoilt = Path(shutil.copytree(clean, tmp_path / "inputs"))
        seeded.mutate(spoilt)
        found[seeded.number] = outcome(seeded, spoilt, cache)
        shutil.rmtree(spoilt)
    errors = {0: control.error} | {s.number: s.error for s in SEEDED}
    with capsys.disabled():
        print()
        for number, (result, by) in found.items():
            print(f"{number:>3}  {result:8}  {errors[number][:70]:70}  {by[:80]}")
        print(Counter(result for number, (result, _) in found.items() if number))
    assert found.pop(0)[0] == "silent"
    silent = [f"{n}: {errors[n]}" for n, (result, _) in found.items() if result == "silent"]
    assert len(found) == 80
    assert len(found) - len(silent) >= LEAST, silent
    assert all(s.harmless for s in SEEDED if found[s.number][0] == "silent"), silent
