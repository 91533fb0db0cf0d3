"""Faults of fits, evidence, opinions and curves that only show when they are seen together."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from heor.faults import Faults
from heor.inputs.checks import families as family_checks
from heor.inputs.read.evidence_tables import LONGEST
from heor.inputs.schema import model as schema
from heor.inputs.text.layers import Layer
from heor.problem import family_names as families
from heor.problem.curve_types import FittedCurve, RelativeCurve, SeriesCurve
from heor.problem.evidence import SurvivalEvidence
from heor.problem.names import named
from heor.problem.parameter import Origin
from heor.problem.problem import DecisionProblem
from heor.problem.strategy import Strategy

#: Mean age that the patients of evidence may reach by its end: beyond it a time or the age is wrong.
OLDEST = 110
EXTERNAL_FORMS = ("counts", "landmark")


def check(
    problem: DecisionProblem,
    models: schema.Inputs,
    layer: Layer,
    declared: Collection[str],
    problems: Faults,
) -> None:
    """Append every fault found to `problems`.

    Evidence that is in the index and could not be read has its own fault, and gets no other; so has a
    parameter that has a row (`declared`).
    """
    survival, indexed = models.analysis.survival, models.survival
    _check_fit(problem, survival, layer, indexed, problems)
    for evidence in problem.evidence.values():
        _check_external(problem, evidence, layer, indexed, problems)
    _check_opinions(problem, layer, indexed, declared, problems)
    general = {*survival.distributions, survival.extrapolation}
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            origin = layer.latest(f"strategies.{strategy.name}.curves.{endpoint}")
            if isinstance(curve, RelativeCurve | SeriesCurve):
                _check_donor(problem, curve, endpoint, origin, problems)
                _check_group(strategy, curve, origin, problems)
            if isinstance(curve, FittedCurve | SeriesCurve):
                family_checks.check_families(strategy, endpoint, curve, origin, general, problems)
                if not named("survival evidence", curve.evidence, indexed, origin, problems):
                    continue
                if curve.evidence in problem.evidence:
                    _check_fitted(problem, endpoint, curve, origin, problems)
    family_checks.check_lists(problem, models, layer, problems)


# ------------------------------------------------------------------------- fits and evidence
def _check_fit(
    problem: DecisionProblem,
    survival: schema.SurvivalSettings,
    layer: Layer,
    indexed: Iterable[str],
    problems: Faults,
) -> None:
    origin = layer.origin("analysis.survival.distributions")
    for family in survival.distributions:
        fault = families.fault(family)
        if fault:
            problems.append(f"{origin}: {fault}")
    fault = families.fault(survival.extrapolation, "extrapolation", ("stacked",))
    if fault:
        problems.append(f"{layer.origin('analysis.survival.extrapolation')}: {fault}")
    for fit in problem.settings.fit.accept:
        in_file = fit in survival.accept
        origin = layer.origin("analysis.survival.accept") if in_file else Origin(f"--accept {fit}")
        evidence, slash, family = fit.partition("/")
        if not slash:
            problems.add(
                origin,
                f"'{fit}' does not name a fit",
                f"write evidence/family, for example {next(iter(problem.evidence), 'evidence')}"
                "/weibull",
            )
            continue
        named("survival evidence", evidence, indexed, origin, problems)
        fault = families.fault(family)
        if fault:
            problems.append(f"{origin}: {fault}")


def _check_external(
    problem: DecisionProblem,
    evidence: SurvivalEvidence,
    layer: Layer,
    indexed: Iterable[str],
    problems: Faults,
) -> None:
    origin = layer.origin(f"survival.{evidence.name}.external")
    for name in evidence.external:
        known = named("survival evidence", name, indexed, origin, problems)
        other = problem.evidence.get(name)
        if not known or other is None:
            continue
        if name == evidence.name:
            problems.add(origin, f"'{name}' cannot be external to itself", "", "Remove it.")
        elif other.form not in EXTERNAL_FORMS:
            problems.add(
                origin,
                f"external evidence '{name}' has form {other.form}",
                f"{' or '.join(EXTERNAL_FORMS)} is allowed",
            )
        elif other.endpoint != evidence.endpoint:
            problems.add(
                origin,
                f"external evidence '{name}' is about {other.endpoint}, this about "
                f"{evidence.endpoint}",
                "they must be the same",
            )


def _check_opinions(
    problem: DecisionProblem,
    layer: Layer,
    indexed: Iterable[str],
    declared: Collection[str],
    problems: Faults,
) -> None:
    for name, opinion in problem.opinions.items():
        path = f"analysis.survival.opinions.{name}"
        origin = layer.origin(f"{path}.evidence")
        named("survival evidence", opinion.evidence, indexed, origin, problems)
        origin = layer.origin(f"{path}.survival")
        named("parameter", opinion.parameter, declared, origin, problems)
        belief = problem.parameters.get(opinion.parameter)
        if belief is None:  # missing, or faulty in its own row
            continue
        if belief.distribution != "beta" or not belief.se > 0:
            problems.add(
                belief.origin,
                f"{belief.name} is {belief.distribution} with se {belief.se:g}",
                f"an opinion (analysis.survival.opinions.{name}) needs a beta with an se above 0",
                "Switch the opinion off with null instead.",
            )


# ------------------------------------------------------------------------------------- curves
def _check_donor(
    problem: DecisionProblem,
    curve: RelativeCurve | SeriesCurve,
    endpoint: str,
    origin: Origin,
    problems: Faults,
) -> None:
    """The strategy a curve refers to exists and has a fitted curve of its own."""
    relative = isinstance(curve, RelativeCurve)
    key, name = ("relative_to", curve.relative_to) if relative else ("rest_as", curve.rest_as)
    if name is None or not named("strategy", name, problem.strategies, origin, problems):
        return
    donor = problem.strategies[name].curves.get(endpoint)
    if donor is not None and not isinstance(donor, FittedCurve):
        kind = "relative" if isinstance(donor, RelativeCurve) else "a series"
        problems.add(
            origin, f"{key} '{name}', which is itself {kind}", "name a strategy with fitted curves"
        )


def _check_group(
    strategy: Strategy, curve: RelativeCurve | SeriesCurve, origin: Origin, problems: Faults
) -> None:
    """Who follows a series or fails early is one group of the strategy."""
    if isinstance(curve, SeriesCurve):
        setting, share, group = "share", curve.share, curve.group
    elif curve.early_failure is not None:
        early = curve.early_failure
        setting, share, group = "early_failure.among", early.among, early.group
    else:
        return
    if share != "1" and strategy.groups and group is None:
        groups = ", ".join(f"{n} ({e})" for n, e in strategy.groups.items())
        problems.add(
            origin,
            f"{setting} '{share}' is the share of no group",
            f"groups: {groups}",
            "Write it as the group's share is written.",
        )
    own = strategy.cured_group
    if isinstance(curve, RelativeCurve) and None not in (group, own) and group != own:
        problems.add(
            origin,
            f"early_failure acts on group '{group}', the cured belong to '{own}'",
            "both must be the same group",
        )


def _check_fitted(
    problem: DecisionProblem,
    endpoint: str,
    curve: FittedCurve | SeriesCurve,
    origin: Origin,
    problems: Faults,
) -> None:
    found = problem.evidence[curve.evidence]
    if found.form == "counts":
        problems.add(
            origin,
            f"evidence '{found.name}' holds registry counts, which inform the curve of other "
            "evidence",
            "",
            "Name it under 'external' of that evidence in survival/index.yaml.",
        )
    elif not found.has_events:
        problems.append(
            f"{found.origin}: {found.name} has no event among its {found.n:,} patients, so that its curve "
            f"({origin}) would be the prior alone. Use evidence with events, or another curve; such evidence "
            "can inform a curve as 'external' of another (form counts or landmark)."
        )
    endpoints = problem.settings.endpoints
    alias = (found.endpoint == "os") == (endpoint == endpoints[-1])
    if found.endpoint != endpoint and (found.endpoint in endpoints or not alias):
        problems.add(
            origin,
            f"evidence '{found.name}' is about {found.endpoint}, the curve is {endpoint}",
            "",
            "Name evidence of the same endpoint (dfs counts as pfs).",
        )
    if found.age is None or found.share_male is None:
        problems.add(
            origin,
            f"evidence '{curve.evidence}' has no age or share_male, which the background "
            "mortality of its patients needs",
            "",
            "Add them in survival/index.yaml.",
        )
    elif found.last_time <= LONGEST and found.age + found.last_time > OLDEST:
        problems.add(
            found.origin,
            f"patients of age {found.age:g} in {found.name} would be "
            f"{found.age + found.last_time:.0f} at its last time, {found.last_time:.3g} years",
            f"at most {OLDEST} is possible",
            "Check age, 'time_unit' and the largest time.",
        )
    _check_covariates(found, curve, origin, problems)


def _check_covariates(
    evidence: SurvivalEvidence,
    curve: FittedCurve | SeriesCurve,
    origin: Origin,
    problems: Faults,
) -> None:
    unfit = [f for f in curve.distributions if evidence.covariates and not _takes_covariates(f)]
    if unfit:
        problems.add(
            origin,
            f"evidence '{evidence.name}' has covariates, which {', '.join(unfit)} cannot take",
            "families with a closed form and splines can",
            "Name them in 'distributions' of the curve.",
        )
    missing = [c for c in evidence.covariates if c not in curve.at]
    if missing:
        problems.add(
            origin,
            f"evidence '{evidence.name}' has covariates {', '.join(missing)}",
            f"say for which patients the curve is: at: {{{missing[0]}: ...}}",
        )
    for name in curve.at:
        if not evidence.covariates:
            problems.add(
                origin,
                f"at: '{name}', but evidence '{evidence.name}' has no covariates",
                "",
                "Name them in survival/index.yaml, or remove 'at'.",
            )
            return
        named("covariate", name, evidence.covariates, origin, problems)


def _takes_covariates(family: str) -> bool:
    """Not a joint process, nor a family whose density PyMC must integrate for every patient."""
    found = families.parse(family)
    return found is None or found.base not in (
        "joint",
        "gamma",
        "generalised_gamma",
        "generalised_f",
    )
