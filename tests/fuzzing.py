"""Inputs, files and options changed at random: what `heor` says of each, in one process.

A case is a seed. Its change is made in a copy of the inputs, which is put right again afterwards. Only
commands that read are ever called (`check`), or their readers: nothing is written anywhere else.

Run by hand: python -m tests.fuzzing 0 10000
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from heor.cli import main as cli
from heor.cli.options import money
from heor.errors import HeorError, InputError
from heor.faults import Faults
from heor.inputs.read.draws_table import read_draws
from heor.inputs.utilities.answers import read_answers, scored
from heor.inputs.utilities.value_sets import read_value_sets
from heor.outcomes.outcomes import Outcomes
from heor.report.folders.reconstruction import PublishedCurve, read_curve
from heor.survival_analysis.targets import read_targets
from tests.declared_models import CURVED, declared

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 10.0

NUMBERS = (
    "0 -0 1 -1 2 0.5 1.5 100 -5 1e-300 1e-15 1e10 1e14 1e15 1e16 1e308 1e309 -1e308 nan NaN inf -inf .5 5. "
    "+1 1_000 0x10 010 1,5 1.000 1.234.567 260,000 1e 1e5 ٣ 9999999999999999999 0.1e-400 1/2 50% €5 5€ -"
).split()
TEXTS = [
    *(
        "",
        " ",
        "x",
        "None",
        "null",
        "~",
        "true",
        "NO",
        "2026-13-45",
        "2026-01-01",
        "required",
        "fixed",
    ),
    *(
        "beta(0; 40)",
        "beta(a; b)",
        "beta(1e308; 1e308)",
        "gamma",
        "lognormal",
        "normal",
        "dirichlet(a; 0)",
    ),
    *(
        "dirichlet(clavien; 1e-300)",
        "half-normal(0)",
        "half-normal(1e9)",
        "bernoulli",
        "uniform",
        "poisson",
    ),
    *(
        "NOK",
        "EUR",
        "{currency}",
        "{currency}/hour",
        "NOK/day",
        "years",
        "days",
        "probability",
        "weeks/year",
    ),
    *(
        "=1+1",
        "@x",
        "-x",
        "'",
        '"',
        "a\nb",
        "a;b",
        "a: b",
        "[",
        "{",
        "#",
        "&a",
        "*a",
        "!!x",
        "%",
        "\\",
        "\t",
    ),
    *(
        "background",
        "time",
        "age",
        "0/0",
        "1/0",
        "9**9**9",
        "(-1)**0.5",
        "max(1)",
        "min()",
        "exp(1, 2)",
    ),
    *(
        "log(0)",
        "sqrt(-1)",
        "__import__('os')",
        "a.b",
        "x if y else z",
        "[1][0]",
        "lambda: 1",
        "-" * 300,
    ),
    *(
        "(" * 300,
        "1+" * 1500 + "1",
        "log_hr_os",
        "os",
        "pfs",
        "dead",
        "resection",
        "chemotherapy",
        "norway",
    ),
    *(
        "../x.csv",
        "/etc/passwd",
        ".",
        "second_line_folfiri_os.csv",
        "ä" * 50,
        "\u202e",
        "😀",
        "x" * 300,
    ),
]
PIECES = [
    b"\0",
    b"\r",
    b"\n",
    b",",
    b";",
    b"\t",
    b'"',
    b"'",
    b":",
    b"- ",
    b"#",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
]
EXTRA = """
made_up_curve:
  file: curve.csv
  risk_table: risk.csv
  label: A published curve
  endpoint: os
  form: published_curve
  time_unit: months
  age: 61
  share_male: 0.6
  source: [model_judgement]
  status: assumption
made_up_patients:
  file: patients.csv
  label: Patients
  endpoint: os
  form: individual
  time_unit: days
  covariates: [sex]
  age: 61
  share_male: 0.6
  source: [model_judgement]
  status: assumption
"""
OTHERS = {
    "psa.csv": "strategy,draw,cost,qaly,p\n"
    + "".join(
        f"{s},{i},{5e4 + i * 7.25 + k},{3 + i / 7},{i / 3}\n"
        for k, s in enumerate("ab")
        for i in range(40)
    ),
    "german.csv": "strategy;draw;cost;qaly\r\n"
    + "".join(f"{s};{i};52.{100 + i},5;3,{1000 + i}\r\n" for s in "ab" for i in range(30)),
    "answers.csv": "id,MO,SC,UA,PD,AD\n" + "".join(f"{i},{i % 5 + 1},2,1,,5\n" for i in range(20)),
    "clicks.csv": "x;y\n" + "".join(f"{i},5;0,{1000 - 9 * i}\n" for i in range(1, 60)),
    "risk.csv": "time,n_at_risk\n0,120\n20,80\n40,50\n60,20\n",
}


@dataclass(frozen=True)
class Case:
    """What came of one seed."""

    seed: int
    what: str
    seconds: float
    code: int
    said: str
    fault: str = ""


# ----------------------------------------------------------------------------------- the inputs
def base(folder: Path) -> Path:
    """Norway's inputs with an empty scenario and evidence of every form."""

    def others(place: str, names: list[str]) -> list[str]:
        return [n for n in names if n != "norway"] if Path(place).name == "countries" else []

    inputs = Path(shutil.copytree(ROOT / "inputs", folder / "inputs", ignore=others))
    (inputs / "scenarios/plain.yaml").write_text("label: Plain\nwhy: As it is.\n", encoding="utf-8")
    survival = inputs / "model/survival"
    with (survival / "index.yaml").open("a", encoding="utf-8") as file:
        file.write(EXTRA)
    curve = "".join(f"{i},{1 - i / 80:.4f}\n" for i in range(60))
    (survival / "curve.csv").write_text(f"time,survival\n{curve}", encoding="utf-8")
    (survival / "risk.csv").write_text("time,n_at_risk\n0,90\n24,60\n48,30\n", encoding="utf-8")
    rows = "".join(f"{100 + 9 * i},{i % 2},{i % 3},1\n" for i in range(60))
    (survival / "patients.csv").write_text(f"time,event,sex,weight\n{rows}", encoding="utf-8")
    effects = ",log_hr_pfs_clocc,smr_cured\nlog_hr_pfs_clocc,0.04334724,0.004\nsmr_cured,0.004,0.00995033\n"
    (inputs / "model/effects.csv").write_text(effects, encoding="utf-8")
    path = inputs / "model/analysis.yaml"
    text = path.read_text(encoding="utf-8")
    own = "correlations:\n  effects: {covariance: effects.csv}\n"
    path.write_text(text.replace("correlations:\n", own, 1), encoding="utf-8")
    small = declared(ROOT / "inputs", folder / "small", strategies=CURVED)
    (small / "scenarios/plain.yaml").write_text("label: Plain\nwhy: As it is.\n", encoding="utf-8")
    for name, text in OTHERS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


# ---------------------------------------------------------------------------------- the changes
def nasty(dice: random.Random) -> str:
    return dice.choice(NUMBERS if dice.random() < 0.6 else TEXTS)


def change_bytes(data: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(7)
        end = min(len(data), at + dice.choice((1, 3, 30, 300)))
        if kind == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + dice.choice(PIECES) + data[at:]
        elif kind == 2:
            data = data[:at] + data[end:]
        elif kind == 3:
            data = data[:end] + data[at:end] + data[end:]
        elif kind == 4:
            data = data[:at]
        elif kind == 5:
            data = (
                data[:at]
                + dice.choice((b"x", b"9", b",", b" ")) * dice.choice((300, 200_000))
                + data[at:]
            )
        else:
            data = data[:at] + dice.randbytes(dice.choice((1, 4))) + data[at:]
    return data


def change_lines(data: bytes, dice: random.Random) -> bytes:
    lines = data.split(b"\n")
    for _ in range(dice.choice((1, 1, 2, 4))):
        i, k = dice.randrange(len(lines)), dice.randrange(len(lines))
        kind = dice.randrange(5)
        if kind == 0 and len(lines) > 1:
            del lines[i]
        elif kind == 1:
            lines.insert(k, lines[i])
        elif kind == 2:
            lines[i], lines[k] = lines[k], lines[i]
        elif kind == 3:
            lines[i] = b"  " + lines[i] if dice.random() < 0.5 else lines[i].strip()
        else:
            lines[i] += dice.choice((b",", b":", b" #", b"\r", nasty(dice).encode()))
    return b"\n".join(lines)


def change_numbers(data: bytes, dice: random.Random) -> bytes:
    text = data.decode("utf-8")
    found = list(re.finditer(r"-?\d+(?:\.\d+)?", text))
    for match in sorted(
        dice.sample(found, min(len(found), dice.choice((1, 1, 2, 5)))), key=lambda m: -m.start()
    ):
        own = match.group()
        new = dice.choice(
            [nasty(dice), f"-{own}", f"{own}e3", own.replace(".", ","), f"{own}.000", own * 3, "0"]
        )
        text = text[: match.start()] + new + text[match.end() :]
    return text.encode("utf-8")


def change_cells(data: bytes, dice: random.Random) -> bytes:
    rows = [line.split(",") for line in data.decode("utf-8").split("\n")]
    for _ in range(dice.choice((1, 1, 2, 5))):
        row = dice.choice(rows)
        i, k = dice.randrange(len(row)), dice.randrange(len(row))
        kind = dice.randrange(7)
        if kind <= 2:
            row[i] = nasty(dice)
        elif kind == 3:
            row[i], row[k] = row[k], row[i]
        elif kind == 4:
            row[i : i + 1] = [] if len(row) > 1 else [""]
        elif kind == 5:
            row.insert(i, row[k])
        else:  # a whole column
            value = nasty(dice)
            for other in rows[1:]:
                if i < len(other):
                    other[i] = value
    return "\n".join(",".join(row) for row in rows).encode("utf-8")


def change_tree(data: bytes, dice: random.Random) -> bytes:
    tree = yaml.safe_load(data)
    for _ in range(dice.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            break
        holder, key = dice.choice(places)
        other, name = dice.choice(places)
        kind = dice.randrange(6)
        if kind <= 2:
            holder[key] = dice.choice(
                [nasty(dice), [], {}, None, [nasty(dice)], {nasty(dice): 1}, 1e20, 3, True]
            )
        elif kind == 3:
            del holder[key]
        elif kind == 4:
            holder[key] = other[name]
        elif isinstance(holder, dict):
            holder[nasty(dice)] = holder.pop(key)
    try:
        return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode("utf-8")
    except (RecursionError, yaml.YAMLError):
        return data


def _places(tree: Any, depth: int = 0):
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in list(items):
        yield tree, key
        if depth < 12:
            yield from _places(value, depth + 1)


def changed(path: Path, dice: random.Random) -> tuple[bytes, str]:
    data = path.read_bytes()
    kinds: list[Callable[[bytes, random.Random], bytes]] = [
        change_bytes,
        change_lines,
        change_numbers,
    ]
    kinds += [change_cells] * 4 if path.suffix == ".csv" else [change_tree] * 4
    kind = dice.choice(kinds)
    try:
        return kind(data, dice), kind.__name__
    except (UnicodeError, IndexError, TypeError):
        return change_bytes(data, dice), "change_bytes"


# ---------------------------------------------------------------------------------- the readers
def check(inputs: Path, *options: str) -> int:
    scenario = [] if "--scenario" in options else ["--scenario", "plain"]
    return cli.main(["check", "--inputs", str(inputs), *scenario, *options])


def raised(problems: Sequence[str]) -> None:
    if problems:
        raise InputError(problems)


def read_other(folder: Path, name: str) -> int:
    """A file of another program, as its command reads it before anything is written."""
    path, problems = folder / name, Faults()
    if name in ("psa.csv", "german.csv"):
        Outcomes.from_table(read_draws(path, "EUR", []), "EUR")
    elif name == "answers.csv":
        found = read_answers(path, name, problems)
        raised(problems)
        sets = read_value_sets(folder / "inputs/model", "inputs/model", problems)
        scored(found, sets["norway_5l"])
    else:
        read_curve(PublishedCurve(folder / "clicks.csv", folder / "risk.csv", 120, None, "months"))
    return 0


def options_of(dice: random.Random, names: Sequence[str]) -> list[str]:
    kind = dice.randrange(8)
    value = dice.choice(
        [nasty(dice), f"[{nasty(dice)}]", f"{{{nasty(dice)}: {nasty(dice)}}}", '"', "*a", "|"]
    )
    if kind <= 4:
        return ["--set", f"{dice.choice(names)}={value}"]
    option = dice.choice(["--country", "--programme", "--as-of", "--scenario"])
    return (
        [option, value]
        if kind < 7
        else [option, value, "--set", f"{dice.choice(names)}={nasty(dice)}"]
    )


def one(
    folder: Path, seed: int, names: Sequence[str], files: Sequence[Path]
) -> tuple[str, Callable[[], int]]:
    """What is done for a seed, in words, and the call; the file is changed already."""
    dice = random.Random(seed)
    inputs = folder / "inputs"
    if dice.random() < 0.15:
        options = options_of(dice, names)
        return " ".join(options), lambda: check(inputs, *options)
    if dice.random() < 0.03:
        text = nasty(dice)

        def thresholds() -> int:
            money((text,), "NOK")
            return 0

        return f"--threshold {text}", thresholds
    path = dice.choice(files)
    data, kind = changed(path, dice)
    path.write_bytes(data)
    what = f"{path.relative_to(folder)} {kind}"
    if path.parent == folder:
        return what, lambda: read_other(folder, path.name)
    if path.parent.name == "scenarios":
        return what, lambda: check(path.parents[1], "--scenario", path.stem)
    if path.name == "targets.csv":
        return what, lambda: bool(read_targets(inputs)) and 0
    return what, lambda: check(folder / path.relative_to(folder).parts[0])


def run(folder: Path, seeds: Sequence[int]) -> list[Case]:
    """The cases of these seeds; each file is put right again."""
    origin = base(folder)
    names = [
        line.split(",")[0]
        for line in (origin / "inputs/model/parameters.csv").read_text("utf-8").split("\n")
    ]
    names += [
        "analysis.draws",
        "analysis.end_age",
        "analysis.cycle",
        "analysis.survival.distributions",
    ]
    names += [
        "country.discounting.costs",
        "country.thresholds.values",
        "c_resection.se",
        "analysis.model",
        "a.b",
    ]
    files = [
        p
        for p in sorted(folder.rglob("*"))
        if p.suffix in (".csv", ".yaml") and "sources" not in p.name
    ]
    heavy = [p for p in files if p.parent.name != "scenarios"]
    files = [*heavy * 3, *(p for p in files if p.parent.name == "scenarios")]
    before = {p: p.read_bytes() for p in {*files}}
    found = []
    for seed in seeds:
        found.append(_case(folder, seed, names, files))
        for path, data in before.items():
            if path.stat().st_size != len(data) or path.read_bytes() != data:
                path.write_bytes(data)
    return found


def _case(folder: Path, seed: int, names: Sequence[str], files: Sequence[Path]) -> Case:
    out, err = io.StringIO(), io.StringIO()
    what, code, fault = "", 0, ""
    begun = time.process_time()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            what, call = one(folder, seed, names, files)
            begun = time.process_time()
            code = call()
    except HeorError as error:
        code = error.exit_code
        err.write(str(error))
    except BaseException:  # a traceback is what this looks for
        if isinstance(sys.exc_info()[1], KeyboardInterrupt):
            raise
        fault = traceback.format_exc()
    return Case(seed, what, time.process_time() - begun, int(code), err.getvalue(), fault)


def faulty(case: Case) -> bool:
    """Whether a case crashed, took too long, or was refused without a word."""
    silent = case.code != 0 and not case.said.strip()
    warned = re.search(r"\bWarning: ", case.said) is not None
    return bool(case.fault) or case.seconds > SECONDS or case.code not in (0, 2) or silent or warned


def main(first: int, last: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        counts: dict[int, int] = {}
        for start in range(first, last, 100):
            shutil.rmtree(folder)
            folder.mkdir()
            for case in run(folder, range(start, min(start + 100, last))):
                counts[case.code] = counts.get(case.code, 0) + 1
                if faulty(case):
                    end = case.fault.strip().split("\n")[-7:] or [case.said[-300:]]
                    print(
                        f"{case.seed}: {case.what} ({case.seconds:.1f} s, code {case.code})",
                        *end,
                        sep="\n  ",
                    )
                    print("  ", case.said[-200:] if not case.fault else "", flush=True)
            print(f"--- {start + 100}: {counts}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
