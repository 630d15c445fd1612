"""What every report about several runs is held to."""

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

_OUTWARD = {"src", "srcset", "action", "data", "poster", "background", "ping", "formaction"}
_VOID = {"meta", "link", "br", "use", "path", "rect", "circle", "text", "input"}


class _Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(source)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop() == tag, f"<{tag}> is closed out of order"

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.style += data


def assert_self_contained(source: str) -> None:
    """Assert that a page refers to nothing outside itself, runs nothing, and links resolve."""
    page = _Page(source)
    attributes = [found for _, found in page.elements]
    ids = [found["id"] for found in attributes if "id" in found]
    links = [found["href"] for found in attributes if "href" in found]
    policy = next(found["content"] for found in attributes if "http-equiv" in found)

    assert not {name for found in attributes for name in found} & _OUTWARD
    assert not [name for found in attributes for name in found if name.startswith("on")]
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img", "iframe", "form", "base"})
    assert not re.search(r"url\(|@import|https?:", page.style)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert len(ids) == len(set(ids))
    assert {link for link in links if link != "data:,"} <= {f"#{name}" for name in ids}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ufffe\ud800]", source)


def live_markdown(source: str) -> set[str]:
    """Return the kinds of HTML, links and images that Markdown holds, which should be none."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(source)
    inside = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in [*tokens, *inside]}
    return kinds & {"html_block", "html_inline", "link_open", "image"}
