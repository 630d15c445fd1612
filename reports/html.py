"""`report.html`: the run as one self-contained page that loads nothing and sends nothing.

Every text is made visible (`safety.visible`) and escaped on its way into the page, and the
page's own policy lets no script run but the one it carries.
"""

import base64
import hashlib
import re
import shlex
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.bodies import body
from reports.compare import changes, spoken
from reports.evidence import offence
from reports.guidance import Texts, gaps, texts_or_own
from reports.operations import operations, plots
from reports.results import (
    STATUS_LABELS,
    STATUSES,
    Clause,
    Document,
    Results,
    by_group,
    by_tier,
    complete,
    count_by_status,
    ordered,
    ordered_failures,
    request_line,
    response_line,
    stale_known_failures,
    with_status,
)
from reports.safety import cut, one_line, visible
from reports.verdict import added_message, plural, verdict_sentence

TEMPLATES = Path(__file__).parent / "templates"
VIOLATIONS_SHOWN = 5
OPEN_UP_TO = 3
"""Failures up to which the first exchange of each is open: more would bury each other."""

GROUP_NAMES = {
    "ENV": "Envelope",
    "AUTH": "Authentication",
    "OBJ": "Contact record",
    "LIST": "List contacts",
    "PAGE": "Paging",
    "CREATE": "Create",
    "SEARCH": "Search",
    "GET": "Get",
    "UPDATE": "Update",
    "DELETE": "Delete",
    "ARCHIVE": "Archive",
    "RESTORE": "Restore",
    "LIFE": "Whole life",
    "ISO": "Isolation",
    "RACE": "Concurrency",
    "LIMIT": "Rate limit",
}
_CODE = re.compile(r"`([^`]+)`|(?<![\w-])(--[a-z][a-z-]*(?: [A-Z]{3,})?)")


def render(document: Document, texts: Texts | None = None, earlier: Document | None = None) -> str:
    """Return the page.

    `texts` are the catalogue's entries by clause id, by default the project's own, which give each
    clause its full text and ruling; `earlier` is the document of the run to compare to.
    """
    results = complete(document)
    entries = texts_or_own(texts)
    context = {
        "results": results,
        "message": added_message(results),
        "sentence": verdict_sentence(results),
        "counts": count_by_status(results["clauses"]),
        "groups": by_group(results),
        "map": _map(results),
        "statuses": {clause["id"]: clause["status"] for clause in results["clauses"]},
        "tiers": list(by_tier(results)),
        "failures": ordered_failures(results),
        "errors": with_status(results, "error"),
        "warnings": ordered(with_status(results, "warned")),
        "observed": with_status(results, "observed"),
        "passed": _passed_by_group(results),
        "stale": set(stale_known_failures(results)),
        "gaps": gaps(results, entries),
        "texts": entries,
        "changes": None if earlier is None else changes(results, earlier),
        "operations": operations(results),
        "plots": plots(operations(results)),
        "command": repeat_command(results),
    }
    return environment().get_template("report.html.j2").render(context)


def repeat_command(results: Results) -> str:
    """Return the command that repeats the run with the same generated data."""
    target = results["target"]
    options = [] if target["embedded"] else ["--base-url", target["base_url"]]
    if results["gate"] != "required":
        options += ["--gate", results["gate"]]
    if results["profile"] != "window":
        options += ["--profile", results["profile"]]
    if results["seed"] is not None:
        options += ["--seed", str(results["seed"])]
    command = shlex.join(["nox", "-s", "conformance", "--", *options])
    # What starts the target may hold a credential: the report has not got it.
    return f'{command} --start-command "$CONTACTS_START_COMMAND"' if target["started"] else command


def prose(text: str) -> Markup:
    """Return the text as HTML in which `backticked` words and --options are code."""
    pieces, end = [], 0
    shown = visible(text)
    for match in _CODE.finditer(shown):
        code = match.group(1) or match.group(2)
        pieces += [escape(shown[end : match.start()]), Markup("<code>%s</code>") % code]
        end = match.end()
    return Markup("").join([*pieces, escape(shown[end:])])


def linked(text: str, ids: Collection[str]) -> Markup:
    """Return the text as HTML in which each clause id among `ids` leads to its clause."""
    pieces = [
        Markup('<a href="#%s">%s</a>') % (word, word) if word in ids else escape(word)
        for word in re.split(r"([A-Z]+-[0-9]{2})", visible(text))
    ]
    return Markup("").join(pieces)


def _map(results: Results) -> dict[str, dict[str, list[Clause]]]:
    """Return the clauses of each group by tier; every group has every tier."""
    tiers = list(by_tier(results))
    return {
        group: {tier: [c for c in clauses if c["tier"] == tier] for tier in tiers}
        for group, clauses in by_group(results).items()
    }


def _passed_by_group(results: Results) -> dict[str, list[Clause]]:
    passed = {
        group: [clause for clause in clauses if clause["status"] == "passed"]
        for group, clauses in by_group(results).items()
    }
    return {group: clauses for group, clauses in passed.items() if clauses}


def _visible(value: Any) -> Any:
    """Make plain text visible; what is already HTML stays."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value)
    return value


_FILTERS: dict[str, Callable[..., Any]] = {
    "body": body,
    "cut": cut,
    "linked": linked,
    "offence": offence,
    "oneline": one_line,
    "prose": prose,
    "spoken": spoken,
    "request": request_line,
    "response": response_line,
}


@cache
def environment() -> Environment:
    """Return the environment of the pages: what it puts into one is visible text, escaped."""
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    pages.filters |= _FILTERS
    style, plots_style, *more = (
        (TEMPLATES / name).read_text(encoding="utf-8")
        for name in ("report.css", "plots.css", "load.css", "runs.css")
    )
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    pages.globals |= {
        "style": Markup(style + plots_style),  # noqa: S704 - files of this package
        "style_of_runs": Markup("".join([style, plots_style, *more])),  # noqa: S704 - as above
        "script": Markup(script),  # noqa: S704 - a file of this package
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "STATUSES": STATUSES,
        "LABELS": STATUS_LABELS,
        "GROUP_NAMES": GROUP_NAMES,
        "VIOLATIONS_SHOWN": VIOLATIONS_SHOWN,
        "OPEN_UP_TO": OPEN_UP_TO,
        "plural": plural,
    }
    return pages
