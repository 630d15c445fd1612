"""Which observed clause each entry of the behaviour profile belongs to.

The results document holds the profile by name alone. A name that is not listed here, from a
newer or an older suite, belongs to no clause that is known.
"""

from collections.abc import Mapping

_NAMES: Mapping[str, tuple[str, ...]] = {
    "LIST-18": (
        "order",
        "stats",
        "unknown_type",
        "unknown_parameter",
        "repeated_limit",
        "fuzzy_search_finds_a_typo",
    ),
    "SEARCH-13": ("archived_in_search", "empty_name_in_search"),
    "GET-06": ("upper-case_id",),
    "UPDATE-14": (
        "unknown_fields_on_update",
        "unknown_type_on_update",
        "null_on_update",
        "license_number_on_update",
    ),
    "CREATE-22": (
        "unknown_fields_on_create",
        "nulls_on_create",
        "empty_texts_on_create",
        "long_state_on_create",
        "texts_are_trimmed",
        "emails_are_lower-cased",
        "duplicate_tags_are_dropped",
    ),
}
_LIMITER = "LIMIT-12"
_LIMITER_PREFIX = "limiter_"

CLAUSES: Mapping[str, str] = {name: clause for clause, names in _NAMES.items() for name in names}
"""The clause id of each entry but the limiter's, whose names begin with `limiter_`."""


def clause_of(name: str) -> str | None:
    """Return the id of the clause that an entry belongs to, or None where none is known."""
    return _LIMITER if name.startswith(_LIMITER_PREFIX) else CLAUSES.get(name)
