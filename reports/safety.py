"""Makes text that came from a target harmless wherever it is shown.

A target's answer may hold terminal escapes, bidirectional overrides, Markdown, HTML or the
command syntax of a CI server's log. Each function makes text inert for one medium and keeps
what it says readable: what cannot be shown as it is appears as a Python-style escape.
"""

import re
import unicodedata

BODY_LIMIT = 4_000
"""Characters of one body or value that a report shows."""

_LINE_ENDS = re.compile(r"\r\n?")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners shape emoji and Persian or Indic words; they neither hide nor reorder text.
_SHOWN_ANYWAY = frozenset("\n\u200c\u200d")
_WIDE = frozenset("WF")


def _is_hidden(character: str) -> bool:
    if character in _SHOWN_ANYWAY:
        return False
    if unicodedata.category(character) in _HIDDEN_CATEGORIES:
        return True
    # Noncharacters: XML 1.0 forbids U+FFFE and U+FFFF, and no font draws any of them.
    return ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def visible(text: str) -> str:
    r"""Return `text` with line feeds kept and every other invisible character written out.

    Control characters, lone surrogates, format characters (bidirectional overrides, zero-width
    spaces, byte order marks) and noncharacters become `\x1b`, `\u202e` and so on; tabs become
    four spaces; CR and CRLF become LF. The result encodes as UTF-8 and is legal in XML 1.0.
    """
    if text.replace("\n", "").isprintable():
        return text
    unified = _LINE_ENDS.sub("\n", text).replace("\t", "    ")
    return "".join(_escaped(char) if _is_hidden(char) else char for char in unified)


def one_line(text: str) -> str:
    r"""Return `visible(text)` with line feeds written as the two characters `\n`."""
    return visible(text).replace("\n", "\\n")


def cut(text: str, limit: int = BODY_LIMIT) -> str:
    """Return `text`, or its first `limit` characters and a note of how many were cut."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [{len(text) - limit:,} more characters cut]"


def log_line(line: str) -> str:
    """Return `line` so that no CI server reads a command in it.

    GitHub obeys `::name::` at the start of a line, whatever its indentation; GitHub, Azure
    DevOps and TeamCity obey `##[`, `##vso[` and `##teamcity[`.
    """
    guarded = re.sub(r"^(\s*)::", r"\1: :", line)
    return re.sub(r"##(?=\[|vso\[|teamcity\[)", "# #", guarded, flags=re.IGNORECASE)


def display_width(text: str) -> int:
    """Return the number of terminal columns that `text` takes: wide letters 2, marks 0."""
    return sum(
        2 if unicodedata.east_asian_width(char) in _WIDE else 1
        for char in text
        if not unicodedata.combining(char)
    )


def markdown_text(text: str) -> str:
    """Return `text` as one line of plain Markdown prose: no markup, HTML, mention or link.

    Renderers link mentions, issue numbers and addresses after they have resolved escapes, so a
    backslash does not stop them; a zero-width space inside the pattern does.
    """
    line = " ".join(visible(text).split())
    escaped = re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", line)
    escaped = re.sub(r"(?<=[@#])(?=\w)", "\u200b", escaped)
    escaped = re.sub(r"(?=://)|(?<=\bwww)(?=\.)", "\u200b", escaped, flags=re.IGNORECASE)
    return re.sub(r"^(\d+)(?=[.)])|^([-+=:])", _broken_marker, escaped)


def _broken_marker(match: re.Match[str]) -> str:
    number, mark = match.groups()
    return f"{number}\u200b" if number else f"\\{mark}"


def markdown_code(text: str) -> str:
    """Return `text` as a one-line code span whose delimiter is longer than any run inside it."""
    line = one_line(text) or " "
    ticks = "`" * (_longest_backtick_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or line != line.strip() else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def markdown_code_cell(text: str) -> str:
    """Return `markdown_code(text)` for a table cell, where a bare pipe would end the cell."""
    return markdown_code(text).replace("|", "\\|")


def markdown_fence(text: str, language: str = "") -> str:
    """Return `text` as a fenced code block whose fence is longer than any run inside it."""
    body = visible(text)
    ticks = "`" * max(3, _longest_backtick_run(body) + 1)
    return f"{ticks}{language}\n{body}\n{ticks}"


def _longest_backtick_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
