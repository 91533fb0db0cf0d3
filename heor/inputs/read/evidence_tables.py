"""Tables of survival evidence, one reader a form (landmarks: `landmarks`), checked line by line.

Every reader returns arrays with times in years, or None when the table cannot be read or is
faulty. What the keys mean is said at `SurvivalEvidence`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from hashlib import sha256
from pathlib import Path

import numpy as np

from heor.faults import Faults
from heor.files import Unreadable, content
from heor.inputs.text.tables import Row, columns, read_table

#: Last time of evidence, years: outside it the time unit is probably wrong.
SHORTEST, LONGEST = 0.02, 60.0
#: Columns of grouped counts; sums of counts may differ by rounding.
GROUPED = ("time_start", "time_end", "n_at_risk", "n_events", "n_censored")
COUNT_TOLERANCE = 1e-6
#: What people write for an event and for none, in lower case.
TRUE, FALSE = ("true", "t", "yes", "y"), ("false", "f", "no", "n")
Table = dict[str, np.ndarray]
KEPT = 64  # tables


def once(read: Callable[..., Table | None]) -> Callable[..., Table | None]:
    """A reader that reads the same content once a process: scenarios and countries share their evidence."""
    known: dict[tuple[Hashable, ...], tuple[Table | None, tuple[str, ...]]] = {}

    @wraps(read)
    def reader(path: Path, shown: str, factor: float, problems: Faults, *more) -> Table | None:
        try:
            found = sha256(content(path)).digest()
            key = (path.suffix, found, shown, factor, repr(more))
        except (Unreadable, OSError):
            return read(path, shown, factor, problems, *more)  # which says why
        if key not in known:
            faults = Faults()
            table = read(path, shown, factor, faults, *more)
            for array in (table or {}).values():
                array.flags.writeable = False
            while len(known) >= KEPT:
                known.pop(next(iter(known)))
            known[key] = table, tuple(faults)
        table, faults = known[key]
        problems += faults
        return None if table is None else dict(table)

    return reader


def check_horizon(last: float, shown: str, problems: Faults) -> None:
    """Note a last time (years) that no follow-up has."""
    if not SHORTEST <= last <= LONGEST:
        problems.add(
            shown,
            f"the last time is {last:.3g} years",
            f"evidence spans {SHORTEST:.12g} to {LONGEST:.12g} years",
            "Is 'time_unit' right? If so, correct the largest time.",
        )


def note_rows(
    problems: Faults,
    shown: str,
    rows: Sequence[Row],
    faulty: np.ndarray,
    say: Callable[[int], str],
) -> None:
    """One problem for all rows that share a fault: the first in words, the others by their number.

    `faulty` marks the rows, dims (row,); `say` gives the words for the row of an index.
    """
    found = np.flatnonzero(faulty)
    if len(found):
        more = f" So {len(found) - 1} more, the last in line {rows[found[-1]].line}."
        problems.append(
            f"{shown}:{rows[found[0]].line}: {say(found[0])}{more if len(found) > 1 else ''}"
        )


@once
def read_grouped(
    path: Path, shown: str, factor: float, problems: Faults
) -> dict[str, np.ndarray] | None:
    """Grouped counts, times converted to years, checked: intervals touch, at-risk adds up."""
    before = len(problems)
    rows = read_table(path, shown, GROUPED, (), problems)
    if not rows:
        return None
    data = columns(rows, GROUPED, shown, problems, GROUPED[2:])
    if len(problems) > before:
        return None
    if data["time_start"][0] != 0:
        problems.append(
            f"{shown}:{rows[0].line}: the first interval starts at {data['time_start'][0]:.12g}; counts "
            "must start at 0. Give counts from later on as form: counts (start, stop, n, survivors)."
        )
    _check_grouped(rows, data, shown, problems)
    if len(problems) > before:
        return None
    return {
        "start": data["time_start"] * factor,
        "end": data["time_end"] * factor,
        "n_at_risk": data["n_at_risk"],
        "n_events": data["n_events"],
        "n_censored": data["n_censored"],
    }


def _check_grouped(rows: list[Row], data: Table, shown: str, problems: Faults) -> None:
    """Order of times and sums of counts, row by row: no patient leaves without a word."""
    if _adds_up(data):
        return
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        start, end, at_risk, events, censored = (data[n][i] for n in GROUPED)
        if end <= start:
            problems.add(where, f"time_end {end:.12g} is not after time_start {start:.12g}")
        if min(at_risk, events, censored) < 0:
            problems.add(where, "a count is negative", "counts must be 0 or more")
            continue
        left = at_risk - events - censored
        if left < -COUNT_TOLERANCE:
            problems.add(
                where,
                f"{events:.12g} events and {censored:.12g} censored exceed the {at_risk:.12g} at "
                "risk",
                "",
                "Check the counts.",
            )
        elif i + 1 < len(rows):
            _check_next(row, rows[i + 1], data, i, left, shown, problems)
        elif left > COUNT_TOLERANCE:
            problems.add(
                where,
                f"of {at_risk:.12g} at risk, {events:.12g} have the event and {censored:.12g} are "
                "censored",
                f"the table ends with {left:.12g} of whom it says nothing, and every patient must "
                "end as an event or as censored",
                f"If they are alive at {end:.12g}, add the row {end:.12g},"
                f"{end + (end - start) / 100:.12g},{left:.12g},0,{left:.12g}. If they left "
                f"between {start:.12g} and {end:.12g}, write {censored + left:.12g} in "
                "n_censored. If rows are missing, add them.",
            )


def _adds_up(data: Table) -> bool:
    """Whether no row is at fault: the usual case, at once."""
    start, end, at_risk, events, censored = (data[name] for name in GROUPED)
    left = at_risk - events - censored
    following = np.append(at_risk[1:], 0.0)
    return bool(
        (end > start).all()
        and (start[1:] == end[:-1]).all()
        and (np.minimum(np.minimum(at_risk, events), censored) >= 0).all()
        and (np.abs(following - left) <= COUNT_TOLERANCE).all()
    )


def _check_next(
    row: Row, after: Row, data: Table, i: int, left: float, shown: str, problems: Faults
) -> None:
    """The row after touches this one and starts with those whom it leaves at risk."""
    following, where = data["n_at_risk"][i + 1], f"{shown}:{after.line}"
    at_risk, events, censored = (data[n][i] for n in GROUPED[2:])
    if abs(following - left) > COUNT_TOLERANCE:
        advice = (
            f"If {left - following:.12g} more were censored, add them to n_censored in line {row.line}."
            if following < left
            else "Nobody can enter a grouped table later; give delayed entry as form: individual with a "
            "column 'entry'."
        )
        problems.add(
            where,
            f"n_at_risk is {following:.12g}, but {at_risk:.12g} - {events:.12g} - "
            f"{censored:.12g} = {left:.12g} remain",
            "",
            f"At-risk counts must add up. {advice}",
        )
    start, end = data["time_start"][i + 1], data["time_end"][i]
    if start != end:
        problems.add(
            where,
            f"interval starts at {start:.12g}, the one before ends at {end:.12g}",
            "they must touch",
        )


@once
def read_individual(
    path: Path,
    shown: str,
    factor: float,
    problems: Faults,
    covariates: Sequence[str] = (),
) -> Table | None:
    """Individual data (time, event, optional entry and weight, covariates), times in years."""
    before = len(problems)
    rows = read_table(path, shown, ("time", "event", *covariates), ("entry", "weight"), problems)
    if not rows:
        return None
    data = columns(rows, ("time", *covariates), shown, problems)
    data["event"] = _events(rows, shown, problems)
    for name, without in (("entry", 0.0), ("weight", 1.0)):
        data[name] = np.full(len(rows), without)
        if name in rows[0].cells:
            data |= columns(rows, (name,), shown, problems)
    _check_individual(rows, data, shown, problems)
    if len(problems) > before:
        return None
    own = {"time", "event", "entry", "weight"}
    out = {k if k in own else f"x_{k}": v for k, v in data.items()}
    return {**out, "time": out["time"] * factor, "entry": out["entry"] * factor}


def _events(rows: list[Row], shown: str, problems: Faults) -> np.ndarray:
    """Column `event`: 1 or 0. Dims: row; NaN where it is neither."""
    cells = [row.cells["event"] for row in rows]
    values = np.array([_code(cell) for cell in cells])
    faulty = ~np.isin(values, (0.0, 1.0))
    others = {cell.lower() for cell in cells}
    advice = ""
    if others <= {*TRUE, *FALSE}:
        known = {c.lower(): c for c in cells}
        yes, no = (" and ".join(known[w] for w in ws if w in known) for ws in (TRUE, FALSE))
        said = [f"{n} for {word}" for n, word in ((1, yes), (0, no)) if word]
        advice = f" Write {' and '.join(said)}."
    elif set(values) == {1.0, 2.0}:
        advice = " The column holds 1 and 2 only: where 2 is the event, write 1 for 2 and 0 for 1."
    note_rows(
        problems,
        shown,
        rows,
        faulty,
        lambda i: f"event is {cells[i] or 'empty'}; it must be 1 (event) or 0 (censored).{advice}",
    )
    return np.where(faulty, np.nan, values)


def _code(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _check_individual(rows: list[Row], data: Table, shown: str, problems: Faults) -> None:
    """Everyone was under observation for some time, which ended after time zero."""
    time, entry, weight = data["time"], data["entry"], data["weight"]
    event = data["event"] == 1

    def note(faulty: np.ndarray, say: Callable[[int], str]) -> None:
        note_rows(problems, shown, rows, faulty, say)

    note(
        time < 0, lambda i: f"time {time[i]:.12g} is before time 0. Check the time, or its origin."
    )
    note(
        (time == 0) & event,
        lambda i: (
            "an event at time 0, where no survival curve can have one: everybody is event-free at "
            "time 0. Give the time more precisely (half a day, say), or leave out who had the event "
            "before the clock starts."
        ),
    )
    note(
        (time == 0) & (data["event"] == 0),
        lambda i: (
            "censored at time 0: nothing was seen of this patient. Remove the row, or correct the time."
        ),
    )
    note(entry < 0, lambda i: f"entry {entry[i]:.12g} is before time 0; it must be 0 or later.")
    note(
        (entry >= time) & (entry >= 0) & (time > 0),
        lambda i: (
            f"entry must be before time, but it is {entry[i]:.12g} and time {time[i]:.12g}: nothing was seen of "
            "this patient. Both count from time 0: where 'time' counts from entry, write their sum. Where both "
            "are the same day, remove the row, or give the times more precisely."
        ),
    )
    note(weight < 0, lambda i: f"weight {weight[i]:.12g} is negative; 0 or more.")


# ------------------------------------------------------------- registry counts, published curves
@once
def read_counts(path: Path, shown: str, factor: float, problems: Faults) -> Table | None:
    """External counts, for example a registry's: of n alive at start, survivors at stop."""
    names = ("start", "stop", "n", "survivors")
    rows = read_table(path, shown, names, (), problems)
    if not rows:
        return None
    before = len(problems)
    data = columns(rows, names, shown, problems, names[2:])
    if len(problems) > before:
        return None
    for i, row in enumerate(rows):
        where = f"{shown}:{row.line}"
        start, stop, n, survivors = (data[k][i] for k in names)
        if not 0 <= start < stop:
            problems.add(where, f"stop {stop:.12g} is not after start {start:.12g} (0 or later)")
        if n <= 0:
            problems.add(where, f"n is {n:.12g}", "it must be above 0")
        if not 0 <= survivors <= n:
            problems.add(
                where, f"{survivors:.12g} survivors of {n:.12g}", "from 0 to n are possible"
            )
        if i and start < data["stop"][i - 1]:
            problems.append(
                f"{where}: {start:.12g} to {stop:.12g} begins before the row above ends, at "
                f"{data['stop'][i - 1]:.12g}: patients would count twice. Give intervals that follow each other, "
                "with those alive at the start of each as n; other patients are evidence of their own."
            )
    return {
        "start": data["start"] * factor,
        "end": data["stop"] * factor,
        "n": data["n"],
        "survivors": data["survivors"],
    }
