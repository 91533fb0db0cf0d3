"""What a run left out, said where its result would stand."""

from __future__ import annotations

from heor.decision.information import ENOUGH_DRAWS
from heor.left_out import INFORMATION, ONE_WAY
from heor.runs.results import Results


def left_out(results: Results, *questions: str) -> list[str]:
    """Each question left out whose name begins with one of these, and why, a paragraph each."""
    return [
        f"**Left out: {name}.** {why}"
        for name, why in results.left_out.items()
        if name.startswith(questions)
    ]


def no_drivers(results: Results) -> list[str]:
    """Why there is no one-way sensitivity analysis; empty where there is one."""
    if not results.tornado.empty:
        return []
    return left_out(results, ONE_WAY) or [
        "No parameter was varied one at a time: every parameter that acts in the draws of this run is fixed. "
        "Give standard errors in `parameters.csv` to see which matter."
    ]


def no_information(results: Results) -> list[str]:
    """Why there is no value of information of parameters; empty where there is, or draws are too few."""
    if not results.information.empty:
        return []
    why = left_out(results, INFORMATION)
    if why or results.simulation.outcomes.n < ENOUGH_DRAWS:
        return why
    return ["There is no value of information: nothing in this run is uncertain."]
