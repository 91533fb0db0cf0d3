"""The items, in the order of the checklists. What each asks is said in this project's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from heor.report import outline
from heor.report.cheers import design, findings, information
from heor.report.cheers.answer import Answer
from heor.runs.results import Results

CHEERS = "Husereau et al. 2022, doi [10.1016/j.jval.2021.11.1351](<https://doi.org/10.1016/j.jval.2021.11.1351>)"
CHEERS_VOI = "Kunst et al. 2023, doi [10.1016/j.jval.2023.06.014](<https://doi.org/10.1016/j.jval.2023.06.014>)"
#: Parts, by name of the section in the outline.
INTRODUCTION, METHODS, RESULTS, CLOSE, VALUE = (part.name for part in outline.CHECKLIST)


@dataclass(frozen=True)
class Item:
    """One item: its number, the part it belongs to, what it asks, and what answers it."""

    number: str
    part: str  # name of its section in the outline
    topic: str
    asks: str
    answer: Callable[[Results], Answer]


ITEMS = (
    Item("1", INTRODUCTION, "Title", "Says it is an economic evaluation, of what against what", design.title),
    Item("2", INTRODUCTION, "Abstract", "In short: why, how, what was found, what else was tried", design.abstract),
    Item("3", INTRODUCTION, "Background and objectives", "Why the question arises, and for whose decision", design.background),
    Item("4", METHODS, "Health economic analysis plan", "Whether there is one, and where", design.analysis_plan),
    Item("5", METHODS, "Study population", "Who the patients are: age, sex, illness", design.population),
    Item("6", METHODS, "Setting and location", "What of place and health service may matter", design.setting),
    Item("7", METHODS, "Comparators", "What is compared, and why these", design.comparators),
    Item("8", METHODS, "Perspective", "Whose costs and effects count, and why", design.perspective),
    Item("9", METHODS, "Time horizon", "How long they are counted, and why", design.horizon),
    Item("10", METHODS, "Discount rate", "At which rates, and why", design.discounting),
    Item("11", METHODS, "Selection of outcomes", "What stands for benefit and harm", design.outcomes),
    Item("12", METHODS, "Measurement of outcomes", "How benefit and harm were measured", design.measurement),
    Item("13", METHODS, "Valuation of outcomes", "Whose values, by which method", design.valuation),
    Item("14", METHODS, "Resources and costs", "How use was measured and priced", design.resources),
    Item("15", METHODS, "Currency, price date, conversion", "Currency, year of prices, how others were converted", design.currency),
    Item("16", METHODS, "Rationale and description of model", "Which model, why, and where it can be had", findings.model),
    Item("17", METHODS, "Analytics and assumptions", "How data became results, what was assumed, how the model was validated", findings.analytics),
    Item("18", METHODS, "Heterogeneity", "How results of subgroups were estimated", findings.heterogeneity),
    Item("19", METHODS, "Distributional effects", "On whom effects fall; whether some count for more", findings.distribution),
    Item("20", METHODS, "Uncertainty", "Which sources of it were analysed, and how", findings.uncertainty),
    Item("21", METHODS, "Engagement with patients and others", "How those affected took part", findings.engagement),
    Item("22", RESULTS, "Study parameters", "All inputs with value, range, distribution and source", findings.parameters),
    Item("23", RESULTS, "Main results", "Mean cost and outcome of each strategy, and what sums them up", findings.main_results),
    Item("24", RESULTS, "Effect of uncertainty", "What inputs, structure, discount rate and horizon do to the findings", findings.effect_of_uncertainty),
    Item("25", RESULTS, "Effect of engagement", "What the part of those affected changed", findings.effect_of_engagement),
    Item("26", CLOSE, "Findings, limits, generalisability", "What was found, what limits it, where it holds, how it fits what is known", findings.conclusions),
    Item("27", CLOSE, "Source of funding", "Who paid, and the funder's part", findings.funding),
    Item("28", CLOSE, "Conflicts of interest", "Of each author", findings.conflicts),
)  # fmt: skip

#: By theme; the numbers are this project's, not those of the article.
VOI_ITEMS = (
    Item("V1", VALUE, "Title and abstract", "Name value of information and its measure", information.measures),
    Item("V2", VALUE, "Decision problem", "Which decision more knowledge would serve", information.question),
    Item("V3", VALUE, "What is valued", "Which parameters and study designs", information.assessed),
    Item("V4", VALUE, "Joint uncertainty", "How inputs are uncertain together", information.joint_uncertainty),
    Item("V5", VALUE, "Structural uncertainty", "Whether it is in the values", information.structural_uncertainty),
    Item("V6", VALUE, "Scale", "A patient or all patients, at which threshold", information.scale),
    Item("V7", VALUE, "Measures and methods", "How each was computed", information.method),
    Item("V8", VALUE, "Precision", "Draws, standard error, check for bias", information.precision),
    Item("V9", VALUE, "Patients who benefit", "How many, for how long, discounted how", information.people),
    Item("V10", VALUE, "Data of a new study", "How they arise, and how many", information.data_of_trial),
    Item("V11", VALUE, "Cost and delay of a new study", "What it costs, when its result is used", information.cost_of_trial),
    Item("V12", VALUE, "Use of the result, and access", "Who follows it; where model and code can be had", information.use_of_result),
)  # fmt: skip
