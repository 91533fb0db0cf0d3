"""`heor country`: a new country from nothing, what one lacks, several side by side."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from heor import cli
from heor.errors import InputError
from heor.inputs.country_scaffold import TO_FILL, new_country
from heor.inputs.load import load
from heor.inputs.schema_country import CountryModel
from heor.report.country_check import check_country


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


def test_check_ranks_by_the_donors_run(iceland: Path) -> None:
    tables = iceland.parent / "outputs/norway/tables"
    tables.mkdir(parents=True)
    pd.DataFrame(
        {
            "name": ["c_resection", "c_progressed", "log_hr_os", "start_age"],
            "kind": ["single", "single", "single", "group"],
            "value": [10.0, 300.0, 9_000.0, 5.0],
        }
    ).to_csv(tables / "value_of_information.csv", index=False)
    text, _ = check_country(iceland, country="GB")
    ranked = text[text.index("What to find first") :]
    assert ranked.index("c_progressed") < ranked.index("c_resection")
    assert "log_hr_os" not in ranked  # a relative effect is usually kept


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
