"""How sure the answer is."""

from __future__ import annotations

from heor.report.format.blocks import Block, Paragraph, table
from heor.report.format.words import money, significant, too_few
from heor.report.sections.severity import threshold_rows
from heor.runs.results import Results


def uncertainty(results: Results) -> list[Block]:
    """Chances by threshold, whether the draws are enough, and the deterministic answer."""
    currency = results.problem.country.currency
    base = results.deterministic.iloc[0]
    families = results.deterministic.iloc[1:]
    alone = "; ".join(
        f"{r['case'].removeprefix('family ').replace('_', ' ')} {r['qalys']:+.2f} QALYs, "
        f"{significant(r['icer'])}"
        for _, r in families.iterrows()
    )
    return [
        *table(threshold_rows(results)),
        Paragraph(_enough(results)),
        Paragraph(
            (
                f"With every input at its central value: {base['qalys']:+.2f} QALYs, "
                f"{money(base['cost'])} {currency}, {significant(base['icer'])} {currency} per QALY "
                "(differs from the mean over draws because the model is not linear)."
                if base["qalys"] == base["qalys"]
                else "The answer with every input at its central value could not be computed."
            )
            + (
                f" By survival family, at central values ({currency} per QALY): {alone}."
                if alone
                else ""
            )
        ),
    ]


def _enough(results: Results) -> str:
    """Whether the draws are enough, and how many would be."""
    if results.simulation.outcomes.are_few:
        return f"Monte Carlo error: {too_few(results.simulation.outcomes.n)}."
    frame = results.decision.tables["convergence"]
    last = frame[frame["draws"] == frame["draws"].max()]
    draws = results.simulation.outcomes.n
    icer = results.decision.tables["icer"].iloc[0]
    interval = (
        f" The ICER's 95 % Monte Carlo interval is {significant(icer['low'])} to "
        f"{significant(icer['high'])}."
        if icer["low"] == icer["low"]
        else ""
    )
    worst = last.loc[last["draws_needed"].idxmax()]
    if worst["draws_needed"] <= draws:
        words = f"{draws:,} draws are enough"
    else:
        words = f"{worst['measure']} needs {worst['draws_needed']:,.0f} draws instead of {draws:,}"
    return (
        f"{words} for a standard error of 1 % of a QALY, of the threshold (net benefit), of the ICER and 1 "
        f"point of the chance (EVPI 5 %; `tables/convergence.csv`).{interval} SE: Monte Carlo, of the mean over "
        "draws. Differences are computed before rounding."
    )
