"""Faults of fits, evidence, opinions and curves that only show when they are seen together."""

from __future__ import annotations

from collections.abc import Container

from heor.inputs import families, schema
from heor.inputs.layers import Layer, named
from heor.inputs.problem import (
    DecisionProblem,
    FittedCurve,
    Origin,
    RelativeCurve,
    SeriesCurve,
    Strategy,
    SurvivalEvidence,
)

EXTERNAL_FORMS = ("counts", "landmark")


def check(
    problem: DecisionProblem, models: schema.Inputs, layer: Layer, problems: list[str]
) -> None:
    """Append every fault found to `problems`."""
    _check_fit(problem, models.analysis.survival, layer, problems)
    for evidence in problem.evidence.values():
        _check_external(problem, evidence, layer, problems)
    _check_opinions(problem, layer, problems)
    survival = models.analysis.survival
    general = {*survival.distributions, survival.extrapolation}
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            origin = layer.latest(f"strategies.{strategy.name}.curves.{endpoint}")
            if isinstance(curve, RelativeCurve | SeriesCurve):
                _check_donor(problem, curve, endpoint, origin, problems)
                _check_group(strategy, curve, origin, problems)
            if isinstance(curve, FittedCurve | SeriesCurve):
                _check_fitted(problem, strategy, endpoint, curve, origin, problems, general)
    _check_one_list_an_evidence(problem, layer, problems)


# ------------------------------------------------------------------------- fits and evidence
def _check_fit(
    problem: DecisionProblem,
    survival: schema.SurvivalSettings,
    layer: Layer,
    problems: list[str],
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
            problems.append(
                f"{origin}: '{fit}' does not name a fit; write evidence/family, for example "
                f"{next(iter(problem.evidence), 'evidence')}/weibull."
            )
            continue
        named("survival evidence", evidence, problem.evidence, origin, problems)
        fault = families.fault(family)
        if fault:
            problems.append(f"{origin}: {fault}")


def _check_external(
    problem: DecisionProblem, evidence: SurvivalEvidence, layer: Layer, problems: list[str]
) -> None:
    origin = layer.origin(f"survival.{evidence.name}.external")
    for name in evidence.external:
        if not named("survival evidence", name, problem.evidence, origin, problems):
            continue
        other = problem.evidence[name]
        if name == evidence.name:
            problems.append(f"{origin}: '{name}' cannot be external to itself. Remove it.")
        elif other.form not in EXTERNAL_FORMS:
            problems.append(
                f"{origin}: external evidence '{name}' has form {other.form}; "
                f"{' or '.join(EXTERNAL_FORMS)} is allowed."
            )
        elif other.endpoint != evidence.endpoint:
            problems.append(
                f"{origin}: external evidence '{name}' is about {other.endpoint}, this about "
                f"{evidence.endpoint}; they must be the same."
            )


def _check_opinions(problem: DecisionProblem, layer: Layer, problems: list[str]) -> None:
    for name, opinion in problem.opinions.items():
        path = f"analysis.survival.opinions.{name}"
        origin = layer.origin(f"{path}.evidence")
        named("survival evidence", opinion.evidence, problem.evidence, origin, problems)
        origin = layer.origin(f"{path}.survival")
        if not named("parameter", opinion.parameter, problem.parameters, origin, problems):
            continue
        belief = problem.parameters[opinion.parameter]
        if belief.distribution != "beta" or not belief.se > 0:
            problems.append(
                f"{belief.origin}: {belief.name} is {belief.distribution} with se {belief.se:g}; an "
                f"opinion (analysis.survival.opinions.{name}) needs a beta with an se above 0. Switch "
                "the opinion off with null instead."
            )


# ------------------------------------------------------------------------------------- curves
def _check_donor(
    problem: DecisionProblem,
    curve: RelativeCurve | SeriesCurve,
    endpoint: str,
    origin: Origin,
    problems: list[str],
) -> None:
    """The strategy a curve refers to exists and has a fitted curve of its own."""
    relative = isinstance(curve, RelativeCurve)
    key, name = ("relative_to", curve.relative_to) if relative else ("rest_as", curve.rest_as)
    if name is None or not named("strategy", name, problem.strategies, origin, problems):
        return
    donor = problem.strategies[name].curves.get(endpoint)
    if donor is not None and not isinstance(donor, FittedCurve):
        kind = "relative" if isinstance(donor, RelativeCurve) else "a series"
        problems.append(
            f"{origin}: {key} '{name}', which is itself {kind}; name a strategy with fitted curves."
        )


def _check_group(
    strategy: Strategy, curve: RelativeCurve | SeriesCurve, origin: Origin, problems: list[str]
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
        problems.append(
            f"{origin}: {setting} '{share}' is the share of no group; groups: {groups}. Write it as "
            "the group's share is written."
        )
    own = strategy.cured_group
    if isinstance(curve, RelativeCurve) and None not in (group, own) and group != own:
        problems.append(
            f"{origin}: early_failure acts on group '{group}', the cured belong to '{own}'; both must "
            "be the same group."
        )


def _check_fitted(
    problem: DecisionProblem,
    strategy: Strategy,
    endpoint: str,
    curve: FittedCurve | SeriesCurve,
    origin: Origin,
    problems: list[str],
    general: Container[str],
) -> None:
    for family in curve.distributions:
        name = families.parse(family)
        fault = families.fault(family)
        if fault and family not in general:  # those are reported once, at the general list
            problems.append(f"{origin}: {fault}")
        if name is not None and name.joint and not _is_pair(strategy, curve):
            problems.append(
                f"{origin}: distribution '{family}' is a joint model of PFS and OS, but only one of "
                "them is fitted with it here. Give both endpoints evidence and the same distributions."
            )
    if not named("survival evidence", curve.evidence, problem.evidence, origin, problems):
        return
    found = problem.evidence[curve.evidence]
    if found.form == "counts":
        problems.append(
            f"{origin}: evidence '{found.name}' holds registry counts, which inform the curve of other "
            "evidence. Name it under 'external' of that evidence in survival/index.yaml."
        )
    if (found.endpoint == "os") != (endpoint == problem.settings.endpoints[-1]):
        problems.append(
            f"{origin}: evidence '{found.name}' is about {found.endpoint}, the curve is {endpoint}. "
            "Name evidence of the same endpoint (dfs counts as pfs)."
        )
    if found.age is None or found.share_male is None:
        problems.append(
            f"{origin}: evidence '{curve.evidence}' has no age or share_male, which the background "
            "mortality of its patients needs. Add them in survival/index.yaml."
        )
    _check_covariates(found, curve, origin, problems)


def _is_pair(strategy: Strategy, curve: FittedCurve | SeriesCurve) -> bool:
    """Whether both endpoints of the strategy are fitted with this curve's distributions."""
    both = [strategy.curves.get(e) for e in ("os", "pfs")]
    same = all(getattr(c, "distributions", None) == curve.distributions for c in both)
    return same and len(strategy.curves) == 2


def _check_covariates(
    evidence: SurvivalEvidence,
    curve: FittedCurve | SeriesCurve,
    origin: Origin,
    problems: list[str],
) -> None:
    unfit = [f for f in curve.distributions if evidence.covariates and not _takes_covariates(f)]
    if unfit:
        problems.append(
            f"{origin}: evidence '{evidence.name}' has covariates, which {', '.join(unfit)} cannot take; "
            "families with a closed form and splines can. Name them in 'distributions' of the curve."
        )
    missing = [c for c in evidence.covariates if c not in curve.at]
    if missing:
        problems.append(
            f"{origin}: evidence '{evidence.name}' has covariates {', '.join(missing)}; say for which "
            f"patients the curve is: at: {{{missing[0]}: ...}}."
        )
    for name in curve.at:
        if not evidence.covariates:
            problems.append(
                f"{origin}: at: '{name}', but evidence '{evidence.name}' has no covariates. Name them "
                "in survival/index.yaml, or remove 'at'."
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


def _check_one_list_an_evidence(
    problem: DecisionProblem, layer: Layer, problems: list[str]
) -> None:
    """A draw has one curve of an evidence, so one list of candidate distributions."""
    lists: dict[str, tuple[str, ...]] = {}
    for strategy in problem.strategies.values():
        for endpoint, curve in strategy.curves.items():
            if isinstance(curve, RelativeCurve):
                continue
            first = lists.setdefault(curve.evidence, curve.distributions)
            if first != curve.distributions:
                origin = layer.latest(f"strategies.{strategy.name}.curves.{endpoint}")
                problems.append(
                    f"{origin}: evidence '{curve.evidence}' is fitted with "
                    f"{', '.join(curve.distributions)} here and {', '.join(first)} elsewhere; one "
                    "evidence has one list of distributions."
                )
