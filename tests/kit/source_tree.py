"""The source tree as data: modules, what each imports, which clause each test cites."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("conformance", "fixtures", "load", "reports", "schemas")


class Import(NamedTuple):
    """One import: what is imported, and whether it happens only inside a function."""

    name: str
    local: bool


class Cited(NamedTuple):
    """A test of the suite with the clauses that its marks name."""

    test: str
    clauses: tuple[str, ...]
    parameters: tuple[str, ...]
    further: bool = False
    """Whether it adds to what other tests decide."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {dotted(path): path for path in sorted(paths)}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(module: str) -> tuple[Import, ...]:
    """What a module imports; `from a import b` counts as `a.b` where that is a module of ours."""
    return tuple(_imports(parsed(modules()[module])))


def _imports(tree: ast.Module) -> Iterator[Import]:
    inside = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield Import(whole if whole in modules() else str(node.module), node in inside)


def reached(*entries: str) -> set[str]:
    """Every module, ours or foreign, that is imported once the entries are (not in functions)."""
    seen: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
        if name in modules():
            waiting += [each for each, local in imports(name) if not local]
    return seen


def cited() -> list[Cited]:
    """Every test of the suite, as its source has it."""
    tests = (ROOT / "conformance").glob("test_*.py")
    return [
        Cited(
            f"{path.name}::{node.name}",
            tuple(_marks(node)),
            tuple(a.arg for a in node.args.args),
            any(ast.unparse(d) == "pytest.mark.further" for d in node.decorator_list),
        )
        for path in sorted(tests)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def _marks(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.clause":
            yield from (str(ast.literal_eval(argument)) for argument in decorator.args)


def functions(package: str) -> dict[str, str]:
    """The bodies of a package's longer functions, without names and docstrings, by their place."""
    return {
        f"{module}.{node.name}": body
        for module, path in modules().items()
        if module.startswith(package)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (body := _body(node)) is not None
    }


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join(map(ast.unparse, statements)) if len(statements) >= 3 else None


def text_files() -> Iterator[tuple[Path, str]]:
    """Every text file of the checkout that git would keep."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line]
    waiting = [ROOT]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            name = path.relative_to(ROOT).as_posix()
            if path.name == ".git" or any(path.match(p) or name == p for p in ignored):
                continue
            if path.is_dir():
                waiting.append(path)
            elif b"\0" not in (content := path.read_bytes()):
                yield path, content.decode("utf-8", "replace")
