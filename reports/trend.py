"""Many runs in the order of their start: `python -m reports trend`, as text and as Markdown.

A `Trend` keeps of each run what its row shows, so that hundreds of documents fit into memory.
`trend_page` makes the page of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reports.compare import ABSENT, BREACHES, conditions_of
from reports.documents import FILE_NAME
from reports.results import STATUS_LABELS, Clause, Document, complete, count_by_status
from reports.safety import cut, display_width, log_line, markdown_code_cell, markdown_text, one_line
from reports.terminal import fill
from reports.verdict import plural

WIDTH = 80
RUNS_SHOWN = 60
"""Runs that text and Markdown show, the latest ones; the page shows all."""
COUNTED = ("failed", "error", "warned", "not_evaluated")
"""The statuses that the row of a run counts."""
MARKS: Mapping[str, str] = {
    "passed": "✓",
    "failed": "✗",
    "error": "E",
    "warned": "!",
    "not_evaluated": "-",
    "observed": "o",
    ABSENT: "·",
}
"""A character for each status, so that a row is read without colours."""
_EMOJI: Mapping[str, str] = {
    "passed": "✅",
    "failed": "❌",
    "error": "💥",
    "warned": "⚠️",
    "not_evaluated": "⚪",
    "observed": "👀",
    ABSENT: "▫️",
}
_UNKNOWN = "?"
_BARS = "▁▂▃▄▅▆▇█"
_ID_WIDTH = 12
_COLUMNS = (3, 16, 11, 4, 8, 8, 6, 5, 4, 5)
_HEAD = ("run", "started (UTC)", "verdict", "exit", "duration", "requests")
_COUNTED_SHORT = ("failed", "error", "warn", "n. e.")


@dataclass(frozen=True)
class Run:
    """What a row shows of one run; `started` is None where the document does not say."""

    name: str
    started: datetime | None
    verdict: str
    exit_status: int
    duration_s: float
    requests: int
    counts: Mapping[str, int]
    conditions: Mapping[str, str]
    clauses: Mapping[str, Clause]

    @property
    def start(self) -> str:
        """The start in UTC to the minute, or that it is unknown."""
        return f"{self.started:%Y-%m-%d %H:%M}" if self.started else "unknown"


@dataclass(frozen=True)
class Row:
    """One clause over all runs; a run whose catalogue does not have it shows `ABSENT`."""

    id: str
    tier: str
    title: str
    statuses: tuple[str, ...]


@dataclass(frozen=True)
class Trend:
    """Runs in the order of their start, and the clauses worth a row in contract order."""

    runs: tuple[Run, ...]
    rows: tuple[Row, ...]

    @property
    def sentence(self) -> str:
        """How many runs there are, and how they ended."""
        verdicts = [cut(run.verdict, 40) for run in self.runs]
        counted = ", ".join(f"{verdicts.count(each):,} {each}" for each in dict.fromkeys(verdicts))
        return f"{plural(len(self.runs), 'run')}: {counted}; the latest {verdicts[-1]}."

    @property
    def span(self) -> str:
        """From when to when the runs started, as far as they say."""
        starts = [run.start for run in self.runs if run.started]
        if not starts:
            return "no run says when it started"
        return f"started {starts[0]}" + (f" to {starts[-1]} UTC" if len(starts) > 1 else " UTC")

    @property
    def differing(self) -> tuple[str, ...]:
        """The conditions that are not the same in all runs."""
        names = self.runs[0].conditions
        return tuple(n for n in names if len({run.conditions[n] for run in self.runs}) > 1)


def run_of(document: Document, name: str) -> Run:
    """Return what the trend keeps of a results document; `name` is what people call it."""
    results = complete(document)
    return Run(
        name=name,
        started=_moment(results["started_at"]),
        verdict=results["verdict"],
        exit_status=results["exit_status"],
        duration_s=results["duration_s"],
        requests=results["requests"]["total"],
        counts=count_by_status(results["clauses"]),
        conditions=conditions_of(results),
        clauses={clause["id"]: _bare(clause) for clause in results["clauses"]},
    )


def name_of(path: Path) -> str:
    """Return what a report calls the run at a path: its directory, where the file has its name."""
    return one_line(str(path.parent if path.name == FILE_NAME else path))


def trend(runs: Iterable[Run], last: int | None = None) -> Trend:
    """Return the trend of the runs, or of the `last` ones; there is at least one run.

    Runs that do not say when they started come first.
    """
    earliest = datetime.min.replace(tzinfo=UTC)
    ordered = sorted(runs, key=lambda run: run.started or earliest)
    shown = tuple(ordered[-last:] if last else ordered)
    ids = dict.fromkeys(clause for run in reversed(shown) for clause in run.clauses)
    return Trend(shown, tuple(_row(each, shown) for each in ids if _is_worth_a_row(each, shown)))


def text(found: Trend) -> str:
    """Return the trend as plain text of at most `WIDTH` columns."""
    latest, notes = _latest(found)
    lines = fill(latest.sentence, WIDTH)
    for note in [latest.span, *notes, *differences(latest)]:
        lines += fill(f"  {note}", WIDTH, " " * 4)
    lines += ["", *(_aligned(cells) for cells in [[*_HEAD, *_COUNTED_SHORT], *_cells(latest)])]
    lines += ["", *_sparks(latest), ""]
    if not latest.rows:
        return _joined([*lines, NOTHING_TO_SHOW])
    lines += fill(f"Clauses in breach, or changed: {legend(latest, MARKS)}", WIDTH, "  ")
    for row in latest.rows:
        lines += _row_lines(row)
    return _joined(lines)


def markdown(found: Trend) -> str:
    """Return the trend as Markdown: a table of runs, and one of clauses with an emoji a run."""
    latest, notes = _latest(found)
    lines = [f"## {markdown_text(latest.sentence)}", ""]
    lines += [f"- {markdown_text(note)}" for note in [latest.span, *notes, *differences(latest)]]
    lines += ["", *_runs_markdown(latest), ""]
    lines += [f"- {line}" for line in _sparks(latest)]
    lines += ["", "### Clauses in breach, or changed", ""]
    if not latest.rows:
        return _joined([*lines, NOTHING_TO_SHOW])
    lines += [markdown_text(f"One sign a run, the latest last: {legend(latest, _EMOJI)}"), ""]
    lines += ["| clause | tier | runs | what it says |", "|---|---|---|---|"]
    for row in latest.rows:
        cells = (markdown_text(part) for part in (row.id, row.tier, cut(row.title, 200)))
        clause_id, tier, title = cells
        lines.append(f"| {clause_id} | {tier} | {history(row, _EMOJI)} | {title} |")
    return _joined(lines)


NOTHING_TO_SHOW = "No clause was ever in breach, and none changed."


def differences(found: Trend) -> Iterator[str]:
    """Yield, for each condition that is not the same in all runs, its values and how often."""
    for name in found.differing:
        values = [run.conditions[name] for run in found.runs]
        counted = ", ".join(
            f"{cut(value, 100) or '-'} ({plural(values.count(value), 'run')})"
            for value in dict.fromkeys(values)
        )
        yield f"the runs differ in {name}: {counted}"


def legend(found: Trend, marks: Mapping[str, str]) -> str:
    """Return what the signs of the rows mean, those that occur."""
    seen = {status for row in found.rows for status in row.statuses}
    known = [f"{mark} {label(status)}" for status, mark in marks.items() if status in seen]
    return ", ".join([*known, *([f"{_UNKNOWN} another status"] if seen - set(marks) else [])])


def history(row: Row, marks: Mapping[str, str]) -> str:
    """Return the statuses of a clause as one sign a run."""
    return "".join(marks.get(status, _UNKNOWN) for status in row.statuses)


def label(status: str) -> str:
    """Return what people read for a status of a row."""
    return STATUS_LABELS.get(status, "not in the catalogue" if status == ABSENT else status)


RENDERERS: Mapping[str, Callable[[Trend], str]] = {"text": text, "markdown": markdown}


def _moment(started_at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(started_at)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _bare(clause: Clause) -> Clause:
    """Drop the evidence: it is most of a document, and no row shows it."""
    return {**clause, "violations": []}


def _is_worth_a_row(clause_id: str, runs: Sequence[Run]) -> bool:
    # Whether a run selected the clause, or knows of it, says nothing about the target.
    judged = {
        run.clauses[clause_id]["status"]
        for run in runs
        if clause_id in run.clauses and run.clauses[clause_id]["reason_kind"] != "not_selected"
    }
    return len(judged) > 1 or bool(judged & BREACHES)


def _row(clause_id: str, runs: Sequence[Run]) -> Row:
    found = [run.clauses.get(clause_id) for run in runs]
    latest = next(clause for clause in reversed(found) if clause is not None)
    statuses = tuple(clause["status"] if clause else ABSENT for clause in found)
    return Row(clause_id, latest["tier"], latest["title"], statuses)


def _latest(found: Trend) -> tuple[Trend, list[str]]:
    earlier = len(found.runs) - RUNS_SHOWN
    if earlier <= 0:
        return found, []
    note = f"the latest {RUNS_SHOWN} runs; {plural(earlier, 'earlier one')} in the HTML format"
    return trend(found.runs, RUNS_SHOWN), [note]


def _cells(found: Trend) -> Iterator[list[str]]:
    for number, run in enumerate(found.runs, start=1):
        counts = [f"{run.counts[status]:,}" if run.counts[status] else "·" for status in COUNTED]
        figures = [str(run.exit_status), f"{run.duration_s:,.1f} s", f"{run.requests:,}"]
        yield [str(number), run.start, run.verdict, *figures, *counts]


def _aligned(cells: Sequence[str]) -> str:
    padded = [
        _padded(cell, width, left=place in {1, 2})
        for place, (cell, width) in enumerate(zip(cells, _COLUMNS, strict=True))
    ]
    return log_line(" ".join(padded)).rstrip()


def _padded(cell: str, width: int, *, left: bool) -> str:
    fitted = fill(one_line(cell), width)[0]
    space = " " * (width - display_width(fitted))
    return fitted + space if left else space + fitted


def _sparks(found: Trend) -> Iterator[str]:
    durations = [run.duration_s for run in found.runs]
    requests = [run.requests for run in found.runs]
    low, high = min(durations), max(durations)
    yield f"duration  {_spark(durations)}  {low:,.1f} to {high:,.1f} s"
    yield f"requests  {_spark(requests)}  {min(requests):,} to {max(requests):,}"


def _spark(values: Sequence[float]) -> str:
    highest = max(values) or 1
    return "".join(
        _BARS[min(int(value / highest * len(_BARS)), len(_BARS) - 1)] for value in values
    )


def _row_lines(row: Row) -> list[str]:
    lead = f"  {one_line(row.id):<{_ID_WIDTH - 2}} {history(row, MARKS)}"
    title = one_line(row.title)
    if display_width(f"{lead}  {title}") <= WIDTH:
        return fill(f"{lead}  {title}", WIDTH)
    indent = " " * (_ID_WIDTH + 1)
    return [*fill(lead, WIDTH, indent), *fill(indent + title, WIDTH, indent)]


def _runs_markdown(found: Trend) -> Iterator[str]:
    conditions = found.differing
    counted = (STATUS_LABELS[status] for status in COUNTED)
    head = [*_HEAD, *counted, *conditions, "file"]
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('--:' if n in {0, *range(3, 10)} else '---' for n in range(len(head)))}|"
    for cells, run in zip(_cells(found), found.runs, strict=True):
        cells[2] = markdown_text(cut(cells[2], 40))
        under = [markdown_text(cut(run.conditions[name], 100)) for name in conditions]
        yield f"| {' | '.join([*cells, *under, markdown_code_cell(cut(run.name, 200))])} |"


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
