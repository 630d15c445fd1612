"""Text from a target is inert in terminals, CI logs, Markdown and XML."""

import re

import pytest
import report_documents as documents

from reports import safety


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("bell\x07 nul\x00 del\x7f csi\x9b", r"bell\x07 nul\x00 del\x7f csi\x9b"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("lone \ud800", r"lone \ud800"),
        ("never \ufffe \U0001ffff", r"never \ufffe \U0001ffff"),
        ("tab\there", "tab    here"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("family \U0001f468\u200d\U0001f469", "family \U0001f468\u200d\U0001f469"),
        ("名前 é العربية", "名前 é العربية"),
    ],
)
def test_visible_writes_out_what_cannot_be_seen(text: str, shown: str) -> None:
    assert safety.visible(text) == shown


def test_visible_text_encodes_as_utf_8() -> None:
    every = "".join(map(chr, range(0x11000)))

    shown = safety.visible(every)

    assert shown.encode("utf-8")


def test_visible_is_idempotent() -> None:
    once = safety.visible(documents.HOSTILE)

    assert safety.visible(once) == once


def test_one_line_writes_out_line_feeds() -> None:
    assert safety.one_line("a\nb\r\nc") == r"a\nb\nc"


def test_cut_says_how_much_is_missing() -> None:
    text = "x" * 5_234

    shown = safety.cut(text)

    assert shown == "x" * 4_000 + "… [1,234 more characters cut]"


def test_cut_leaves_short_text_alone() -> None:
    assert safety.cut("x" * 4_000) == "x" * 4_000


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::owned", ": :error::owned"),
        ("   ::add-mask::x", "   : :add-mask::x"),
        ("x ##[group]y", "x # #[group]y"),
        ("##vso[task.complete]", "# #vso[task.complete]"),
        ("##TeamCity[x]", "# #TeamCity[x]"),
        ("a::b ## c", "a::b ## c"),
    ],
)
def test_log_line_breaks_the_commands_of_ci_servers(line: str, shown: str) -> None:
    assert safety.log_line(line) == shown


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("名前", 4), ("e\u0301", 1), ("\U0001f44d", 2)]
)
def test_display_width_counts_terminal_columns(text: str, columns: int) -> None:
    assert safety.display_width(text) == columns


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("meta.total is 2", "meta.total is 2"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[a](b) `c` *d* _e_ |f|", r"\[a\](b) \`c\` \*d\* \_e\_ \|f\|"),
        ("@everyone fix #12", "@\u200beveryone fix \\#\u200b12"),
        ("see https://x.example", "see https\u200b://x.example"),
        ("WWW.x.example", "WWW\u200b.x.example"),
        ("mail a@b.example", "mail a@\u200bb.example"),
        ("1. first", "1\u200b. first"),
        ("- item\n# heading", r"\- item \# heading"),
        ("&lt;b&gt; $x$", r"\&lt;b\&gt; \$x\$"),
    ],
)
def test_markdown_text_is_one_line_of_prose(text: str, shown: str) -> None:
    assert safety.markdown_text(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "`a b`"),
        ("a `b` c", "``a `b` c``"),
        ("`a`", "`` `a` ``"),
        ("a\nb", r"`a\nb`"),
        ("", "`   `"),
    ],
)
def test_markdown_code_outlasts_the_backticks_inside(text: str, shown: str) -> None:
    assert safety.markdown_code(text) == shown


def test_markdown_code_in_a_cell_escapes_the_pipe() -> None:
    assert safety.markdown_code_cell("a | b") == r"`a \| b`"


def test_markdown_fence_is_longer_than_any_run_inside() -> None:
    shown = safety.markdown_fence("````\n</details>", "json")

    assert shown == "`````json\n````\n</details>\n`````"


def test_visible_hostile_text_is_legal_in_xml() -> None:
    forbidden = re.compile(r"[^\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

    assert not forbidden.search(safety.visible(documents.HOSTILE))
