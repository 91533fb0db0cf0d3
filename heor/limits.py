"""How much one file or request may hold. All readers take their limits from here.

They are far above what an analysis needs, and low enough that anything within them is read in seconds
and in less than 1 GB of memory. Sizes are in bytes, lines and cells in characters.
"""

from __future__ import annotations

#: Files: a CSV (or its XLSX), YAML, a record of a run.
TABLE_BYTES = 50_000_000
YAML_BYTES = 2_000_000
RECORD_BYTES = 10_000_000
#: An XLSX is a zip: what its sheets may unpack to.
UNPACKED_BYTES = 100_000_000

#: Tables. A cell's limit is that of Python's csv module.
LINE = 1_000_000
CELL = 131_072
ROWS = 200_000
CELLS = 4_000_000
PARAMETERS = 5_000

#: YAML: values in all (what aliases repeat counts each time), mappings within mappings, aliases.
YAML_VALUES = 20_000
YAML_DEPTH = 30
YAML_ALIASES = 500

#: An inputs folder: files and folders in it; letters of a file's name or a path of it.
ENTRIES = 20_000
NAME = 255

#: Numbers beyond this have lost their last whole unit in double precision, and are mistakes.
NUMBER = 1e15
#: Draws of the model, and patients that are reconstructed from a curve.
DRAWS = 1_000_000
PATIENTS = 100_000

#: Rows of terms of value sets.
TERMS = 20_000
#: Letters of a cell or a name that a message shows; faults of one kind that are listed one by one, and
#: faults in all that the command line prints.
SHOWN = 60
FAULTS = 20
PRINTED = 200


def excerpt(text: str, most: int = SHOWN) -> str:
    """A text as a message shows it: the first letters of a long one, and how many there are.

    >>> excerpt("260 000"), excerpt("a" * 70, 3)
    ('260 000', 'aaa… (70 characters)')
    """
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text):,} characters)"


def few(faults: list[str], where: str, most: int = FAULTS) -> list[str]:
    """The first faults of one kind, and how many more there are.

    >>> few(["a.csv:2: empty.", "a.csv:3: empty."], "a.csv", 1)
    ['a.csv:2: empty.', 'a.csv: 1 more fault like this.']
    """
    more = len(faults) - most
    if more <= 0:
        return faults
    words = "1 more fault like this." if more == 1 else f"{more:,} more faults like these."
    return [*faults[:most], f"{where}: {words}"]


def counted(number: int, what: str) -> str:
    """A number of things, in words.

    >>> counted(1, "click"), counted(3, "such row")
    ('1 click', '3 such rows')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"
