"""YAML as the inputs use it: text, numbers, dates, lists and mappings, within limits.

Numbers and booleans are those of YAML 1.2: `NO` is Norway, not false, `012` is twelve and `12:30` is text.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import yaml

from heor import limits
from heor.inputs.text.numerals import GROUP_OF_THREE
from heor.limits import excerpt

TAG = "tag:yaml.org,2002:"
DIGITS = 400  # of a whole number that is made one at all; what is too large is said below
#: Plain text of these forms is no text; first letters that it may have.
_FORMS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "timestamp": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
}


class YamlFault(ValueError):
    """Text that is no YAML of the inputs, the line, and what to do."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


class Grouped(float):
    """A number of one to three digits, a point and three digits: of money it may be thousands."""

    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """By libyaml, where PyYAML has it."""


Loader.yaml_implicit_resolvers = {
    key: [(tag, regexp) for tag, regexp in resolvers if tag.removeprefix(TAG) not in _FORMS]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, (_form, _first) in _FORMS.items():
    Loader.add_implicit_resolver(f"{TAG}{_kind}", re.compile(rf"^(?:{_form})$"), list(_first))


def _whole(loader: Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _number(loader: Loader, node: yaml.ScalarNode) -> float:
    text = node.value.lower()
    value = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    if not GROUP_OF_THREE.fullmatch(text):
        return value
    grouped = Grouped(value)
    grouped.text = node.value
    return grouped


def _day(loader: Loader, node: yaml.ScalarNode) -> date:
    return date.fromisoformat(node.value)


Loader.add_constructor(f"{TAG}int", _whole)
Loader.add_constructor(f"{TAG}float", _number)
Loader.add_constructor(f"{TAG}timestamp", _day)


def composed(loader: Loader, text: str) -> yaml.Node | None:
    """The tree of a text that is within the limits.

    Raises
    ------
    YamlFault
    """
    try:
        _check(text)
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlFault(
            mark.line + 1 if mark else 1,
            f"not valid YAML ({error.problem}); check indentation, quotes and colons.",
        ) from error
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(error.character)
        line = text[: text.find(chr(character))].count("\n") + 1
        raise YamlFault(
            line, f"not valid YAML (control character {character:#04x}); remove it."
        ) from error


def _check(text: str) -> None:
    """Refuse what would be too much to hold before anything is built; no recursion, no copies."""
    sizes: dict[str, int] = {}  # of what each anchor names, its own aliases counted in full
    open_nodes: list[tuple[str | None, int]] = []
    values = aliases = 0
    for event in yaml.parse(text, Loader=Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
            if any(name == event.anchor for name, _ in open_nodes):
                raise YamlFault(
                    line, f"'*{excerpt(event.anchor)}' stands within itself. Write the values out."
                )
            values += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.NodeEvent):
            _check_tag(event, line)
            values += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, values))
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = open_nodes.pop()
            if name:
                sizes[name] = values - before + 1
        for what, found, most in (
            ("values", values, limits.YAML_VALUES),
            ("lists and mappings within one another", len(open_nodes), limits.YAML_DEPTH),
            ("aliases", aliases, limits.YAML_ALIASES),
        ):
            if found > most:
                raise YamlFault(
                    line, f"more than {most:,} {what}; no file may have more. Simplify it."
                )


def _check_tag(event: yaml.NodeEvent, line: int) -> None:
    tag = getattr(event, "tag", None)
    if tag is not None:
        shown = f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag
        raise YamlFault(
            line,
            f"the tag {excerpt(shown)}; plain text, numbers, lists and mappings are expected. Remove it.",
        )


def scalar(loader: Loader, node: yaml.ScalarNode) -> Any:
    """Text, a number, a date, true, false or null.

    Raises
    ------
    YamlFault
        A date that does not exist, or a number that is too large or not finite.
    """
    line = node.start_mark.line + 1
    if node.tag == f"{TAG}int" and len(node.value) > DIGITS:
        raise YamlFault(line, f"{excerpt(node.value)} is too large. Correct it.")
    try:
        value = loader.construct_object(node)
    except ValueError as error:
        raise YamlFault(line, f"not valid YAML ({error}); put quotes around text.") from error
    if isinstance(value, int | float) and not abs(value) <= limits.NUMBER:
        what = "not a number" if value != value else "too large"
        raise YamlFault(
            line,
            f"{excerpt(node.value)} is {what}; finite numbers up to {limits.NUMBER:g} are read. Correct it.",
        )
    return value


def yaml_value(text: str) -> Any:
    """A value as a YAML file would have it; `NO` is Norway here too.

    Raises
    ------
    YamlFault

    Examples
    --------
    >>> yaml_value("NO"), yaml_value("[1, 2.5]"), yaml_value("012")
    ('NO', [1, 2.5], 12)
    """
    loader = Loader(text)
    try:
        node = composed(loader, text)
        return None if node is None else _value(loader, node)
    finally:
        loader.dispose()


def _value(loader: Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return scalar(loader, node)
    loader.flatten_mapping(node)
    return {str(key.value): _value(loader, value) for key, value in node.value}
