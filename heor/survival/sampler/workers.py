"""Processes that run NUTS: PyMC and its settings never enter the user's own process.

Each worker is a plain Python process that reads fits from its input and writes one result a fit to
its output. It works from scripts, notebooks and Windows alike, does not hear Ctrl-C, and ends when
its input closes, whatever became of the parent.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import heor.survival
from heor.problem.settings import FitSettings
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece
from heor.survival.sampler.model_code import Sample

WORKERS = 2  # a third would cost 600 MB and compile little sooner
#: Modules are never imported from the folder the user stands in, which may come from someone else.
ISOLATED = ("-P",)
START = "from heor.survival.sampler.workers import serve; serve({cores})"


@dataclass(frozen=True)
class Task:
    """One curve to fit by NUTS."""

    key: str
    distribution: Distribution
    pieces: tuple[Piece, ...]
    settings: FitSettings
    seed: int


def sample_all(groups: Sequence[Sequence[Task]]) -> Iterator[tuple[str, Sample]]:
    """Run every task; yield (key, `Sample`) as they finish.

    The tasks of a group share distribution and form of evidence, hence one compilation: once a
    group's first task has its machine code on disk, any worker may take the others. Give the
    group that takes longest first. Seeds travel with the tasks, so results do not depend on
    which worker ran them, nor when.

    Raises
    ------
    RuntimeError
        A worker failed; the message holds its traceback.
    """
    waiting: queue.PriorityQueue = queue.PriorityQueue()
    for rank, group in enumerate(groups):
        waiting.put((rank, 0, list(group)))
    results: queue.Queue = queue.Queue()
    tasks = sum(len(group) for group in groups)
    available = os.cpu_count() or 1
    number = min(WORKERS, tasks, available)
    workers = []
    try:
        for _ in range(number):
            workers.append(_Worker(available // number))
        for worker in workers:
            threading.Thread(target=worker.drive, args=(waiting, results), daemon=True).start()
        for _ in range(tasks):
            yield _next(results)
    finally:
        for _ in workers:
            waiting.put((-1, 0, []))
        for worker in workers:
            worker.close()


def _next(results: queue.Queue) -> tuple[str, Sample]:
    while True:
        try:  # a wait without end would not hear Ctrl-C on Windows
            kind, key, value = results.get(timeout=0.2)
        except queue.Empty:
            continue
        if kind == "failed":
            raise RuntimeError(f"A fit failed in its worker ({key}):\n{value}")
        return key, value


ENDED = "its process ended before it answered (stopped by someone, or out of memory)"


class _Worker:
    """The parent's end of one worker process; `cores` run chains side by side."""

    def __init__(self, cores: int) -> None:
        self.log = tempfile.TemporaryFile()
        new_group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        self.process = subprocess.Popen(
            _command(START.format(cores=cores)),
            cwd=_package_folder(),  # some libraries read settings where they are started
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=_environment(),
            start_new_session=os.name == "posix",
            creationflags=new_group,
        )

    def drive(self, waiting: queue.PriorityQueue, results: queue.Queue) -> None:
        """Feed the worker tasks by their rank until an empty group; results go to `results`."""
        key: object = "at its start"
        try:
            while True:
                rank, place, group = waiting.get()
                if not group:
                    return
                while group:
                    task, *group = group
                    key, place = task.key, place + 1
                    pickle.dump(task, self.process.stdin)
                    self.process.stdin.flush()
                    kind, *answer = pickle.load(self.process.stdout)
                    if kind == "kept":  # on disk: each of the others on its own, by any worker
                        for number, other in enumerate(group, place):
                            waiting.put((rank, number, [other]))
                        group = []
                        kind, *answer = pickle.load(self.process.stdout)
                    results.put((kind, *answer))
        except (EOFError, BrokenPipeError):
            results.put(("failed", key, f"{self._messages()}\n{ENDED}"))
        except Exception as error:
            results.put(("failed", key, f"{error!r}\n{self._messages()}"))

    def _messages(self) -> str:
        try:
            self.log.seek(0)
            return self.log.read().decode(errors="replace")[-4000:]
        except ValueError:  # closed: the parent is already leaving
            return ""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except OSError:  # unsent bytes for a process that is gone
                pass
        self.log.close()


def _command(code: str) -> list[str]:
    return [sys.executable, *ISOLATED, "-c", code]


def _package_folder() -> str:
    """The folder this package is imported from."""
    return str(Path(next(iter(heor.survival.__path__))).resolve().parents[1])


def _environment() -> dict[str, str]:
    """The worker's environment: no C compiler, one thread a process, this package importable."""
    environment = dict(os.environ)
    given = environment.get("PYTENSOR_FLAGS", "")
    environment["PYTENSOR_FLAGS"] = f"cxx=,{given}".rstrip(",")  # what the user set comes last
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    # an empty or relative entry would again mean the folder the user stands in
    environment["PYTHONPATH"] = os.pathsep.join([_package_folder(), *filter(os.path.isabs, given)])
    return environment


def serve(cores: int) -> None:
    """The worker: tasks in, samples out, until the input closes."""
    tasks: queue.Queue = queue.Queue()
    source = os.fdopen(os.dup(0), "rb")
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with the results

    def listen() -> None:
        while True:
            try:
                tasks.put(pickle.load(source))
            except Exception:  # the parent closed the pipe, or is gone
                os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    last: list[Any] = []
    while True:
        for answer in _run(tasks.get(), last, cores):
            pickle.dump(answer, results)
            results.flush()


def _run(task: Task, last: list[Any], cores: int) -> Iterator[tuple]:
    """Answers to the parent; `last` holds the compiled fit of the task before, if any."""
    try:
        from heor.survival.sampler.nuts import CompiledFit

        if not (last and last[0].serves(task.distribution, task.pieces)):
            last[:] = [CompiledFit(task.distribution, task.pieces)]
        if last[0].kept:
            yield ("kept",)
        sample = last[0].sample(task.pieces, task.settings, task.seed, cores)
        yield "sample", task.key, sample
    except Exception:
        yield "failed", task.key, traceback.format_exc()
