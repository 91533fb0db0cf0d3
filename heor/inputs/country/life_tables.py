"""Life tables and utility norms: probabilities or survivors by age, closed by a stated rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heor.faults import Faults
from heor.inputs.text.tables import OLDEST, Row, columns, read_table


def read_life_table(path: Path, shown: str, problems: Faults) -> dict[str, np.ndarray] | None:
    """Life table by single year of age: age, q_male, q_female.

    The file has these columns, or survivors of any number born: age, l_male, l_female. Their last
    age gives no q: it only counts those who outlive the age before.
    """
    deaths, survivors = (("q_male", "q_female"), ("l_male", "l_female"))
    rows = read_table(path, shown, ("age",), (*deaths, *survivors), problems)
    if not rows:
        return None
    given = [n for n in (*deaths, *survivors) if n in rows[0].cells]
    if given not in (list(deaths), list(survivors)):
        problems.add(
            f"{shown}:1",
            "a life table has 'age' and either 'q_male' and 'q_female' (probabilities of "
            "dying) or 'l_male' and 'l_female' (survivors)",
            f"found: age{''.join(f', {n}' for n in given)}",
            "Give one pair of columns, of both sexes.",
        )
        return None
    data = columns(rows, ("age", *given), shown, problems, survivors)
    _check_ages_follow(data["age"], rows, shown, problems)
    if given == list(survivors):
        return _from_survivors(data, rows, shown, problems)
    for name in deaths:
        _check_deaths(name, data, rows, shown, problems)
    return data


def _check_ages_follow(age: np.ndarray, rows: list[Row], shown: str, problems: Faults) -> None:
    """Every single year of age, in order."""
    for row, before, own in zip(rows, np.append(np.nan, age), age, strict=False):
        where = f"{shown}:{row.line}"
        if own < 0 or own % 1 > 0:
            problems.add(
                where, f"age {own:.12g}", "an age is a whole number of years", "Correct it."
            )
        elif own != before + 1 and np.isfinite(own - before):
            problems.add(
                where,
                f"age {own:.12g} does not follow the age before by 1",
                "a life table has every single year",
                "Add the missing ages (heor.inputs.country.graduation makes them of age groups).",
            )


def _check_deaths(
    name: str, data: dict[str, np.ndarray], rows: list[Row], shown: str, problems: Faults
) -> None:
    """Probabilities of dying between 0 and 1, and 1 only where the table ends."""
    q = data[name]
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        if not 0 <= q[i] <= 1 and np.isfinite(q[i]):
            problems.add(
                where,
                f"{name} is {q[i]:.12g}",
                "a probability of dying lies between 0 and 1",
                "Is it per 1,000?",
            )
        elif i and q[i] < 1 == q[i - 1]:
            problems.add(
                where,
                f"{name} is {q[i]:.12g}, but nobody is alive: it is 1 the year before",
                "",
                "Only the ages that end the table may have 1.",
            )
    if q[0] == 1:
        problems.append(
            f"{shown}:{rows[0].line}: {name} is 1 at the first age, which leaves nobody alive. Correct it."
        )


def _from_survivors(
    data: dict[str, np.ndarray], rows: list[Row], shown: str, problems: Faults
) -> dict[str, np.ndarray] | None:
    """q of all ages but the last, from survivors."""
    before = len(problems)
    if len(rows) < 2:
        problems.add(shown, "survivors of one age give no probability of dying", "", "Add ages.")
    for name in ("l_male", "l_female"):
        alive = data[name]
        for i, row in enumerate(rows):
            where = f"{shown}:{row.line}: {name} is {alive[i]:.12g}"
            if alive[i] < 0:
                problems.append(f"{where}; survivors cannot be fewer than 0. Correct it.")
            elif i and alive[i] > alive[i - 1]:
                problems.append(
                    f"{where}, the year before {alive[i - 1]:.12g}: survivors that rise. They stay or fall "
                    "from age to age; correct the number or the order of the rows."
                )
        if alive[0] == 0:
            problems.append(
                f"{shown}:{rows[0].line}: {name} is 0 at the first age; it must be above 0. Correct it."
            )
    if len(problems) > before or not all(np.isfinite(v).all() for v in data.values()):
        return None
    out = {"age": data["age"][:-1]}
    for sex in ("male", "female"):
        alive = data[f"l_{sex}"]
        fewer = alive[:-1] > 0
        out[f"q_{sex}"] = np.where(fewer, 1 - alive[1:] / np.where(fewer, alive[:-1], 1), 1.0)
    return out


def closed(table: dict[str, np.ndarray], closing: str | None) -> dict[str, np.ndarray]:
    """The life table with the ages that its stated closing rule adds.

    `certain_death` adds one age with q = 1, unless the table ends so; `constant_hazard` repeats the
    last q below 1 up to age 120, past every horizon; None adds nothing.

    Examples
    --------
    >>> table = {"age": np.array([89.0]), "q_male": np.array([0.2]), "q_female": np.array([0.1])}
    >>> {k: v.tolist() for k, v in closed(table, "certain_death").items()}
    {'age': [89.0, 90.0], 'q_male': [0.2, 1.0], 'q_female': [0.1, 1.0]}
    >>> on = closed(table, "constant_hazard")
    >>> on["age"][-1].item(), on["q_male"][-1].item(), on["q_female"][-1].item()
    (120.0, 0.2, 0.1)
    """
    if closing is None:
        return table
    sexes, last = ("q_male", "q_female"), table["age"][-1]
    if closing == "certain_death":
        if all(table[name][-1] >= 1 for name in sexes):
            return table
        extra, after = np.array([last + 1]), {name: 1.0 for name in sexes}
        kept = {name: table[name] for name in sexes}
    else:
        extra = np.arange(last + 1, OLDEST + 1)
        # the 1 to start from is of a faulty table, whose fault is noted: all of it is 1
        after = {name: np.append(1.0, table[name][table[name] < 1])[-1] for name in sexes}
        kept = {name: np.where(table[name] < 1, table[name], after[name]) for name in sexes}
    out = {name: np.append(kept[name], np.full(len(extra), after[name])) for name in sexes}
    return {"age": np.append(table["age"], extra), **out}


def read_norms(path: Path, shown: str, problems: Faults) -> dict[str, np.ndarray] | None:
    """Population utility norms by single year of age, of both sexes or each, and remaining QALYs.

    Columns `age` and `utility`, or `utility_male` and `utility_female`; `remaining_qalys` where a table
    of them is published.
    """
    known = ("utility", "utility_male", "utility_female", "remaining_qalys", "remaining_life_years")
    rows = read_table(path, shown, ("age",), known, problems)
    if not rows:
        return None
    given = [name for name in known[:4] if name in rows[0].cells]
    utilities = [name for name in given if name.startswith("utility")]
    if utilities not in (["utility"], ["utility_male", "utility_female"]):
        found = ", ".join(rows[0].cells)
        problems.add(
            f"{shown}:1",
            f"columns {found}",
            "'utility' of both sexes together, or 'utility_male' and 'utility_female', are "
            "required",
            "Add them.",
        )
        return None
    data = columns(rows, ("age", *given), shown, problems)
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        for name in utilities:
            if data[name][i] <= 0 or data[name][i] > 1:
                problems.add(
                    where,
                    f"{name.replace('utility', 'utility norm', 1)} {data[name][i]:.12g}",
                    "it must be above 0 and at most 1",
                )
        if "remaining_qalys" in data and data["remaining_qalys"][i] <= 0:
            problems.add(
                where,
                f"remaining_qalys {data['remaining_qalys'][i]:.12g}",
                "the living have more than 0 left",
                "Correct it.",
            )
        if i and abs(data["age"][i] - data["age"][i - 1] - 1) > 0:
            problems.add(where, f"age {data['age'][i]:.12g} does not follow the age before by 1")
    return data
