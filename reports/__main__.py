"""Reports from results documents: `render` one anew, `diff` two, `trend` of many.

Exit statuses: 0 written, 1 newly broken (`diff --fail-on-broken`), 3 a report could not be made,
4 usage, or a file that cannot be used.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reports import diff, trend, trend_page
from reports.documents import UnreadableError, documents_in, read_document
from reports.files import write_atomically
from reports.safety import one_line
from reports.write import ReportError, write_all

EXIT_OK = 0
EXIT_BROKEN = 1
EXIT_KIT = 3
EXIT_USAGE = 4
_TRENDS = {**trend.RENDERERS, "html": trend_page.page}
_FORMAT_BY_SUFFIX = {".html": "html", ".htm": "html", ".md": "markdown"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the reports asked for and return the exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except UnreadableError as problem:
        return _complain(str(problem), EXIT_USAGE)
    except ReportError as problem:
        return _complain(str(problem), EXIT_KIT)


def _render(options: argparse.Namespace) -> int:
    document = read_document(options.document)
    earlier = read_document(options.compare_to) if options.compare_to else None
    paths = write_all(document, options.out or options.document.parent, earlier=earlier)
    sys.stdout.writelines(f"{path}\n" for path in paths)
    return EXIT_OK


def _diff(options: argparse.Namespace) -> int:
    before, now = (read_document(path) for path in (options.before, options.now))

    def make() -> tuple[str, bool]:
        names = (diff.name_of(options.before), diff.name_of(options.now))
        found = diff.diff(now, before, names)
        return diff.RENDERERS[_format(options)](found), bool(found.changes.broken)

    return _deliver(make, options)


def _trend(options: argparse.Namespace) -> int:
    runs: list[trend.Run] = []
    for found in documents_in(options.places):
        try:
            if isinstance(found, UnreadableError):
                raise found
            runs.append(trend.run_of(read_document(found), trend.name_of(found)))
        except UnreadableError as problem:
            _complain(f"skipped: {problem}", EXIT_USAGE)
    if not runs:
        message = "no results document to show: give report directories, or directories of them"
        return _complain(message, EXIT_USAGE)
    return _deliver(lambda: (_TRENDS[_format(options)](trend.trend(runs)), False), options)


def _deliver(make: Callable[[], tuple[str, bool]], options: argparse.Namespace) -> int:
    """Make a report and put it where it goes; `make` returns it, and whether it shows a breach."""
    try:
        report, is_broken = make()
    except Exception as problem:  # noqa: BLE001 - whatever breaks in a renderer is the kit's fault
        cause = one_line(f"{type(problem).__name__}: {problem}")
        return _complain(f"the report could not be made: {cause}", EXIT_KIT)
    try:
        _put(report, options.out)
    except OSError as problem:
        named = f"--out {one_line(str(options.out))}" if options.out else "standard output"
        remedy = "give --out a file in a directory that is there and writable"
        return _complain(f"{named} cannot be written: {problem.strerror}; {remedy}", EXIT_USAGE)
    return EXIT_BROKEN if is_broken and options.fail_on_broken else EXIT_OK


def _put(report: str, out: Path | None) -> None:
    if out is not None:
        write_atomically(out, report)
        return
    try:
        sys.stdout.flush()
        # The reports declare, or are read as, UTF-8, whatever the terminal's encoding is.
        sys.stdout.buffer.write(report.encode("utf-8"))
        sys.stdout.buffer.flush()
    except OSError as problem:
        # What is left in the buffer must not fail again when Python flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that closes the pipe has seen enough.
        if not isinstance(problem, BrokenPipeError):
            raise


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


def _format(options: argparse.Namespace) -> str:
    if options.format:
        return str(options.format)
    suffix = options.out.suffix.lower() if options.out else ""
    return _FORMAT_BY_SUFFIX.get(suffix, "text")


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit with the product's status for usage, 4."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    render = commands.add_parser("render", help="render a results document anew")
    render.set_defaults(command=_render)
    render.add_argument("document", type=Path, help="a conformance.json")
    render.add_argument("--out", type=Path, help="directory to write to (default: the document's)")
    render.add_argument("--compare-to", type=Path, help="an earlier conformance.json")
    differ = commands.add_parser("diff", help="say what changed between two results documents")
    differ.set_defaults(command=_diff)
    differ.add_argument("before", type=Path, help="the conformance.json of the earlier run")
    differ.add_argument("now", type=Path, help="the conformance.json of the later run")
    differ.add_argument(
        "--fail-on-broken", action="store_true", help="exit with 1 where a clause is newly broken"
    )
    _add_output(differ, tuple(diff.RENDERERS))
    trends = commands.add_parser("trend", help="show many runs in the order of their start")
    trends.set_defaults(command=_trend, fail_on_broken=False)
    trends.add_argument(
        "places",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="a report directory, or one that holds report directories",
    )
    _add_output(trends, tuple(_TRENDS))
    return parser


def _add_output(command: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    command.add_argument(
        "--format", choices=formats, help="default: by the suffix of --out, else text"
    )
    command.add_argument("--out", type=Path, help="file to write to (default: print it)")


if __name__ == "__main__":
    sys.exit(main())
