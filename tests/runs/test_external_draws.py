"""`heor analyse`: another program's draws, against closed forms; mistakes in them; its figures and SEs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from scipy import integrate, stats

from heor.cli import main as cli
from heor.decision import acceptability, convergence, cost_effectiveness
from heor.decision.information import evppi
from heor.errors import InputError
from heor.outcomes.outcomes import QALYS, Outcomes
from heor.report.figures import comparison as figures_comparison
from heor.report.figures.information import information
from heor.report.folders.external_draws import answer, comparison, write_analysis
from heor.runs.external_draws import Analysed, analyse
from tests.other_programs import COST, DRAWS, NAMES, QALY, THRESHOLDS, drawn, saved
from tests.reports import external_draws_markdown as report


def benefit(threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of net benefit by strategy."""
    return threshold * QALY[:, 0] - COST[:, 0], np.hypot(threshold * QALY[:, 1], COST[:, 1])


def outcomes(cost: np.ndarray, qalys: np.ndarray, replicates: int = 1) -> Outcomes:
    """Dims of both: (draw, strategy)."""
    n, k = np.shape(cost)
    table = pd.DataFrame(
        {
            "strategy": np.tile([f"s{i}" for i in range(k)], n),
            "draw": np.repeat(np.arange(n), k),
            "cost": np.ravel(cost),
            "qaly": np.ravel(qalys),
        }
    )
    own = Outcomes.from_table(table, "EUR")
    return Outcomes(own.data, own.categories, own.currency, replicates)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Analysed:
    """The closed-form problem without parameters."""
    return analyse(saved(tmp_path_factory.mktemp("bare"), drawn()), "EUR", THRESHOLDS)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Analysed:
    """The same with parameters, one of them constant."""
    path = saved(tmp_path_factory.mktemp("known"), drawn(2000, parameters=True).assign(fixed=0.035))
    return analyse(path, "EUR", THRESHOLDS, groups={"both QALYs": ["u_drug", "u_surgery"]})


@pytest.fixture(scope="module")
def written(known: Analysed) -> Path:
    """Its whole folder, written once."""
    return write_analysis(known, known.source.parent / "out")


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heor.report.figures.registry.write_figures", lambda *_, **__: [])


# --- Against closed forms


def test_means_and_frontier_are_those_of_the_file(bare: Analysed) -> None:
    """To the last digit; incremental ratios are ratios of those means."""
    means = drawn().groupby("strategy")[["cost", "qaly"]].mean().loc[list(NAMES)]
    table = bare.decision.tables["strategies"].pivot(
        index="strategy", columns="outcome", values="mean"
    )
    assert table.loc[list(NAMES), ["cost", "qalys"]].to_numpy() == pytest.approx(
        means.to_numpy(), rel=1e-12
    )
    frontier = bare.decision.tables["frontier"]
    assert frontier["strategy"].tolist() == list(NAMES)
    change = means.diff()
    assert frontier["icer"].to_numpy()[1:] == pytest.approx(
        (change["cost"] / change["qaly"]).to_numpy()[1:], rel=1e-12
    )
    assert (bare.comparator, bare.intervention) == (NAMES[0], NAMES[-1])


def test_acceptability_is_that_of_independent_normals(bare: Analysed) -> None:
    """Every threshold and strategy within 4 SE of the integral."""
    table = bare.decision.tables["ceac"]
    assert table["threshold"].max() == 2 * max(THRESHOLDS)
    worst = 0.0
    for threshold, rows in list(table.groupby("threshold"))[::50]:
        mean, sd = benefit(threshold)
        for i, name in enumerate(NAMES):
            others = [j for j in range(3) if j != i]
            p = integrate.quad(
                lambda x, i=i, o=others, m=mean, s=sd: (
                    stats.norm.pdf(x) * np.prod(stats.norm.cdf((m[i] + s[i] * x - m[o]) / s[o]))
                ),
                -9,
                9,
                limit=200,
            )[0]
            found = rows.set_index("strategy").loc[name, "probability"]
            worst = max(worst, abs(found - p) / np.sqrt(max(p * (1 - p), 1e-4) / DRAWS))
    assert 0 < worst < 4


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_evpi_and_error_are_those_of_independent_normals(bare: Analysed, threshold: float) -> None:
    mean, sd = benefit(threshold)
    low, high = (mean - 9 * sd).min(), (mean + 9 * sd).max()
    above = integrate.quad(
        lambda x: 1 - np.prod(stats.norm.cdf((x - mean) / sd)), low, high, limit=500
    )[0]
    exact = low + above - mean.max()
    rows = bare.decision.tables["net_benefit"].set_index("threshold")
    row = rows.loc[threshold]
    assert abs(row["evpi"] - exact) < 4 * row["evpi_se"] < 0.2 * exact
    best, rest = mean.argmax(), np.arange(3) != mean.argmax()
    right = integrate.quad(
        lambda z: (
            stats.norm.pdf(z)
            * np.prod(stats.norm.cdf((mean[best] + sd[best] * z - mean[rest]) / sd[rest]))
        ),
        *(-9, 9),
        limit=200,
    )[0]
    wrong = 1 - right  # any of the other two is better
    assert abs(row["error_probability"] - wrong) < 4 * np.sqrt(wrong * (1 - wrong) / DRAWS)


def test_evppi_of_one_parameter_is_the_unit_normal_loss(known: Analysed) -> None:
    """Given one QALY, net benefit of its strategy is known and of the others their means."""
    table = known.information.set_index(["name", "threshold"])
    for i, name in ((1, "u_drug"), (2, "u_surgery")):
        for threshold in THRESHOLDS:
            mean, _ = benefit(threshold)
            rest, sd = np.delete(mean, i).max(), threshold * QALY[i, 1]
            gap = (mean[i] - rest) / sd
            exact = rest + sd * (stats.norm.pdf(gap) + gap * stats.norm.cdf(gap)) - mean.max()
            row = table.loc[(name, threshold)]
            assert row["kind"] == "single" and abs(row["value"] - exact) < 4 * row["se"], name
    both = table.loc[("both QALYs", THRESHOLDS[1])]
    each = table.loc[("u_surgery", THRESHOLDS[1])]
    whole = table.loc[("all", THRESHOLDS[1])]
    assert both["kind"] == "group" and each["value"] < both["value"] < whole["value"]


# --- What is written


def test_whole_folder(written: Path, known: Analysed) -> None:
    """Report with the answer first, each figure that it shows, tables, and the record of the file."""
    beside = {"report.md", "report.html", "tables", "figures", "run.json"}
    assert {p.name for p in written.iterdir()} == beside
    text = (written / "report.md").read_text(encoding="utf-8")
    for line in answer(known):
        assert f"**{line}**" in text
        assert text.index(line) < text.index("## Full incremental analysis")
    shown = [line.split("(")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert {Path(s).stem for s in shown} == {"plane", "ceac", "expected_loss", "information"}
    assert all((written / s).stat().st_size > 5000 for s in shown)
    assert {p.stem for p in (written / "tables").iterdir()} == {
        *known.decision.tables,
        "information",
        "information_curves",
    }
    for name in ("strategies", "net_benefit", "ceac"):
        pd.testing.assert_frame_equal(
            pd.read_csv(written / "tables" / f"{name}.csv", dtype={"threshold_name": str}),
            known.decision.tables[name],
            check_dtype=False,
            rtol=1e-8,
        )
    record = json.loads((written / "run.json").read_text(encoding="utf-8"))
    assert record["strategies"] == list(NAMES) and record["draws"] == 2000
    assert record["thresholds"] == list(THRESHOLDS) and record["currency"] == "EUR"
    assert record["groups"] == {"both QALYs": ["u_drug", "u_surgery"]}
    assert record["sha256"] == known.sha256 and record["versions"]["heor"]
    assert record["notes"] == ["Parameter 'fixed' is the same in every draw and left out."]
    assert record["notes"][0] in text


def test_answer_is_that_at_the_threshold_wherever_the_curves_end(bare: Analysed) -> None:
    """Curves up to 1,000 do not say what is best at 30,000, nor do points beside it."""
    short = analyse(bare.source, "EUR", THRESHOLDS, largest=1000.0, points=7)
    assert answer(short) == answer(bare)
    low, high, last = answer(bare)
    icer = bare.decision.tables["icer"].iloc[0]
    assert last.startswith(f"surgery gains {icer['effect']:.3f} QALYs")
    assert f"against watch alone: {round(icer['ratio'], -2):,.0f} EUR per QALY" in last
    assert low.startswith("At 15,000 EUR per QALY watch has the highest expected net benefit")
    assert high.startswith("At 30,000 EUR per QALY surgery has the highest expected net benefit")
    exact = acceptability.ceac(bare.outcomes, [30_000.0]).query("on_frontier").iloc[0]
    assert f"the best is {exact['probability']:.0%}" in high


def test_small_amounts_keep_their_digits(tmp_path: Path) -> None:
    """A saving of 10 in a cost of 20,000 is not nothing."""
    table = drawn(200)
    table["cost"] = 20_000.0 - 10.0 * (table["strategy"] == "surgery")
    found = analyse(saved(tmp_path, table), "EUR", [20_000.0])
    assert "saves 10.0 EUR (95 % 10.0 to 10.0)" in answer(found)[-1]
    assert answer(found)[-1].endswith("against watch alone: dominant.")


def test_interval_of_a_saving_and_of_a_loss_holds_what_is_saved_and_lost(tmp_path: Path) -> None:
    """Both change sign with the number before them: "saves 200 (-100 to 500)", not "(-500 to 100)"."""
    table = drawn(300)
    surgery = table["strategy"] == "surgery"
    saving, loss = np.linspace(-100.0, 500.0, 300), np.linspace(0.1, 0.3, 300)
    table["cost"], table["qaly"] = 20_000.0, 2.0
    table.loc[surgery, "cost"] -= saving
    table.loc[surgery, "qaly"] -= loss
    text = answer(analyse(saved(tmp_path, table), "EUR", [20_000.0]))[-1]
    low, high = np.quantile(saving, (0.025, 0.975))
    assert f"saves 200 EUR (95 % {low:.1f} to {high:.0f})" in text
    low, high = np.quantile(loss, (0.025, 0.975))
    assert f"loses 0.200 QALYs (95 % {low:.3f} to {high:.3f})" in text


def test_report_says_when_draws_are_too_few(tmp_path: Path) -> None:
    few = analyse(saved(tmp_path, drawn(300)), "EUR", [30_000.0])
    assert "More draws would help: " in report(few, [])
    table = drawn(300)
    for column in ("cost", "qaly"):  # the same in every draw: nothing is uncertain
        table[column] = table.groupby("strategy")[column].transform("mean")
    sure = analyse(saved(tmp_path, table), "EUR", [30_000.0])
    assert "Monte Carlo error is small" in report(sure, [])


@pytest.mark.usefixtures("no_figures")
def test_command_prints_the_answer_and_the_place(
    tmp_path: Path,
    known: Analysed,
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """The same tables to the byte as from Python; thresholds by comma and with a currency in front."""
    monkeypatch.chdir(tmp_path)
    arguments = ["analyse", str(known.source), "--threshold", "15000, EUR 30000"]
    assert cli.main([*arguments, "--group", "both QALYs=u_drug,u_surgery"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [*answer(known), *known.notes] == lines[-len(known.notes) - 4 : -1]
    assert lines[-1].startswith("Open outputs/analyse-psa/report.html (report.md, ")
    again = tmp_path / "outputs" / "analyse-psa" / "tables"
    assert len(list(again.iterdir())) == 11
    for path in again.iterdir():
        assert path.read_bytes() == (written / "tables" / path.name).read_bytes(), path.name


# --- Forms a file may have


def same(a: Analysed, b: Analysed) -> bool:
    """All tables, parameters, values of information and words."""
    for name, table in a.decision.tables.items():
        pd.testing.assert_frame_equal(table, b.decision.tables[name], rtol=1e-9)
    pd.testing.assert_frame_equal(a.parameters, b.parameters, rtol=1e-12)
    pd.testing.assert_frame_equal(a.information, b.information, rtol=1e-9)
    return answer(a) == answer(b)


FORMS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "spreadsheet, semicolons": lambda t, p: t.to_csv(p, index=False, sep=";", encoding="utf-8-sig"),
    "spreadsheet, decimal commas": lambda t, p: t.to_csv(
        p, index=False, sep=";", decimal=",", encoding="utf-8-sig", lineterminator="\r\n"
    ),
    "tabs": lambda t, p: t.to_csv(p, index=False, sep="\t"),
    "row numbers without a name": lambda t, p: t.to_csv(p, index=True),
    "capitals and spaces": lambda t, p: t.rename(
        columns={"strategy": " Strategy", "draw": "DRAW ", "qaly": "QALY", "u_drug": " u_drug "}
    ).to_csv(p, index=False),
    "empty column and rows at the end": lambda t, p: p.write_text(
        t.to_csv(index=False).replace("\n", ",\n") + ",,,,,,,\n\n", encoding="utf-8"
    ),
    "draw by draw": lambda t, p: t.sort_values("draw", kind="stable").to_csv(p, index=False),
    "draws backwards": lambda t, p: t.sort_values("draw", ascending=False, kind="stable").to_csv(
        p, index=False
    ),
    "text in quotes": lambda t, p: t.to_csv(p, index=False, quoting=1),
}


@pytest.mark.parametrize("form", FORMS)
def test_form_of_the_file_does_not_matter(form: str, tmp_path: Path) -> None:
    """Few draws: the value of information follows from the same outcomes and parameters."""
    table = drawn(100, parameters=True)
    plain = analyse(saved(tmp_path, table, "plain.csv"), "EUR", [30_000.0], points=21)
    assert list(plain.parameters) == ["u_drug", "u_surgery", "noise"]
    FORMS[form](table, tmp_path / "other.csv")
    assert same(plain, analyse(tmp_path / "other.csv", "EUR", [30_000.0], points=21))


def _of_one_group(path: Path, **named: object) -> Analysed:
    groups = {"QALYs": ["u_drug", "u_surgery"]}
    return analyse(path, "EUR", [30_000.0], groups=groups, points=21, **named)


def test_rows_in_any_order(tmp_path: Path) -> None:
    """Shuffled rows change nothing but which strategies are asked about, when they are not named."""
    table = drawn(100, parameters=True)
    roles = {"roles": ("watch", "surgery")}
    plain = _of_one_group(saved(tmp_path, table), **roles)
    mixed = table.sample(frac=1, random_state=3)
    other = _of_one_group(saved(tmp_path, mixed, "mixed.csv"), **roles)
    assert answer(plain) == answer(other)
    assert set(plain.outcomes.strategies) == set(other.outcomes.strategies)
    for name in ("net_benefit", "increments", "frontier", "icer"):
        pd.testing.assert_frame_equal(plain.decision.tables[name], other.decision.tables[name])


def test_parameters_beside_or_in_the_file_are_worth_the_same(tmp_path: Path) -> None:
    """In a file of their own, in any order of draws; columns left unread are named."""
    table = drawn(600, parameters=True)
    inside = _of_one_group(saved(tmp_path, table))
    own = table[table["strategy"] == "drug"].drop(columns=["strategy", "cost", "qaly"])
    beside = saved(tmp_path, own.sample(frac=1, random_state=1), "p.csv", sep=";")
    bare = saved(tmp_path, table[["strategy", "draw", "cost", "qaly"]], "bare.csv")
    apart = _of_one_group(bare, parameters=beside)
    assert same(inside, apart) and not apart.notes
    assert (inside.information["value"] > 0).any()
    direct = evppi(inside.outcomes, own, {"QALYs": ["u_drug", "u_surgery"]}, [30_000.0])[0]
    found = apart.information.set_index("name").loc["QALYs", "value"]
    assert found == pytest.approx(direct.value[0], rel=1e-9)
    few = table[table["draw"] <= 60]
    own = saved(tmp_path, own[own["draw"] <= 60], "p.csv")
    twice = _of_one_group(saved(tmp_path, few), parameters=own)
    assert twice.notes[:1] == (
        "Columns of psa.csv that were left out, parameters being those of p.csv: u_drug, u_surgery, "
        "noise.",
    )


def test_a_strategy_may_be_called_none(tmp_path: Path) -> None:
    """Words that spreadsheets and libraries take for missing values are names like any other."""
    table = drawn(100).replace({"strategy": {"watch": "None", "drug": "NA"}})
    found = analyse(saved(tmp_path, table), "EUR", [20_000.0])
    assert found.outcomes.strategies == ("None", "NA", "surgery")


@pytest.mark.usefixtures("no_figures")
def test_fewer_than_500_draws_have_no_value_of_information(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = saved(tmp_path, drawn(499, parameters=True))
    out = tmp_path / "out"
    assert cli.main(["analyse", str(path), "--threshold", "30000", "--output", str(out)]) == 0
    note = "Value of information was left out: 499 draws; at least 500 are needed."
    assert note in capsys.readouterr().out.splitlines()
    assert f"- {note}" in (out / "report.md").read_text(encoding="utf-8")
    assert not list((out / "tables").glob("information*"))
    enough = analyse(saved(tmp_path, drawn(500, parameters=True)), "EUR", [3e4])
    assert len(enough.information) and not enough.notes


def test_parameters_that_say_nothing(tmp_path: Path) -> None:
    """No bar, no curve but everything's, and the report says so."""
    table = drawn(500)
    table["cost"] += 1e6 * (table["strategy"] == "surgery")
    table["cost"] += 1e6 * (table["strategy"] == "drug")
    noise = np.random.default_rng(2).standard_normal(500)
    table["noise"] = np.tile(noise, 3)
    found = analyse(saved(tmp_path, table), "EUR", [30_000.0])
    assert "No parameter is worth knowing by itself." in report(found, [])
    information(comparison(found))


# --- Mistakes


def spoilt(change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> Callable[[Path], list[str]]:
    """Arguments for draws with one change."""

    def make(folder: Path) -> list[str]:
        table = drawn(60, parameters=True).astype({"cost": object, "noise": object})
        changed = change(table)
        return [str(saved(folder, table if changed is None else changed))]

    return make


def cell(row: int, column: str, value: object) -> Callable[[Path], list[str]]:
    return spoilt(
        lambda t: t.__setitem__(column, t[column].astype(object)) or _set(t, row, column, value)
    )


def _set(table: pd.DataFrame, row: int, column: str, value: object) -> None:
    table.loc[row, column] = value


def with_parameters(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], list[str]]:
    """Arguments for good draws with a faulty file of parameters."""

    def make(folder: Path) -> list[str]:
        table = drawn(60, parameters=True)
        own = table.loc[table["strategy"] == "drug", ["draw", "u_drug", "noise"]]
        bare = saved(folder, table[["strategy", "draw", "cost", "qaly"]])
        return [str(bare), "--parameters", str(saved(folder, change(own), "p.csv"))]

    return make


def asked(*arguments: str, draws: int = 60) -> Callable[[Path], list[str]]:
    """Good draws, a faulty question."""
    return lambda folder: [str(saved(folder, drawn(draws, parameters=True))), *arguments]


def text(content: bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "psa.csv").write_bytes(content)
        return [str(folder / "psa.csv")]

    return make


def crowded(folder: Path) -> list[str]:
    """A group of more parameters than the draws support."""
    table = drawn(500)
    own = {f"p{i}": np.tile(np.random.default_rng(i).standard_normal(500), 3) for i in range(51)}
    return [
        str(saved(folder, pd.concat([table, pd.DataFrame(own)], axis=1))),
        "--group",
        f"many={','.join(own)}",
    ]


MISTAKES: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "draw missing": (spoilt(lambda t: t.drop(66)), "draw 7 is missing for strategy 'drug' (1 such"),
    "draw twice": (
        spoilt(lambda t: pd.concat([t, t.iloc[[66]]])),
        "draw 7 is repeated for strategy 'drug' (1 such",
    ),
    "other draws": (
        spoilt(lambda t: t.assign(draw=t["draw"] + 60 * (t["strategy"] == "surgery"))),
        "draw 1 is missing for strategy 'surgery' (60 such",
    ),
    "draw in words": (cell(3, "draw", "first"), "'draw' is 'first' in row 4"),
    "cost in words": (cell(66, "cost", "n/a"), "'cost' of 'drug' in draw 7 is 'n/a'"),
    "cost infinite": (cell(66, "cost", np.inf), "'cost' of 'drug' in draw 7 is 'inf'"),
    "qaly empty": (cell(66, "qaly", None), "'qaly' of 'drug' in draw 7 is ''"),
    "one strategy": (spoilt(lambda t: t[t["strategy"] == "drug"]), "1 strategy; a decision needs"),
    "no name": (cell(66, "strategy", " "), "'strategy' is blank in 1 rows, first in row 67"),
    "column missing": (spoilt(lambda t: t.drop(columns="qaly")), "columns ['qaly'] are missing"),
    "column twice": (
        spoilt(lambda t: t.assign(Cost=1.0)),
        "2 columns are named 'cost'; one may. Rename",
    ),
    "parameter differs": (
        cell(66, "noise", 7.5),
        "parameter 'noise': differs between strategies in draw 7",
    ),
    "parameter in words": (
        spoilt(lambda t: t.assign(noise="high")),
        "parameter 'noise': draw 1 is 'high'; a finite number is required",
    ),
    "parameters too short": (
        with_parameters(lambda p: p.iloc[:-1]),
        "parameters: 59 draws for 60 of the outcomes; draw 60 is missing",
    ),
    "parameters too long": (
        with_parameters(lambda p: pd.concat([p, p.tail(1).assign(draw=61)])),
        "parameters: 61 draws for 60 of the outcomes. One row a draw",
    ),
    "parameters of other draws": (
        with_parameters(lambda p: p.assign(draw=p["draw"] - 1)),
        "parameters: 60 draws for 60 of the outcomes; draw 60 is missing",
    ),
    "parameters twice": (
        with_parameters(lambda p: pd.concat([p, p.iloc[[4]]])),
        "p.csv: draw 5 stands twice",
    ),
    "parameters without draws": (
        with_parameters(lambda p: p.drop(columns="draw")),
        "p.csv: column 'draw' is missing",
    ),
    "parameters infinite": (
        with_parameters(lambda p: p.assign(noise=-np.inf)),
        "parameter 'noise': draw 1 is '-inf'; a finite",
    ),
    "unknown parameter": (
        asked("--group", "g=u_drg"),
        "group 'g': unknown parameter 'u_drg'; there are u_drug, u_surgery, noise. Did you mean 'u_drug'?",
    ),
    "constant parameter": (
        lambda folder: [
            str(saved(folder, drawn(60).assign(rate=0.035))),
            "--group",
            "g=rate",
        ],
        "group 'g': parameter 'rate' is the same in every draw; nothing can be learnt of it",
    ),
    "crowded group": (crowded, "group 'many': 51 parameters for 500 draws; at least 10 draws a"),
    "parameter named twice": (
        asked("--group", "g=noise,noise", draws=500),
        "group 'g': names 'noise' twice",
    ),
    "group called all": (asked("--group", "all=noise,u_drug"), "'all': stands for all parameters"),
    "group without =": (asked("--group", "u_drug"), "no '=' found; write --group label=name,name"),
    "threshold negative": (asked("--threshold=-5"), "threshold -5: must be at least 0 and finite"),
    "threshold infinite": (asked("--threshold", "1e999"), "--threshold 1e999: must be at least 0"),
    "threshold in words": (asked("--threshold", "many"), "--threshold many: is no number"),
    "threshold in another currency": (
        asked("--threshold", "GBP 20000"),
        "--threshold GBP 20000: is in GBP, the costs are in EUR; they must be in one currency",
    ),
    "unknown comparator": (
        asked("--comparator", "wach"),
        "--comparator wach: no such strategy; there are watch, drug, surgery. Did you mean 'watch'?",
    ),
    "unknown intervention": (asked("--intervention", "pill"), "--intervention pill: no such"),
    "comparator is intervention": (
        asked("--comparator", "drug", "--intervention", "drug"),
        "comparator and intervention are both 'drug'; they must differ",
    ),
    "empty": (text(b""), "psa.csv: is empty; a header and one row"),
    "blank": (text(b"\n \n"), "psa.csv: is empty; a header and one row"),
    "header alone": (text(b"strategy,draw,cost,qaly\n"), "outcomes table: has no rows"),
    "cells too many": (
        text(b"strategy,draw,cost,qaly\na,1,2,3\nb,1,1,000,3\n"),
        "psa.csv: line 3 has more cells than the header (1 such lines)",
    ),
    "cells too few": (
        text(b"strategy,draw,cost,qaly\na,1,2,3\nb,1,3\n"),
        "psa.csv: line 3 has fewer cells than the header (1 such lines)",
    ),
    "damaged UTF-16": (
        text("strategy,draw,cost,qaly\nå,1,2,3\n".encode("utf-16")[:-1]),
        "cannot be read as a CSV: damaged UTF-16",
    ),
    "no text": (text(b"strategy,draw\0"), "cannot be read as a CSV: holds null bytes"),
    "Excel": (text(b"PK\x03\x04..."), "a zip or Excel file; text is expected. Save it as CSV"),
}


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named_and_results_stay(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Exit code 2, the mistake in words; `main` lets nothing but mistakes through, so no traceback."""
    make, expected = MISTAKES[mistake]
    before = tmp_path / "out" / "report.md"
    before.parent.mkdir()
    before.write_text("earlier", encoding="utf-8")
    arguments = make(tmp_path)
    here = {p.name for p in tmp_path.iterdir()}
    if not any(a.startswith("--threshold") for a in arguments):
        arguments += ["--threshold", "30000"]
    assert cli.main(["analyse", *arguments, "--output", str(before.parent)]) == 2
    said = capsys.readouterr()
    assert expected in said.err and not said.out
    assert said.err.splitlines()[-1].endswith("found; nothing was run.")
    assert "np." not in said.err
    assert before.read_text(encoding="utf-8") == "earlier"
    assert {p.name for p in tmp_path.iterdir()} == here


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Of the table and the thresholds; and, when the table is whole, of everything asked of it."""
    table = drawn(60, parameters=True)
    faulty = table.drop([3, 66])
    faulty.loc[70, "qaly"] = np.inf
    with pytest.raises(InputError) as caught:
        analyse(saved(tmp_path, faulty), "EUR", [-1.0, np.nan])
    for words in (
        "draw 4 is missing for strategy 'watch'",
        "draw 7 is missing for strategy 'drug'",
        "'qaly' of 'drug' in draw 11",
        "threshold -1",
        "threshold nan",
    ):
        assert sum(words in p for p in caught.value.problems) == 1, words
    table.loc[66, "noise"] += 1
    with pytest.raises(InputError) as caught:
        analyse(
            saved(tmp_path, table),
            "EUR",
            [-1.0],
            roles=("a", "b"),
            groups={"g": ["h", "k"]},
        )
    for words in ("'noise'", "threshold -1", "--comparator a", "--intervention b", "'h'", "'k'"):
        assert sum(words in p for p in caught.value.problems) == 1, words
    with pytest.raises(InputError, match="thresholds: there are none"):
        analyse(saved(tmp_path, drawn(60)), "EUR", [])


def test_a_mistake_prints_no_traceback_and_ends_with_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "heor", "analyse", "psa.csv", "--threshold", "1"],
        cwd=saved(tmp_path, drawn(20).drop(5)).parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "draw 6 is missing for strategy 'watch'" in done.stderr


def test_file_and_folder_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A file that is not there; a folder below a file; a write that fails half way."""
    run = ["analyse", str(saved(tmp_path, drawn(60))), "--threshold", "30000", "--output"]
    assert cli.main(["analyse", str(tmp_path / "none.csv"), "--threshold", "1"]) == 2
    assert "none.csv" in capsys.readouterr().err
    assert cli.main([*run, str(tmp_path / "psa.csv" / "out")]) == 2
    assert "out: cannot be made, because" in capsys.readouterr().err
    assert cli.main([*run, str(tmp_path / "psa.csv")]) == 2  # a file where a folder should be
    capsys.readouterr()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").mkdir()
    monkeypatch.setattr("heor.report.figures.registry.write_figures", full)
    assert cli.main([*run, str(tmp_path / "out")]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"psa.csv", "out"}
    assert not list((tmp_path / "out").iterdir())


# --- Figures


def texts(axes: Axes) -> list[str]:
    return [t.get_text() for t in axes.texts]


def test_plane_shows_every_strategy_and_threshold(bare: Analysed) -> None:
    axes = figures_comparison.plane(comparison(bare)).axes[0]
    labels = axes.get_legend_handles_labels()[1]
    change = bare.outcomes.cost - bare.outcomes.cost[:, :1]
    assert sum(label.startswith(("drug: ", "surgery: ")) for label in labels) == 2
    assert any(f"{round(change[:, 2].mean(), -2):,.0f} EUR" in label for label in labels)
    assert {"15,000 EUR per QALY", "30,000 EUR per QALY"} <= set(labels)
    shares = [float(t.split()[0].rstrip("%")) for t in texts(axes) if "QALYs, " in t]
    table = bare.decision.tables["quadrants"].set_index("strategy").loc["surgery", "share"]
    assert sorted(shares) == pytest.approx(sorted(100 * table), abs=0.51)
    means = {
        tuple(np.round(line.get_xydata()[0], 6))
        for line in axes.lines
        if len(line.get_xdata()) == 1
    }
    qalys = (bare.outcomes.qalys - bare.outcomes.qalys[:, :1]).mean(axis=0)
    assert means == {tuple(np.round([qalys[i], change[:, i].mean()], 6)) for i in (1, 2)}


@pytest.mark.parametrize("ellipse", [True, False])
def test_contours_hold_the_share_of_draws_they_name(ellipse: bool) -> None:
    """The ellipse and the outer contour 95 % of a normal cloud, the inner ones 80 and 50 %."""
    x, noise = np.random.default_rng(4).standard_normal((2, 20_000))
    y = 3000 + 800 * (0.6 * x + 0.8 * noise)
    x = 0.2 + 0.1 * x
    axes = Figure().subplots()
    if ellipse:
        figures_comparison._ellipse(axes, x, y, "black")
        outlines = [axes.lines[0].get_path()]
        wanted = [0.95]
    else:
        figures_comparison._density_contours(axes, x, y, "black")
        outlines = [Outline(p.vertices) for p in axes.collections[0].get_paths()]
        wanted = [0.95, 0.80, 0.50]
    assert len(outlines) == len(wanted)
    points = np.stack([x, y], axis=1)
    for outline, share in zip(outlines, wanted, strict=True):
        inside = outline.contains_points(points).mean()
        # smoothing and the gaps of the labels move contours by less than a point
        assert inside == pytest.approx(share, abs=0.01 + 4 * np.sqrt(share * (1 - share) / 2e4))


def test_ceac_figure_draws_its_table(bare: Analysed) -> None:
    axes = figures_comparison.ceac(comparison(bare)).axes[0]
    table = bare.decision.tables["ceac"]
    lines = {line.get_label(): line for line in axes.lines}
    thick = [line for line in axes.lines if line.get_linewidth() > 3]
    covered = np.zeros(table["threshold"].nunique(), int)
    for name, rows in table.groupby("strategy", sort=False):
        assert np.array_equal(lines[name].get_ydata(), rows["probability"])
        covered += rows["on_frontier"].to_numpy()
    assert (covered == 1).all() and len(thick) == len(NAMES)
    assert sum(np.isfinite(np.asarray(line.get_ydata(), float)).sum() for line in thick) == len(
        covered
    )
    assert {"15,000", "30,000"} <= set(texts(axes))


def test_expected_loss_is_least_where_evpi_is(bare: Analysed) -> None:
    axes, right = figures_comparison.expected_loss(comparison(bare)).axes
    lines = {line.get_label(): np.asarray(line.get_ydata(), float) for line in axes.lines}
    least = np.min([lines[name] for name in NAMES], axis=0)
    assert np.allclose(lines["EVPI"], least) and lines["EVPI"].max() > 0
    chance = 1 - bare.decision.tables["ceac"].query("on_frontier")["probability"]
    assert np.asarray(right.lines[0].get_ydata(), float) == pytest.approx(chance.to_numpy())


def test_information_figure_has_a_bar_for_all_that_is_worth_something(known: Analysed) -> None:
    above, below = information(comparison(known)).axes
    rows = known.information.query("threshold == 30000 and kind != 'all' and value > 0")
    rows = rows.sort_values("value", ascending=False)
    assert [b.get_width() for b in above.patches] == pytest.approx(rows["value"].tolist())
    marked = [label.get_text().removesuffix(" ?") for label in above.get_yticklabels()]
    assert marked == rows["name"].tolist()
    labels = {line.get_label(): np.asarray(line.get_ydata(), float) for line in below.lines}
    assert (labels["everything (EVPI)"] >= labels["both QALYs"] - 50).all()


@pytest.mark.parametrize("draws", [1, 2, 40])
def test_figures_of_few_or_certain_draws(draws: int, tmp_path: Path) -> None:
    """Nothing uncertain, no spread to smooth: figures and report are still made."""
    table = drawn(draws)
    table["cost"] = table.groupby("strategy")["cost"].transform("mean")
    found = analyse(saved(tmp_path, table), "EUR", [0.0, 30_000.0], points=5)
    for figure in (
        figures_comparison.plane,
        figures_comparison.ceac,
        figures_comparison.expected_loss,
    ):
        assert figure(comparison(found)).axes
    assert "nan" not in report(found, []).lower()


# --- Intervals, quadrants, errors


@pytest.mark.parametrize("replicates", [1, 8])
def test_fieller_interval_covers_the_ratio(replicates: int) -> None:
    """In 95 of 100 sets, also where draws of a replicate are alike."""
    generator, sets = np.random.default_rng(20), 2000
    hits = 0
    for _ in range(sets):
        size = 200 if replicates == 1 else 10
        shape = (max(replicates, 1), size)
        shared = generator.standard_normal((2, shape[0], 1)) * (0 if replicates == 1 else 0.3)
        e, noise = generator.standard_normal((2, *shape)) + shared
        effect = (1.0 + e).ravel()
        cost = (5000.0 + 2000 * (0.5 * e + noise)).ravel()
        low, high = cost_effectiveness.fieller_interval(cost, effect, replicates)
        hits += low < 5000.0 < high
    assert abs(hits / sets - 0.95) < 4 * np.sqrt(0.95 * 0.05 / sets)


@given(st.integers(0, 10_000), st.floats(0.5, 3), st.floats(-20_000, 20_000))
def test_fieller_ends_are_ratios_just_not_refused(seed: int, effect: float, cost: float) -> None:
    """At an end, mean cost less ratio times mean effect is 1.96 of its standard errors from 0."""
    a, b = np.random.default_rng(seed).standard_normal((2, 100))
    x, y = cost + 3000 * a, effect + 0.5 * (0.3 * a + b)
    ends = cost_effectiveness.fieller_interval(x, y, 1)
    assert ends[0] < x.mean() / y.mean() < ends[1]
    for ratio in ends:
        residual = x - ratio * y
        z = residual.mean() / (residual.std(ddof=1) / np.sqrt(100))
        assert abs(z) == pytest.approx(1.959964, rel=1e-4)


def test_fieller_interval_of_an_effect_not_told_from_zero_has_no_ends() -> None:
    z = np.random.default_rng(1).standard_normal(100)
    assert np.isnan(cost_effectiveness.fieller_interval(1000 + z, z - z.mean(), 1)).all()
    assert np.isnan(cost_effectiveness.fieller_interval(z[:2], 1 + z[:2], 1)).all()
    assert np.isnan(cost_effectiveness.fieller_interval(z, 1 + z, replicates=2)).all()


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 40), st.floats(1, 1e6))
def test_quadrants_and_net_health_benefit(seed: int, k: int, n: int, threshold: float) -> None:
    """Shares sum to 1, ties too; QALYs times the threshold are money."""
    generator = np.random.default_rng(seed)
    own = outcomes(generator.integers(0, 4, (n, k)), generator.integers(0, 3, (n, k)))
    shares = cost_effectiveness.quadrant_table(own, "s0")
    assert (shares.groupby("strategy").size() == 4).all() and shares["strategy"].nunique() == k - 1
    assert shares.groupby("strategy")["share"].sum().to_numpy() == pytest.approx(np.ones(k - 1))
    change = own.qalys[:, 1] - own.qalys[:, 0], own.cost[:, 1] - own.cost[:, 0]
    dearer = shares.query("strategy == 's1' and more_qalys and higher_cost")["share"].item()
    assert dearer == pytest.approx(np.mean((change[0] > 0) & (change[1] > 0)))
    row = cost_effectiveness.net_benefit_table(own, "s0", "s1", [("t", threshold)]).iloc[0]
    assert row["net_health_benefit"] * threshold == pytest.approx(row["net_benefit"], abs=1e-9)
    assert row["net_benefit"] == pytest.approx(np.mean(threshold * change[0] - change[1]))


def test_net_health_benefit_needs_a_threshold_above_0() -> None:
    own = outcomes(np.array([[0, 5], [0, 6]]), np.array([[1, 2], [1, 3]]))
    row = cost_effectiveness.net_benefit_table(own, "s0", "s1", [("none", 0.0)]).iloc[0]
    assert np.isnan(row["net_health_benefit"]) and row["net_benefit"] == -5.5


@given(st.integers(0, 10_000), st.floats(-2, 2))
def test_chance_of_a_wrong_decision(seed: int, shift: float) -> None:
    """Of two strategies, it is that of the curves: draws in which the other one is better."""
    x = np.random.default_rng(seed).standard_normal((50, 2)) + [0, shift]
    own = outcomes(np.zeros((50, 2)), x)
    row = cost_effectiveness.net_benefit_table(own, "s0", "s1", [("t", 1.0)]).iloc[0]
    curve = acceptability.ceac(own, [1.0])
    assert row["error_probability"] == pytest.approx(curve["error_probability"].iloc[0])
    best = x.mean(axis=0).argmax()
    assert row["error_probability"] == pytest.approx(np.mean(x[:, best] < x[:, 1 - best]))


# --- Convergence and replicates


@pytest.mark.parametrize("replicates", [1, 16])
def test_convergence_ends_at_the_results_themselves(bare: Analysed, replicates: int) -> None:
    """The last rows are the net benefit, ICER and increments of all draws, with their errors."""
    data = bare.outcomes.data
    own = Outcomes(data, ("cost",), "EUR", replicates)
    roles, named = ("watch", "surgery"), [("low", 15_000.0), ("high", 30_000.0)]
    table = convergence.convergence_table(own, *roles, named)
    shares = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1] if replicates == 1 else [1 / 8, 1 / 4, 1 / 2, 1]
    assert sorted(table["draws"].unique()) == [DRAWS * s for s in shares]
    last = table[table["draws"] == DRAWS].set_index(["measure", "threshold_name"])
    for _, row in cost_effectiveness.net_benefit_table(own, *roles, named).iterrows():
        for measure, value, se in (
            ("net benefit", "net_benefit", "se"),
            ("probability", "probability", "probability_se"),
            ("EVPI", "evpi", "evpi_se"),
        ):
            found = last.loc[(measure, row["threshold_name"])]
            assert (found["value"], found["se"]) == (row[value], row[se])
    icer = cost_effectiveness.icer_table(own, *roles).iloc[0]
    assert tuple(last.loc[("ICER", ""), ["value", "se"]]) == (icer["ratio"], icer["se"])
    half = table[(table["draws"] == DRAWS / 2) & (table["measure"] == "incremental cost")]
    cost = own.cost[: DRAWS // 2]
    assert half["value"].item() == pytest.approx((cost[:, 2] - cost[:, 0]).mean(), rel=1e-12)


def test_draws_needed_would_give_the_precision(bare: Analysed) -> None:
    """With so many draws the standard error is the target: a hundredth of the threshold, a point."""
    named = [("t", 30_000.0)]
    table = convergence.convergence_table(bare.outcomes, "watch", "surgery", named)
    last = table[table["draws"] == DRAWS].set_index("measure")
    assert last.loc["net benefit", "target"] == 300 and last.loc["probability", "target"] == 0.01
    assert last.loc["EVPI", "target"] == pytest.approx(0.05 * last.loc["EVPI", "value"])
    reached = last["se"] * np.sqrt(last["draws"] / last["draws_needed"])
    ratio = (reached / last["target"])[last["draws_needed"] > 50]
    assert len(ratio) >= 3 and ((ratio <= 1) & (ratio > 0.98)).all()


def test_error_of_replicates_is_that_of_their_means() -> None:
    """Draws within a replicate are not independent; only its mean counts, in every table."""
    generator = np.random.default_rng(9)
    shift = np.repeat(generator.standard_normal((8, 2)), 25, axis=0)
    cost = 1000 * (generator.standard_normal((200, 2)) + 2 * shift)
    qalys = generator.standard_normal((200, 2)) + shift[:, ::-1]
    own = outcomes(cost, qalys, replicates=8)

    def of_means(x: np.ndarray) -> float:
        return float(stats.sem(x.reshape(8, 25).mean(axis=1)))

    benefit_ = 2000 * (qalys[:, 1] - qalys[:, 0]) - (cost[:, 1] - cost[:, 0])
    row = cost_effectiveness.net_benefit_table(own, "s0", "s1", [("t", 2000.0)]).iloc[0]
    assert row["se"] == pytest.approx(of_means(benefit_))
    assert row["probability_se"] == pytest.approx(of_means((benefit_ > 0).astype(float)))
    loss = np.maximum(benefit_, 0) - (benefit_ if benefit_.mean() > 0 else 0)
    assert row["evpi_se"] == pytest.approx(of_means(loss))
    increments = cost_effectiveness.increment_table(own, "s0", "s1").set_index("outcome")
    assert increments.loc[QALYS, "se"] == pytest.approx(of_means(qalys[:, 1] - qalys[:, 0]))
    ratio, se = cost_effectiveness.ratio_of_means(cost[:, 1], 5 + qalys[:, 1], 8)
    residual = cost[:, 1] - ratio * (5 + qalys[:, 1])
    assert se == pytest.approx(of_means(residual) / abs((5 + qalys[:, 1]).mean()))
    plain = outcomes(cost, qalys)
    one = cost_effectiveness.net_benefit_table(plain, "s0", "s1", [("t", 2000.0)]).iloc[0]
    assert one["se"] == pytest.approx(stats.sem(benefit_)) and one["se"] < 0.7 * row["se"]
