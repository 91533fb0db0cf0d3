"""Small declared models of the tests' own: Norway's rules, no curves, a second to run."""

from __future__ import annotations

import shutil
from pathlib import Path

ANALYSIS = """
title: Made up
question: Is it worth it?
country: norway
draws: {draws}
seed: 1
model: state_transition
structures: [state_transition]
states: [well, dead]
comparator: old
intervention: new
cycle: year
end_age: 100
categories: {{care: Care}}
"""
#: Costs and QALYs are straight lines in the parameters; deaths those of the population.
LINEAR = """
old: &old
  label: Old
  transitions: {well: {dead: {rate: background}}}
  exposures: {well: {state: well}, start: {at: "0"}}
  costs: {start: {exposure: start, amount: c_old, category: care}}
  utilities: {well: {exposure: well, multiplier: m_old}}
new:
  <<: *old
  label: New
  costs: {start: {exposure: start, amount: c_new + 0.5 * c_old, category: care}}
  utilities: {well: {exposure: well, multiplier: m_new}}
"""
#: A rate, a relative rate and a price that is paid as long as patients live.
CURVED = """
old: &old
  label: Old
  transitions: {well: {dead: {rate: background + r_death}}}
  exposures: {well: {state: well}, start: {at: "0"}}
  costs: {start: {exposure: start, amount: c_old, category: care}}
  utilities: {well: {exposure: well, multiplier: m_old}}
new:
  <<: *old
  label: New
  transitions: {well: {dead: {rate: background + r_death * rr}}}
  costs: {well: {exposure: well, amount: c_new, category: care}}
"""
ROWS = """c_old,price of the old,1000,400,gamma,{currency},NOK,2025,assumption,model_judgement,,,,
c_new,price of the new,9000,3000,gamma,{currency},NOK,2025,assumption,model_judgement,,,,
m_old,utility of the old,0.70,0.08,beta,utility multiplier,,,assumption,model_judgement,,,,
m_new,utility of the new,0.75,0.08,beta,utility multiplier,,,assumption,model_judgement,,,,
r_death,mortality from the disease,0.20,0.08,lognormal,per year,,,assumption,model_judgement,,,,
rr,relative mortality,0.60,0.20,lognormal,hazard multiplier,,,assumption,model_judgement,,,,
"""


def declared(
    inputs: Path, folder: Path, strategies: str = LINEAR, draws: int = 400, rows: str = ROWS
) -> Path:
    """An inputs folder with this model; parameters of the project's come first, unused."""
    shutil.copytree(inputs / "model", folder / "model")
    shutil.copytree(inputs / "countries/norway", folder / "countries/norway")
    (folder / "scenarios").mkdir()
    analysis = folder / "model/analysis.yaml"
    analysis.write_text(ANALYSIS.format(draws=draws), encoding="utf-8")
    (folder / "model/strategies.yaml").write_text(strategies, encoding="utf-8")
    with (folder / "model/parameters.csv").open("a", encoding="utf-8") as file:
        file.write(rows)
    return folder
