"""The numbers behind each figure, as tables of texts a reader can reach under it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from heor.inputs.problem import MONTHS_PER_YEAR
from heor.report.figure_style import endpoint_label, state_label
from heor.report.section_drivers import reference
from heor.report.words import money, parameter_label, plain, significant
from heor.results import Results, Simulation

CURVE_MONTHS = np.arange(0, 121, 6)
FIT_MONTHS = np.arange(0, 61, 6)
CURVE_ROWS = 31  # of the acceptability curve


def numbers(results: Results, name: str) -> pd.DataFrame | None:
    """The table of one figure; None where it stands beside the figure already."""
    if name.startswith("what_if_"):
        return _what_if(results, name.removeprefix("what_if_"))
    for start in ("survival", "fits"):
        if name.startswith(f"{start}_"):
            return BY_ENDPOINT[start](results, name.removeprefix(f"{start}_"))
    return BY_FIGURE[name](results) if name in BY_FIGURE else None


def _survival(results: Results, endpoint: str) -> pd.DataFrame:
    """Model curves with intervals, what was observed, and numbers at risk."""
    from heor.report.figures_fits import evidence_of
    from heor.survival.observed import number_at_risk

    problem = results.problem
    curves = results.simulation.curves.sel(endpoint=endpoint)
    months = problem.time * MONTHS_PER_YEAR
    frame = {"Months": [f"{m}" for m in CURVE_MONTHS]}
    for name, strategy in problem.strategies.items():
        at = {
            k: np.interp(CURVE_MONTHS, months, curves[k].sel(strategy=name).values)
            for k in ("mean", "low", "high")
        }
        rows = zip(at["mean"], at["low"], at["high"], strict=True)
        frame[strategy.label] = [f"{m:.3f} ({a:.3f} to {b:.3f})" for m, a, b in rows]
    evidence = evidence_of(problem, endpoint)
    frame[f"{evidence.label}, observed"] = _observed(evidence, CURVE_MONTHS)
    at_risk = number_at_risk(evidence, CURVE_MONTHS / MONTHS_PER_YEAR)
    frame["At risk"] = [f"{n:,}" for n in at_risk]
    return pd.DataFrame(frame)


def _observed(evidence, months: np.ndarray) -> list[str]:
    """Kaplan-Meier at these months; empty after the last event."""
    from heor.survival.observed import follow_up, kaplan_meier

    table = kaplan_meier(evidence)
    last = follow_up(evidence)[0] * MONTHS_PER_YEAR
    row = np.searchsorted(table["time"] * MONTHS_PER_YEAR, months, side="right") - 1
    values = table["survival"].to_numpy()[row]
    return [f"{v:.3f}" if m <= last else "" for v, m in zip(values, months, strict=True)]


def _fits(results: Results, endpoint: str) -> pd.DataFrame:
    """Every family's mean survival beside the observed."""
    from heor.report.figures_fits import evidence_of
    from heor.survival_analysis.fitted import all_cause, families_of

    problem, evidence = results.problem, evidence_of(results.problem, endpoint)
    frame = {"Months": [f"{m}" for m in FIT_MONTHS], "Observed": _observed(evidence, FIT_MONTHS)}
    for family in families_of(results.fits, evidence.name):
        posterior = results.fits.posteriors[evidence.name, family]
        mean = all_cause(problem, posterior, evidence, FIT_MONTHS / MONTHS_PER_YEAR).mean(axis=0)
        frame[posterior.model.label] = [f"{v:.3f}" for v in mean]
    return pd.DataFrame(frame)


def _hazards(results: Results) -> pd.DataFrame:
    """Events per 100 patient-months in the windows of the figure."""
    from heor.report.figures_fits import evidence_of, is_fitted
    from heor.survival.observed import empirical_hazard, hazard_windows

    problem, scale = results.problem, 100 / MONTHS_PER_YEAR
    rows = []
    for endpoint in problem.settings.endpoints[::-1]:
        if not is_fitted(problem, endpoint):
            continue
        evidence = evidence_of(problem, endpoint)
        for _, r in empirical_hazard(evidence, hazard_windows(evidence)).iterrows():
            rows.append(
                {
                    "Endpoint": endpoint_label(endpoint),
                    "Months": f"{r['start'] * 12:.1f} to {r['end'] * 12:.1f}",
                    "Observed events per 100 patient-months": f"{r['hazard'] * scale:.2f}",
                    "95 % interval": f"{r['low'] * scale:.2f} to {r['high'] * scale:.2f}",
                }
            )
    return pd.DataFrame(rows)


def _occupancy(results: Results) -> pd.DataFrame:
    return _states(results, results.simulation)


def _structure_occupancy(results: Results) -> pd.DataFrame:
    found = []
    for s in results.structures:
        own = _states(results, s.simulation, step=12)
        own.insert(0, "Structure", s.label)
        found.append(own)
    return pd.concat(found, ignore_index=True)


def _states(results: Results, simulation: Simulation, step: int = 6) -> pd.DataFrame:
    """Share of patients in each state, every so many months."""
    problem, rows = results.problem, []
    months = problem.time * MONTHS_PER_YEAR
    for name, strategy in problem.strategies.items():
        shares = simulation.occupancy.sel(strategy=name)
        for month in range(0, int(CURVE_MONTHS[-1]) + 1, step):
            row = {"Strategy": strategy.label, "Months": f"{month}"}
            for state in problem.settings.states:
                share = np.interp(month, months, shares.sel(state=state).values)
                row[state_label(state)] = f"{share:.1%}"
            rows.append(row)
    return pd.DataFrame(rows)


def _icer_tornado(results: Results) -> pd.DataFrame:
    return _ends(results, "icer", "Cost per QALY", significant)


def tornado_table(results: Results) -> pd.DataFrame:
    """Every parameter's ends, at the headline threshold."""
    name, _ = reference(results.decision)
    return _ends(results, f"net_benefit_{name}", "Net benefit", money)


def _ends(results: Results, measure: str, label: str, form: Callable) -> pd.DataFrame:
    frame = results.tornado.dropna(subset=[f"{measure}_low", f"{measure}_high"])
    return pd.DataFrame(
        {
            "Parameter": frame["description"],
            "Unit": frame["unit"],
            "Low": [plain(x) for x in frame["low"]],
            "High": [plain(x) for x in frame["high"]],
            f"{label} at low": [form(x) for x in frame[f"{measure}_low"]],
            f"{label} at high": [form(x) for x in frame[f"{measure}_high"]],
        }
    )


def _information(results: Results) -> pd.DataFrame:
    """Worth of knowing each group, by threshold."""
    wide = results.information_curves.pivot(index="threshold", columns="name", values="value")
    names = list(dict.fromkeys(results.information_curves["name"]))
    labels = {n: "Everything" if n == "all" else parameter_label(results.problem, n) for n in names}
    frame = pd.DataFrame({labels[n]: [money(x) for x in wide[n]] for n in names})
    frame.insert(0, "Threshold", [f"{t:,.0f}" for t in wide.index])
    return frame


def _what_if(results: Results, name: str) -> pd.DataFrame:
    """Net benefit over the map, at every threshold."""
    shown = next(m for m in results.maps if m.what_if.name == name)
    table, question = shown.table, shown.what_if
    frame = {"Scenario": [shown.labels[s] for s in table["scenario"]]}
    frame[question.x.label] = [f"{x:.3g}" for x in table["x"]]
    if question.y is not None:
        frame[question.y.label] = [f"{y:.3g}" for y in table["y"]]
    for _, value in results.decision.thresholds:
        benefit = value * table["qalys"] - table["cost"]
        frame[f"Net benefit at {value:,.0f}"] = [money(b) for b in benefit]
    return pd.DataFrame(frame)


def curve_table(results: Results) -> pd.DataFrame:
    """Probability of being best, expected loss and EVPI at thresholds of the curves' own grid."""
    table = results.decision.tables["ceac"]
    grid = table["threshold"].unique()
    step = max(1, round((len(grid) - 1) / (CURVE_ROWS - 1)))
    table = table[table["threshold"].isin(grid[::step])]
    once = table.drop_duplicates("threshold")
    frame = {"Threshold": [f"{t:,.0f}" for t in once["threshold"]]}
    labels = {name: s.label for name, s in results.problem.strategies.items()}
    for name, rows in table.groupby("strategy", sort=False):
        frame[f"{labels[name]}: probability"] = [f"{p:.1%}" for p in rows["probability"]]
        frame[f"{labels[name]}: expected loss"] = [money(x) for x in rows["expected_loss"]]
    frame["Choice"] = [labels[s] for s in table[table["on_frontier"]]["strategy"]]
    frame["EVPI"] = [money(x) for x in once["evpi"]]
    return pd.DataFrame(frame)


def quadrants(results: Results) -> pd.DataFrame:
    """Share of draws in each quadrant of the plane."""
    table = results.decision.tables["quadrants"]
    labels = {name: s.label for name, s in results.problem.strategies.items()}
    return pd.DataFrame(
        {
            "Strategy": [labels[s] for s in table["strategy"]],
            "QALYs": ["more" if x else "not more" for x in table["more_qalys"]],
            "Cost": ["higher" if x else "not higher" for x in table["higher_cost"]],
            "Share of draws": [f"{x:.1%}" for x in table["share"]],
        }
    )


BY_ENDPOINT = {"survival": _survival, "fits": _fits}
BY_FIGURE: dict[str, Callable[[Results], pd.DataFrame]] = {
    "hazards": _hazards,
    "occupancy": _occupancy,
    "structure_occupancy": _structure_occupancy,
    "tornado_icer": _icer_tornado,
    "information": _information,
}
