"""Inputs, files and options changed at random: never a traceback, each refusal in words, in time and memory."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fuzzing import faulty, run

ALL, SAMPLE = 10_000, 500
BLOCK = 100  # cases on one copy of the inputs
KILOBYTES = 1_000_000


def no_faults(folder: Path, seeds: Sequence[int]) -> None:
    """Faulty cases are printed with their seed: `python -m tests.fuzzing SEED SEED+1` repeats one."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, codes = [], set()
    for start in range(0, len(seeds), BLOCK):
        place = folder / str(start)
        place.mkdir()
        cases = run(place, seeds[start : start + BLOCK])
        shutil.rmtree(place)
        found += [case for case in cases if faulty(case)]
        codes |= {case.code for case in cases}
    for case in found:
        print(
            f"seed {case.seed}: {case.what}: code {case.code}, {case.seconds:.1f} s",
            case.said[-300:],
        )
        print(case.fault)
    assert not found, [case.seed for case in found]
    assert codes == {0, 2}  # some changes are legal, most are not
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES


@pytest.mark.slow
def test_a_sample_of_changed_inputs(tmp_path: Path) -> None:
    no_faults(tmp_path, range(0, ALL, ALL // SAMPLE))


@pytest.mark.exhaustive
def test_all_changed_inputs(tmp_path: Path) -> None:
    no_faults(tmp_path, range(ALL))
