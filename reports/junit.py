"""`junit.xml`: one test case per clause, for CI servers.

The form is the one that the Jenkins xUnit plugin's `junit-10.xsd` accepts, which is also what
GitLab and GitHub actions read. The standard library writes it: the format needs four elements,
and the one trap, characters that XML forbids, is `safety.visible`'s work with any library.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from reports.results import (
    STATUS_LABELS,
    Clause,
    Document,
    Results,
    complete,
    stale_known_failures,
)
from reports.safety import cut, one_line, visible
from reports.terminal import failure_block
from reports.verdict import verdict_sentence

SUITE_NAME = "contacts-conformance"
MESSAGE_LIMIT = 500
OUTPUT_LIMIT = 20_000
BLOCK_WIDTH = 100


def render(document: Document) -> str:
    """Return the document as JUnit XML.

    A failed clause is a failure, an error of the kit an error, a clause that was not evaluated is
    skipped with its reason; warnings pass with their details as output. A known failure is
    skipped, and one that passes now is a failure, for that is what the exit status says.
    """
    results = complete(document)
    suite = ET.Element("testsuite", {"name": SUITE_NAME})
    suite.append(_properties(results))
    stale = set(stale_known_failures(results))
    for clause in results["clauses"]:
        suite.append(_case(clause, results, is_stale=clause["id"] in stale))
    if results["message"]:
        _text(suite, "system-err", results["message"])
    totals = _totals(suite)
    time = f"{results['duration_s']:.3f}"
    suite.attrib |= {**totals, "skipped": _count(suite, "skipped"), "time": time}
    if results["started_at"]:
        suite.set("timestamp", one_line(results["started_at"]))
    root = ET.Element("testsuites", {"name": SUITE_NAME, "time": time, **totals})
    root.append(suite)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def case_name(clause: Clause) -> str:
    """Return the test case's name: the clause's id and title."""
    return one_line(f"{clause['id']} {clause['title']}".strip())


def _properties(results: Results) -> ET.Element:
    element = ET.Element("properties")
    facts = {
        "verdict": verdict_sentence(results),
        "exit_status": results["exit_status"],
        "base_url": results["target"]["base_url"],
        "gate": results["gate"],
        "profile": results["profile"],
        "seed": results["seed"],
        "run_id": results["run_id"],
        "kit_version": results["kit"]["version"],
    }
    for name, value in facts.items():
        ET.SubElement(element, "property", {"name": name, "value": one_line(str(value))})
    return element


def _case(clause: Clause, results: Results, *, is_stale: bool) -> ET.Element:
    case = ET.Element(
        "testcase", {"name": case_name(clause), "classname": one_line(clause["group"])}
    )
    status = clause["status"]
    if status == "failed" and clause["id"] in results["known_failures"]:
        _outcome(case, "skipped", "known_failure", f"known failure: {_message(clause)}")
    elif status == "failed":
        _outcome(case, "failure", clause["tier"], _message(clause), _details(clause))
    elif status == "error":
        _outcome(case, "error", "kit", _message(clause), _details(clause))
    elif status == "not_evaluated":
        _outcome(case, "skipped", clause["reason_kind"] or "not_evaluated", _message(clause))
    elif is_stale:
        message = f"{clause['id']} is listed as a known failure but passes: take it off the list"
        _outcome(case, "failure", "stale_known_failure", message)
    if status in {"warned", "observed"}:
        _text(case, "system-out", _details(clause) or STATUS_LABELS[status])
    return case


def _outcome(case: ET.Element, tag: str, kind: str, message: str, details: str = "") -> None:
    attributes = {"type": one_line(kind), "message": one_line(cut(message, MESSAGE_LIMIT))}
    element = ET.SubElement(case, tag, attributes)
    if details:
        element.text = _output(details)


def _message(clause: Clause) -> str:
    if clause["reason"]:
        return clause["reason"]
    if not clause["violations"]:
        return STATUS_LABELS[clause["status"]]
    first = clause["violations"][0]
    return first["summary"] or f"expected {first['expected']}, got {first['actual']}"


def _details(clause: Clause) -> str:
    blocks = [failure_block(clause, each, BLOCK_WIDTH) for each in clause["violations"]]
    return "\n\n".join(blocks) or (clause["reason"] or "")


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _output(text)


def _output(text: str) -> str:
    return f"\n{cut(visible(text), OUTPUT_LIMIT)}\n"


def _totals(suite: ET.Element) -> dict[str, str]:
    return {
        "tests": _count(suite, None),
        "failures": _count(suite, "failure"),
        "errors": _count(suite, "error"),
    }


def _count(suite: ET.Element, outcome: str | None) -> str:
    cases: Iterable[ET.Element] = suite.iter("testcase")
    return str(sum(1 for case in cases if outcome is None or case.find(outcome) is not None))
