"""One thread at a time parses Python, while the scenes and the tests run beside each other.

CPython 3.11 and 3.12 keep one depth for the parsers of all threads: where two are at work at once,
either may raise `SystemError: AST constructor recursion depth mismatch` (python/cpython#106905). The
first import of a module that pytest rewrites parses, faker's and hypothesis' among them, and so does
hypothesis where it reads the source of a lambda; the scenes do both in threads of their own.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable
from typing import Any

_LOCK = threading.RLock()


def one_at_a_time() -> Callable[[], None]:
    """Let `ast.parse` run in one thread at a time from now on; return what undoes that."""
    parse = ast.parse

    def locked(*arguments: Any, **options: Any) -> ast.AST:
        with _LOCK:
            tree: ast.AST = parse(*arguments, **options)
        return tree

    def undo() -> None:
        ast.parse = parse

    ast.parse = locked  # type: ignore[assignment]  # its overloads are kept
    return undo
