"""study.yaml → `Study`: every statement optional, unknown names refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from heor.inputs.read.reading import Reading, validated
from heor.inputs.schema.base import Model
from heor.problem.study import Author, Study

FILE = "study.yaml"
Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class AuthorModel(Model):
    name: Text = Field(min_length=1)
    affiliation: Text | None = None
    orcid: Text | None = None


class StudyModel(Model):
    title: Text | None = Field(None, description="names the analysis and the strategies")
    version: Text | None = None
    authors: list[AuthorModel] = []
    contact: Text | None = None
    abstract: Text | None = None
    background: Text | None = None
    analysis_plan: Text | None = None
    population: Text | None = None
    setting: Text | None = None
    choice_of_strategies: Text | None = None
    choice_of_model: Text | None = None
    availability: Text | None = None
    validation: Text | None = None
    subgroups: Text | None = None
    distributional_effects: Text | None = None
    engagement: Text | None = None
    effect_of_engagement: Text | None = None
    generalisability: Text | None = None
    funding: Text | None = None
    conflicts_of_interest: Text | None = None


def read_study(reading: Reading) -> Study:
    """The statements of `model/study.yaml`; none where there is no such file. Faults are noted."""
    path = reading.folder / "model" / FILE
    if not path.exists():
        return Study()
    layer = reading.yaml(path, "model")
    model = validated(StudyModel, layer.values, layer, "", reading)
    if model is None:
        return Study()
    stated = model.model_dump(exclude_none=True)
    stated["authors"] = tuple(Author(**a) for a in stated.get("authors", ()))
    return Study(**stated)
