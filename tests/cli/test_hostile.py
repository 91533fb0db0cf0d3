"""Files and options that would crash, hang or fill the memory: each a clear line, within 10 s and 1 GB."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from heor import limits
from heor.archive import command_of
from heor.cli import main as cli
from heor.inputs.load import load
from heor.inputs.text.yaml_text import YamlFault, yaml_value

SECONDS, BYTES = 10.0, 1_000_000_000
ANALYSIS, INDEX = "model/analysis.yaml", "model/survival/index.yaml"
MODEL, NORWAY = "model/parameters.csv", "countries/norway/parameters.csv"
LIFE = "countries/norway/life_table.csv"
OS = "model/survival/second_line_folfiri_os.csv"

Spoil = Callable[[Path], object]


def put(name: str, text: str | bytes) -> Spoil:
    """Another content of an input file."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    return lambda inputs: (inputs / name).write_bytes(data)


def add(name: str, text: str | bytes) -> Spoil:
    """More at the end of an input file."""
    data = text.encode("utf-8") if isinstance(text, str) else text

    def change(inputs: Path) -> None:
        path = inputs / name
        path.write_bytes(path.read_bytes() + data)

    return change


def swap(name: str, old: str, new: str) -> Spoil:
    def change(inputs: Path) -> None:
        path = inputs / name
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def refused(arguments: list[str], capsys: pytest.CaptureFixture) -> str:
    """What is said of a mistake: exit code 2, no traceback (it would be raised here), in time."""
    begun = time.process_time()
    code = cli.main(arguments)
    took = time.process_time() - begun
    said = capsys.readouterr().err
    assert code == 2, (code, said[-500:])
    assert "Traceback" not in said and len(said) < 100_000
    assert took < SECONDS, f"{took:.1f} s"
    return said


# --- YAML

BOMB = "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9 if i else ['x'] * 9)}]\n" for i in range(9)
)
DEEP = "a:\n" + "".join(" " * i + "a:\n" for i in range(1, 60)) + " " * 60 + "b\n"
YAML: dict[str, tuple[Spoil, str]] = {
    "aliases that multiply": (put(ANALYSIS, BOMB), "more than 20,000 values"),
    "many aliases": (put(ANALYSIS, "a: &a 1\nb: [" + "*a, " * 600 + "]\n"), "500 aliases"),
    "list in itself": (put(ANALYSIS, "a: &a [*a]\n"), "'*a' stands within itself"),
    "mapping in itself": (put(ANALYSIS, "a: &a {b: *a}\n"), "'*a' stands within itself"),
    "merged in itself": (put(ANALYSIS, "a: &a\n  <<: *a\n"), "'*a' stands within itself"),
    "merge of text": (put(ANALYSIS, "a:\n  <<: text\n"), "check what '<<' names"),
    "alias of nothing": (put(ANALYSIS, "a: *b\n"), "not valid YAML"),
    "300,000 keys": (
        put(ANALYSIS, "".join(f"k{i}: 1\n" for i in range(300_000))),
        "bytes; at most",
    ),
    "30,000 keys": (put(ANALYSIS, "".join(f"k{i}: 1\n" for i in range(30_000))), "20,000 values"),
    "9,000 keys": (put(ANALYSIS, "".join(f"k{i}: 1\n" for i in range(9_000))), "more faults"),
    "9,000 names of one block": (
        add(ANALYSIS, "prices: [" + "a, " * 9_000 + "]\n"),
        "unknown parameter 'a'",
    ),
    "brackets 2,000 deep": (put(ANALYSIS, "a: " + "[" * 2_000 + "]" * 2_000), "nesting depth"),
    "brackets 200,000 deep": (put(ANALYSIS, "[" * 200_000), "nesting depth"),
    "indented 60 deep": (put(ANALYSIS, DEEP), "lists and mappings within one another"),
    "Python object": (
        put(ANALYSIS, "a: !!python/object/apply:os.system [x]\n"),
        "the tag !!python",
    ),
    "Python name": (put(ANALYSIS, "a: !!python/name:os.system\n"), "the tag !!python/name"),
    "timestamp tag": (put(ANALYSIS, "a: !!timestamp now\n"), "the tag !!timestamp"),
    "binary tag": (put(ANALYSIS, "a: !!binary '!'\n"), "the tag !!binary"),
    "set tag": (put(ANALYSIS, "a: !!set {b}\n"), "the tag !!set"),
    "float tag": (put(ANALYSIS, "a: !!float x\n"), "the tag !!float"),
    "own tag": (put(ANALYSIS, "a: !mine x\n"), "the tag !mine"),
    "number of 5,000 digits": (put(ANALYSIS, f"draws: {'9' * 5000}\n"), "(5,000 characters)"),
    "number of 400 digits": (put(ANALYSIS, f"draws: {'9' * 400}\n"), "is too large"),
    "infinite": (swap(ANALYSIS, "draws: 5000", "draws: .inf"), ".inf is too large"),
    "not a number": (swap(ANALYSIS, "draws: 5000", "draws: .nan"), ".nan is not a number"),
    "1e308": (swap(ANALYSIS, "draws: 5000", "draws: 1e308"), "1e308 is too large"),
    "10**9 draws": (swap(ANALYSIS, "draws: 5000", "draws: 1000000000"), "1000000"),
    "day that does not exist": (add(ANALYSIS, "as_of: 2026-13-45\n"), "not valid YAML"),
    "day and time": (add(ANALYSIS, "as_of: 2026-01-01 10:00:00\n"), "as_of"),
    "control character": (put(ANALYSIS, "a: \x07\n"), "control character 0x07"),
    "null byte": (put(ANALYSIS, "a: \0\n"), "a null byte"),
    "UTF-16": (put(ANALYSIS, "a: 1\n".encode("utf-16")), "it is UTF-16"),
    "Latin-1": (put(ANALYSIS, "a: Ärzte\n".encode("latin-1")), "not UTF-8 (byte 0xc4)"),
    "empty": (put(ANALYSIS, ""), "empty file"),
    "comment alone": (put(ANALYSIS, "# nothing\n"), "not a mapping"),
    "list": (put(ANALYSIS, "- 1\n- 2\n"), "not a mapping"),
    "text": (put(ANALYSIS, "text"), "not a mapping"),
    "two documents": (put(ANALYSIS, "a: 1\n---\nb: 2\n"), "not valid YAML"),
    "unclosed quote": (put(ANALYSIS, 'a: "b\n'), "not valid YAML"),
    "unclosed brace": (put(ANALYSIS, "a: {b: 1\n"), "not valid YAML"),
    "tab": (put(ANALYSIS, "a:\n\tb: 1\n"), "not valid YAML"),
    "list as a name": (put(ANALYSIS, "? [a, b]\n: 1\n"), "a name must be text"),
    "mapping as a name": (put(ANALYSIS, "? {a: b}\n: 1\n"), "a name must be text"),
    "name twice": (add(ANALYSIS, "draws: 1\n"), "'draws' appears twice"),
    "name of 900 letters": (add(ANALYSIS, f"{'n' * 900}: 1\n"), "(900 characters)"),
    "name of 5,000 letters": (add(ANALYSIS, f"{'n' * 5_000}: 1\n"), "not valid YAML"),
    "text of 1,000,000 letters": (
        add(ANALYSIS, f"draw: {'n' * 1_000_000}\n"),
        "unknown name 'draw'",
    ),
    "directive": (put(ANALYSIS, "%YAML 9.9\n---\na: 1\n"), "not valid YAML"),
    "no evidence": (put(INDEX, "{}\n"), "unknown survival evidence 'second_line_folfiri_os'"),
    "evidence is a list": (put(INDEX, "[]\n"), "not a mapping"),
    "evidence of text": (put(INDEX, "a: text\n"), "index.yaml"),
    "strategies of text": (put("model/strategies.yaml", "a: text\n"), "strategies.yaml"),
    "sources of text": (put("model/sources.yaml", "a: text\n"), "sources.yaml"),
    "country of text": (put("countries/norway/country.yaml", "thresholds: text\n"), "thresholds"),
    "country as a list": (swap(ANALYSIS, "country: norway", "country: [a]"), "unknown country"),
    "old code of a country": (swap(ANALYSIS, "country: norway", "country: 0x10"), "'0x10'"),
    "as_of as text": (add(ANALYSIS, "as_of: soon\n"), "as_of"),
    "survival as text": (put(ANALYSIS, "survival: text\n"), "survival"),
    "versions of a block": (
        put("countries/norway/country.yaml", "".join(f"b{i}: [{{a: 1}}]\n" for i in range(3_000))),
        "country.yaml",
    ),
}


@pytest.mark.parametrize("name", YAML)
def test_yaml(name: str, copied_inputs: Path, capsys: pytest.CaptureFixture) -> None:
    spoil, words = YAML[name]
    spoil(copied_inputs)
    assert words in refused(["check", "--inputs", str(copied_inputs)], capsys)


# --- CSV and XLSX

HEADER = "name,description,mean,se,distribution,unit,status,source\n"
ROW = "x,x,1,0,fixed,years,assumption,model_judgement\n"
CSV: dict[str, tuple[Spoil, str]] = {
    "field of 200,000 characters": (add(MODEL, f"{'x' * 200_000},\n"), "more than 131,072 characters"),
    "quote without an end": (add(MODEL, 'x,"' + "\n" * 200_000), "Is a quote without its end?"),
    "bare carriage return": (add(MODEL, "x,\rx\n"), "a carriage return within a line"),
    "line of 2,000,000 commas": (add(MODEL, "," * 2_000_000), "a line has at most 1,000,000"),
    "900,000 columns": (put(MODEL, "x" + "," * 900_000), "column 'name', 'description'"),
    "900,000 commas": (put(MODEL, "," * 900_000), "no content"),
    "many wide rows": (put(MODEL, HEADER + ("," * 900_000 + "\n") * 6), "more than 4,000,000 cells"),
    "6,000 rows": (put(MODEL, HEADER + ROW * 6_000), "more than 5,000 rows"),
    "rows of one name": (put(MODEL, HEADER + ROW * 4_000), "'x' appears twice"),
    "cells too few": (put(MODEL, HEADER + "x\n" * 4_000), "3,980 more faults like these"),
    "null byte": (add(MODEL, b"x,\0\n"), "a null byte"),
    "UTF-16": (put(MODEL, (HEADER + ROW).encode("utf-16")), "it is UTF-16"),
    "Latin-1": (add(MODEL, "Ärzte,\n".encode("latin-1")), "not UTF-8"),
    "empty": (put(MODEL, ""), "empty file"),
    "blank lines": (put(MODEL, "\n" * 100_000), "empty file"),
    "semicolons": (put(MODEL, HEADER.replace(",", ";")), "separated by semicolons"),
    "header alone": (put(MODEL, HEADER), "no rows below the header"),
    "header twice": (put(MODEL, HEADER.replace("se", "mean") + ROW), "column 'se' is missing"),
    "SE of 1e308": (swap(NORWAY, "260000,", "260000,1e308,gamma,"), "cells; the header has"),
    "lognormal SE of 1e308": (
        put(NORWAY, (HEADER.replace("unit,", "unit,currency,price_year,")
            + "c_resection,x,260000,1e308,lognormal,NOK,NOK,2025,assumption,model_judgement\n")),
        "'1e308' is too large",
    ),
    "SE of 10**20": (
        put(NORWAY, (HEADER.replace("unit,", "unit,currency,price_year,")
            + "c_resection,x,260000,100000000000000000000,normal,NOK,NOK,2025,assumption,model_judgement\n")),
        "is too large; numbers up to 1e+15",
    ),
    "SE of 1e15": (
        put(NORWAY, (HEADER.replace("unit,", "unit,currency,price_year,")
            + "c_resection,x,260000,1e15,lognormal,NOK,NOK,2025,assumption,model_judgement\n")),
        "c_resection",
    ),
    "name of 5,000 letters": (
        add(MODEL, ROW.replace("x", "x" * 5_000, 1)), "cells; the header has"
    ),
    "death of 1e999": (swap(LIFE, "0.00", "1e999"), "is too large"),
    "times of 1e14": (put(OS, "time_start,time_end,n_at_risk,n_events,n_censored\n0,1e14,9,1,8\n"), "the last time"),
    "no time": (put(OS, "time_start,time_end,n_at_risk,n_events,n_censored\n0,0,9,1,8\n"), "not after"),
    "1e15 at risk": (put(OS, "time_start,time_end,n_at_risk,n_events,n_censored\n0,9,1e15,1,0\n0,9,1,1,0\n"), "n_at_risk"),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV)
def test_csv(name: str, copied_inputs: Path, capsys: pytest.CaptureFixture) -> None:
    spoil, words = CSV[name]
    spoil(copied_inputs)
    assert words in refused(["check", "--inputs", str(copied_inputs)], capsys)


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


def workbook(rows: str = "", **parts: str) -> bytes:
    """A workbook whose sheet holds these rows, written by hand."""
    book = openpyxl.Workbook()
    buffer = io.BytesIO()
    book.save(buffer)
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if name.endswith("sheet1.xml") and rows:
                text = f"{SHEET}{rows}</sheetData></worksheet>"
            new.writestr(name, parts.get(name.rsplit("/")[-1].split(".")[0], text))
    return out.getvalue()


def cell(place: str, text: str = "x") -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def bomb(size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * size)
    return out.getvalue()


ENTITY = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>'
)
XLSX: dict[str, tuple[bytes, str]] = {
    "no workbook": (b"text", "cannot be read as Excel"),
    "zip without a workbook": (bomb(10), "cannot be read as Excel"),
    "half a workbook": (workbook()[:2_000], "cannot be read as Excel"),
    "unpacks to 200 MB": (bomb(200_000_000), "unpacks to 200,000,000 bytes"),
    "row 999,999,999": (
        workbook(f'<row r="1">{cell("A1")}</row><row r="999999999">{cell("A999999999")}</row>'),
        "more than 5,000 rows",
    ),
    "column XFD": (
        workbook("".join(f'<row r="{i}">{cell(f"XFD{i}")}</row>' for i in range(1, 400))),
        "more than 4,000,000 cells",
    ),
    "row of no number": (workbook('<row r="x"></row>'), "cannot be read as Excel"),
    "entities": (workbook(sharedStrings=f"{ENTITY}<sst>&d;</sst>"), "parameters.xlsx"),
    "empty": (workbook(), "parameters.xlsx"),
}


@pytest.mark.parametrize("name", XLSX)
def test_xlsx(name: str, copied_inputs: Path, capsys: pytest.CaptureFixture) -> None:
    data, words = XLSX[name]
    (copied_inputs / MODEL).unlink()
    (copied_inputs / "model/parameters.xlsx").write_bytes(data)
    assert words in refused(["check", "--inputs", str(copied_inputs)], capsys)


def test_an_external_entity_of_a_workbook_reads_no_file(
    copied_inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "secret").write_text("SECRET", encoding="utf-8")
    strings = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><sst><si><t>&e;</t></si></sst>'
    (copied_inputs / MODEL).unlink()
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    (copied_inputs / "model/parameters.xlsx").write_bytes(workbook(rows, sharedStrings=strings))
    assert "SECRET" not in refused(["check", "--inputs", str(copied_inputs)], capsys)


# --- What is no file, or is elsewhere


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_socket(path: Path) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)  # its name may have 107 letters
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to(target: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return change


def link_outside(path: Path) -> None:
    """What it leads to is right, but not of this folder."""
    inputs = next(p for p in path.parents if p.name == "inputs")
    kept = inputs.parent / "elsewhere.csv"
    shutil.move(path, kept)
    path.symlink_to(kept)


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (as_pipe, "a pipe; a file is needed"),
    "socket": (as_socket, "a device or socket"),
    "folder": (as_folder, "a folder; a file is needed"),
    "link to itself": (lambda p: link_to(p.name)(p), "a link that leads to itself"),
    "link to a device": (link_to("/dev/zero"), "a link that leads out of the folder 'inputs'"),
    "link to nothing": (link_to("nothing.csv"), "not found"),
    "link to a file outside": (link_outside, "nothing outside is read"),
    "missing": (Path.unlink, "not found"),
    "60 MB": (lambda p: p.write_bytes(b"1\n" * 30_000_000), "bytes; at most 50,000,000"),
}


@pytest.mark.parametrize("place", [OS, MODEL, LIFE])
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_inside(
    name: str, place: str, copied_inputs: Path, capsys: pytest.CaptureFixture
) -> None:
    change, words = FILES[name]
    change(copied_inputs / place)
    said = refused(["check", "--inputs", str(copied_inputs)], capsys)
    assert words in said and f"inputs/{place}" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/passwd", "a file outside the folder of the inputs"),
        ("../../../secret.csv", "a file outside the folder of the inputs"),
        ("C:\\\\secret.csv", "a file outside the folder of the inputs"),
        ("n" * 5_000, "a name of 5,000 characters; at most 255"),
        ("a\\0b", "a null byte in the name"),
        ("", "a folder; a file is needed"),
        (".", "a folder; a file is needed"),
    ],
)
def test_names_of_files(
    name: str, words: str, copied_inputs: Path, capsys: pytest.CaptureFixture
) -> None:
    swap(INDEX, "file: second_line_folfiri_os.csv", f'file: "{name}"')(copied_inputs)
    assert words in refused(["check", "--inputs", str(copied_inputs)], capsys)


def test_a_folder_that_leads_outside(copied_inputs: Path, capsys: pytest.CaptureFixture) -> None:
    shutil.move(copied_inputs / "model/survival", copied_inputs.parent / "elsewhere")
    (copied_inputs / "model/survival").symlink_to(copied_inputs.parent / "elsewhere")
    said = refused(["check", "--inputs", str(copied_inputs)], capsys)
    assert "inputs/model/survival: a link that leads out of the folder 'inputs'" in said


def test_links_inside_the_folder_are_followed(copied_inputs: Path) -> None:
    path = copied_inputs / OS
    path.rename(path.with_name("kept.csv"))
    path.symlink_to("kept.csv")
    assert load(copied_inputs).evidence["second_line_folfiri_os"].table


def test_an_inputs_folder_may_be_a_link(copied_inputs: Path) -> None:
    other = copied_inputs.parent / "link"
    other.symlink_to(copied_inputs)
    assert load(other).parameters


@pytest.mark.parametrize("content", [b"{" * 100_000, b"[" * 100_000, b"\xff", b"{}", b"null"])
def test_records_of_a_run_that_are_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(content)
    assert command_of(tmp_path / "results.nc") == "`heor run`"


def test_records_that_are_no_file(tmp_path: Path) -> None:
    """A pipe would wait, a device never end, a link show what is elsewhere."""
    record = tmp_path / "run.json"
    secret = {"command": "heor run --secret"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other/run.json").write_text(json.dumps(secret), encoding="utf-8")
    record.touch()
    for change in (as_pipe, link_to("/dev/zero"), link_to("run.json"), as_folder):
        change(record)
        assert command_of(tmp_path / "results.nc") == "`heor run`"
        record.rmdir() if record.is_dir() else record.unlink()
        record.touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "run.json").symlink_to(tmp_path / "other/run.json")
    assert command_of(inside / "results.nc") == "`heor run`"


# --- Options

LONG = "n" * 5_000
ROOT = str(Path(__file__).parents[2] / "inputs")
OPTIONS: dict[str, tuple[list[str], str]] = {
    "10**9 draws": (["run", "--draws", "1000000000"], "1000000000 is not in the range"),
    "no draws": (["run", "--draws", "0"], "0 is not in the range"),
    "draws in words": (["run", "--draws", "many"], "'many' is not a valid integer"),
    "draws of 5,000 digits": (["run", "--draws", "9" * 5_000], "is not a valid integer"),
    "seed below 0": (["run", "--seed", "-1"], "-1 is not in the range"),
    "seed of 400 digits": (["run", "--seed", "9" * 400], "is not in the range"),
    "set without =": (["check", "--set", "x"], "no '=' found"),
    "set of nothing": (["check", "--set", "x="], "nothing after the '='"),
    "set unclosed": (["check", "--set", "x=[1"], "not valid YAML"),
    "set unclosed quote": (["check", "--set", "x='1"], "not valid YAML"),
    "set 2,000 deep": (["check", "--set", f"x={'[' * 2_000}"], "nesting depth"),
    "set 100 deep": (["check", "--set", f"x={'[' * 100}{']' * 100}"], "within one another"),
    "set of Python": (["check", "--set", "x=!!python/object:os.system 1"], "the tag !!python"),
    "set of a bomb": (["check", "--set", f"x={{{BOMB.replace(chr(10), ',')}}}"], "20,000 values"),
    "set in itself": (["check", "--set", "x=&a [*a]"], "stands within itself"),
    "set of 1e308": (["check", "--set", "c_resection=1e308"], "1e308 is too large"),
    "set of nan": (["check", "--set", "c_resection=.nan"], ".nan is not a number"),
    "set of a list": (["check", "--set", "c_resection=[1, 2]"], "is not a finite number"),
    "set of a mapping": (["check", "--set", "c_resection={a: 1}"], "is not a finite number"),
    "set of a day": (["check", "--set", "c_resection=2026-01-01"], "is not a finite number"),
    "set of an SE": (["check", "--set", "c_resection.se=1e15"], "c_resection"),
    "set of a long name": (["check", "--set", f"{LONG}=1"], "(5,000 characters)"),
    "set of a long value": (["check", "--set", f"c_resection={LONG}"], "(5,000 characters)"),
    "set of draws": (["check", "--set", "analysis.draws=1000000000"], "1000000"),
    "set of a block": (["check", "--set", "analysis.survival=1"], "analysis.survival"),
    "set of a file": (["check", "--set", "country.life_table.file=/etc/passwd"], "outside"),
    "set under a value": (["check", "--set", "analysis.draws.x=1"], "analysis.draws"),
    "threshold 1e308": (["run", "--threshold", "1e308"], "must be at least 0 and finite"),
    "threshold nan": (["run", "--threshold", "nan"], "is no number"),
    "threshold below 0": (["run", "--threshold", "-5"], "must be at least 0"),
    "threshold of letters": (["run", "--threshold", LONG], "is no number"),
    "country above": (["check", "--country", "../../etc"], "unknown country '../../etc'"),
    "country of letters": (["check", "--country", LONG], "unknown country"),
    "no country": (["check", "--country", ""], "unknown country"),
    "country with a null byte": (["check", "--country", "a\0b"], "unknown country"),
    "scenario above": (["check", "--scenario", "../model/analysis"], "unknown scenario"),
    "scenario of letters": (["check", "--scenario", LONG], "unknown scenario"),
    "programme of letters": (["check", "--programme", LONG], "(5,000 characters)"),
    "day that does not exist": (["check", "--as-of", "2026-02-30"], "no day"),
    "day of year 0": (["check", "--as-of", "0000-01-01"], "no day"),
    "day 1": (["check", "--as-of", "0001-01-01"], "no version is in force on 0001-01-01"),
    "inputs that are a file": (["check", "--inputs", __file__], "no inputs folder here"),
    "inputs that are a device": (["check", "--inputs", "/dev/zero"], "no inputs folder here"),
    "inputs of letters": (["check", "--inputs", LONG], "a name of 5,000 characters"),
    "inputs with a null byte": (["check", "--inputs", "a\0b"], "a null byte in the name"),
    "output of 300 letters": (
        ["run", "--quick", "--output", "n" * 300],
        "a name of 300 characters",
    ),
    "output that is a pipe": (
        ["run", "--quick", "--output", "PIPE"],
        "PIPE: is a device or pipe; a folder is needed",
    ),
    "empty output": (["run", "--quick", "--output", ""], "--output : an empty name"),
    "report of nothing": (["report", "nowhere"], "not found"),
    "report of letters": (["report", LONG], "5,000 characters"),
    "figures of letters": (["figures", LONG], "5,000 characters"),
    "width 1e308mm": (["figures", "--width", "1e308mm"], "no width"),
    "width nan": (["figures", "--width", "nanmm"], "no width"),
    "width of digits": (["figures", "--width", "9" * 400 + "mm"], "mm are possible"),
    "what-if of letters": (["what-if", LONG, "--quick"], "characters; at most 255"),
    "what-if from nan": (["what-if", "tau_hr", "--range", "nan:1"], "is no range"),
    "what-if to 1e308": (["what-if", "tau_hr", "--range", "0:1e308"], "is no range"),
    "country new above": (
        ["country", "new", "../x", "--inputs", ROOT],
        "no country or area of this name",
    ),
    "country new of letters": (
        ["country", "new", LONG, "--inputs", ROOT],
        "no country or area of this name",
    ),
    "weights that are none": (["scenarios", "--run", "--weights", "/dev/zero"], "neither a file"),
    "weights of letters": (["scenarios", "--run", "--weights", LONG], "5,000 characters"),
    "accept of letters": (["check", "--accept", LONG], "No such option"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(
    name: str,
    copied_inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """Nothing is written, and no test names a device as output: one that is accepted would replace it."""
    arguments, words = OPTIONS[name]
    monkeypatch.chdir(tmp_path)
    if "PIPE" in arguments:
        os.mkfifo("PIPE")
    if "--inputs" not in arguments:
        arguments = [*arguments, "--inputs", str(copied_inputs)]
    before = set(tmp_path.iterdir())
    assert words in refused(arguments, capsys)
    assert set(tmp_path.iterdir()) == before


def draws_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "f.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


READERS = {
    "analyse": ["analyse", "FILE", "--threshold", "20000"],
    "utilities": ["utilities", "FILE", "--value-set", "norway_5l"],
    "km": ["km", "reconstruct", "FILE", "--time-unit", "months", "--patients", "100"],
}
CONTENTS: dict[str, str | bytes] = {
    "empty": "",
    "blank": "\n \n",
    "null bytes": b"\0" * 1_000,
    "binary": bytes(range(256)) * 40,
    "field of 200,000 characters": "a,b\n" + "x" * 200_000 + ",1\n",
    "quote without an end": 'a,b\n"' + "1,2\n" * 100_000,
    "bare carriage return": "a,b\n1,\r2\n3,4\n",
    "line of 2,000,000 commas": "," * 2_000_000,
    "201,000 rows": "a,b\n" + "1,2\n" * 201_000,
    "zip": b"PK\x03\x04" + b"\0" * 100,
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("reader", READERS)
def test_files_of_other_programs(
    reader: str,
    content: str,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    path = draws_file(tmp_path, CONTENTS[content])
    monkeypatch.chdir(tmp_path)
    arguments = [str(path) if a == "FILE" else a for a in READERS[reader]]
    if reader == "utilities":
        arguments += ["--inputs", str(inputs)]
    assert str(path) in refused(arguments, capsys)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", ["pipe", "/dev/zero", "link to itself", "folder"])
def test_what_is_no_file(
    reader: str, what: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "f.csv"
    path.touch()
    if what == "pipe":
        as_pipe(path)
    elif what == "folder":
        as_folder(path)
    else:
        link_to(what if what.startswith("/") else path.name)(path)
    arguments = [str(path) if a == "FILE" else a for a in READERS[reader]]
    if reader == "utilities":
        arguments += ["--inputs", str(inputs)]
    refused([*arguments, "--output", str(tmp_path / "out")], capsys)


COMMANDS: dict[str, tuple[list[str], str]] = {
    "largest nan": (["analyse", "FILE", "--threshold", "1", "--largest", "nan"], "--largest nan"),
    "largest 1e308": (["analyse", "FILE", "--threshold", "1", "--largest", "1e308"], "range"),
    "currency of letters": (["analyse", "FILE", "--threshold", "1", "--currency", LONG], "three"),
    "strategy of letters": (["analyse", "FILE", "--threshold", "1", "--comparator", LONG], "no such"),
    "group of letters": (["analyse", "FILE", "--threshold", "1", "--group", LONG], "no '=' found"),
    "output of 300 letters": (["analyse", "FILE", "--threshold", "1", "--output", "n" * 300], "--output nnn"),
    "10**9 patients": ([*READERS["km"][:-1], "1000000000"], "is not in the range"),
    "10**9 events": ([*READERS["km"], "--events", "1000000000"], "is not in the range"),
    "answers to 300 letters": ([*READERS["utilities"], "--output", "n" * 300], "300"),
    "column of letters": ([*READERS["utilities"], "--by", LONG], "--by"),
    "value set of letters": (["utilities", "FILE", "--value-set", LONG], "unknown value set"),
}  # fmt: skip
GOOD = {
    "analyse": "strategy,draw,cost,qaly\na,1,1,2\nb,1,2,3\na,2,1,2\nb,2,3,4\n",
    "utilities": "state\n11111\n21345\n",
    "km": "time,survival\n0,1\n5,0.5\n9,0.4\n",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_options_of_other_commands(
    name: str,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    arguments, words = COMMANDS[name]
    path = draws_file(tmp_path, GOOD[arguments[0]])
    monkeypatch.chdir(tmp_path)
    arguments = [str(path) if a == "FILE" else a for a in arguments]
    if arguments[0] == "utilities":
        arguments += ["--inputs", str(inputs)]
    assert words in refused(arguments, capsys)


def test_a_value_of_an_option_is_within_the_limits() -> None:
    for text in (f"[{', '.join(['1'] * 30_000)}]", "&a [1, *a]", "!!int 3", "1e400"):
        with pytest.raises(YamlFault):
            yaml_value(text)
    assert yaml_value("[1, {a: 2.5}]") == [1, {"a": 2.5}]
    assert yaml_value("12:30") == "12:30" and yaml_value("0x10") == "0x10"


# --- What only the memory shows

LARGE: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "1,000,000 parameters": (
        lambda f: large_input(f, MODEL, HEADER.encode() + ROW.encode() * 1_000_000),
        "more than 5,000 rows",
    ),
    "100 MB of commas": (
        lambda f: large_input(f, OS, b"," * 100_000_000),
        "100,000,000 bytes; at most 50,000,000",
    ),
    "49 MB of commas": (lambda f: large_input(f, OS, b"," * 49_000_000), "a line has at most"),
    "49 MB of short lines": (lambda f: large_input(f, OS, b"1\n" * 24_500_000), "200,000 rows"),
    "draws of 49 MB": (lambda f: large_draws(f, b"," * 49_000_000), "a line has at most"),
    "draws of 24,000,000 rows": (lambda f: large_draws(f, b"1\n" * 24_000_000), "200,000 rows"),
    "draws of 5,000,000 cells": (
        lambda f: large_draws(f, (b"1," * 29 + b"1\n") * 170_000),
        "more than 4,000,000 cells",
    ),
    "aliases that multiply": (lambda f: large_input(f, ANALYSIS, BOMB.encode()), "20,000 values"),
}


def large_input(folder: Path, name: str, data: bytes) -> list[str]:
    (folder / "inputs" / name).write_bytes(data)
    return ["check", "--inputs", str(folder / "inputs")]


def large_draws(folder: Path, data: bytes) -> list[str]:
    return ["analyse", str(draws_file(folder, data)), "--threshold", "20000"]


#: What a process uses is written last: its memory at most (kB), and its seconds of work.
MEASURED = """
import resource, sys
from heor.cli.main import main
code = main(sys.argv[1:])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
used = resource.getrusage(resource.RUSAGE_SELF)
print(peak, used.ru_utime + used.ru_stime)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("name", LARGE)
def test_large_files_in_little_memory(name: str, copied_inputs: Path) -> None:
    """By a process of its own, whose memory and work are measured."""
    make, words = LARGE[name]
    command = [sys.executable, "-c", MEASURED, *make(copied_inputs.parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    peak, seconds = done.stdout.split()
    assert float(seconds) < SECONDS and 1024 * int(peak) < BYTES, (seconds, peak)


def test_limits_let_the_shipped_inputs_through(inputs: Path) -> None:
    """With room for ten times as much."""
    files = [p for p in inputs.rglob("*") if p.is_file()]
    assert 10 * len(files) < limits.ENTRIES
    assert 10 * max(p.stat().st_size for p in files) < limits.TABLE_BYTES
    assert 10 * max(p.stat().st_size for p in files if p.suffix == ".yaml") < limits.YAML_BYTES
    lines = [p.read_text("utf-8").splitlines() for p in files if p.suffix == ".csv"]
    assert 10 * max(map(len, lines)) < limits.ROWS
    assert 10 * max(len(line) for text in lines for line in text) < limits.LINE
