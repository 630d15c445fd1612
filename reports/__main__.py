"""`python -m reports render conformance.json [--out DIR]`: makes the reports of a run anew."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.write import ReportError, write_all

EXIT_OK = 0
EXIT_KIT = 3
EXIT_USAGE = 4


class UnreadableError(Exception):
    """A file that is no results document; the message says which and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the reports and return the exit status.

    0 all written, 3 a report failed, 4 usage or no such results document.
    """
    options = _parser().parse_args(arguments)
    try:
        document = read_document(options.document)
        earlier = read_document(options.compare_to) if options.compare_to else None
        paths = write_all(document, options.out or options.document.parent, earlier=earlier)
    except UnreadableError as problem:
        sys.stderr.write(f"{problem}\n")
        return EXIT_USAGE
    except ReportError as problem:
        sys.stderr.write(f"{problem}\n")
        return EXIT_KIT
    sys.stdout.writelines(f"{path}\n" for path in paths)
    return EXIT_OK


def read_document(path: Path) -> dict[str, Any]:
    """Return the results document in a file.

    Raises:
        UnreadableError: the file is missing, is no JSON, or holds something else.

    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UnreadableError(f"{path} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise UnreadableError(f"{path} is no JSON: {problem}") from problem
    keys = {"verdict", "exit_status", "clauses"}
    if not isinstance(document, dict) or not keys <= document.keys():
        wanted = ", ".join(sorted(keys))
        raise UnreadableError(f"{path} is no results document: expected an object with {wanted}")
    return document


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit with the product's status for usage, 4."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="render")
    render = commands.add_parser("render", help="render a results document anew")
    render.add_argument("document", type=Path, help="a conformance.json")
    render.add_argument("--out", type=Path, help="directory to write to (default: the document's)")
    render.add_argument("--compare-to", type=Path, help="an earlier conformance.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
