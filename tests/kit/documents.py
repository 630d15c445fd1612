"""The README and the guides as data: fenced blocks, commands, links, and the anchors of headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kit.source_tree import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COMMAND = re.compile(r"(?:nox|python|pip|pipx|uvx|git|npm|curl) (?!…)\S")
"""How a command begins, where code stands in a sentence or a table."""


@dataclass(frozen=True)
class Piece:
    """A piece of a page that stands by itself: a fenced block, a command in a line, a link."""

    page: Path
    line: int
    kind: str
    """The language of a block, `command`, or `link`."""
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8")))


def blocks(page: Path, *languages: str) -> list[Piece]:
    """The fenced blocks of a page in these languages, in order."""
    return [
        Piece(page, (token.map or [0])[0] + 1, token.info, token.content)
        for token in tokens(page)
        if token.type == "fence" and token.info in languages
    ]


def _inline(page: Path, kind: str) -> Iterator[Token]:
    """The parts of sentences and table cells that are of this kind, in order."""
    for token in tokens(page):
        yield from (child for child in token.children or () if child.type == kind)


def _line(page: Path, text: str) -> int:
    """The first line of a page that holds a text."""
    return page.read_text("utf-8").partition(text)[0].count("\n") + 1


def commands(page: Path) -> list[Piece]:
    """The commands that stand in sentences and in tables."""
    return [
        Piece(page, _line(page, f"`{token.content}`"), "command", token.content)
        for token in _inline(page, "code_inline")
        if COMMAND.match(token.content)
    ]


def links(page: Path) -> list[Piece]:
    """Where the links of a page lead."""
    leading = [str(token.attrs["href"]) for token in _inline(page, "link_open")]
    return [Piece(page, _line(page, f"]({href})"), "link", href) for href in leading]


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that the headings of a page make, as code hosts make them."""
    found: set[str] = set()
    for before, token in zip(tokens(page), tokens(page)[1:], strict=False):
        if before.type == "heading_open":
            text = "".join(child.content for child in token.children or ())
            kept = re.sub(r"[^\w\- ]", "", text.strip().lower())
            found.add(kept.replace(" ", "-"))
    return frozenset(found)
