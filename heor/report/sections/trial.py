"""trial.md: the value of the trial, for those who fund, run or wait for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from heor.decision.thresholds import column
from heor.problem.expressions import names_in
from heor.problem.trial_design import Trial
from heor.report import outline
from heor.report.format.blocks import (
    Block,
    Document,
    Paragraph,
    figures,
    paragraphs,
    strong_lines,
    table,
)
from heor.report.format.choice import alone, has_several, label_of, run_choices
from heor.report.format.words import STATUS_WORDS, money, plain
from heor.report.markdown import markdown
from heor.runs.results import Results
from heor.trial.findings import TrialFindings
from heor.trial.programme import LEAST_EFFECTIVE, Programme

EXPRESSION_WORDS = {
    "accrual": "patients recruited a year",
    "dropout": "loss to follow-up, per year",
    "reporting_delay": "years from the reading to the use of its result",
    "fixed_cost": "fixed cost of a trial",
    "cost_per_patient": "cost of a trial for each patient",
    "eligible": "patients a year for whom the decision is made",
    "horizon": "years from now for which it is made",
    "implementation": "share of them for whom the result is followed",
}


def millions(x: float) -> str:
    """Money in millions to one decimal.

    >>> millions(-1234567.0)
    '-1.2'
    """
    return f"{x / 1e6 + 0.0:,.1f}".replace("-0.0", "0.0")


def trial_page(results: Results, names: list[str]) -> str:
    """The whole page as Markdown; empty where no trial is asked for."""
    document = trial_document(results, names)
    return markdown(document) if document else ""


def trial_document(results: Results, names: Sequence[str] = ()) -> Document | None:
    """The whole page, with the figures of these names; none where no trial is asked for."""
    if results.trial is None or results.problem.trial is None:
        return None
    trial, found = results.problem.trial, results.trial
    made = {
        "power": _power(trial, found),
        "worth": _worth(results, trial, found),
        "designs": _sizes(results, found),
        "observed": _observed(results, trial, found),
        "figures": figures((n for n in names if n.startswith("trial_")), "png"),
        "computation": _method(results, trial, found),
        "assumed": _assumptions(results, found.programme),
    }
    head = [strong_lines(answer(results))]
    parts = outline.parts(outline.TRIAL, made, trial=trial.label)
    title = f"What is {trial.label} worth?"
    return Document(title, results.problem.question, head, parts)


def answer(results: Results) -> list[str]:
    """The answer in a few sentences."""
    trial, found = results.problem.trial, results.trial
    assert trial is not None and found is not None
    currency, power = results.problem.country.currency, found.power
    name, threshold = results.decision.headline
    own = found.extension[found.extension["threshold_name"] == name]
    planned = _planned(own, trial)
    perfect = _evpi(results, name)
    best = run_choices(results).get(name) if has_several(results.problem) else None
    lines = [
        f"Today {label_of(results.problem, best.strategy)} is the best of all {len(best.chances)} strategies "
        f"at {threshold:,.0f} {currency} per QALY; a trial changes the decision when it would leave another "
        "of them as the best."
        if best
        else "",
        f"{trial.label}, {trial.patients} patients read {12 * trial.follow_up:g} months after the last "
        f"inclusion, would change the decision in {planned['changes']:.0%} of cases at {threshold:,.0f} "
        f"{currency} per QALY: worth {money(planned['evsi'])} {currency} a patient, "
        f"{millions(planned['population_value'])} million over {planned['beneficiaries']:,.0f} (discounted) "
        f"later patients. Knowing everything would be worth {money(perfect)} a patient."
        + _other_thresholds(results, trial, found, name),
        f"It has a {power.better:.0%} chance of a significant gain in survival at "
        f"{12 * trial.endpoint:g} months, averaged over what is believed today ({power.worse:.0%} of a "
        f"significant loss). {_needed(trial, found)}",
        _follow_up_words(results, trial, own, currency),
        _new_trial(results, found, name, currency),
    ]
    return [line for line in lines if line]


def _other_thresholds(results: Results, trial: Trial, found: TrialFindings, name: str) -> str:
    """The same at the other thresholds, for those who hold another."""
    currency, parts = results.problem.country.currency, []
    for other, threshold in results.decision.thresholds:
        if other == name:
            continue
        planned = _planned(found.extension[found.extension["threshold_name"] == other], trial)
        parts.append(
            f"at {threshold:,.0f} it changes the decision in {planned['changes']:.0%} and is worth "
            f"{money(planned['evsi'])} {currency} a patient"
        )
    return f" By threshold: {'; '.join(parts)}." if parts else ""


def _needed(trial: Trial, found: TrialFindings) -> str:
    power = found.power
    if not np.isfinite(power.needed):
        return f"No difference gives {trial.patients} patients 80 % power."
    return (
        f"For 80 % power survival would have to rise from {power.survival[0]:.0%} to {power.needed:.0%}; "
        f"the chance that the true gain is this large is {power.chance_of_needed:.0%}."
    )


def _planned(own: pd.DataFrame, trial: Trial) -> pd.Series:
    at = np.isclose(own["follow_up_months"], 12 * trial.follow_up) & ~own["primary_only"]
    return own[at].iloc[0]


def _evpi(results: Results, name: str) -> float:
    frame = results.decision.tables["net_benefit"].set_index("threshold_name")
    return float(frame.loc[name, "evpi"])


def _follow_up_words(results: Results, trial: Trial, own: pd.DataFrame, currency: str) -> str:
    """What reading the primary endpoint alone loses, and what longer follow-up adds."""
    planned = _planned(own, trial)
    primary = own[own["primary_only"]].iloc[0]
    longer = own[~own["primary_only"] & (own["follow_up_months"] > 12 * trial.follow_up + 1e-9)]
    words = (
        f"Survival to {12 * trial.endpoint:g} months alone, with nothing used of what is seen later, would "
        f"be worth {money(primary['evsi'])} {currency} a patient instead of {money(planned['evsi'])}"
    )
    # only the later part of a curve tells a lower hazard from cure
    words += (
        ": it cannot tell a lower hazard from cure."
        if _has_cure(results) and primary["evsi"] < planned["evsi"]
        else "."
    )
    if len(longer):
        last = longer.iloc[-1]
        words += (
            f" Following patients to {last['follow_up_months']:g} months as well adds "
            f"{money(last['evsi'] - planned['evsi'])} a patient, "
            f"{millions(last['value_of_extension'])} million {currency} in all: what the longer follow-up "
            "may cost."
        )
    return words


def _has_cure(results: Results) -> bool:
    """Whether some are cured in some draw."""
    curves = (c for s in results.problem.strategies.values() for c in s.curves.values())
    shares = (getattr(curve, "cured_fraction", "0") for curve in curves)
    return any(np.max(results.draws.value(share)) > 0 for share in shares)


def _new_trial(results: Results, found: TrialFindings, name: str, currency: str) -> str:
    own = found.designs[found.designs["threshold_name"] == name]
    best = own.loc[own["net_benefit"].idxmax()]
    if best["net_benefit"] > 0:
        return (
            f"At {own['threshold'].iloc[0]:,.0f} {currency} per QALY a trial begun today would be worth most with {best['patients']:.0f} patients and "
            f"{best['follow_up_months']:g} months: {millions(best['net_benefit'])} million {currency} more "
            "than it costs."
        )
    return (
        f"At {own['threshold'].iloc[0]:,.0f} {currency} per QALY no trial begun today at this pace of "
        f"recruitment would be worth what it costs (best of "
        f"{len(own)} designs: {millions(best['net_benefit'])} million {currency}, with "
        f"{best['patients']:.0f} patients)."
    )


def _power(trial: Trial, found: TrialFindings) -> list[Block]:
    frame = found.power_by_size
    month = f"{12 * trial.endpoint:g}"
    rows = pd.DataFrame(
        {
            "Patients": [f"{n:.0f}" for n in frame["patients"]],
            f"Significant gain at {month} months": [f"{x:.0%}" for x in frame["better"]],
            "Significant loss": [f"{x:.0%}" for x in frame["worse"]],
            "Significant gain, log-rank test": [f"{x:.0%}" for x in frame["log_rank_better"]],
            "Survival needed for 80 % power": [
                f"{x:.0%}" if np.isfinite(x) else "-" for x in frame["needed"]
            ],
            "Chance of a gain this large": [f"{x:.0%}" for x in frame["chance_of_needed"]],
        }
    )
    return [
        Paragraph(
            f"The primary endpoint is survival at {month} months, tested two-sided at "
            f"{trial.significance:g}. Power is averaged over the uncertainty of the model (assurance): the "
            "comparator's survival, the hazard ratio and cure are different in every draw. A trial that is "
            "not significant does not say that there is no gain."
        ),
        *table(rows),
    ]


def _worth(results: Results, trial: Trial, found: TrialFindings) -> list[Block]:
    currency = results.problem.country.currency
    check = found.check.set_index(["threshold_name", "follow_up_months", "primary_only"])
    rows = []
    for _, r in found.extension.sort_values("threshold", kind="stable").iterrows():
        other = check.loc[r["threshold_name"], r["follow_up_months"], r["primary_only"]]
        extra = r["value_of_extension"]
        rows.append(
            {
                f"{currency} per QALY": f"{r['threshold']:,.0f}",
                "Read, months": f"{r['follow_up_months']:g}"
                + (" (endpoint only)" if r["primary_only"] else ""),
                f"Worth a patient ({currency})": f"{money(r['evsi'])} (SE {money(r['se'])})"
                + (" (check)" if r["has_residual_pattern"] else ""),
                "By regression": f"{money(other['evsi'])} (SE {money(other['se'])})",
                "Changes the decision": f"{r['changes']:.0%}",
                "Used after, years": f"{r['used_after_years']:.1f}",
                "In all, million": millions(r["population_value"]),
                "Longer follow-up adds, million": millions(extra) if extra == extra else "",
            }
        )
    sunk = trial.since_last_inclusion is not None
    return [
        Paragraph(
            (
                f"It has recruited (last inclusion {12 * trial.since_last_inclusion:g} months ago); what it "
                "has cost is spent, whatever is decided now, and is left out. "
                if sunk
                else ""
            )
            + "All deaths seen until the reading are used; the first patients are then followed longer than "
            "the last. Longer follow-up is compared with the planned reading, whose result is used until "
            "then."
        ),
        *table(pd.DataFrame(rows)),
    ]


def _sizes(results: Results, found: TrialFindings) -> list[Block]:
    currency = results.problem.country.currency
    blocks: list[Block] = paragraphs(
        "Million in all, discounted: value for later patients, less the trial's cost and the net benefit "
        "forgone by those randomised to what looks worse today. Valued as if no other trial reported, and with follow-up itself free of cost. A larger trial recruits for longer, so its "
        "result serves fewer patients; with more centres the pace is another (`trial_accrual`). (check): the regression left a pattern in its "
        "residuals; read with care."
    )
    for name, threshold in results.decision.thresholds:
        own = found.designs[found.designs["threshold_name"] == name]
        shown = own[own["follow_up_months"] == _shown_follow_up(results)]
        rows = pd.DataFrame(
            {
                "Patients": [f"{n:.0f}" for n in shown["patients"]],
                f"Worth a patient ({currency})": [
                    money(x) + (" (check)" if doubt else "")
                    for x, doubt in zip(shown["evsi"], shown["has_residual_pattern"], strict=True)
                ],
                "Used after, years": [f"{x:.1f}" for x in shown["used_after_years"]],
                "Value": [millions(x) for x in shown["population_value"]],
                "Trial's cost": [millions(x) for x in shown["trial_cost"]],
                "Forgone": [millions(x) for x in shown["forgone"]],
                "**Net**": [millions(x) for x in shown["net_benefit"]],
            }
        )
        subject = (
            f"at {threshold:,.0f} {currency} per QALY, read {_shown_follow_up(results):g} months after the "
            "last inclusion"
        )
        blocks += [Paragraph(f"A{subject[1:]}:"), *table(rows, subject=subject)]
    return blocks


def _shown_follow_up(results: Results) -> float:
    assert results.problem.trial is not None
    return results.problem.trial.follow_up * 12


def _observed(results: Results, trial: Trial, found: TrialFindings) -> list[Block]:
    currency = results.problem.country.currency
    frame = found.observed
    rows = {
        "Hazard ratio of death observed": [f"{x:.1f}" for x in frame["hazard_ratio"]],
        "Chance of one this low": [f"{x:.0%}" for x in frame["share_below"]],
    }
    for name, threshold in results.decision.thresholds:
        rows[f"Net benefit at {threshold:,.0f}"] = [
            money(x) for x in frame[column("net_benefit", name)]
        ]
    return [
        Paragraph(
            f"Incremental net benefit ({currency} a patient{alone(results.problem)}) that would be believed if {trial.label} showed "
            "this hazard ratio and nothing else of it were looked at. Ratios that fewer than 0.5 % of trials "
            "would show at either end are left out; where the sign is the same throughout, no likely ratio alone "
            "turns the decision: the shape of the curves has to."
        ),
        *table(pd.DataFrame(rows)),
    ]


def _method(results: Results, trial: Trial, found: TrialFindings) -> list[Block]:
    draws = results.simulation.outcomes.n
    effective = found.check["effective_draws"].min()
    return paragraphs(
        f"Each of the {draws:,} draws of the model is a possible truth. Its survival curves give the "
        "deaths the trial would see (times drawn by inverting the curve; patients enter at the pace of "
        "recruitment; those alive at the reading, or lost before it, are censored); its costs and QALYs "
        "give what each decision would bring. The grid of designs is valued by regression: costs and "
        "QALYs on scores of the deaths (observed less expected, weighted by the directions in which the "
        "draws' hazards differ most); small trials are simulated several times in a draw. "
        f"{trial.label} itself is valued by importance sampling, which weights all draws by the whole "
        f"likelihood of what the trial shows (at least {effective:,.0f} effective draws; below "
        f"{LEAST_EFFECTIVE} the regression is used), with the regression as a check.",
        "Only survival is learnt: what the trial says on progression, costs and quality of life comes on "
        "top. Tables: `tables/trial_*.csv`.",
    )


def _assumptions(results: Results, programme: Programme) -> list[Block]:
    problem = results.problem
    assert problem.trial is not None
    rows = []
    for setting, text in problem.trial.expressions.items():
        names = [n for n in sorted(names_in(text)) if n in problem.parameters]
        statuses = dict.fromkeys(STATUS_WORDS[problem.parameters[n].status] for n in names)
        rows.append(
            {
                "What": EXPRESSION_WORDS[setting],
                "Value": plain(getattr(programme, setting)),
                "Parameter": ", ".join(f"`{n}`" for n in names) or text,
                "Status": ", ".join(statuses),
            }
        )
    return table(pd.DataFrame(rows))
