"""The terminal's summary and failure blocks are plain, inert and 80 columns wide."""

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
import report_documents as documents

from reports import terminal
from reports.safety import display_width

Golden = Callable[[str, str], None]


def _failed(document: dict[str, Any]) -> dict[str, Any]:
    clauses: list[dict[str, Any]] = document["clauses"]
    return next(clause for clause in clauses if clause["status"] == "failed")


def test_failure_block_names_clause_evidence_and_command(golden: Golden) -> None:
    clause = _failed(documents.one_failure())

    block = terminal.failure_block(clause, clause["violations"][0])

    golden("failure-block.txt", f"{block}\n")


def test_failure_block_keeps_hostile_text_inert(golden: Golden) -> None:
    clause = _failed(documents.hostile())

    blocks = [terminal.failure_block(clause, each) for each in clause["violations"]]

    golden("failure-block-hostile.txt", "\n\n".join(blocks) + "\n")


def test_failure_block_says_that_no_answer_came() -> None:
    clause = _failed(documents.one_failure())
    unanswered = documents.violation(exchange=documents.exchange() | {"response": None})

    block = terminal.failure_block(clause, unanswered)

    assert "→ no answer" in block


def test_wrapped_curl_is_still_the_same_command() -> None:
    clause = _failed(documents.one_failure())
    curl = f"""curl -i -X POST -H 'a: b  c' -H "x: \\"$T\\"" --data '{{"k": "v w"}}' {documents.BASE}"""
    breach = documents.violation(curl=curl)

    block = terminal.failure_block(clause, breach, width=50)

    command = block.partition("reproduce")[2]
    assert "\\\n" in command
    assert shlex.split(command.replace("\\\n", "")) == shlex.split(curl)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_the_width(width: int) -> None:
    document = documents.hostile()
    clause = _failed(document)

    block = terminal.failure_block(clause, documents.violation(curl=None), width)
    lines = [*block.split("\n"), *terminal.summary_lines(document, width=width)]

    # The table of counts is as wide as its columns, which 80 columns hold.
    assert all(display_width(line) <= max(width, 70) for line in lines)


def test_output_holds_no_control_character() -> None:
    document = documents.hostile()

    text = "\n".join([*terminal.failure_blocks(document), *terminal.summary_lines(document)])

    assert not re.search(r"[^\n\x20-\x7e\xa1-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"^\s*::", text, flags=re.MULTILINE)
    assert "##vso[" not in text


def test_blocks_past_the_limit_are_counted() -> None:
    blocks = terminal.failure_blocks(documents.sixty_failures(), limit=3)

    assert len(blocks) == 4
    assert blocks[3].startswith("57 more in the report: ")
    assert "4 more violations of this clause" in blocks[0]


def test_summary_ends_with_the_verdict(golden: Golden) -> None:
    lines = terminal.summary_lines(documents.one_failure(), documents.texts())

    golden("summary.txt", "\n".join(lines) + "\n")


def test_summary_counts_what_it_does_not_list() -> None:
    changed = {
        f"CREATE-{n:02}": documents.clause(
            f"CREATE-{n:02}", "not_evaluated", reason=f"fault {n}", reason_kind="premise"
        )
        for n in range(1, 24)
    }

    lines = terminal.summary_lines(documents.document(changed))

    assert "not evaluated: 17 more clauses, see the report" in lines


def test_summary_leads_with_what_changed() -> None:
    lines = terminal.summary_lines(documents.one_failure(), earlier=documents.passing())

    assert lines[:3] == [
        "Changed since the run compared to:",
        "  broken     DELETE-02: passed → failed",
        "  repaired   PAGE-01: warning → passed",
    ]


def test_markup_receives_each_piece_with_its_role() -> None:
    seen: set[str] = set()

    def dress(role: str, text: str) -> str:
        seen.add(role)
        return text

    document = documents.one_failure()
    terminal.summary_lines(document, markup=dress)
    terminal.failure_blocks(document, markup=dress)

    assert seen == {"id", "label", "verdict", "passed", "failed", "not_evaluated", "observed"}


def test_markup_changes_no_text() -> None:
    document = documents.one_failure()

    dressed = terminal.failure_blocks(document, markup=lambda role, text: f"<{role}>{text}</>")

    undressed = [re.sub(r"</?\w*>", "", block) for block in dressed]
    assert undressed == terminal.failure_blocks(document)
