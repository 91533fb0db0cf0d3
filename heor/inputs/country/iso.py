"""Countries and areas by name or ISO 3166 code, with their currency. Names: pycountry; money: CLDR (babel)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Territory:
    """A country or area: short English name, ISO 3166-1 codes, ISO 4217 currency ("" unknown)."""

    name: str
    iso2: str
    iso3: str
    currency: str = ""

    @property
    def folder(self) -> str:
        """A folder name: lower case, letters and digits.

        >>> Territory("Côte d'Ivoire", "CI", "CIV").folder
        'cote_d_ivoire'
        """
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode()
        return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def territory(text: str) -> Territory | None:
    """The country of a name or code; None when there is none.

    >>> territory("isl")
    Territory(name='Iceland', iso2='IS', iso3='ISL', currency='ISK')
    """
    import pycountry

    try:
        found = pycountry.countries.lookup(text.strip())
    except LookupError:
        return None
    return Territory(_short(found), found.alpha_2, found.alpha_3, _currency(found.alpha_2))


def suggestion(text: str) -> str:
    """' Did you mean …?' for the nearest name or code, or an empty string."""
    import pycountry

    from heor.faults import nearest

    names = [n for c in pycountry.countries for n in (_short(c), c.alpha_2, c.alpha_3)]
    folded = {name.lower(): name for name in names}
    hint = nearest(text.lower(), folded)
    for low, name in folded.items():
        hint = hint.replace(f"'{low}'", f"'{name}'")
    return hint


def _short(country) -> str:
    return str(getattr(country, "common_name", country.name)).split(",")[0]


def _currency(iso2: str) -> str:
    from babel.numbers import get_territory_currencies

    found = get_territory_currencies(iso2)
    return found[-1] if found else ""
