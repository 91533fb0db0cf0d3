"""Read and overlay YAML layers; every value remembers its file, its line and what it replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from heor.inputs.problem import Origin


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML 1.2 booleans only: `NO` is Norway, not false. By libyaml, where PyYAML has it."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"),
    list("tTfF"),
)


def yaml_value(text: str) -> Any:
    """A value as a YAML file would have it; `NO` is Norway here too."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


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
    return ("model", "country", "scenario", "override").index(origin.layer)


def read_text(path: Path, shown: str, problems: list[str]) -> str | None:
    """UTF-8 text of a file, or None with a problem noted."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        problems.append(f"{shown}: not found; the file is required. Create it or restore it.")
        return None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        problems.append(
            f"{shown}:{line}: not UTF-8 (byte {path.read_bytes()[error.start]:#04x}); files must be "
            "UTF-8. Save it again with encoding UTF-8 (in Excel: CSV UTF-8)."
        )
        return None
    if not text.strip():
        problems.append(f"{shown}: empty file; content is required. Restore it or remove it.")
        return None
    return text


def read_yaml(path: Path, shown: str, layer: str, problems: list[str]) -> Layer:
    """One YAML file as a layer. Problems (missing, empty, syntax, no mapping) are appended."""
    text = read_text(path, shown, problems)
    if text is None:
        return Layer()
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        result = Layer()
        if isinstance(node, yaml.MappingNode):
            value = _construct(loader, node, "", shown, layer, result.origins, problems)
            result.values = value
            return result
        problems.append(f"{shown}:1: not a mapping; 'name: value' lines are expected.")
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark or error.context_mark).line + 1
        problems.append(
            f"{shown}:{line}: not valid YAML ({error.problem}); check indentation, quotes and colons."
        )
    except yaml.reader.ReaderError as error:
        line = text[: text.find(chr(error.character))].count("\n") + 1
        problems.append(
            f"{shown}:{line}: not valid YAML (control character {error.character:#04x}); remove it."
        )
    finally:
        if loader is not None:
            loader.dispose()
    return Layer()


def _construct(
    loader: _Loader,
    node: yaml.Node,
    path: str,
    shown: str,
    layer: str,
    origins: dict[str, Origin],
    problems: list[str],
    line: int | None = None,
) -> Any:
    line = node.start_mark.line + 1 if line is None else line
    if path:
        origins[path] = Origin(shown, line, layer)
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problems.append(
                    f"{shown}:{key.start_mark.line + 1}: a name is a list or a mapping; a name must "
                    "be text."
                )
                return {}
        own = {key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"}
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.value in own:
                problems.append(
                    f"{shown}:{key.start_mark.line + 1}: '{key.value}' appears twice; names must be "
                    "unique. Remove one."
                )
            seen.add(key.value)
        loader.flatten_mapping(node)
        return {
            str(key.value): _construct(
                loader,
                value,
                f"{path}.{key.value}" if path else str(key.value),
                shown,
                layer,
                origins,
                problems,
                key.start_mark.line + 1,
            )
            for key, value in node.value
        }
    if isinstance(node, yaml.SequenceNode):
        return [
            _construct(loader, item, f"{path}.{i}", shown, layer, origins, problems)
            for i, item in enumerate(node.value)
        ]
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:  # a date that does not exist
        problems.append(f"{shown}:{line}: not valid YAML ({error}); put quotes around text.")
        return None


def overlay(base: Layer, top: Layer) -> Layer:
    """`top` over `base`: mappings merge by key, lists and scalars are replaced whole."""
    origins = dict(base.origins)
    values = _merge(base.values, top.values, "", base, top, origins)
    return Layer(values, origins)


def _merge(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    path: str,
    base: Layer,
    top: Layer,
    origins: dict[str, Origin],
) -> dict[str, Any]:
    out = dict(old)
    for key, value in new.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            out[key] = _merge(old[key], value, here, base, top, origins)
            continue
        out[key] = value
        replaced = repr(old[key]) if key in old else None
        for name in [n for n in origins if n == here or n.startswith(f"{here}.")]:
            del origins[name]
        for name, origin in top.origins.items():
            if name == here or name.startswith(f"{here}."):
                shown = replaced if name == here else None
                origins[name] = Origin(origin.file, origin.line, origin.layer, shown)
    return out


def nearest(name: str, allowed: Any) -> str:
    """' Did you mean …?' for the closest allowed name, or an empty string."""
    import difflib

    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


#: More names than this are not read in a message.
LISTED = 30


def named(
    what: str, name: str, allowed: Iterable[str], origin: Origin, problems: list[str]
) -> bool:
    """Whether `name` is one of those allowed; a problem is noted when it is not."""
    allowed = list(allowed)
    if name in allowed:
        return True
    listed = ", ".join(allowed) if len(allowed) <= LISTED else f"{len(allowed)} others"
    problems.append(
        f"{origin}: unknown {what} '{name}'; available: {listed or 'none'}.{nearest(name, allowed)}"
    )
    return False
