"""What to do about the clauses that were not evaluated, and what each clause says in full."""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.kit.catalogue import Catalogue, CatalogueError
from conformance.kit.catalogue import Clause as CatalogueClause
from reports.results import Clause, Results, with_status

Texts = Mapping[str, CatalogueClause]
"""Catalogue entries by clause id; a clause that is missing is shown without its text."""

_SUPPLIES = {
    "second_token": "Supply another user's JWT: --second-token JWT",
    "restricted_token": "Supply the JWT of a user who may not delete: --restricted-token JWT",
    "expired_token": "Supply an expired JWT: --expired-token JWT",
}
_PROBE = "Permit the rate-limit probe: --probe-rate-limit (it spends this address's window)"

_BY_KIND = {
    "token": "Supply the token that the reason names",
    "permission": "Permit what the reason names",
    "budget": "Allow more: a higher --max-requests or --max-wait, or --profile deep",
    "premise": "Repair what broke the set-up: the reason names it",
    "not_selected": "Left out by --clause: drop the option, or widen its pattern",
    "not_built": "Nothing to supply: the suite has no test for it yet",
    "not_applicable": "Nothing to supply: the clause does not speak of a target like this one",
    "unavailable": "Nothing to supply: the target did not offer what the clause needs",
}
_OTHER = "See the reason"

NOTHING_TO_DO = frozenset({"not_selected", "not_built", "not_applicable", "unavailable"})
"""Kinds of reason that no option or token removes."""


@dataclass(frozen=True)
class Gap:
    """Clauses that were not evaluated and that one remedy would open."""

    remedy: str
    clauses: tuple[Clause, ...]

    @property
    def reason(self) -> str | None:
        """The reason that all its clauses share, or None where they differ."""
        reasons = {clause["reason"] for clause in self.clauses}
        return reasons.pop() if len(reasons) == 1 else None


def texts_or_own(texts: Texts | None) -> Texts:
    """Return the texts given, else the project's own, or none where its catalogue is broken."""
    if texts is not None:
        return texts
    try:
        return clause_texts()
    except CatalogueError:
        return {}


def clause_texts() -> dict[str, CatalogueClause]:
    """Return the entries of the project's own catalogue by clause id.

    Raises:
        CatalogueError: the catalogue file is malformed.

    """
    return {clause.id: clause for clause in Catalogue.load()}


def remedy(clause: Clause, texts: Texts) -> str:
    """Return one line on what to supply or change so that the clause is evaluated."""
    kind = clause["reason_kind"] or ""
    entry = texts.get(clause["id"])
    needs = entry.needs if entry is not None else ()
    if kind == "token":
        supplies = [_SUPPLIES[need] for need in needs if need in _SUPPLIES]
        return supplies[0] if supplies else _BY_KIND[kind]
    if kind == "permission" and clause["id"].startswith("LIMIT-"):
        return _PROBE
    return _BY_KIND.get(kind, _OTHER)


def gaps(results: Results, texts: Texts) -> list[Gap]:
    """Return the clauses that were not evaluated, grouped by remedy.

    Where the remedy is to look at the reason, each reason has a group of its own. Remedies in the
    user's hands come first, those with more clauses before those with fewer.
    """
    grouped: dict[tuple[str, str | None], list[Clause]] = {}
    for clause in with_status(results, "not_evaluated"):
        text = remedy(clause, texts)
        reason = clause["reason"] if "reason" in text else None
        grouped.setdefault((text, reason), []).append(clause)
    found = [Gap(text, tuple(clauses)) for (text, _), clauses in grouped.items()]
    return sorted(found, key=_urgency)


def _urgency(gap: Gap) -> tuple[bool, int]:
    return gap.clauses[0]["reason_kind"] in NOTHING_TO_DO, -len(gap.clauses)
