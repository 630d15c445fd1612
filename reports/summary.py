"""`summary.md`: the run as Markdown for a job summary or a pull-request comment.

Text that a target wrote stands in code spans and fences only; prose passes through
`markdown_text`, so no mention, link or tag in it comes alive.
"""

from collections.abc import Iterator, Mapping

from reports.compare import Change, changes, spoken
from reports.guidance import Texts, gaps, texts_or_own
from reports.results import (
    STATUS_LABELS,
    STATUSES,
    Clause,
    Document,
    Results,
    Violation,
    by_group,
    complete,
    count_by_status,
    ordered,
    ordered_failures,
    request_line,
    response_line,
    with_status,
)
from reports.safety import cut, markdown_code, markdown_code_cell, markdown_fence, markdown_text
from reports.verdict import added_message, plural, verdict_sentence

COMMENT_LIMIT = 60_000
"""Characters of the summary: GitHub refuses a comment of more than 65,536."""
VALUE_LIMIT = 600
CURL_LIMIT = 2_000
VIOLATIONS_SHOWN = 3
_ICONS = {
    "passed": "✅",
    "failed": "❌",
    "incomplete": "⚠️",
    "interrupted": "⚠️",
    "error": "💥",
}


def render(document: Document, texts: Texts | None = None, earlier: Document | None = None) -> str:
    """Return the summary as Markdown, at most `COMMENT_LIMIT` characters.

    `texts` are the catalogue's entries by clause id, by default the project's own; `earlier` is
    the document of the run to compare to, and what changed since then leads. Failures that no longer fit are named, not shown.
    """
    results = complete(document)
    icon = _ICONS.get(results["verdict"], "💥")
    opening = [
        f"## {icon} {markdown_text(verdict_sentence(results))}",
        _facts(results),
        *_notices(results),
        *_changes(results, earlier),
        _group_table(results),
    ]
    closing = [
        *_warnings(results),
        *_open(results, texts_or_own(texts)),
        *_behaviour(results),
    ]
    spent = sum(len(block) + 2 for block in [*opening, *closing])
    failures = _failures(results, COMMENT_LIMIT - 1_000 - spent)
    return cut("\n\n".join([*opening, *failures, *closing]), COMMENT_LIMIT - 100) + "\n"


def _facts(results: Results) -> str:
    target, requests = results["target"], results["requests"]
    where = "the embedded server" if target["embedded"] else markdown_code(target["base_url"])
    facts = [
        f"Target {where}",
        f"gate `{results['gate']}`",
        f"profile `{results['profile']}`",
        f"seed `{results['seed']}`",
        f"{plural(requests['total'], 'request')} in {results['duration_s']:.1f} s",
    ]
    if requests["throttled"]:
        waited = f"{requests['waited_s']:.0f} s waited"
        facts.append(f"{requests['throttled']:,} throttled, {waited}")
    return " · ".join(facts)


def _notices(results: Results) -> Iterator[str]:
    message = added_message(results)
    told = [*([message] if message else []), *results["notices"]]
    notices = [markdown_text(notice) for notice in told]
    if results["leftovers"]:
        count = plural(len(results["leftovers"]), "contact")
        notices.append(f"{count} left behind: `nox -s sweep` deletes what the ledger names")
    if notices:
        yield "\n".join(f"> {notice}  " for notice in notices)


def _changes(results: Results, earlier: Document | None) -> Iterator[str]:
    if earlier is None:
        return
    found = changes(results, earlier)
    if not found:
        yield "Nothing changed since the run compared to."
        return
    lines = ["### Changed since the run compared to", ""]
    kinds: Mapping[str, tuple[Change, ...]] = {
        "Broken": found.broken,
        "Repaired": found.repaired,
        "Other": found.other,
        "Behaviour": found.behaviour,
    }
    for label, kind in kinds.items():
        lines += [f"- {label}: {_transition(change)}" for change in kind]
    yield "\n".join(lines)


def _transition(change: Change) -> str:
    before = STATUS_LABELS.get(change.before, change.before)
    now = STATUS_LABELS.get(change.now, change.now)
    return f"{markdown_code(change.subject)} {markdown_text(before)} → {markdown_text(now)}"


def _group_table(results: Results) -> str:
    total = count_by_status(results["clauses"])
    statuses = [status for status in STATUSES if total[status]]
    header = ["group", *(STATUS_LABELS[status] for status in statuses)]
    lines = [_cells(header), _cells([":--", *("--:" for _ in statuses)])]
    for group, clauses in by_group(results).items():
        counts = count_by_status(clauses)
        cells = [_count(status, counts[status]) for status in statuses]
        lines.append(_cells([markdown_text(group), *cells]))
    lines.append(_cells(["**all**", *(f"**{total[status]}**" for status in statuses)]))
    return "\n".join(lines)


def _cells(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _count(status: str, count: int) -> str:
    if not count:
        return "·"
    return f"**{count}**" if status in {"failed", "error"} else str(count)


def _failures(results: Results, budget: int) -> Iterator[str]:
    clauses = [*ordered_failures(results), *with_status(results, "error")]
    if not clauses:
        return
    yield "### Failures"
    known = set(results["known_failures"])
    for index, clause in enumerate(clauses):
        block = _failure(clause, is_known=clause["id"] in known)
        budget -= len(block) + 2
        if budget < 0:
            left = clauses[index:]
            ids = ", ".join(markdown_text(each["id"]) for each in left)
            yield f"{plural(len(left), 'more failure')} in `report.html`: {ids}"
            return
        yield block


def _failure(clause: Clause, *, is_known: bool) -> str:
    kind = f"{clause['tier']}, known failure" if is_known else clause["tier"]
    if clause["status"] == "error":
        kind = f"{clause['tier']}, the kit failed"
    title = (
        f"{markdown_text(clause['id'])} ({markdown_text(kind)}): {markdown_text(clause['title'])}"
    )
    lines = [f"#### {title}", ""]
    if clause["source"]:
        lines += [f"Source: {markdown_text(clause['source'])}", ""]
    if clause["reason"]:
        lines += [markdown_text(clause["reason"]), ""]
    for violation in clause["violations"][:VIOLATIONS_SHOWN]:
        lines += [*_violation(violation), ""]
    more = len(clause["violations"]) - VIOLATIONS_SHOWN
    if more > 0:
        lines += [f"{plural(more, 'more violation')} in `report.html`.", ""]
    return "\n".join(lines).rstrip()


def _violation(violation: Violation) -> Iterator[str]:
    yield f"- expected {markdown_code(cut(violation['expected'], VALUE_LIMIT))}"
    yield f"- actual {markdown_code(cut(violation['actual'], VALUE_LIMIT))}"
    exchange = violation["exchange"]
    if exchange is not None:
        line = f"{request_line(exchange)} → {response_line(exchange)}"
        yield f"- exchange {markdown_code(line)}"
    if violation["curl"]:
        yield ""
        yield markdown_fence(cut(violation["curl"], CURL_LIMIT), "sh")


def _warnings(results: Results) -> Iterator[str]:
    clauses = ordered(with_status(results, "warned"))
    if not clauses:
        return
    lines = ["### Warnings", ""]
    for clause in clauses:
        found = clause["violations"][0] if clause["violations"] else None
        detail = f": {markdown_code(cut(found['actual'], 200))}" if found else ""
        lines.append(
            f"- **{markdown_text(clause['id'])}** {markdown_text(clause['title'])}{detail}"
        )
    yield "\n".join(lines)


def _open(results: Results, texts: Texts) -> Iterator[str]:
    found = gaps(results, texts)
    if not found:
        return
    lines = [
        "### Not evaluated",
        "",
        _cells(["clauses", "what to do", "reason"]),
        _cells(["--"] * 3),
    ]
    for gap in found:
        ids = ", ".join(markdown_text(clause["id"]) for clause in gap.clauses)
        reason = markdown_text(cut(gap.clauses[0]["reason"] or "", 300))
        lines.append(_cells([ids, markdown_text(gap.remedy), reason]))
    yield "\n".join(lines)


def _behaviour(results: Results) -> Iterator[str]:
    if not results["behaviour"]:
        return
    lines = [
        "### Behaviour profile",
        "",
        "What the reference leaves open, as this target does it.",
        "",
    ]
    lines += [_cells(["behaviour", "choice"]), _cells(["--"] * 2)]
    for name, value in results["behaviour"].items():
        lines.append(_cells([markdown_text(name), markdown_code_cell(cut(spoken(value), 200))]))
    yield "\n".join(lines)
