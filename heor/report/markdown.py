"""report.md: the answer first, then what it rests on. Every number comes from `Results`."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from heor.inputs.problem import MONTHS_PER_YEAR, UNCERTAIN_STATUSES
from heor.inputs.usage import used_parameters
from heor.report import tables
from heor.results import Decision, Results

STATUS_WORDS = {
    "published": "published",
    "trial": "from a trial",
    "derived": "derived from published numbers",
    "expert": "expert opinion",
    "assumption": "assumption",
    "to_verify": "not yet verified in its source",
    "placeholder": "placeholder",
}


def significant(x: float, digits: int = 3) -> str:
    """A number to some significant digits, with thousands separators.

    >>> significant(312345.6)
    '312,000'
    """
    if not np.isfinite(x):
        return "-"
    if x == 0:
        return "0"
    places = digits - 1 - int(np.floor(np.log10(abs(x))))
    rounded = round(x, places)
    return f"{rounded:,.{max(places, 0)}f}"


def money(x: float) -> str:
    """Money to the nearest hundred.

    >>> money(-123456.0)
    '-123,500'
    """
    return f"{round(x, -2):,.0f}"


def years(x: float) -> str:
    """Years or QALYs to two decimals, never -0.00.

    >>> years(-0.001)
    '0.00'
    """
    return f"{round(x, 2) + 0.0:.2f}"


def plain(x: float) -> str:
    """A value of any size without exponents, to four significant digits.

    >>> plain(168312.4), plain(0.003746)
    ('168,300', '0.003746')
    """
    return (
        significant(x, 4).rstrip("0").rstrip(".")
        if abs(x) < 1000 and x != int(x)
        else significant(x, 4)
    )


def icer_words(cost: float, effect: float, ratio: float, label: str, unit: str) -> str:
    """The ICER, or what replaces it."""
    return f"{significant(ratio)} {unit}" if label == "icer" else label


def answer(results: Results) -> list[str]:
    """The answer in plain words, for the top of the report and the end of the run."""
    problem, decision = results.problem, results.decision
    currency = problem.country.currency
    icer = decision.tables["icer"].iloc[0]
    increments = decision.tables["increments"].set_index("outcome")
    cost, qalys = increments.loc["cost"], increments.loc["qalys"]
    intervention = problem.strategies[problem.settings.intervention].label
    comparator = problem.strategies[problem.settings.comparator].label
    verb = "gains" if qalys["mean"] >= 0 else "loses"
    costs = "costs" if cost["mean"] >= 0 else "saves"
    words = icer_words(
        icer["cost"], icer["effect"], icer["ratio"], icer["label"], f"{currency} per QALY"
    )
    lines = [
        f"{intervention} {verb} {abs(qalys['mean']):.2f} QALYs (95 % {qalys['low']:.2f} to "
        f"{qalys['high']:.2f}) and {costs} {money(abs(cost['mean']))} {currency} (95 % "
        f"{money(cost['low'])} to {money(cost['high'])}) a patient, against {comparator}: {words}."
    ]
    benefits = decision.tables["net_benefit"].set_index("threshold_name")
    parts = []
    for name, threshold in decision.thresholds:
        what = " (severity-weighted)" if name == "severity" else ""
        parts.append(f"{benefits.loc[name, 'probability']:.0%} at {threshold:,.0f}{what}")
    lines.append(f"Chance of being cost-effective: {', '.join(parts)} {currency} per QALY.")
    return lines


def caveat(results: Results) -> str:
    """One sentence on what the answer rests on."""
    problem = results.problem
    used = used_parameters(problem)
    counts = Counter(problem.parameters[name].status for name in used)
    weak = sum(counts[s] for s in UNCERTAIN_STATUSES)
    return (
        f"{weak} of the {len(used)} parameters this run uses are assumptions or not verified in their "
        f"source ({counts['assumption']} assumptions, {counts['expert']} expert opinion, "
        f"{counts['to_verify']} to verify, {counts['placeholder']} placeholders)."
    )


def report(results: Results, figures: list[str]) -> str:
    """The whole report as Markdown. `figures` are file names under `figures/`."""
    sections = [
        _head(results),
        _answer_section(results),
        _costs(results),
        _rests_on(results),
        _beside(results),
        _severity(results),
        _uncertainty(results),
        _survival(results),
        _figures(figures),
        _conventions(results),
        _limits(results),
        _reproduce(results),
    ]
    return "\n\n".join(s for s in sections if s) + "\n"


def _table(frame: pd.DataFrame, left: int = 1) -> str:
    align = ["left"] * left + ["right"] * (frame.shape[1] - left)
    return frame.to_markdown(index=False, disable_numparse=True, colalign=align)


def _head(results: Results) -> str:
    problem = results.problem
    lines = [f"# {problem.title}", "", problem.question, ""]
    lines.append(
        f"{problem.country.label} · {problem.scenario_label} · {problem.settings.draws:,} draws · "
        f"{problem.country.currency} {problem.country.price_year} · {problem.country.perspective}"
    )
    if problem.settings.fit.quick:
        lines += [
            "",
            "> **Quick run**: survival posteriors by Laplace approximation and importance "
            "sampling (PSIS), not NUTS. Run without `--quick` for a decision.",
        ]
    if problem.scenario:
        lines += ["", f"> **Scenario**: {problem.scenario_why}"]
    if problem.overrides:
        shown = ", ".join(f"`{k} = {v}`" for k, v in problem.overrides.items())
        lines += ["", f"> **Changed by hand**: {shown}"]
    return "\n".join(lines)


def _answer_section(results: Results) -> str:
    problem, decision = results.problem, results.decision
    currency = problem.country.currency
    rows = []
    frame = decision.tables["strategies"]
    increments = decision.tables["increments"].set_index("outcome")
    strategies = {s: frame[frame["strategy"] == s].set_index("outcome") for s in problem.strategies}
    names = {
        "cost": (f"Cost ({currency})", money),
        "qalys": ("QALYs", years),
        "life_years": ("Life years", years),
        "qalys_undiscounted": ("QALYs, undiscounted", years),
        "life_years_undiscounted": ("Life years, undiscounted", years),
    }
    for outcome, (label, form) in names.items():
        row = {"Per patient": label}
        for name, strategy in problem.strategies.items():
            row[strategy.label] = form(strategies[name].loc[outcome, "mean"])
        change = increments.loc[outcome]
        row["Difference"] = form(change["mean"])
        row["95 % interval"] = f"{form(change['low'])} to {form(change['high'])}"
        rows.append(row)
    ratios = [
        f"- {r['measure'][0].upper() + r['measure'][1:]}: "
        f"{icer_words(r['cost'], r['effect'], r['ratio'], r['label'], currency)} "
        f"(Monte Carlo SE {significant(r['se'], 2)})"
        for _, r in decision.tables["icer"].iterrows()
    ]
    lines = [f"**{line}**" for line in answer(results)]
    frame = tables.companion_table(results)
    text = [
        "## The answer",
        "",
        "  \n".join(lines),
        "",
        _reversals(results, frame),
        "",
        caveat(results),
    ]
    return "\n".join([*text, "", _table(pd.DataFrame(rows)), "", *ratios])


def _costs(results: Results) -> str:
    problem = results.problem
    increments = results.decision.tables["increments"].set_index("outcome")
    frame = results.decision.tables["strategies"]
    rows = []
    for category, label in {**problem.settings.categories, "cost": "**Total**"}.items():
        row = {f"{problem.country.currency} {problem.country.price_year} a patient": label}
        for name, strategy in problem.strategies.items():
            found = frame[(frame["strategy"] == name) & (frame["outcome"] == category)]
            row[strategy.label] = money(found["mean"].iloc[0])
        row["Difference"] = money(increments.loc[category, "mean"])
        rows.append(row)
    return "## What it costs\n\n" + _table(pd.DataFrame(rows))


def _rests_on(results: Results) -> str:
    """The parameters that move the answer most, with their status."""
    problem = results.problem
    name, threshold = _reference(results.decision)
    top, base = results.tornado.head(12), results.deterministic.iloc[0]
    rows = [
        {
            "Parameter": r["description"],
            "Low": plain(r["low"]),
            "High": plain(r["high"]),
            "Unit": r["unit"],
            f"Net benefit at low ({problem.country.currency})": money(r[f"net_benefit_{name}_low"]),
            "at high": money(r[f"net_benefit_{name}_high"]),
            "Status": STATUS_WORDS[r["status"]],
        }
        for _, r in top.iterrows()
    ]
    unverified = ", ".join(problem.country.unverified) or "none"
    used = used_parameters(problem)
    fixed = [
        p.description
        for name, p in problem.parameters.items()
        if name in used and p.is_fixed and p.status in UNCERTAIN_STATUSES
    ]
    return "\n".join(
        [
            "## What the answer rests on",
            "",
            caveat(results) + " Those that move it most, each over its own 95 % interval with the "
            "rest at their central values; correlated hazard ratios move together, unit costs one at a "
            f"time (threshold {threshold:,.0f} {problem.country.currency} per QALY). With all at their "
            f"central values net benefit is {money(threshold * base['qalys'] - base['cost'])} "
            f"{problem.country.currency}; the answer above is the mean over draws, which rare large gains "
            "raise.",
            "",
            _table(pd.DataFrame(rows)),
            "",
            f"Assumptions without an interval are not varied here (`--set` changes them): "
            f"{'; '.join(fixed)}.",
            "",
            f"Country rules not verified in their source: {unverified}. Every parameter with its "
            "source, status and the file and line it came from: `tables/parameters.csv`.",
        ]
    )


def _reference(decision: Decision) -> tuple[str, float]:
    """The threshold tables and figures turn on: severity-weighted, or the last one."""
    for name, threshold in decision.thresholds:
        if name == "severity":
            return name, threshold
    return decision.thresholds[-1]


def _beside(results: Results) -> str:
    frame = tables.companion_table(results)
    whys = {c.label: c.why for c in results.companions}
    if len(frame) < 2:
        return ""
    currency = results.problem.country.currency
    rows = []
    for _, r in frame.iterrows():
        row = {
            "Scenario": r["scenario"],
            f"Cost ({currency})": money(r["cost"]),
            "QALYs": years(r["qalys"]),
            f"ICER ({currency} per QALY)": icer_words(
                r["cost"], r["qalys"], r["icer"], r["icer_label"], ""
            ).strip(),
        }
        for name, threshold in results.decision.thresholds:
            row[f"Chance at {threshold:,.0f}"] = f"{r[f'probability_{name}']:.0%}"
        rows.append(row)
    text = [f"- **{label}**: {why}" for label, why in whys.items() if why]
    return "\n".join(
        [
            "## Structural scenarios that could change the decision",
            "",
            _table(pd.DataFrame(rows)),
            "",
            "Differences against the comparator, on the same random numbers as this run.",
            "",
            *text,
        ]
    )


def _reversals(results: Results, frame: pd.DataFrame) -> str:
    """The verdict at each threshold, and which structural scenarios turn it."""
    problem, currency = results.problem, results.problem.country.currency
    label = problem.strategies[problem.settings.intervention].label
    sentences = []
    for name, threshold in results.decision.thresholds:
        benefit = frame[f"net_benefit_{name}"]
        worth = benefit > 0
        changed = frame["scenario"][1:][worth[1:] != worth.iloc[0]]
        turned = (
            f"; this turns under {', '.join(changed)}"
            if len(changed)
            else ", here and in every structural scenario below"
        )
        sentences.append(
            f"At {threshold:,.0f} {currency} per QALY {label} is "
            f"{'worth' if worth.iloc[0] else 'not worth'} its cost on average (net benefit "
            f"{money(benefit.iloc[0])} {currency} a patient){turned}."
        )
    return " ".join(sentences)


def _severity(results: Results) -> str:
    found, problem = results.decision.severity, results.problem
    if found is None:
        return ""
    currency = problem.country.currency
    classes = found.class_probabilities
    likely = "; ".join(
        f"{r['threshold']:,.0f}: {r['probability']:.0%}"
        for _, r in classes.iterrows()
        if r["probability"] >= 0.005
    )
    ages = "; ".join(
        f"from {r['age']:.0f}: {r['threshold']:,.0f}" for _, r in found.class_ages.iterrows()
    )
    return "\n".join(
        [
            "## Severity and threshold",
            "",
            f"Remaining QALYs of the population at {problem.start_age:g}: {found.remaining_qalys:.2f}; "
            f"with the comparator: {found.comparator_qalys:.2f} (undiscounted mean). Absolute shortfall "
            f"{found.shortfall:.2f}: weight {found.weight:g}, threshold {found.threshold:,.0f} "
            f"{currency} per QALY. All tables and figures here use this one threshold.",
            "",
            f"Class of the shortfall over draws ({currency} per QALY): {likely}.",
            "",
            f"The starting age is one value. By age at treatment, with the comparator's QALYs unchanged "
            f"({currency} per QALY): {ages}.",
        ]
    )


def _uncertainty(results: Results) -> str:
    currency = results.problem.country.currency
    rows = [
        {
            f"Threshold ({currency} per QALY)": f"{r['threshold']:,.0f}"
            + (" (severity)" if r["threshold_name"] == "severity" else ""),
            "Net benefit": money(r["net_benefit"]),
            "95 % interval": f"{money(r['low'])} to {money(r['high'])}",
            "Chance cost-effective": f"{r['probability']:.1%} (SE {r['probability_se']:.1%})",
            "EVPI a patient": f"{money(r['evpi'])} (SE {money(r['evpi_se'])})",
        }
        for _, r in results.decision.tables["net_benefit"].iterrows()
    ]
    base = results.deterministic.iloc[0]
    families = results.deterministic.iloc[1:]
    alone = "; ".join(
        f"{r['case'].removeprefix('family ').replace('_', ' ')} {r['qalys']:+.2f} QALYs, "
        f"{significant(r['icer'])}"
        for _, r in families.iterrows()
    )
    return "\n".join(
        [
            "## How sure",
            "",
            _table(pd.DataFrame(rows)),
            "",
            f"With every input at its central value: {base['qalys']:+.2f} QALYs, "
            f"{money(base['cost'])} {currency}, {significant(base['icer'])} {currency} per QALY "
            f"(differs from the mean over draws because the model is not linear). By survival family, "
            f"at central values ({currency} per QALY): {alone}.",
        ]
    )


def _survival(results: Results) -> str:
    problem = results.problem
    landmarks = tables.landmark_table(results)
    rows = []
    for (strategy, endpoint), group in landmarks.groupby(["strategy", "endpoint"], sort=False):
        median = _median_months(results, strategy, endpoint)
        row = {
            "Strategy": problem.strategies[strategy].label,
            "": endpoint.upper(),
            "Median, mo": median,
        }
        for _, r in group.iterrows():
            row[f"{r['month']:.0f} mo"] = f"{r['mean']:.2f} ({r['low']:.2f}-{r['high']:.2f})"
        rows.append(row)
    parts = ["## Survival", "", _table(pd.DataFrame(rows), left=2), ""]
    ratios = tables.hazard_ratio_table(results)
    for _, r in ratios.iterrows():
        parts.append(
            f"- Hazard ratio, {r['endpoint'].upper()}, {r['patients']}: median {r['median']:.2f} (95 % "
            f"{r['low']:.2f} to {r['high']:.2f})."
        )
    for pair, comparison in results.fits.comparison.items():
        parts += [
            "",
            f"Fits to {problem.evidence[pair[0]].label} (OS and PFS paired, leave-one-out "
            "over patients):",
            "",
            _table(_comparison(results, pair, comparison)),
        ]
    return "\n".join([*parts, *_fit_quality(results)])


def _fit_quality(results: Results) -> list[str]:
    """How the posteriors in use were computed, and the worst of their diagnostics."""
    fits = results.fits
    used = {
        fits.posteriors[name, f].fit_key: fits.posteriors[name, f]
        for unit, share in fits.weights.items()
        for name in unit
        for f in share
    }.values()
    found = []
    nuts = [p.diagnostics for p in used if p.method == "nuts"]
    if nuts:
        found.append(
            f"NUTS ({len(nuts)} fits): largest R-hat {max(d['r_hat_max'] for d in nuts):.3f}, "
            f"smallest bulk ESS {min(d['ess_bulk_min'] for d in nuts):,.0f}, "
            f"{sum(d['divergences'] for d in nuts)} divergences."
        )
    laplace = [p.diagnostics["pareto_k"] for p in used if p.method == "laplace"]
    if laplace:
        found.append(
            f"Laplace + PSIS ({len(laplace)} fits): largest Pareto k {max(laplace):.2f} (below 0.7 "
            "is reliable)."
        )
    return ["", " ".join(found)]


def _median_months(results: Results, strategy: str, endpoint: str) -> str:
    """Median of the mean curve, in months."""
    curve = results.simulation.curves["mean"].sel(strategy=strategy, endpoint=endpoint).values
    months = np.interp(-0.5, -curve, results.problem.time * MONTHS_PER_YEAR)
    return f"{months:.1f}" if curve.min() < 0.5 else "-"


def _comparison(results: Results, pair, comparison) -> pd.DataFrame:
    used = results.fits.weights.get(pair, {})
    table = comparison.table
    return pd.DataFrame(
        {
            "Family": [f.replace("_", " ") for f in table["family"]],
            "elpd OS": [f"{x:,.1f}" for x in table["elpd_os"]],
            "elpd PFS": [f"{x:,.1f}" for x in table["elpd_pfs"]],
            "Difference": [f"{x:,.1f}" for x in table["difference"]],
            "Stacking weight": [f"{x:.2f}" for x in table["weight"]],
            "Weight used": [f"{used.get(f, 0.0):.2f}" for f in table["family"]],
        }
    )


def _figures(figures: list[str]) -> str:
    if not figures:
        return ""
    shown = [f"![{name.replace('_', ' ')}](figures/{name}.svg)" for name in figures]
    return "## Figures\n\n" + "\n\n".join(shown)


def _conventions(results: Results) -> str:
    problem, country = results.problem, results.problem.country

    def bands(found) -> str:
        return ", ".join(
            f"{b.rate:.1%} from year {b.start:g}" + ("" if b.end is None else f" to {b.end:g}")
            for b in found
        )

    settings = problem.settings
    return "\n".join(
        [
            "## Conventions",
            "",
            f"- Time zero is randomisation; horizon {problem.horizon:g} years (to age "
            f"{settings.end_age:g}); cycle {settings.cycle * 12:g} month; a month is 1/12 year.",
            "- Trapezoid within the cycle; events in the middle of the discounting of their cycle; "
            "one-off costs at the time they happen, undivided.",
            f"- Discounting, annual-effective, product of forward rates: costs {bands(country.discount_costs)}; "
            f"effects {bands(country.discount_effects)}.",
            f"- Utilities: population norm by age ({country.value_set}) x state multiplier, less "
            "decrements; never above the norm.",
            f"- Model: {settings.model.replace('_', ' ')}; states {', '.join(settings.states).replace('_', ' ')}.",
            f"- Survival: {'NUTS (PyMC, nutpie)' if results.method == 'nuts' else 'Laplace + PSIS'}; "
            f"extrapolation: {settings.extrapolation}; the excess hazard is fitted over the background "
            "mortality of the trial's patients.",
            f"- Curves' bands: first {results.simulation.curves.attrs['draws']:,} draws; all other numbers: "
            f"all {settings.draws:,}.",
        ]
    )


def _limits(results: Results) -> str:
    problem = results.problem
    lines = [f"- {limit}" for limit in problem.limits]
    warned = [f"- {w}" for w in results.warnings] or ["- none"]
    return "\n".join(["## Limits", "", *lines, "", "## Warnings of this run", "", *warned])


def _reproduce(results: Results) -> str:
    problem = results.problem
    words = ["heor run", f"--country {problem.country.name}"]
    if problem.scenario:
        words += [f"--scenario {s}" for s in problem.scenario.split("+")]
    words += [f"--set {k}={v}" for k, v in problem.overrides.items()]
    words += [f"--draws {problem.settings.draws}", f"--seed {problem.settings.seed}"]
    if problem.settings.fit.quick:
        words.append("--quick")
    sources = tables.source_table(results)
    lines = [f"- {r['title']}" + _address(r) + _licence(r) for _, r in sources.iterrows()]
    return "\n".join(
        [
            "## Reproduce",
            "",
            f"`{' '.join(words)}`",
            "",
            "Versions, seed, hashes of the inputs and timings: `run.json`. Draws and outcomes: "
            "`results.nc`. Exact numbers: `tables/*.csv`.",
            "",
            "## Sources and licences",
            "",
            *lines,
        ]
    )


def _address(source: pd.Series) -> str:
    if source["doi"]:
        return f", doi {source['doi']}"
    return f", <{source['url']}>" if source["url"] else ""


def _licence(source: pd.Series) -> str:
    checked = "" if source["verified"] else " (not verified)"
    return (f", {source['licence']}" if source["licence"] else "") + checked
