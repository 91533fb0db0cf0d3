"""What authors say of their study, which no model can know: study.yaml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Author:
    """Who wrote the study."""

    name: str
    affiliation: str = ""
    orcid: str = ""


@dataclass(frozen=True)
class Study:
    """The authors' own statements; empty where nothing is stated.

    The fields are those of `inputs/model/study.yaml`, which says what belongs into each.
    """

    title: str = ""
    version: str = ""
    authors: tuple[Author, ...] = ()
    contact: str = ""
    abstract: str = ""
    background: str = ""
    analysis_plan: str = ""
    population: str = ""
    setting: str = ""
    choice_of_strategies: str = ""
    choice_of_model: str = ""
    availability: str = ""
    validation: str = ""
    subgroups: str = ""
    distributional_effects: str = ""
    engagement: str = ""
    effect_of_engagement: str = ""
    generalisability: str = ""
    funding: str = ""
    conflicts_of_interest: str = ""
