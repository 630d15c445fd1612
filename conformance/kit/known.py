"""The known-failures file: clauses that may fail, each with its reason.

One clause a line, `ID reason`; blank lines and lines that begin with `#` are passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path


def read_known_failures(path: Path, ids: Collection[str]) -> Mapping[str, str]:
    """Return the reasons by clause id.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line names no clause of the catalogue, gives no reason, or repeats an id.

    """
    known: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        clause, _, reason = text.partition(" ")
        if clause not in ids:
            raise ValueError(f"line {number}: {clause!r} is no clause id of the catalogue")
        if not reason.strip():
            raise ValueError(f"line {number}: {clause} needs a reason after its id")
        if clause in known:
            raise ValueError(f"line {number}: {clause} is listed twice; keep one line")
        known[clause] = reason.strip()
    return known


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text; write one 'CLAUSE-ID reason' a line") from None
    except OSError as problem:
        raise ValueError(f"cannot be read ({problem.strerror}); check the path") from None
