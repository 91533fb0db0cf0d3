"""What a run was made of: seed, versions, input hashes, overrides, warnings, timings → run.json."""

from __future__ import annotations

import json
import math
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a record of clicks or answers needs nothing of a run
    from heor.report.format.needs import HasFits
    from heor.runs.results import Results

PACKAGES = (
    "heor",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "pymc",
    "pytensor",
    "nutpie",
    "arviz",
    "numba",
)


def versions() -> dict[str, str]:
    """Installed versions of what a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def run_record(results: Results) -> dict:
    """The content of run.json of a run."""
    from heor.report.format.command_line import run_command

    problem = results.problem
    own = {
        "draws": problem.settings.draws,
        "distinct_posterior_draws": min(
            (p.diagnostics.get("n_distinct", 0) for p in results.fits.posteriors.values()),
            default=0,
        ),
        "curve_band_draws": int(results.simulation.curves.attrs["draws"]),
        "parameter_statuses": dict(Counter(p.status for p in problem.parameters.values())),
        "worth_a_look": [asdict(found) for found in results.findings],
    }
    return record(results, run_command(problem), results.warnings, results.timings, own)


def record(
    results: HasFits,
    command: str,
    warnings: Sequence[str],
    timings: Mapping[str, float],
    own: Mapping[str, Any],
) -> dict:
    """What every run.json holds, and what is the run's `own`. Only this file knows the clock."""
    problem, fits = results.problem, results.fits
    settings = problem.settings
    return {
        "title": problem.title,
        "command": command,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "country": problem.country.name,
        "scenario": problem.scenario,
        "overrides": dict(problem.overrides),
        "seed": settings.seed,
        "posterior_method": "laplace" if settings.fit.quick else "nuts",
        "quick": settings.fit.quick,
        "extrapolation": settings.extrapolation,
        "family_weights": {" + ".join(pair): _plain(w) for pair, w in fits.weights.items()},
        "accepted": list(fits.accepted),
        "fits": {
            f"{evidence}/{family}": {"method": p.method, **_plain(p.diagnostics)}
            for (evidence, family), p in sorted(fits.posteriors.items())
        },
        **own,
        "warnings": list(warnings),
        "timings_seconds": {k: round(v, 3) for k, v in timings.items()},
        "versions": versions(),
        "machine": platform.machine(),
        "system": platform.system(),
        "input_sha256": dict(problem.input_hashes),
    }


def short_record(command: str, input_sha256: Mapping[str, str]) -> dict:
    """The record of a command that makes no model run: what to type, when, with what."""
    return {
        "command": command,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "input_sha256": dict(input_sha256),
    }


def _plain(values) -> dict:
    """Numbers as JSON knows them."""
    return {k: v.item() if hasattr(v, "item") else v for k, v in values.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_run_record(results: Results, path: Path) -> None:
    write_json(run_record(results), path)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """JSON as every program reads it: a number that is not finite becomes null."""
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")
