"""The tables of a run, from its results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heor.decision import cost_effectiveness
from heor.decision.choice import best_columns
from heor.decision.thresholds import column
from heor.parameters.uncertainty import interval
from heor.problem.parameter import MONTHS_PER_YEAR
from heor.problem.problem import DecisionProblem
from heor.problem.units import factor_of
from heor.report.format.needs import HasFits
from heor.runs.results import Results
from heor.simulation.simulated import Simulation
from heor.survival.curves.marginal import marginal_hazard_ratio, window_grid
from heor.usage.usage import used_parameters

LANDMARK_MONTHS = (6, 12, 24, 36, 60, 120)


def parameter_table(results: Results) -> pd.DataFrame:
    """Every parameter as entered: value, interval, unit, status, source, origin, what it replaced."""
    problem = results.problem
    used = used_parameters(problem)
    rows = []
    for name, p in problem.parameters.items():
        factor = factor_of(p, problem.country.currency)
        low, high = interval(p.distribution, p.mean, p.se)
        rows.append(
            {
                "name": name,
                "description": p.description,
                "mean": p.entered_mean,
                "se": p.entered_se,
                "low": low / factor,
                "high": high / factor,
                "distribution": p.distribution,
                "unit": p.unit,
                "price_year": p.price_year,
                "status": p.status,
                "used": name in used,
                "source": "; ".join(p.source),
                "evidence": p.evidence,
                "transfer": p.transfer,
                "borrowed_from": p.donor,
                "conversion": "; ".join(p.conversion),
                "origin": str(p.origin),
                "layer": p.origin.layer,
                "replaced": p.origin.replaced,
                "note": p.note,
            }
        )
    return pd.DataFrame(rows).astype({"price_year": "Int64"})


def source_table(results: Results) -> pd.DataFrame:
    """Sources that the run's numbers name."""
    problem = results.problem
    used = {s for p in problem.parameters.values() for s in p.source} | set(problem.country.source)
    used |= {s for e in problem.evidence.values() for s in e.source}
    used |= set(problem.country.life_table.source) | set(problem.country.norms.source)
    rows = [vars(problem.sources[k]) for k in sorted(used)]
    return pd.DataFrame(rows)


def fit_table(results: HasFits) -> pd.DataFrame:
    """Each fitted curve: method, diagnostics, leave-one-out, posterior mean and SD."""
    rows = []
    for (evidence, family), posterior in sorted(results.fits.posteriors.items()):
        row = {"evidence": evidence, "family": family, "method": posterior.method}
        row |= {k: v for k, v in posterior.diagnostics.items() if k != "seconds"}
        for key in ("elpd_loo", "p_loo", "se", "pareto_k_max", "n_bad_k"):
            row[f"loo_{key}"] = posterior.loo.get(key)
        for i, (name, values) in enumerate(posterior.parameters.items(), start=1):
            row |= {
                f"parameter_{i}": name,
                f"mean_{i}": values.mean(),
                f"sd_{i}": values.std(ddof=1),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def comparison_table(results: HasFits) -> pd.DataFrame:
    """Leave-one-out comparison of the families of each pair of curves, with the weights used."""
    tables = []
    for pair, comparison in results.fits.comparison.items():
        table = comparison.table.copy()
        table.insert(0, "evidence", " + ".join(pair))
        used = results.fits.weights.get(pair, {})
        table["weight_used"] = [used.get(f, 0.0) for f in table["family"]]
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def landmark_table(results: Results) -> pd.DataFrame:
    """Survival at landmarks: mean and 95 % interval by strategy and endpoint."""
    curves, time = results.simulation.curves, results.problem.time
    rows = []
    for strategy in curves.strategy.values:
        for endpoint in curves.endpoint.values:
            chosen = curves.sel(strategy=strategy, endpoint=endpoint)
            for month in LANDMARK_MONTHS:
                at = {k: np.interp(month / MONTHS_PER_YEAR, time, chosen[k].values) for k in chosen}
                rows.append({"strategy": strategy, "endpoint": endpoint, "month": month, **at})
    return pd.DataFrame(rows)


def curve_table(results: Results) -> pd.DataFrame:
    """Curves at every cycle boundary. `month`, `mean`, `low`, `high` by strategy and endpoint."""
    frame = results.simulation.curves.to_dataframe().reset_index()
    frame["time"] = (results.problem.time * MONTHS_PER_YEAR)[frame["time"]]
    return frame.rename(columns={"time": "month"})


def occupancy_table(results: Results) -> pd.DataFrame:
    """Mean occupancy at every cycle boundary, one column a state."""
    frame = results.simulation.occupancy.to_series().unstack("state").reset_index()
    frame["time"] = (results.problem.time * MONTHS_PER_YEAR)[frame["time"]]
    return frame.rename(columns={"time": "month"})


def hazard_ratio_table(results: Results) -> pd.DataFrame:
    """Hazard ratios of relative curves: of all patients (marginal), and of the uncured as solved.

    Returns
    -------
    DataFrame
        `strategy, endpoint, patients, median, low, high` (95 %) over draws.
    """
    rows = []
    for name, strategy in results.problem.strategies.items():
        for endpoint, curve in strategy.curves.items():
            if f"{name}_{endpoint}" not in results.simulation.hazard_ratios:
                continue
            found = {"not cured": results.simulation.hazard_ratios[f"{name}_{endpoint}"].to_numpy()}
            if curve.marginal_hazard_ratio is not None:
                marginal = results.draws.value(curve.marginal_hazard_ratio)
                found = {"all patients (from the trials)": marginal, **found}
            for patients, values in found.items():
                low, median, high = np.quantile(values, [0.025, 0.5, 0.975])
                row = {"strategy": name, "endpoint": endpoint, "patients": patients}
                rows.append(row | {"median": median, "low": low, "high": high})
    return pd.DataFrame(rows)


def companion_table(results: Results) -> pd.DataFrame:
    """The run and the scenarios beside it: increments, ICER, net benefit at each threshold."""
    rows = [_companion_row(results.problem.scenario_label, results.decision)]
    rows += [_companion_row(c.label, c.decision) for c in results.companions]
    return pd.DataFrame(rows)


def structure_table(results: Results) -> pd.DataFrame:
    """The run under each structure: increments, net benefit, and each strategy's outcomes."""
    problem = results.problem
    time = problem.time * MONTHS_PER_YEAR
    rows = []
    for s in results.structures:
        row = {"model": s.model, "label": s.label, "run": s.model == problem.settings.model}
        own = _companion_row(s.label, s.decision)
        row |= {k: v for k, v in own.items() if k != "scenario"}
        increments = s.decision.tables["increments"].set_index("outcome")
        for outcome in ("cost", "qalys"):
            row |= {f"{outcome}_{k}": increments.loc[outcome, k] for k in ("low", "high")}
        row["qalys_se"] = increments.loc["qalys", "se"]
        means = s.decision.tables["strategies"].set_index(["strategy", "outcome"])["mean"]
        for name in problem.strategies:
            for outcome in ("cost", "qalys", "life_years", "life_years_undiscounted"):
                row[f"{outcome}_{name}"] = means[name, outcome]
            alive = 1 - s.simulation.occupancy.sel(strategy=name, state="dead").values
            row |= {f"alive_{m}_{name}": np.interp(m, time, alive) for m in (24, 60)}
        row["hazard_ratio_60"] = _hazard_ratio(problem, s.simulation)
        rows.append(row)
    return pd.DataFrame(rows)


def _hazard_ratio(problem: DecisionProblem, simulation: Simulation) -> float:
    """Marginal (Cox-limit) hazard ratio of death over 60 months between the mean survival curves."""
    grid = window_grid(60 / MONTHS_PER_YEAR)
    alive = [
        np.interp(grid, problem.time, 1 - simulation.occupancy.sel(strategy=r, state="dead").values)
        for r in problem.settings.roles
    ]
    return float(marginal_hazard_ratio(*(a[None] for a in alive))[0])


def changes(results: Results) -> dict[str, np.ndarray]:
    """Intervention minus comparator, every outcome. Dims of each: draw."""
    return cost_effectiveness.increments(
        results.simulation.outcomes, *results.problem.settings.roles
    )


def phase_table(results: Results) -> pd.DataFrame:
    """Undiscounted years a patient spends in each phase, by structure and strategy.

    Rows of kind `phase` add up to the life years; those of kind `of_which` lie within.
    """
    rows = []
    for s in results.structures:
        years = s.simulation.exposures.set_index(["strategy", "exposure"])["mean"]
        for name, strategy in results.problem.strategies.items():
            for kind in ("phase", "of_which"):
                shown = strategy.phases if kind == "phase" else strategy.of_which
                rows += [
                    {
                        "model": s.model,
                        "structure": s.label,
                        "strategy": name,
                        "kind": kind,
                        "phase": label,
                        "years": years[name, exposure],
                    }
                    for label, exposure in shown.items()
                ]
    columns = ["model", "structure", "strategy", "kind", "phase", "years"]
    return pd.DataFrame(rows, columns=columns)


def _companion_row(label: str, decision) -> dict:
    icer = decision.tables["icer"].iloc[0]
    row = {"scenario": label, "cost": icer["cost"], "qalys": icer["effect"]}
    row |= {"icer": icer["ratio"], "icer_low": icer["low"], "icer_high": icer["high"]}
    row["icer_label"] = icer["label"]
    for _, at in decision.tables["net_benefit"].iterrows():
        name = at["threshold_name"]
        row |= {
            column("threshold", name): at["threshold"],
            column("net_benefit", name): at["net_benefit"],
        }
        row |= {
            column("net_benefit", name, "se"): at["se"],
            column("probability", name): at["probability"],
        }
    return row | best_columns(decision.tables)


def what_if_table(results: Results) -> pd.DataFrame:
    """Mean increments over each map: `map, scenario, x, y, cost, qalys` (internal units)."""
    return _maps(results, "table")


def what_if_crossings(results: Results) -> pd.DataFrame:
    """Where net benefit turns along each map."""
    return _maps(results, "crossings")


def _maps(results: Results, name: str) -> pd.DataFrame:
    found = [getattr(m, name).assign(map=m.what_if.name) for m in results.maps]
    if not found:
        return pd.DataFrame()
    frame = pd.concat(found, ignore_index=True)
    return frame[["map", *(c for c in frame.columns if c != "map")]]
