"""Read and overlay YAML layers; every value remembers its file, its line and what it replaced."""

from __future__ import annotations

import codecs
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from heor import limits
from heor.faults import Faults
from heor.files import Unreadable, content
from heor.inputs.text.yaml_text import TAG, Loader, YamlFault, composed, scalar
from heor.limits import excerpt
from heor.problem.parameter import Origin

#: What is laid over what.
LAYERS = ("model", "country", "scenario", "override")


@dataclass
class Layer:
    """One or several overlaid YAML mappings, with the origin of every dotted path."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)

    def origin(self, path: str, default: str = "") -> Origin:
        """Origin of `path` or of its nearest parent that has one."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path.rpartition(".")[0]
        return Origin(default)

    def latest(self, path: str) -> Origin:
        """Origin of the part of mapping `path` that the last layer set, or of `path` itself."""
        found = self.origin(path)
        for name, origin in self.origins.items():
            if name.startswith(f"{path}.") and _rank(origin) > _rank(found):
                found = origin
        return found


def _rank(origin: Origin) -> int:
    return LAYERS.index(origin.layer)


def read_text(
    path: Path,
    shown: str,
    problems: Faults,
    most: int = limits.TABLE_BYTES,
    root: Path | None = None,
) -> str | None:
    """UTF-8 text of a file (in a folder `root`), or None with a problem noted."""
    try:
        data = content(path, most, root)
    except Unreadable as why:
        problems.append(f"{shown}: {why}")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = f"byte {data[error.start]:#04x}"
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            what = "it is UTF-16, which Excel calls Unicode text"
        problems.append(
            f"{shown}:{line}: not UTF-8 ({what}); files must be UTF-8. Save it again with encoding UTF-8 "
            "(in Excel: CSV UTF-8)."
        )
        return None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        problems.append(
            f"{shown}:{line}: a null byte, so it is no text; text in UTF-8 is expected. Save it again."
        )
        return None
    if not text.strip():
        problems.add(shown, "empty file", "content is required", "Restore it or remove it.")
        return None
    return text


def read_yaml(
    path: Path, shown: str, layer: str, problems: Faults, root: Path | None = None
) -> Layer:
    """One YAML file (in a folder `root`) as a layer. Problems (missing, syntax, …) are appended."""
    text = read_text(path, shown, problems, limits.YAML_BYTES, root)
    if text is None:
        return Layer()
    kept, faults = _parsed(text, shown, layer)
    problems += faults
    return pickle.loads(kept)


@lru_cache(maxsize=128)
def _parsed(text: str, shown: str, layer: str) -> tuple[bytes, tuple[str, ...]]:
    """A layer, pickled so that nobody changes another's, and its faults.

    Scenarios and countries read the same files again and again.
    """
    result, problems = Layer(), Faults()
    loader = Loader(text)
    try:
        node = composed(loader, text)
        if not isinstance(node, yaml.MappingNode):
            raise YamlFault(1, "not a mapping; 'name: value' lines are expected.")
        construct = _Construction(loader, shown, layer, result.origins, problems)
        result.values = construct.value(node, "")
        return pickle.dumps(result), tuple(problems)
    except YamlFault as fault:
        problems.append(f"{shown}:{fault.line}: {fault}")
    except yaml.MarkedYAMLError as error:  # of merging
        problems.append(
            f"{shown}:{error.problem_mark.line + 1}: not valid YAML ({error.problem}); check what '<<' names."
        )
    finally:
        loader.dispose()
    return pickle.dumps(Layer()), tuple(problems)


@dataclass
class _Construction:
    """Values of a tree, with the origin of each."""

    loader: Loader
    shown: str
    layer: str
    origins: dict[str, Origin]
    problems: Faults

    def value(self, node: yaml.Node, path: str, line: int | None = None) -> Any:
        line = node.start_mark.line + 1 if line is None else line
        if path:
            self.origins[path] = Origin(self.shown, line, self.layer)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}.{i}") for i, item in enumerate(node.value)]
        try:
            return scalar(self.loader, node)
        except YamlFault as fault:
            self.problems.append(f"{self.shown}:{fault.line}: {fault}")
            return None

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._note(key, "a name is a list or a mapping; a name must be text.")
                return {}
        own = {key.value for key, _ in node.value if key.tag != f"{TAG}merge"}
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.value in own:
                self._note(
                    key, f"'{excerpt(key.value)}' appears twice; names must be unique. Remove one."
                )
            seen.add(key.value)
        self.loader.flatten_mapping(node)
        return {
            str(key.value): self.value(
                value, f"{path}.{key.value}" if path else key.value, key.start_mark.line + 1
            )
            for key, value in node.value
        }

    def _note(self, key: yaml.Node, words: str) -> None:
        self.problems.append(f"{self.shown}:{key.start_mark.line + 1}: {words}")


def overlay(base: Layer, top: Layer) -> Layer:
    """`top` over `base`: mappings merge by key, lists and scalars are replaced whole."""
    replaced: dict[str, str | None] = {}
    values = _merge(base.values, top.values, "", replaced)
    roots = {path.partition(".")[0] for path in replaced}  # most names are under none of them
    origins = {
        name: origin
        for name, origin in base.origins.items()
        if name.partition(".")[0] not in roots or within(name, replaced) is None
    }
    for name, origin in top.origins.items():
        if within(name, replaced) is not None:
            was = replaced.get(name)
            origins[name] = origin if origin.replaced == was else replace(origin, replaced=was)
    return Layer(values, origins)


def _merge(
    old: Mapping[str, Any], new: Mapping[str, Any], path: str, replaced: dict[str, str | None]
) -> dict[str, Any]:
    """The merged mapping; the paths that `new` sets are noted, with what was there before."""
    out = dict(old)
    for key, value in new.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            out[key] = _merge(old[key], value, here, replaced)
        else:
            out[key] = value
            replaced[here] = repr(old[key]) if key in old else None
    return out


def within(path: str, paths: Mapping[str, Any]) -> str | None:
    """The path itself or the nearest above it that is among `paths`."""
    while path:
        if path in paths:
            return path
        path = path.rpartition(".")[0]
    return None
