"""The Markdown summary leads with the verdict, fits a comment, and brings no markup alive."""

import re
from collections.abc import Callable

import report_documents as documents

from reports import summary

Golden = Callable[[str, str], None]


def test_summary_of_a_passing_run(golden: Golden) -> None:
    golden("summary-passing.md", summary.render(documents.passing(), documents.texts()))


def test_summary_of_a_failing_run(golden: Golden) -> None:
    text = summary.render(documents.one_failure(), documents.texts(), documents.passing())

    golden("summary-failing.md", text)


def test_summary_of_hostile_answers(golden: Golden) -> None:
    golden("summary-hostile.md", summary.render(documents.hostile(), documents.texts()))


def test_summary_begins_with_the_verdict() -> None:
    text = summary.render(documents.one_failure())

    assert text.startswith("## ❌ Failed: 1 of 55 gating clauses is violated (DELETE-02).\n")


def test_summary_of_sixty_failures_fits_a_comment() -> None:
    text = summary.render(documents.sixty_failures())

    assert len(text) <= summary.COMMENT_LIMIT
    assert re.search(r"\d+ more failures in `report.html`: ", text)


def test_every_failure_is_shown_or_named() -> None:
    document = documents.sixty_failures()

    text = summary.render(document)

    failed = [clause["id"] for clause in document["clauses"] if clause["status"] == "failed"]
    assert all(clause_id in text for clause_id in failed)


def test_hostile_text_is_inert_outside_code() -> None:
    text = summary.render(documents.hostile())

    prose = re.sub(r"(`{3,})sh\n.*?\n\1", "", text, flags=re.DOTALL)
    prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", prose.replace("\\`", ""))
    assert not re.search(r"(?<!\\)<", prose)
    assert not re.search(r"@\w|https?://|(?<!\\)\[", prose)


def test_throttling_and_leftovers_are_told() -> None:
    requests = documents.document()["requests"] | {"throttled": 3, "waited_s": 61.4}

    text = summary.render(documents.document(requests=requests, leftovers=["a", "b"]))

    assert "3 throttled, 61 s waited" in text
    assert "2 contacts left behind" in text
