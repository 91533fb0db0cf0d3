"""study.yaml: what authors state is read, unknown names are refused with the nearest one."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from heor.inputs.load import load
from heor.inputs.read.study import StudyModel
from heor.problem.study import Author, Study

STATED = """
title: A title
version: 0.1
authors:
  - {name: Kari Nordmann, affiliation: "A | B", orcid: 0000-0001}
  - {name: "Ola <b>"}
funding: >-
  The council,
  with no part in it.
conflicts_of_interest: null
"""


def write(copied_inputs, text: str) -> None:
    (copied_inputs / "model" / "study.yaml").write_text(text, encoding="utf-8")


def test_statements_are_read_and_null_is_none(copied_inputs):
    write(copied_inputs, STATED)
    study = load(copied_inputs).study
    assert study.title == "A title" and study.version == "0.1"
    assert study.authors == (
        Author("Kari Nordmann", "A | B", "0000-0001"),
        Author("Ola <b>"),
    )
    assert study.funding == "The council, with no part in it."
    assert study.conflicts_of_interest == study.abstract == ""


def test_every_slot_may_be_left_out(copied_inputs):
    (copied_inputs / "model" / "study.yaml").unlink()
    assert load(copied_inputs).study == Study()


def test_the_shipped_file_names_every_slot_and_invents_nothing(inputs, problem):
    text = (inputs / "model" / "study.yaml").read_text(encoding="utf-8")
    for slot in fields(Study):
        assert f"\n{slot.name}:" in text, slot.name
    assert set(StudyModel.model_fields) == {slot.name for slot in fields(Study)}
    stated = {k for k, v in vars(problem.study).items() if v}
    assert stated == {"title", "version"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "fundng: x",
            "study.yaml:1: unknown name 'fundng'; allowed: title, .*Did you mean 'funding'?",
        ),
        ("title: x\nauthors: Kari", "study.yaml:2: authors: .*list.*found 'Kari'"),
        ("authors:\n  - {affiliation: x}", "study.yaml:2: 'authors.0.name' is missing"),
        ("funding: [a, b]", "study.yaml:1: funding: .*string"),
        ("funding: x\nfunding: y", "study.yaml:2: 'funding' appears twice"),
        ("- x", "study.yaml:1: not a mapping"),
    ],
)
def test_faults_are_named_by_line(copied_inputs, faults, text, said):
    write(copied_inputs, text)
    (fault,) = faults()
    assert re.search(said.replace("?", r"\?"), fault), fault
