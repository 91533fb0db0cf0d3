"""heor: cost-effectiveness of resecting liver metastases, from evidence to decision.

>>> import heor
>>> problem = heor.load("inputs")  # doctest: +SKIP
>>> results = heor.evaluate(problem)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

__all__ = ["evaluate", "load", "write_report"]
_HOMES = {
    "evaluate": "heor.runs.analysis",
    "load": "heor.inputs.load",
    "write_report": "heor.report.folders.run",
}


def __getattr__(name: str) -> Any:
    """Public names load their module on first use, so that `heor --help` stays light."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'heor' has no attribute '{name}'")
