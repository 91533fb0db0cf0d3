"""`heor country`: a new country from nothing, what one lacks, several side by side."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from heor.cli import main as cli
from heor.decision.information import information_table
from heor.errors import InputError
from heor.inputs.country.scaffold import TO_FILL, new_country
from heor.inputs.load import load
from heor.inputs.schema.country import CountryModel
from heor.report.console.country_check import check_country, country_list
from heor.report.folders.tables import write_tables
from heor.runs.results import Results


@pytest.fixture
def copied_inputs(tmp_path: Path, inputs: Path) -> Path:
    """A writable copy of the inputs with all countries."""
    return Path(shutil.copytree(inputs, tmp_path / "inputs"))


@pytest.fixture(scope="module")
def iceland(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A copy of the inputs with a folder for Iceland."""
    place = tmp_path_factory.mktemp("work") / "inputs"
    shutil.copytree(request.config.rootpath / "inputs", place)
    made = new_country(place, "IS")
    assert made.folder == place / "countries/iceland"
    return place


def test_the_folder_is_whole(iceland: Path) -> None:
    folder = iceland / "countries/iceland"
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["country.yaml", "life_table.csv", "parameters.csv", "sources.yaml"]
    values = yaml.safe_load((folder / "country.yaml").read_text(encoding="utf-8"))
    model = CountryModel.model_validate(values)
    assert (model.label, model.iso2, model.iso3, model.currency) == ("Iceland", "IS", "ISL", "ISK")
    assert tuple(name for name, block in model.blocks.items() if block.generic) == TO_FILL
    assert "$" not in (folder / "country.yaml").read_text(encoding="utf-8")
    table = pd.read_csv(folder / "life_table.csv")
    assert list(table["age"]) == list(range(101))


def test_every_value_to_supply_has_a_row(iceland: Path) -> None:
    def names(path: Path) -> list[str]:
        with path.open(encoding="utf-8", newline="") as file:
            return [r["name"] for r in csv.DictReader(file) if r["mean"] == "required"]

    own = names(iceland / "countries/iceland/parameters.csv")
    assert own == names(iceland / "model/parameters.csv") and len(own) == 16


def test_it_stops_until_stand_ins_are_allowed(iceland: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(iceland, "iceland")
    assert len(caught.value.problems) == len(TO_FILL)
    assert all("is a stand-in" in line for line in caught.value.problems)
    problem = load(iceland, "IS", allow_generic=True)
    assert (problem.country.currency, problem.country.own_currency) == ("NOK", "ISK")
    assert not problem.country.has_verdict
    assert "Not for a decision" in problem.country.cautions[0]


def test_filled_in_by_the_documentation_alone(iceland: Path, tmp_path: Path) -> None:
    """What the README says, step by step: the run then needs no permission and borrows nothing."""
    inputs = tmp_path / "inputs"
    shutil.copytree(iceland, inputs)
    folder = inputs / "countries/iceland"
    values = yaml.safe_load((folder / "country.yaml").read_text(encoding="utf-8"))
    for name in TO_FILL:
        values[name].pop("generic")
    values["thresholds"] = {"values": [5_000_000], "kind": "customary"}
    values["value_set"] = {"key": "denmark_5l", "name": "Danish EQ-5D-5L value set"}
    values["utility_norms"] = {"file": "utility_norms.csv", "value_set": "denmark_5l"}
    values["prices"] = {"rate": "exchange_rate"}
    (folder / "country.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    norms = pd.DataFrame({"age": np.arange(40, 101), "utility": 0.85})
    norms.to_csv(folder / "utility_norms.csv", index=False)
    rows = pd.read_csv(folder / "parameters.csv", dtype=str, keep_default_na=False)
    rows["mean"], rows["se"], rows["status"] = "1000", "100", "assumption"
    money = rows["unit"].str.contains("currency")
    rows.loc[money, "currency"], rows.loc[money, "price_year"] = "ISK", values["price_year"]
    rows["source"] = "generic_reference_case"
    rows.to_csv(folder / "parameters.csv", index=False)
    problem = load(inputs, "iceland")
    assert (problem.country.currency, problem.country.thresholds) == ("ISK", (5_000_000,))
    assert problem.country.cautions == () and problem.country.has_verdict
    assert check_country(inputs, country="iceland")[1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Icland", "Did you mean 'Iceland'?"),
        ("XX", "no country or area of this name or ISO 3166 code"),
        ("Norway", "Norway has a folder, inputs/countries/norway"),
        ("GBR", "has a folder, inputs/countries/england"),
    ],
)
def test_a_country_that_cannot_be_made(name: str, said: str, copied_inputs: Path) -> None:
    before = sorted(copied_inputs.rglob("*"))
    with pytest.raises(InputError) as caught:
        new_country(copied_inputs, name)
    assert said in caught.value.problems[0]
    assert sorted(copied_inputs.rglob("*")) == before


@pytest.mark.parametrize("command", [["new", "IS"], ["list"], ["check", "IS"], ["compare", "IS"]])
def test_in_an_empty_folder_the_advice_can_be_followed(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["country", *command]) == InputError.exit_code
    said = capsys.readouterr()
    assert (
        "no inputs folder here" in said.err and "Run heor where the folder 'inputs' is" in said.err
    )
    assert "country new" not in said.err and not said.out
    assert list(tmp_path.iterdir()) == []


def test_without_a_country_to_start_from(copied_inputs: Path) -> None:
    """Neither points at the other, which could not help; a missing template is named."""
    place = copied_inputs / "countries"
    template = place / "_template" / "un_mortality.csv"
    template.unlink()
    with pytest.raises(InputError, match="_template lacks un_mortality.csv"):
        new_country(copied_inputs, "IS")
    shutil.rmtree(place)
    place.mkdir()
    for ask in (
        lambda: new_country(copied_inputs, "IS"),
        lambda: load(copied_inputs, "IS"),
        lambda: country_list(copied_inputs),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        (line,) = caught.value.problems
        assert "holds no country. Copy one into it, with `_template`" in line
        assert "heor country new" not in line and "available: ." not in line


def test_without_the_usual_donor_another_must_be_named(copied_inputs: Path) -> None:
    shutil.rmtree(copied_inputs / "countries/norway")
    with pytest.raises(InputError) as caught:
        new_country(copied_inputs, "IS")
    assert "norway, which lends where nothing else is said, has no folder here" in str(caught.value)
    assert "--donor: australia, " in str(caught.value)
    assert new_country(copied_inputs, "IS", "denmark").donor == "denmark"


def test_an_unknown_donor(copied_inputs: Path) -> None:
    with pytest.raises(InputError, match="--donor norwy: no such country folder"):
        new_country(copied_inputs, "IS", "norwy")


def test_any_of_the_uns_areas(copied_inputs: Path) -> None:
    """Odd names make folders that load."""
    for name in ("CIV", "Bolivia"):
        made = new_country(copied_inputs, name)
        assert made.folder.name == made.folder.name.lower()
        load(copied_inputs, made.folder.name, allow_generic=True)


def test_check_says_what_is_left(iceland: Path) -> None:
    text, complete = check_country(iceland, country="IS")
    assert not complete
    for part in (
        "To fill",
        "Read first",
        "not verified in their source",
        "`heor run --country norway`",
    ):
        assert part in text
    text, complete = check_country(iceland, country="GB")
    assert complete and "To fill" not in text


@pytest.fixture
def of_few_draws(iceland: Path, made_up_run: Results) -> Iterator[Path]:
    """The folder of a run of Norway as a run writes its tables, here with too few draws to value any."""
    folder = iceland.parent / "outputs/norway"
    write_tables(replace(made_up_run, information=pd.DataFrame()), folder / "tables")
    yield folder
    shutil.rmtree(folder)


def test_check_ranks_by_the_tables_that_a_run_of_the_donor_writes(
    iceland: Path, made_up_run: Results, of_few_draws: Path
) -> None:
    """Costs made to matter: the one that moves net benefit more is worth more, and comes first."""
    outcomes, names = made_up_run.simulation.outcomes, ("c_resection", "c_progressed", "log_hr_os")
    drawn = pd.DataFrame({n: made_up_run.draws.values[n] for n in names})
    z = (drawn - drawn.mean()) / drawn.std()
    change = z @ [100_000.0, 300_000.0, 900_000.0]
    data = outcomes.data.copy(deep=True)
    data.loc[{"strategy": "resection", "component": outcomes.categories[0]}] += change.to_numpy()
    moved = replace(outcomes, data=data)
    threshold = moved.cost.mean(axis=0) @ [-1, 1] / (moved.qalys.mean(axis=0) @ [-1, 1])
    worth = information_table(moved, drawn, {"all costs": list(names)}, [("t", threshold)])
    write_tables(replace(made_up_run, information=worth), of_few_draws / "tables")
    text, _ = check_country(iceland, country="GB")
    ranked = text[text.index("What to find first") :]
    assert ranked.index("c_progressed") < ranked.index("c_resection")
    assert "log_hr_os" not in ranked  # a relative effect is usually kept


def test_check_says_that_the_donors_run_has_too_few_draws(
    iceland: Path, of_few_draws: Path
) -> None:
    """Not: run it, then this again; that would go in a circle."""
    text, _ = check_country(iceland, country="GB")
    assert "needs at least 500 draws. Run `heor run --country norway --draws 5000`" in " ".join(
        text.split()
    )


def test_check_names_what_is_inconsistent(copied_inputs: Path) -> None:
    path = copied_inputs / "countries/denmark/country.yaml"
    text = path.read_text(encoding="utf-8").replace("rate: 0.025", "rate: 2.5", 1)
    path.write_text(text, encoding="utf-8")
    found, complete = check_country(copied_inputs, country="DK")
    assert not complete
    assert found.startswith("Inconsistent or missing:") and "country.yaml" in found


def test_commands(
    copied_inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(copied_inputs.parent)
    assert cli.main(["country", "new", "Iceland"]) == 0
    assert "heor country check iceland" in capsys.readouterr().out
    assert cli.main(["country", "check", "iceland"]) == 1
    assert "stand-in" in capsys.readouterr().out
    assert cli.main(["country", "list"]) == 0
    assert "| iceland " in capsys.readouterr().out
    assert cli.main(["run", "--country", "IS"]) == InputError.exit_code
    assert "nothing was run" in capsys.readouterr().err
    assert cli.main(["show", "--country", "GB", "--as-of", "yesterday"]) == InputError.exit_code
    assert "write the year, month and day" in capsys.readouterr().err
    asked = ["run", "--country", "CA", "--threshold", "CAD 50000"]
    assert cli.main(asked) == InputError.exit_code
    assert "is in CAD, the costs are in NOK" in capsys.readouterr().err
    assert cli.main(["show", "c_travel", "--country", "GB", "--programme", "medicine"]) == 0
    assert "purchasing power 2024" in capsys.readouterr().out
