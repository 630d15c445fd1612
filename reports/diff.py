"""What changed between two runs, as text, Markdown or a page: `python -m reports diff`.

`compare` says what changed; this module puts it into words. Text that a target wrote is made
inert for each medium by `safety`, and in the page by the templates' environment.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reports import html
from reports.behaviour import clause_of
from reports.compare import ABSENT, BREACHES, Change, Changes, changes, conditions
from reports.guidance import texts_or_own
from reports.results import (
    STATUS_LABELS,
    STATUSES,
    Clause,
    Document,
    Results,
    Violation,
    complete,
    count_by_status,
)
from reports.safety import cut, markdown_code, markdown_text, one_line
from reports.terminal import fill
from reports.verdict import plural

WIDTH = 80
VALUE_LIMIT = 300
"""Characters of a value, or of what was expected and came, that text and Markdown show."""
COMMENT_LIMIT = 60_000
"""Characters of the Markdown: GitHub refuses a comment of more than 65,536."""
_LEAD = 13
_KINDS = {
    "broken": "Newly broken",
    "repaired": "Repaired",
    "other": "Other changes of status",
    "added": "Added",
    "dropped": "Dropped",
}


@dataclass(frozen=True)
class Entry:
    """One clause that changed; `clause` is its entry in the later run, or where it was dropped."""

    change: Change
    clause: Clause

    @property
    def evidence(self) -> Violation | None:
        """The first violation of a clause in breach now, or None."""
        if self.change.now not in BREACHES or not self.clause["violations"]:
            return None
        return self.clause["violations"][0]

    @property
    def reason(self) -> str:
        """Why the clause is not evaluated now, or why the kit failed on it; else nothing."""
        return (self.clause["reason"] or "") if self.change.now != ABSENT else ""


@dataclass(frozen=True)
class Diff:
    """Two runs and what changed between them: `groups` holds the changed clauses by kind."""

    before: Results
    now: Results
    names: tuple[str, str]
    changes: Changes
    conditions: tuple[Change, ...]
    groups: Mapping[str, tuple[Entry, ...]]

    @property
    def sentence(self) -> str:
        """How much changed, in one sentence."""
        if not self.changes:
            return "Nothing changed: every clause status and behaviour value is as before."
        counted = (
            ("broken", "newly broken"),
            ("repaired", "repaired"),
            ("other", "otherwise changed"),
        )
        added = (("added", "added"), ("dropped", "dropped"))
        parts = [
            plural(len(self.groups[kind]), "clause") + f" {words}"
            for kind, words in (*counted, *added)
            if kind in self.groups
        ]
        differing = len(self.changes.behaviour)
        if differing:
            parts.append(plural(differing, "behaviour value") + " differing")
        return f"{', '.join(parts)}."


def diff(now: Document, before: Document, names: tuple[str, str] = ("before", "now")) -> Diff:
    """Return what changed; `names` are what people call the earlier and the later document."""
    later, earlier = complete(now), complete(before)
    found = changes(later, earlier)
    kinds: dict[str, list[Change]] = {
        "broken": list(found.broken),
        "repaired": list(found.repaired),
        "other": [c for c in found.other if ABSENT not in (c.before, c.now)],
        "added": [c for c in found.other if c.before == ABSENT],
        "dropped": [c for c in found.other if c.now == ABSENT],
    }
    clauses = {clause["id"]: clause for run in (earlier, later) for clause in run["clauses"]}
    groups = {
        kind: tuple(Entry(change, clauses[change.subject]) for change in group)
        for kind, group in kinds.items()
        if group
    }
    return Diff(earlier, later, names, found, conditions(later, earlier), groups)


def text(found: Diff) -> str:
    """Return the differences as plain text of at most `WIDTH` columns; one line where none are."""
    if not found.changes:
        return _lines([found.sentence, *_condition_lines(found)])
    lines = fill(found.sentence, WIDTH)
    for label, name, run in zip(("before", "now"), found.names, _runs(found), strict=True):
        lines += fill(f"  {label:<8}{facts(run)}: {name}", WIDTH, " " * 10)
    lines += _condition_lines(found)
    for kind, entries in found.groups.items():
        lines += ["", f"{_KINDS[kind]} ({len(entries)})"]
        for entry in entries:
            lines += _entry_lines(entry, kind)
    if found.changes.behaviour:
        lines += ["", f"Behaviour ({len(found.changes.behaviour)})"]
        for change in found.changes.behaviour:
            lines += fill(f"  {_behaviour(change)}", WIDTH, " " * 6)
    return _lines(lines)


def markdown(found: Diff) -> str:
    """Return the differences as Markdown of at most `COMMENT_LIMIT` characters."""
    lines = [f"## {markdown_text(found.sentence)}", ""]
    for label, name, run in zip(("before", "now"), found.names, _runs(found), strict=True):
        lines.append(f"- {label}: {markdown_code(name)}, {markdown_text(facts(run))}")
    lines += [f"- {markdown_text(_condition(each))}" for each in found.conditions]
    for kind, entries in found.groups.items():
        lines += ["", f"### {_KINDS[kind]} ({len(entries)})", ""]
        for entry in entries:
            lines += _entry_markdown(entry)
    if found.changes.behaviour:
        lines += ["", f"### Behaviour ({len(found.changes.behaviour)})", ""]
        lines += [f"- {_behaviour_markdown(each)}" for each in found.changes.behaviour]
    return cut("\n".join(lines), COMMENT_LIMIT - 100) + "\n"


def page(found: Diff) -> str:
    """Return the differences as one self-contained page."""
    context = {
        "diff": found,
        "runs": _runs(found),
        "counts": [count_by_status(run["clauses"]) for run in _runs(found)],
        "texts": texts_or_own(None),
        "KINDS": _KINDS,
        "clause_of": clause_of,
        "band": "failed" if found.changes.broken else "passed" if found.changes.repaired else "",
    }
    return html.environment().get_template("diff.html.j2").render(context)


RENDERERS: Mapping[str, Callable[[Diff], str]] = {"text": text, "markdown": markdown, "html": page}
"""What `--format` of the command names."""


def facts(run: Results) -> str:
    """Return verdict, exit status, start and the counts that matter, as one phrase."""
    counts = count_by_status(run["clauses"])
    counted = [
        f"{counts[status]:,} {STATUS_LABELS[status]}"
        for status in STATUSES
        if counts[status] and status != "passed"
    ]
    started = f"started {run['started_at'][:16].replace('T', ' ')}" if run["started_at"] else ""
    verdict = f"{run['verdict']} (exit status {run['exit_status']})"
    return ", ".join(filter(None, [verdict, started, *counted]))


def name_of(path: Path) -> str:
    """Return what a report calls the document at a path."""
    return one_line(str(path))


def label(status: str) -> str:
    """Return what people read for a status."""
    return STATUS_LABELS.get(status, status)


def _runs(found: Diff) -> tuple[Results, Results]:
    return found.before, found.now


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _transition(change: Change) -> str:
    return f"{label(change.before)} → {label(change.now)}"


def _condition(change: Change) -> str:
    return f"the runs differ in {change.subject}: {change.before or '-'} → {change.now or '-'}"


def _condition_lines(found: Diff) -> list[str]:
    return [
        line for each in found.conditions for line in fill(f"  {_condition(each)}", WIDTH, " " * 6)
    ]


def _entry_lines(entry: Entry, kind: str) -> list[str]:
    change, clause = entry.change, entry.clause
    shown = _transition(change) + (f", {clause['tier']}" if clause["tier"] else "")
    lead = f"  {one_line(change.subject):<11}"
    lines = fill(lead + one_line(shown), WIDTH, " " * _LEAD)
    details = list(_details(entry))
    # What merely was not judged may be many clauses: their titles would bury the reasons.
    title = "" if details and kind != "broken" else clause["title"]
    for words in filter(None, [title, *details]):
        lines += fill(" " * _LEAD + one_line(words), WIDTH, " " * (_LEAD + 2))
    return lines


def _details(entry: Entry) -> Iterator[str]:
    if entry.reason:
        yield cut(entry.reason, VALUE_LIMIT)
    if entry.evidence is not None:
        yield f"expected {cut(entry.evidence['expected'], VALUE_LIMIT)}"
        yield f"actual {cut(entry.evidence['actual'], VALUE_LIMIT) or '(empty)'}"


def _entry_markdown(entry: Entry) -> Iterator[str]:
    change, clause = entry.change, entry.clause
    tier = f" ({markdown_text(clause['tier'])})" if clause["tier"] else ""
    title = f": {markdown_text(clause['title'])}" if clause["title"] else ""
    shown = markdown_text(_transition(change))
    yield f"- **{markdown_text(change.subject)}**{tier} {shown}{title}"
    if entry.reason:
        yield f"  - {markdown_text(cut(entry.reason, VALUE_LIMIT))}"
    if entry.evidence is not None:
        yield f"  - expected {markdown_code(cut(entry.evidence['expected'], VALUE_LIMIT))}"
        yield f"  - actual {markdown_code(cut(entry.evidence['actual'], VALUE_LIMIT))}"


def _behaviour(change: Change) -> str:
    clause = clause_of(change.subject)
    name = f"{change.subject.replace('_', ' ')}{f' ({clause})' if clause else ''}"
    return f"{name}: {cut(change.before, VALUE_LIMIT)} → {cut(change.now, VALUE_LIMIT)}"


def _behaviour_markdown(change: Change) -> str:
    clause = clause_of(change.subject)
    named = markdown_text(change.subject.replace("_", " ")) + (f" ({clause})" if clause else "")
    before, now = (cut(value, VALUE_LIMIT) for value in (change.before, change.now))
    return f"{named}: {markdown_code(before)} → {markdown_code(now)}"
