"""Which fits a decision problem needs, and how it goes on without those that cannot be computed.

A family without a fit is left out with its reason, and its weight is unknown. Where it was the only one
of its evidence, there is no curve: a `FitError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heor.errors import FitError
from heor.problem.problem import DecisionProblem
from heor.survival.evidence import evidence
from heor.survival.families import families
from heor.survival.families.likelihood import Piece
from heor.survival.families.regression import Regression
from heor.survival.fitting import goodness
from heor.survival.fitting.choices import Lists, alike, of_evidence
from heor.survival.fitting.model_draws import Unit, fitted_units
from heor.survival.fitting.posterior import FitRequest, Key, SurvivalPosterior

SCREEN = 0.02  # stacking weight below which a screened family is not sampled
PRIOR_WIDTH = {"standard": 1.0, "wide": 2.0, "narrow": 0.5}

#: Forms of evidence that say which patients stand behind both endpoints of a joint model.
WITH_PATIENTS = ("grouped", "individual")

Requests = dict[Unit, dict[str, list[FitRequest]]]
#: (evidence, family) → why it could not be fitted.
Failures = dict[Key, str]


def sentence(words: str) -> str:
    """With a full stop."""
    return words if words.endswith(".") else f"{words}."


@dataclass
class Plan:
    """The fits of one problem as they are made.

    Attributes
    ----------
    lists : dict
        Unit → families of each evidence that are compared.
    candidates : dict
        The same, of those that may have weight.
    requests : dict
        Unit → family → the fits it needs: one of a joint model, else one an evidence.
    together : dict
        Unit → whether one family serves all its endpoints: they list the same ones.
    failed : dict
        (evidence, family) → why it is left out.
    """

    lists: dict[Unit, Lists]
    candidates: dict[Unit, Lists]
    requests: Requests
    together: dict[Unit, bool]
    failed: Failures

    @staticmethod
    def of(problem: DecisionProblem) -> Plan:
        """Every family of every unit; one that has no model for its evidence is left out at once."""
        lists = fitted_units(problem)
        together = {unit: alike(own) for unit, own in lists.items()}
        plan = Plan(dict(lists), dict(lists), {}, together, {})
        for unit, own in lists.items():
            pieces = [evidence.pieces(problem, name) for name in unit]
            plan.requests[unit] = {
                family: plan._requests(problem, family, unit, own, pieces)
                for family in dict.fromkeys(f for families in own for f in families)
            }
        plan.leave_out({})
        return plan

    @property
    def every(self) -> list[FitRequest]:
        """All requests, by unit and family."""
        return [r for own in self.requests.values() for some in own.values() for r in some]

    def _requests(
        self,
        problem: DecisionProblem,
        family: str,
        unit: Unit,
        lists: Lists,
        pieces: Sequence[tuple[Piece, ...]],
    ) -> list[FitRequest]:
        width = PRIOR_WIDTH[problem.settings.fit.priors]
        groups = [group for group, own in zip(pieces, lists, strict=True) if family in own]
        if family.startswith("joint_"):
            groups = [tuple(piece for group in groups for piece in group)]
            bare = [p.name for p in groups[0] if p.main and p.form not in WITH_PATIENTS]
            if bare:
                why = (
                    f"{' and '.join(bare)}: survivors by interval; a joint family needs patients or their counts "
                    "(form individual, grouped or published_curve)."
                )
                self.failed |= {(name, family): why for name in unit}
                return []
        found = []
        for group in groups:
            try:
                found.append(_request(family, group, width))
            except ValueError as error:  # too few events to place knots
                names = [piece.name for piece in group if piece.main]
                self.failed |= {(name, family): sentence(str(error)) for name in names}
        return found

    def keep_survivors(
        self, posteriors: Mapping[Key, SurvivalPosterior], cache: Path | None
    ) -> None:
        """Ask for those alone that have weight when all are fitted by Laplace."""
        for unit, lists in self.lists.items():
            together = self.together[unit]
            weights = goodness.compare(posteriors, unit, cache, None, lists, together).weights
            own = [of_evidence(weights, k, len(unit)) for k in range(len(unit))]
            self.candidates[unit] = tuple(
                tuple(f for f in families if share.get(f, 0.0) >= SCREEN)
                for families, share in zip(lists, own, strict=True)
            )
            left = {f for families in self.candidates[unit] for f in families}
            self.requests[unit] = {
                family: [r for r in requests if self._wants(unit, r, family)]
                for family, requests in self.requests[unit].items()
                if family in left
            }

    def _wants(self, unit: Unit, request: FitRequest, family: str) -> bool:
        own = zip(unit, self.candidates[unit], strict=True)
        return any(name in request.evidence and family in families for name, families in own)

    def leave_out(self, failed: Failures) -> None:
        """Go on without families that could not be fitted; one that serves all endpoints goes for all.

        Raises
        ------
        FitError
            No family of an evidence is left.
        """
        self.failed |= failed
        for unit in self.lists:
            self.lists[unit] = self._without(unit, self.lists[unit], self.failed)
            self.candidates[unit] = self._without(unit, self.candidates[unit], self.failed)
            if not all(self.candidates[unit]):
                lines = [
                    f"{name}/{family}: could not be fitted. {reason}"
                    for (name, family), reason in self.failed.items()
                    if name in unit
                ]
                advice = "No other family is left. Name other families, or check the evidence."
                raise FitError("\n".join([*lines, advice]))

    def left_out(self, unit: Unit) -> dict[str, str]:
        """Family → why it is left out, for the evidence of a unit."""
        found: dict[str, dict[str, list[str]]] = {}
        for (name, family), reason in self.failed.items():
            if name in unit:
                found.setdefault(family, {}).setdefault(reason, []).append(name)
        return {
            family: " ".join(
                why if len(names) == len(unit) else f"{' and '.join(names)}: {why}"
                for why, names in reasons.items()
            )
            for family, reasons in found.items()
        }

    def dispensable(self, failed: Failures) -> Failures:
        """Those of `failed` without which a family of every evidence is left."""
        found = {}
        for unit, candidates in self.candidates.items():
            own = {key: why for key, why in failed.items() if key[0] in unit}
            if all(self._without(unit, candidates, own)):
                found |= own
        return found

    def _without(self, unit: Unit, lists: Lists, failed: Failures) -> Lists:
        """Lists without what failed; where one family serves all endpoints it goes for all of them."""
        gone = [{f for name, f in failed if name == own} for own in unit]
        if self.together[unit]:
            gone = [set().union(*gone)] * len(unit)
        return tuple(
            tuple(f for f in own if f not in out) for own, out in zip(lists, gone, strict=True)
        )


def _request(family: str, pieces: tuple[Piece, ...], width: float) -> FitRequest:
    """The family, with the covariates of individual data on its location.

    Raises
    ------
    ValueError
        The evidence has too few events to place the knots of the family.
    """
    model = families.resolve(family, pieces)
    names = {k.removeprefix("x_") for piece in pieces for k in piece.data if k.startswith("x_")}
    if names:
        model = Regression(model, tuple(sorted(names)))
    return FitRequest(model if width == 1.0 else model.with_priors(width), pieces, family)
