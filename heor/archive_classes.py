"""The classes that a file of results may name. Nothing else is imported or made when a file is read."""

from __future__ import annotations

from collections.abc import Mapping

#: Metadata of a field that older files lack: its default says that they had no such thing.
ADDED = {"added": True}
#: By the module that defines them: data, with no behaviour of the file's choosing.
CLASSES: Mapping[str, tuple[str, ...]] = {
    "heor.decision.decision": ("Decision",),
    "heor.decision.severity": ("Severity",),
    "heor.findings": ("Finding",),
    "heor.outcomes.outcomes": ("Outcomes",),
    "heor.parameters.draws": ("CurveDraws", "Draws"),
    "heor.problem.country": (
        "Country",
        "DiscountBand",
        "LifeTable",
        "SeverityBand",
        "UtilityNorms",
    ),
    "heor.problem.curve_types": (
        "EarlyFailure",
        "FittedCurve",
        "Opinion",
        "RatioAbove",
        "RatioUntil",
        "RelativeCurve",
        "SeriesCurve",
    ),
    "heor.problem.evidence": ("SurvivalEvidence",),
    "heor.problem.parameter": ("Correlation", "Origin", "Parameter", "Source", "Synthesis"),
    "heor.problem.problem": ("DecisionProblem",),
    "heor.problem.settings": ("Average", "FitSettings", "Settings"),
    "heor.problem.strategy": ("CostItem", "Exposure", "Strategy", "TransitionInput", "UtilityItem"),
    "heor.problem.study": ("Author", "Study"),
    "heor.problem.trial_design": ("Trial",),
    "heor.problem.what_if_targets": ("Axis", "WhatIf"),
    "heor.questions.crossings": ("WhatIfMap",),
    "heor.runs.country_comparison": ("CountryComparison",),
    "heor.runs.results": ("Companion", "Results", "Structure"),
    "heor.runs.scenario_analysis": ("ScenarioResults",),
    "heor.simulation.simulated": ("Simulation",),
    "heor.survival.families.cure": ("MixtureCure", "NonMixtureCure"),
    "heor.survival.families.distributions": (
        "DistributionParameter",
        "Exponential",
        "Gamma",
        "GeneralisedF",
        "GeneralisedGamma",
        "Gompertz",
        "Loglogistic",
        "Lognormal",
        "Weibull",
    ),
    "heor.survival.families.flexible": ("MSpline", "PiecewiseExponential", "RoystonParmar"),
    "heor.survival.families.joint": ("IllnessDeath", "Marginal", "Transitions"),
    "heor.survival.families.priors": ("LogGamma", "Logistic", "LogitBeta", "Normal"),
    "heor.survival.families.regression": ("Regression",),
    "heor.survival.fitting.fit_problems": ("SurvivalFits",),
    "heor.survival.fitting.goodness": ("ModelComparison",),
    "heor.survival.fitting.posterior": ("FitRequest", "SurvivalPosterior"),
    "heor.trial.data": ("Design",),
    "heor.trial.findings": ("TrialFindings",),
    "heor.trial.power": ("ExpectedPower",),
    "heor.trial.programme": ("Programme",),
    "heor.trial.value": ("TrialValue",),
}

#: Modules of earlier versions, which their files name. A class has kept its name, and no two share one.
EARLIER = frozenset(
    {
        "heor.country_comparison",
        "heor.decision.crossings",
        "heor.decision.net_benefit_of_sampling",
        "heor.decision.trial_data",
        "heor.decision.trial_power",
        "heor.decision.trial_value",
        "heor.inputs.curve_types",
        "heor.inputs.problem",
        "heor.inputs.study",
        "heor.inputs.trial",
        "heor.inputs.what_if",
        "heor.results",
        "heor.scenario_analysis",
        "heor.survival.cure",
        "heor.survival.distributions",
        "heor.survival.fitting",
        "heor.survival.flexible",
        "heor.survival.goodness",
        "heor.survival.joint",
        "heor.survival.posterior",
        "heor.survival.priors",
        "heor.survival.regression",
    }
)
#: Fields and columns of tables that earlier versions called otherwise.
RENAMED = {"source_first": "research_priorities", "suspicious": "has_residual_pattern"}
HOMES = {name: module for module, names in CLASSES.items() for name in names}


def home_of(module: str, name: str) -> str | None:
    """The module that has a class now; None when a file must not name it.

    >>> home_of("heor.inputs.problem", "Parameter"), home_of("os", "system")
    ('heor.problem.parameter', None)
    """
    if module in EARLIER:
        return HOMES.get(name)
    return module if name in CLASSES.get(module, ()) else None


def renamed(name: str) -> str:
    """What a field or a column of an earlier version is called now."""
    return RENAMED.get(name, name)
