"""The report of a finished run: loading, page, document, figures; and charts among very many strategies.

    python tests/benchmarks/bench_report.py [folder of a run] [strategies]

The folder is one that `heor run` wrote (default outputs/norway). First paint is measured where Playwright
finds a Chromium. For many strategies the alternative keeps all of them: what the page would have to hold, and
what a browser would have to look through at each step of the slider.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from heor.decision.envelope import upper_envelope
from heor.report.figures.registry import figure_bytes, figures_of
from heor.report.html.page import page
from heor.report.word.document import word_document
from heor.runs.results import Results

ROOT = Path(__file__).resolve().parents[2]
DRAWS, MOST = 5000, 1_500_000.0


def timed(label: str, function):
    started = perf_counter()
    found = function()
    print(f"{label}: {perf_counter() - started:.2f} s")
    return found


def of_a_run(folder: Path) -> None:
    results = timed("load results.nc", lambda: Results.load(folder / "results.nc"))
    figures = figures_of(results)
    drawn = timed(
        f"{len(figures)} figures as SVG",
        lambda: {n: figure_bytes(draw(results), "svg") for n, draw in figures.items()},
    )
    html = timed("report.html", lambda: page(results, drawn))
    print(f"  {len(html.encode()) / 1e6:.2f} MB at {results.simulation.outcomes.n:,} draws")
    document = timed("Word document", lambda: word_document(results, figures, "en"))
    print(f"  {len(document) / 1e6:.2f} MB")
    paint(folder / "report.html")


def paint(path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium or not path.exists():
        print("first paint: no Chromium or no page here")
        return
    from playwright.sync_api import sync_playwright

    script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        times = []
        for _ in range(3):
            tab = browser.new_page()
            tab.goto(path.resolve().as_uri())
            tab.wait_for_timeout(1000)
            times.append(tab.evaluate(script))
            tab.close()
        browser.close()
    print(f"first paint: {', '.join(f'{t:.0f}' for t in times)} ms")


def among_many(strategies: int) -> None:
    rng = np.random.default_rng(1)
    cost, qalys = rng.gamma(2, 1e5, (DRAWS, strategies)), rng.gamma(2, 1, (DRAWS, strategies))
    pieces, _ = timed(
        f"envelope of {strategies:,} strategies", lambda: upper_envelope(cost, qalys, 0.0, MOST)
    )
    print(f"  {pieces.size * 16 / 1e6:.1f} MB of numbers instead of {cost.size * 16 / 1e6:.1f} MB")
    timed("  one threshold over all", lambda: (7e5 * qalys - cost).max(axis=1))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    of_a_run(Path(arguments[0]) if arguments else ROOT / "outputs" / "norway")
    among_many(int(arguments[1]) if len(arguments) > 1 else 1000)
