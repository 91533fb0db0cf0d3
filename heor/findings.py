"""What is legal, and yet worth a look: a number or a result that is seldom right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing worth a look. It is a question to the user, never a refusal.

    Attributes
    ----------
    check : str
        Name of the check that found it.
    where : str
        File and line, or the part of the results.
    found : str
        What the file or the result has.
    usual : str
        What is usual, which is why it is asked.
    cure : str
        What to do; the likeliest error.

    Examples
    --------
    >>> print(Finding("spike", "life_table.csv", "q is 0.9 at age 50", "0.003 is usual", "Correct it."))
    life_table.csv: q is 0.9 at age 50; 0.003 is usual. Correct it.
    """

    check: str
    where: str
    found: str
    usual: str
    cure: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; {self.usual}. {self.cure}"


def shown(amount: float) -> str:
    """A number as a reader of money or ages would write it.

    >>> shown(3196800.0), shown(0.00459)
    ('3,196,800', '0.00459')
    """
    return f"{amount:,.0f}" if abs(amount) >= 1000 else f"{amount:,.4g}"
