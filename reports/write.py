"""Writes every report of one run: each by itself, so that one that fails costs no other."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from reports import ctrf, html, junit, summary
from reports.files import write_atomically
from reports.guidance import Texts, clause_texts
from reports.results import Document


class ReportError(Exception):
    """Some reports could not be written.

    `written` are the paths that were; `problems` maps each file name that was not to its cause.
    """

    def __init__(
        self, directory: Path, written: list[Path], problems: dict[str, Exception]
    ) -> None:
        """Compose one message that names every file and cause."""
        self.written = written
        self.problems = problems
        causes = "; ".join(
            f"{name}: {type(problem).__name__}: {problem}" for name, problem in problems.items()
        )
        super().__init__(f"reports missing in {directory}: {causes}")


def write_all(
    document: Document, directory: Path, *, earlier: Document | None = None
) -> list[Path]:
    """Write conformance.json, junit.xml, report.html, summary.md and ctrf.json; return their paths.

    The directory is made where it is missing. `earlier` is the document of the run to compare to.

    Raises:
        ReportError: at least one file could not be written; the others are.

    """
    written: list[Path] = []
    problems: dict[str, Exception] = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ReportError(directory, [], {"the directory": problem}) from problem
    for name, render in _renderers(document, earlier, problems).items():
        try:
            write_atomically(directory / name, render())
        except Exception as problem:  # noqa: BLE001 - a broken renderer must not cost the others
            problems[name] = problem
        else:
            written.append(directory / name)
    if problems:
        raise ReportError(directory, written, problems) from next(iter(problems.values()))
    return written


def to_json(document: Document) -> str:
    """Return the document as JSON in ASCII, so that any text in it survives any reader.

    Raises:
        ValueError: a number in it is NaN or infinite, which JSON cannot say.

    """
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _renderers(
    document: Document, earlier: Document | None, problems: dict[str, Exception]
) -> Mapping[str, Callable[[], str]]:
    texts = _texts(problems)
    return {
        "conformance.json": lambda: to_json(document),
        "junit.xml": lambda: junit.render(document),
        "summary.md": lambda: summary.render(document, texts, earlier),
        "ctrf.json": lambda: ctrf.render(document),
        "report.html": lambda: html.render(document, texts, earlier),
    }


def _texts(problems: dict[str, Exception]) -> Texts:
    try:
        return clause_texts()
    except Exception as problem:  # noqa: BLE001 - reports without clause texts beat none
        problems["clause texts"] = problem
        return {}
