"""The map of the code, the folders on disk and the import contract say the same; rooms and files stay small."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEOR = ROOT / "heor"
MAP = (HEOR / "README.md").read_text(encoding="utf-8")
SOURCES = sorted(HEOR.rglob("*.py"))
#: Rooms with one file a section or a command, however many there are.
ANY_SIZE = ("report/sections", "runs")
#: Longer than 400 lines, and why.
LONG = {
    "survival/families/flexible.py": "three families that share their splines",
    "survival/families/distributions.py": "nine distributions, one formula each",
    "survival/families/joint.py": "one likelihood",
    "survival/evidence/reconstruct_patients.py": "one algorithm",
    "survival/fitting/correlation.py": "one derivation",
    "survival/fitting/fit_each.py": "one sequence: cache, Laplace, NUTS, checks",
    "survival/sampler/compiled.py": "one file format of compiled functions",
    "occupancy/individual.py": "one compiled loop and what it is given",
    "occupancy/continuous_time/rates_compiled.py": "one compiled loop",
    "archive.py": "a writer and a reader that must agree",
}


def folders() -> set[str]:
    """Every room on disk, with those that hold other files than code."""
    found = {p.parent.relative_to(HEOR).as_posix() for p in HEOR.rglob("*") if p.is_file()}
    return {name for name in found if name != "." and "__pycache__" not in name}


def test_every_folder_is_on_the_map_and_none_is_invented() -> None:
    named = {n.rstrip("/") for n in re.findall(r"`((?:[a-z_]+/)+)`", MAP)}
    named |= {n.rstrip("/") for n in re.findall(r"^([a-z_]+/) ", MAP, flags=re.MULTILINE)}
    own = {n for n in named if not n.startswith(("inputs/countries", "inputs/model", "tests"))}
    assert own == folders()
    for name in (n for n in named if n.startswith("tests")):
        assert (ROOT / name).is_dir(), name
    for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|yaml|csv))`", MAP):
        places = [HEOR / name, ROOT / name, ROOT / "inputs/model" / name, *HEOR.rglob(name)]
        assert any(p.exists() for p in places), name


def test_the_map_is_the_import_contract() -> None:
    """The picture names the layers of pyproject.toml, in their order."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contract = next(
        c for c in tools["importlinter"]["contracts"] if c["name"] == "Data flows one way"
    )
    layers = [
        {name.strip().removeprefix("heor.") for name in layer.split("|")}
        for layer in contract["layers"]
    ]
    picture = MAP.split("```")[1].strip().splitlines()
    drawn = [set(re.findall(r"([a-z_]+)(?:/|\.py)", line)) for line in picture]
    assert drawn == layers


def test_the_map_fits_on_a_page() -> None:
    assert len(MAP.splitlines()) <= 120


def test_rooms_are_small() -> None:
    sizes = {
        folder: len([p for p in (HEOR / folder).glob("*.py") if p.name != "__init__.py"])
        for folder in folders() - set(ANY_SIZE)
    }
    assert {folder: n for folder, n in sizes.items() if n > 15} == {}


def test_files_are_short() -> None:
    lines = {
        p.relative_to(HEOR).as_posix(): len(p.read_text(encoding="utf-8").splitlines())
        for p in SOURCES
    }
    assert {name for name, n in lines.items() if n > 400} == set(LONG)


def test_functions_take_few_arguments() -> None:
    """Eight at most; a command of Click takes what it has options."""
    many = []
    for path in (p for p in SOURCES if p.parent.name != "cli"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                own = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                if len([a for a in own if a.arg not in ("self", "cls")]) > 8:
                    many.append(f"{path.relative_to(HEOR)}: {node.name}")
    assert many == []


def used_in(trees: dict[str, ast.Module]) -> set[str]:
    """Names read anywhere, also in texts (annotations, and modules named for a later import)."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"\w+", node.value)) if len(node.value) < 100 else set()
    return found


def test_no_function_is_there_for_tests_only() -> None:
    """Every function and class of the package is read by the package."""
    trees = {p.as_posix(): ast.parse(p.read_text(encoding="utf-8")) for p in SOURCES}
    used = used_in(trees)
    alone = []
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list:
                if node.name not in used and not node.name.startswith("__"):
                    alone.append(f"{name}: {node.name}")
    assert alone == []


def test_no_test_imports_a_test() -> None:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                module = str(node.module).rpartition(".")[2]
                assert not module.startswith("test_") and module != "conftest", path
