"""The summary and the failures as plain text for a terminal or a CI log.

No colour codes: a caller that wants them passes `markup`, which receives each piece of text with
its role. Every line is inert (`safety`) and, a word longer than the width aside, fits the width.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

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
    complete_clause,
    complete_violation,
    count_by_status,
    ordered,
    ordered_failures,
    request_line,
    response_line,
    with_status,
)
from reports.safety import cut, display_width, log_line, one_line, visible
from reports.verdict import added_message, named, plural, verdict_sentence

Markup = Callable[[str, str], str]
"""Takes a role (`id`, `label`, `verdict`, or a clause's status) and its text; returns it dressed."""

INDENT = 13
GAPS_SHOWN = 8
VALUE_LIMIT = 1_200
"""Characters of `expected` or `actual` that a block shows."""
_SHELL_WORD = re.compile(r"""(?:\$?'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"])+|\S+""")


def plain(role: str, text: str) -> str:  # noqa: ARG001 - the signature of Markup
    """Return the text undressed: the default `Markup`."""
    return text


def failure_block(
    clause: Clause | Mapping[str, Any],
    violation: Violation | Mapping[str, Any],
    width: int = 80,
    markup: Markup = plain,
) -> str:
    """Return one violation as a block: clause, source, expected, actual, exchange, reproduce.

    The curl command stays one command when copied: its line breaks stand behind backslashes.
    """
    judged, breach = complete_clause(clause), complete_violation(violation)
    lines = [
        *_headline(judged, width, markup),
        *_row("source", judged["source"], width, markup),
        *_row("expected", breach["expected"], width, markup),
        *_row("actual", breach["actual"], width, markup),
    ]
    exchange = breach["exchange"]
    if exchange is not None:
        text = one_line(f"{request_line(exchange)}  → {response_line(exchange)}")
        lines += _row("exchange", text, width, markup)
    if breach["curl"]:
        command = _shell_lines(one_line(breach["curl"]), width - INDENT)
        lines += _labelled("reproduce", command, markup)
    return "\n".join(lines)


def failure_blocks(
    document: Document, width: int = 80, limit: int = 20, markup: Markup = plain
) -> list[str]:
    """Return a block for each failed clause's first violation, the strictest tier first.

    Past `limit` clauses one line says how many are left to the reports.
    """
    results = complete(document)
    failures = ordered_failures(results)
    shown = [_first_block(clause, width, markup) for clause in failures[:limit]]
    rest = failures[limit:]
    if rest:
        ids = named([clause["id"] for clause in rest])
        shown += ["\n".join(fill(f"{len(rest):,} more in the report: {ids}", width))]
    return shown


def summary_lines(
    document: Document,
    texts: Texts | None = None,
    earlier: Document | None = None,
    width: int = 80,
    markup: Markup = plain,
) -> list[str]:
    """Return the summary: what changed, clause groups, gaps, behaviour; the verdict comes last.

    `texts` are the catalogue's entries by clause id, by default the project's own; `earlier` is
    the document that the changes are counted from.
    """
    results = complete(document)
    sections = [
        _changed(results, earlier, width),
        _heading(results, width),
        _group_table(results, markup),
        _listed(results, ("failed", "error", "warned"), width, markup),
        _open(results, texts_or_own(texts), width),
        _behaviour(results, width),
        _notes(results, width),
        [markup("verdict", line) for line in fill(one_line(verdict_sentence(results)), width)],
    ]
    lines: list[str] = []
    for section in filter(None, sections):
        lines += [*([""] if lines else []), *section]
    return lines


def fill(text: str, width: int, indent: str = "") -> list[str]:
    """Return the text in lines of at most `width` columns, the later ones indented.

    Spaces inside a line stay; a word wider than a line is broken.
    """
    safe = log_line(one_line(text))
    # A double colon that comes to stand first on its line is given one more column.
    width -= "::" in safe
    lines, line = [], ""
    for word in _words(safe, max(width - len(indent), 1)):
        if line.strip() and display_width(line) + display_width(word.rstrip()) > width:
            lines.append(line.rstrip())
            line = indent
            word = word.lstrip()  # noqa: PLW2901 - a broken line starts with its word
        line += word
    return [log_line(each) for each in [*lines, line.rstrip()]]


def _words(text: str, width: int) -> Iterator[str]:
    for word in re.findall(r"\S+\s*|\s+", text):
        rest = word
        while display_width(rest.rstrip()) > width:
            piece = _head(rest, width)
            yield piece
            rest = rest[len(piece) :]
        yield rest


def _head(text: str, width: int) -> str:
    taken = 0
    for index, char in enumerate(text):
        taken += display_width(char)
        if taken > width:
            return text[: max(index, 1)]
    return text


def _first_block(clause: Clause, width: int, markup: Markup) -> str:
    first = clause["violations"][0] if clause["violations"] else complete_violation({})
    block = failure_block(clause, first, width, markup)
    more = len(clause["violations"]) - 1
    if more < 1:
        return block
    noun = "violation" if more == 1 else "violations"
    return "\n".join([block, *_row("and", f"{more:,} more {noun} of this clause", width, markup)])


def _headline(clause: Clause, width: int, markup: Markup) -> list[str]:
    lead = f"{one_line(clause['id'])}  {one_line(clause['tier'])}   "
    first, *rest = fill(lead + one_line(clause["title"]), width, " " * len(lead))
    marked = markup("id", one_line(clause["id"])) + first[len(one_line(clause["id"])) :]
    return [marked, *rest]


def _row(label: str, text: str, width: int, markup: Markup) -> list[str]:
    if not text:
        return []
    lines: list[str] = []
    for line in cut(visible(text), VALUE_LIMIT).split("\n"):
        lines += fill(line, width - INDENT)
    return _labelled(label, lines, markup)


def _labelled(label: str, lines: Sequence[str], markup: Markup) -> list[str]:
    first, *rest = lines
    head = f"  {markup('label', label)}{' ' * (INDENT - 2 - len(label))}{first}"
    return [log_line(head), *(log_line(f"{' ' * INDENT}{line}") for line in rest)]


def _shell_lines(command: str, width: int) -> list[str]:
    lines = [""]
    for word in _SHELL_WORD.findall(command):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and display_width(joined) > width - 2:
            lines[-1] += " \\"
            lines.append(f"  {word}")
        else:
            lines[-1] = joined
    return lines


def _heading(results: Results, width: int) -> list[str]:
    target = results["target"]
    where = "the embedded server" if target["embedded"] else one_line(target["base_url"])
    spent = f"{results['requests']['total']:,} requests in {results['duration_s']:.1f} s"
    settings = f"gate {results['gate']}, profile {results['profile']}, seed {results['seed']}"
    return [
        *fill(f"Contacts API conformance of {where}", width),
        *fill(f"{settings}; {spent}", width),
    ]


def _group_table(results: Results, markup: Markup) -> list[str]:
    groups = by_group(results)
    total = count_by_status(results["clauses"])
    statuses = [status for status in reversed(STATUSES) if total[status]]
    name_width = max([len("group"), *(len(group) for group in groups)])
    lines = ["  ".join([f"{'group':<{name_width}}", *(STATUS_LABELS[each] for each in statuses)])]
    rows = [
        *((group, count_by_status(clauses)) for group, clauses in groups.items()),
        ("all", total),
    ]
    for name, counts in rows:
        cells = []
        for status in statuses:
            cell = f"{counts[status] or '·':>{len(STATUS_LABELS[status])}}"
            cells.append(markup(status, cell) if counts[status] else cell)
        lines.append("  ".join([f"{one_line(name):<{name_width}}", *cells]))
    return lines


def _listed(results: Results, statuses: Sequence[str], width: int, markup: Markup) -> list[str]:
    lines: list[str] = []
    known = set(results["known_failures"])
    for status in statuses:
        for clause in ordered(with_status(results, status)):
            is_known = status == "failed" and clause["id"] in known
            label = "known" if is_known else STATUS_LABELS[status]
            lead = f"{label:<9}{one_line(clause['id']):<12}"
            first, *rest = fill(lead + one_line(clause["title"]), width, " " * len(lead))
            lines += [markup(status, first[:9]) + first[9:], *rest]
    return lines


def _open(results: Results, texts: Texts, width: int) -> list[str]:
    lines: list[str] = []
    found = gaps(results, texts)
    for gap in found[:GAPS_SHOWN]:
        ids = named([one_line(clause["id"]) for clause in gap.clauses])
        lines += fill(f"not evaluated: {ids}", width, "  ")
        if gap.reason:
            lines += fill(f"  {cut(gap.reason, 300)}", width, "  ")
        lines += fill(f"  {gap.remedy}", width, "  ")
    rest = sum(len(gap.clauses) for gap in found[GAPS_SHOWN:])
    if rest:
        lines += fill(f"not evaluated: {plural(rest, 'more clause')}, see the report", width)
    return lines


def _behaviour(results: Results, width: int) -> list[str]:
    if not results["behaviour"]:
        return []
    facts = [
        f"{one_line(name)}: {one_line(spoken(value))}"
        for name, value in results["behaviour"].items()
    ]
    return fill(f"behaviour  {'; '.join(facts)}", width, " " * 11)


def _notes(results: Results, width: int) -> list[str]:
    lines: list[str] = []
    message = added_message(results)
    for notice in [*([message] if message else []), *results["notices"]]:
        lines += fill(f"note  {one_line(notice)}", width, " " * 6)
    if results["leftovers"]:
        left, url = plural(len(results["leftovers"]), "contact"), results["target"]["base_url"]
        sweep = (
            f"`nox -s sweep -- --base-url {one_line(url)}` deletes them, given this run's tokens"
        )
        lines += fill(f"note  left behind: {left}; {sweep}", width, " " * 6)
    return lines


def _changed(results: Results, earlier: Document | None, width: int) -> list[str]:
    if earlier is None:
        return []
    found = changes(results, earlier)
    if not found:
        return ["Nothing changed since the run compared to."]
    lines = ["Changed since the run compared to:"]
    for label, kind in (
        ("broken", found.broken),
        ("repaired", found.repaired),
        ("other", found.other),
        ("behaviour", found.behaviour),
    ):
        for change in kind:
            lines += fill(f"  {label:<11}{_transition(change)}", width, " " * 13)
    return lines


def _transition(change: Change) -> str:
    before = STATUS_LABELS.get(change.before, change.before)
    now = STATUS_LABELS.get(change.now, change.now)
    return one_line(f"{change.subject}: {before} → {now}")
