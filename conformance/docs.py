"""Keeps the generated parts of the README true: `python -m conformance.docs [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from conformance.kit.catalogue import Catalogue
from conformance.kit.settings import OPTIONS, Option

README = Path(__file__).resolve().parents[1] / "README.md"
NAMES = {
    "ENV": "the envelope, on every response",
    "AUTH": "authentication",
    "OBJ": "the contact record, wherever one is returned",
    "LIST": "`GET /contacts`",
    "PAGE": "paging arithmetic",
    "CREATE": "`POST /contacts`",
    "SEARCH": "`GET /contacts/search`",
    "GET": "`GET /contacts/{id}`",
    "UPDATE": "`PUT /contacts/{id}`",
    "DELETE": "`DELETE /contacts/{id}`",
    "ARCHIVE": "`PATCH /contacts/{id}/archive`",
    "RESTORE": "`PATCH /contacts/{id}/restore`",
    "LIFE": "the whole life of contacts, against a model",
    "ISO": "one user's contacts are not another's",
    "RACE": "concurrent clients",
    "LIMIT": "the rate limit",
}


def options_table() -> str:
    """Return the table of the gate's options."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    rows += [f"| `{o.flag}` | {_default(o)} | {_cell(o.help)} |" for o in OPTIONS]
    return "\n".join(rows)


def _default(option: Option) -> str:
    if option.kind == "switch":
        return "off"
    if option.default in (None, ()):
        return "none"
    value = option.default
    return f"`{int(value) if isinstance(value, float) and value.is_integer() else value}`"


def clauses_tables() -> str:
    """Return the clauses by group: id, tier, title."""
    parts = []
    for group, clauses in groupby(Catalogue.load(), key=lambda clause: clause.group):
        rows = [f"| {c.id} | {c.tier.value} | {_cell(c.title)} |" for c in clauses]
        parts.append(
            "\n".join(
                [
                    f"**{group}**: {NAMES[group]}",
                    "",
                    "| id | tier | clause |",
                    "|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def generated(text: str) -> str:
    """Return the README's text with its generated parts as they are now."""
    text = _between(text, "options", options_table())
    return _between(text, "clauses", clauses_tables())


def _between(text: str, name: str, content: str) -> str:
    head, start, rest = text.partition(f"<!-- {name}: generated -->")
    _, end, tail = rest.partition(f"<!-- end of {name} -->")
    if not start or not end:
        raise ValueError(f"the README has no generated part {name!r}")
    return f"{head}{start}\n\n{content}\n\n{end}{tail}"


def main(arguments: Sequence[str]) -> int:
    """Bring the README up to date, or with `--check` say whether it is (exit status 1: no)."""
    old = README.read_text("utf-8")
    new = generated(old)
    if "--check" in arguments:
        return 0 if old == new else 1
    README.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
