"""Whole patients on a published Kaplan-Meier curve: who dies and who is censored when.

The equations are in `heor.survival.evidence.reconstruct`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import gammaln

from heor.survival.evidence.reconstruct_clicks import DIGITISING_ERROR

SMALLEST_ERROR = 3e-4  # survival: no published curve can be read more exactly
EARLIEST = 1e-6  # share of the time axis: a death cannot be at time 0
HIGHEST_RATE = 1000.0  # of censoring over the end of the curve: all at once
CLEAR_DROP = 5.0  # errors of the clicks: a lower drop is not surely one death or more
CLEAR = 6.0  # log likelihood by which a rate must be better than the usual one
HALVINGS = 25  # when looking for what gives the number of events
NEAR_FAVOUR = 1e-3  # nearer, two favours are the same
NEAR = 4  # numbers of censored tried in a piece: so far from the real-valued one ...
TRIALS = 14  # ... and so many in all
PASSES = 3  # of censored settled and deaths placed anew
SETTLED = 3  # the best of them, of which the censored are then settled
MOST_MOVES = 300  # deaths times censored of a piece: above, single places cannot be told
TRIED_RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Line:
    """The published curve as a line of straight pieces; time never falls, survival never rises.

    `rows` are the places of the risk table's times on it, just before any drop at that time.
    """

    time: np.ndarray
    survival: np.ndarray
    rows: np.ndarray


def uncensored(n: np.ndarray, level: np.ndarray) -> np.ndarray:
    """G at the rows of the risk table, made to fall: n / S weighted by its precision.

    Where everybody has died G is not known and stays.
    """
    g = n / np.where(level > 0, level, 1.0)
    for i in np.flatnonzero(level <= 0):
        g[i] = g[i - 1]
    weight = np.maximum((level**2 / np.maximum(n, 1)) ** 2, 1e-12)
    fallen = isotonic_regression(g, weights=weight, increasing=False).x
    return np.append(n[0], np.minimum(fallen, n[0])[1:])


@dataclass(frozen=True)
class Exposure:
    """G along the line: known at the rows of the risk table, straight in between.

    After the last row it falls at a rate to be found; `usual` is the one before it. Without a
    risk table but with the number of events it falls like (1 - t / end)^rate: most are censored
    because follow-up ends, so late. Not below `floor`: the last drop is at least one death, 1 / G.
    Otherwise exponentially.
    """

    line: Line
    known: np.ndarray
    usual: float
    late: bool
    floor: float

    @property
    def tail(self) -> bool:
        """Whether the curve falls after the last row, with patients at risk."""
        last, s = self.line.rows[-1], self.line.survival
        return bool(s[last] > s[-1] and self.known[-1] > 0)

    def along(self, rate: float) -> np.ndarray:
        """G at every point of the line. Dims: point."""
        t, rows = self.line.time, self.line.rows
        g = np.interp(t, t[rows], self.known)
        if self.tail and t[-1] > t[rows[-1]]:
            passed = (t[rows[-1] :] - t[rows[-1]]) / (t[-1] - t[rows[-1]])
            if self.late:
                floor = min(self.floor, self.known[-1])
                g[rows[-1] :] = floor + (self.known[-1] - floor) * (1 - passed) ** rate
            else:
                g[rows[-1] :] = self.known[-1] * np.exp(-rate * passed)
        return g


def make_exposure(
    line: Line, n: np.ndarray, events: int | None, error: float, repairs: list[str]
) -> Exposure:
    """G from the risk table; where that leaves more at risk than the curve does, it is said."""
    level = line.survival[line.rows]
    known = uncensored(n, level)
    over = n - np.minimum.accumulate(known) * level
    worst = int(np.argmax(over))
    if over[worst] > max(1.0, DIGITISING_ERROR * n[0]):
        repairs.append(
            f"{n[worst]} at risk at time {line.time[line.rows[worst]]:g} are {over[worst]:.0f} more "
            "than the curve leaves alive; the numbers at risk were kept."
        )
    usual, last = 0.0, line.time[line.rows[-1]]
    if len(n) > 1:
        usual = float(np.log(known[0] / max(known[-1], 0.5)) * (line.time[-1] - last) / last)
    end = line.survival[-1]
    above = line.survival[line.survival > end + max(CLEAR_DROP * error, 2 / n[0])]
    floor = 1 / float(above.min() - end) if len(above) else 0.0
    return Exposure(line, known, usual, len(n) == 1 and events is not None, floor)


def _misfit(piece: _Piece, leaving: _Leaving) -> float:
    """Mean squared distance of the curve from the line."""
    heights = _Heights.of(piece, leaving.dead)
    count = np.bincount(np.searchsorted(leaving.dead, leaving.lost), minlength=len(heights.seen))
    off = (heights.levels(count) - heights.published) ** 2
    width = max(heights.seen.sum(), 1e-300)  # 0 where the last row is at the end of the curve
    return float((heights.seen @ off + heights.scatter.sum()) / width)


def deaths(s: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Deaths up to every point of the line. Dims: point."""
    return np.append(0.0, np.cumsum(0.5 * (g[1:] + g[:-1]) * (s[:-1] - s[1:])))


# --- whole patients -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Piece:
    """The line between two rows of the risk table, and the state at its start.

    `gone` are the censored since its start, as real numbers; `level` is the survival of the
    reconstruction, which may differ from the line's by part of a step.
    """

    time: np.ndarray
    survival: np.ndarray
    gone: np.ndarray
    n: int
    level: float
    error: float
    last: bool

    @property
    def before_end(self) -> float:
        """The last time to leave at: in all but the last piece, not yet at risk in the next."""
        if self.last:
            return float(self.time[-1])
        return float(self.time[-1] - 1e-9 * (self.time[-1] - self.time[0]))


@dataclass(frozen=True)
class _Leaving:
    """Who leaves in a piece: times of death and censoring, survival after, and its misfit."""

    dead: np.ndarray
    lost: np.ndarray
    level: float
    misfit: float


def fitted(
    exposure: Exposure, n: np.ndarray, events: int | None, error: float, repairs: list[str]
) -> dict[str, np.ndarray]:
    """Patients on the line, and of all that fit it about as well, with the events published."""
    memory: dict = {}

    def walk(favour: np.ndarray) -> _Walk:
        return _walk(exposure, n, events, error, favour, memory)

    best = walk(np.zeros(len(n)))
    first = best.events
    if events is not None and first != events:
        most = 0.5 * (DIGITISING_ERROR / max(error, SMALLEST_ERROR)) ** 2
        best = _with_events(walk, best, len(n), events, most)
        told = f"the curve is nearest with {first} events, {events} are published"
        if best.events == events:
            repairs.append(f"{told}; {events} were fitted.")
        else:
            repairs.append(
                f"{told}; the curve and the numbers at risk allow {best.events}, which were taken. "
                "Check the number of events."
            )
    _tell_tail(exposure, n, events, best.rate, repairs)
    return _patients(best.leaving, exposure.line.time[-1])


def _with_events(
    walk: Callable[[np.ndarray], _Walk], usual: _Walk, pieces: int, events: int, most: float
) -> _Walk:
    """The walk with these events, or the nearest: the smallest favour of deaths that gives them.

    One favour for all pieces is halved down to where the events pass the number; in between the
    pieces take the stronger one by one. At most `most`: what a plateau costs that is off by all
    that a click may be off.
    """
    best, first = usual, usual.events
    sign, low, high = float(np.sign(events - first)), 0.0, np.inf
    favour = 1.0
    for _ in range(HALVINGS):
        trial = walk(np.full(pieces, sign * favour))
        best = min(best, trial, key=lambda it: abs(it.events - events))
        if trial.events == events:
            return trial
        if sign * (events - trial.events) > 0:
            low = favour
        else:
            high = favour
        if low >= most or high - low < NEAR_FAVOUR:
            break
        favour = min(2 * low, most) if np.isinf(high) else 0.5 * (low + high)
    for stronger in range(1, pieces if np.isfinite(high) else 1):
        trial = walk(sign * np.where(np.arange(pieces) < stronger, high, low))
        best = min(best, trial, key=lambda it: abs(it.events - events))
        if trial.events == events:
            break
    return best


def _tell_tail(
    exposure: Exposure, n: np.ndarray, events: int | None, rate: float, repairs: list[str]
) -> None:
    """What was assumed of censoring that no row of the risk table covers."""
    if not exposure.tail:
        return
    start = exposure.line.time[exposure.line.rows[-1]]
    lost = 100 * (1 - np.exp(-rate))
    if len(n) > 1:
        how = (
            "it was taken to go on as before"
            if rate == exposure.usual
            else f"the {'events and the ' if events is not None else ''}steps fit {lost:.0f} % "
            "censored until the curve ends best"
        )
        repairs.append(
            f"the risk table ends at time {start:g}, before the last drop; of censoring after it, "
            f"{how}."
        )
    elif events is not None:
        repairs.append(
            "no risk table: the curve does not tell when patients were censored; it was taken to "
            f"increase towards the end of the curve, so that {events} events result."
        )
    elif rate > 0:
        repairs.append(
            "neither a risk table nor the number of events: the heights of the steps fit "
            f"censoring at a constant rate best, {lost:.0f} % until the curve ends."
        )
    else:
        repairs.append(
            "neither a risk table nor the number of events: the curve does not tell who was "
            "censored, and nobody was taken as censored before it ends. There are likely too many "
            "events, and hazard ratios may be off by tens of percent."
        )


@dataclass(frozen=True)
class _Walk:
    leaving: list[_Leaving]
    rate: float

    @property
    def events(self) -> int:
        return sum(len(it.dead) for it in self.leaving)


def _walk(
    exposure: Exposure,
    n: np.ndarray,
    events: int | None,
    error: float,
    favour: np.ndarray,
    memory: dict,
) -> _Walk:
    """Who leaves, piece by piece; n at the rows of the risk table comes out exactly.

    `favour` is added to the log probability for every death: of curves that fit about as well it
    takes one with more (or, below 0, fewer) of them. Dims: piece. `memory` keeps what several
    walks share.
    """
    g, found, level = exposure.along(exposure.usual), [], 1.0
    for i in range(len(n) - 1):
        piece = _piece(exposure.line, g, i, n, level, error)
        found.append(_between_rows(piece, int(n[i] - n[i + 1]), favour[i], memory))
        level = found[-1].level
    if exposure.late and exposure.tail:
        if "rate" not in memory:
            memory["rate"] = _rate_of_events(exposure, n, events, error)
        rate = memory["rate"]
    elif exposure.tail:
        rate = _rate_of_steps(exposure, n, level, error, favour[-1])
    else:
        rate = exposure.usual
    piece = _piece(exposure.line, exposure.along(rate), len(n) - 1, n, level, error)
    return _Walk([*found, _after_last_row(piece)], rate)


def _rate_of_events(exposure: Exposure, n: np.ndarray, events: int, error: float) -> float:
    """The rate of censoring from time 0 on that gives the events; by halving."""

    def count(rate: float) -> int:
        piece = _piece(exposure.line, exposure.along(rate), 0, n, 1.0, error)
        return len(_after_last_row(piece, settle=False).dead)

    if count(0.0) <= events:
        return 0.0
    low, high = 0.0, 1.0
    while count(high) > events and high < HIGHEST_RATE:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        found = count(middle)
        if found == events:
            return middle
        low, high = (middle, high) if found > events else (low, middle)
    return high


def _rate_of_steps(
    exposure: Exposure,
    n: np.ndarray,
    level: float,
    error: float,
    favour: float,
) -> float:
    """The rate of censoring after the last row, from the heights of the steps where they tell.

    A death drops the curve by 1 / G. At the right rate whole deaths fit the clicks; at a wrong one
    they miss them by up to half a step. Steps lower than the clicks' error tell nothing; then the
    rate stays the usual one.
    """
    worse: dict[float, float] = {}
    for rate in (exposure.usual, *TRIED_RATES):
        piece = _piece(exposure.line, exposure.along(rate), len(n) - 1, n, level, error)
        after = _after_last_row(piece, settle=False)
        misfit = _misfit(piece, after) + SMALLEST_ERROR**2
        worse[rate] = 0.5 * len(after.dead) * np.log(misfit) - favour * len(after.dead)
    best = min(worse, key=lambda rate: worse[rate])
    return best if worse[best] < worse[exposure.usual] - CLEAR else exposure.usual


def _piece(line: Line, g: np.ndarray, i: int, n: np.ndarray, level: float, error: float) -> _Piece:
    end = line.rows[i + 1] if i + 1 < len(n) else len(line.time) - 1
    here = slice(line.rows[i], end + 1)
    s, g = line.survival[here], g[here]
    gone = np.append(0.0, np.cumsum(0.5 * (s[1:] + s[:-1]) * (g[:-1] - g[1:])))
    return _Piece(line.time[here], s, gone, int(n[i]), level, error, i + 1 == len(n))


def _patients(leaving: Sequence[_Leaving], end: float) -> dict[str, np.ndarray]:
    time = np.concatenate([part for it in leaving for part in (it.dead, it.lost)])
    event = np.concatenate([np.repeat([1, 0], [len(it.dead), len(it.lost)]) for it in leaving])
    time = np.maximum(time, EARLIEST * end)
    order = np.lexsort((-event, time))
    return {"time": time[order], "event": event[order]}


def _between_rows(piece: _Piece, leave: int, favour: float, memory: dict) -> _Leaving:
    """Deaths and censorings that add up to `leave`, nearest to the line.

    More censored means fewer at risk and so fewer deaths for the same fall. Numbers of censored
    are tried from the real-valued solution on, each followed by the one its deaths agree with.
    """
    key = (piece.time[0], piece.level)
    if key not in memory:
        memory[key] = {}
        first = int(np.clip(round(piece.gone[-1]), 0, leave))
        near = range(max(0, first - NEAR), min(leave, first + NEAR) + 1)
        todo = sorted(near, key=lambda censored: abs(censored - first))
        while todo:
            censored = todo.pop(0)
            dead = _die(piece, _spread(piece, censored))
            agreeing = max(leave - len(dead), 0)
            if agreeing not in memory[key] and agreeing not in todo and len(memory[key]) < TRIALS:
                todo.append(agreeing)
            dead = dead[: leave - censored]
            memory[key][censored] = _leaving(piece, dead, _spread(piece, leave - len(dead)))

    def worse(found: _Leaving) -> float:
        return found.misfit - favour * len(found.dead)

    likely = sorted(memory[key].values(), key=worse)[:SETTLED]
    for it in likely:
        if (key, it.misfit) not in memory:
            memory[key, it.misfit] = _settle(piece, it)
    return min((memory[key, it.misfit] for it in likely), key=worse)


def _after_last_row(piece: _Piece, settle: bool = True) -> _Leaving:
    """Deaths and censorings to the end of the curve, where who is left is censored."""
    lost = _spread(piece, min(round(piece.gone[-1]), piece.n))
    dead = _die(piece, lost)
    found = _leaving(piece, dead, lost[: piece.n - len(dead)])
    if settle:
        found = _settle(piece, found)
    stay = np.full(piece.n - len(found.dead) - len(found.lost), piece.time[-1])
    return _Leaving(found.dead, np.append(found.lost, stay), found.level, found.misfit)


def _die(piece: _Piece, lost: np.ndarray) -> np.ndarray:
    """Times at which the line passes half-way down to the next step of the reconstruction.

    Never where the line is level: what an earlier piece left over waits for the next drop.
    """
    t, s, n, level = piece.time, piece.survival, piece.n, piece.level
    dead: list[float] = []
    drops = np.flatnonzero(s < s[0])
    gone = 0
    while len(drops) and n > 0:
        half = level * (1 - 0.5 / n)
        k = max(int(np.searchsorted(-s, -half - 1e-12, side="left")), int(drops[0]))
        if k == len(s):
            break
        share = (s[k - 1] - half) / (s[k - 1] - s[k]) if s[k] < s[k - 1] else 1.0
        at = t[k - 1] + min(max(share, 0.0), 1.0) * (t[k] - t[k - 1])
        if gone < len(lost) and lost[gone] < at:
            gone, n = gone + 1, n - 1
            continue
        dead.append(min(at, piece.before_end))
        level *= 1 - 1 / n
        n -= 1
    return np.array(dead)


def _spread(piece: _Piece, count: int) -> np.ndarray:
    """Times of `count` censorings, in proportion to `gone`; evenly where that is 0."""
    t, total = piece.time, piece.gone
    part = (np.arange(count) + 0.5) / max(count, 1)
    if total[-1] <= 1e-9:
        return t[0] + (t[-1] - t[0]) * part
    levels = total[-1] * part
    k = np.clip(np.searchsorted(total, levels, side="left"), 1, len(t) - 1)
    share = (levels - total[k - 1]) / (total[k] - total[k - 1])
    return np.minimum(t[k - 1] + share * (t[k] - t[k - 1]), piece.before_end)


def _leaving(piece: _Piece, dead: np.ndarray, lost: np.ndarray) -> _Leaving:
    count = np.bincount(np.searchsorted(dead, lost), minlength=len(dead) + 1)
    heights = _Heights.of(piece, dead)
    return _Leaving(dead, lost, float(heights.levels(count)[-1]), float(heights.badness(count)))


def _settle(piece: _Piece, leaving: _Leaving) -> _Leaving:
    """The censored moved between the deaths to fit the steps' heights, then the deaths again.

    Deaths are placed anew only where as many as before result.
    """
    for _ in range(PASSES):
        dead, lost = leaving.dead, leaving.lost
        if not 0 < len(dead) * len(lost) <= MOST_MOVES:
            return leaving
        count = np.bincount(np.searchsorted(dead, lost), minlength=len(dead) + 1)
        count = _settled(_Heights.of(piece, dead), count)
        edges = np.concatenate([piece.time[:1], dead, [piece.before_end]])
        place = (np.concatenate([np.arange(c) for c in count]) + 0.5) / np.repeat(count, count)
        lost = np.repeat(edges[:-1], count) + np.repeat(np.diff(edges), count) * place
        leaving = min(leaving, _leaving(piece, dead, lost), key=lambda it: it.misfit)
        again = _leaving(piece, _die(piece, lost), lost)
        if len(again.dead) != len(dead) or not again.misfit < leaving.misfit - 1e-9:
            return leaving
        leaving = again
    return leaving


@dataclass(frozen=True)
class _Heights:
    """Heights of the plateaus between deaths, published and as censoring in them makes them.

    `before` are those at risk at each death when nobody was censored in the piece; `published`
    the mean height of the line over each plateau (0 seen: no click there); `chance` that of a
    censored patient to be censored on this plateau; `within` what the line's fall over plateaus
    adds to the misfit.
    """

    start: float
    before: np.ndarray
    published: np.ndarray
    seen: np.ndarray
    chance: np.ndarray
    error: float
    scatter: np.ndarray
    within: float

    @classmethod
    def of(cls, piece: _Piece, dead: np.ndarray) -> _Heights:
        t, s = piece.time, piece.survival
        plateau = np.searchsorted(dead, 0.5 * (t[1:] + t[:-1]), side="right")
        width, size = np.diff(t), len(dead) + 1
        seen = np.bincount(plateau, weights=width, minlength=size)
        area = np.bincount(plateau, weights=width * 0.5 * (s[1:] + s[:-1]), minlength=size)
        edges = np.concatenate([t[:1], dead, t[-1:]])
        gone = np.interp(edges, t, piece.gone) if piece.gone[-1] > 1e-9 else edges
        chance = np.maximum(np.diff(gone) / max(gone[-1] - gone[0], 1e-300), 1e-9)
        published = area / np.where(seen > 0, seen, 1.0)
        error = max(piece.error, SMALLEST_ERROR)
        off = (0.5 * (s[1:] + s[:-1]) - published[plateau]) ** 2
        spread = np.bincount(plateau, weights=width * off, minlength=size)
        return cls(
            piece.level,
            piece.n - np.arange(len(dead)),
            published,
            seen,
            chance,
            error,
            spread,
            float(0.5 * (spread / np.where(seen > 0, seen, 1.0)).sum() / error**2),
        )

    def levels(self, censored: np.ndarray) -> np.ndarray:
        """Survival on each plateau. Dims: ..., plateau."""
        n = np.maximum(self.before - np.cumsum(censored, axis=-1)[..., :-1], 1)
        start = np.full((*censored.shape[:-1], 1), self.start)
        return np.concatenate([start, self.start * np.cumprod(1 - 1 / n, axis=-1)], axis=-1)

    def badness(self, censored: np.ndarray) -> np.ndarray:
        """Minus the log of the probability, but for a constant. Dims: ... of `censored`."""
        off = np.where(self.seen > 0, self.levels(censored) - self.published, 0.0) / self.error
        ways = (gammaln(censored + 1) - censored * np.log(self.chance)).sum(axis=-1)
        ways = ways - gammaln(censored.sum(axis=-1) + 1)
        nobody_left = (self.before <= np.cumsum(censored, axis=-1)[..., :-1]).any(axis=-1)
        return np.where(nobody_left, np.inf, self.within + 0.5 * (off**2).sum(axis=-1) + ways)


def _settled(heights: _Heights, censored: np.ndarray) -> np.ndarray:
    """Censored on each plateau where the heights of the steps put them. Dims: plateau.

    The most probable numbers, when clicks have a normal error and each censored patient leaves
    anywhere in the piece with the chance that the risk table gives. Patients are moved one at a
    time while that helps; each move lowers `badness`, so it ends.
    """
    badness = heights.badness(censored)
    one = np.eye(len(censored), dtype=int)
    for _ in range(MOST_MOVES):
        moves = (censored + one[None] - one[np.flatnonzero(censored)][:, None]).reshape(
            -1, len(censored)
        )
        tried = heights.badness(moves)
        best = int(np.argmin(tried))
        if not tried[best] < badness - 1e-9:
            break
        badness, censored = tried[best], moves[best]
    return censored
