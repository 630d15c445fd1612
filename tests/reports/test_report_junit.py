"""JUnit XML holds one case per clause, in the form that Jenkins' junit-10 schema accepts."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import report_documents as documents

from reports import junit

Golden = Callable[[str, str], None]

# What junit-10.xsd allows: attributes (mandatory ones in the second set) and child elements.
SHAPE: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"},
        {"name", "tests", "failures", "errors"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, {"name", "value"}, set()),
    "testcase": (
        {"name", "time", "classname", "group"},
        {"name"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": ({"type", "message"}, set(), set()),
    "error": ({"type", "message"}, set(), set()),
    "skipped": ({"type", "message"}, set(), set()),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def _parsed(document: dict[str, Any]) -> ET.Element:
    return ET.fromstring(junit.render(document))  # noqa: S314 - our own output


def _case(document: dict[str, Any], clause_id: str) -> ET.Element:
    cases = _parsed(document).iter("testcase")
    return next(case for case in cases if case.attrib["name"].startswith(f"{clause_id} "))


@pytest.mark.parametrize(
    "document", [documents.passing(), documents.sixty_failures(), documents.hostile()]
)
def test_xml_has_the_shape_that_jenkins_accepts(document: dict[str, Any]) -> None:
    root = _parsed(document)

    for element in root.iter():
        allowed, mandatory, children = SHAPE[element.tag]
        assert mandatory <= set(element.attrib) <= allowed
        assert {child.tag for child in element} <= children
        assert TIME.fullmatch(element.attrib.get("time", ""))


def test_junit_of_a_failing_run(golden: Golden) -> None:
    golden("junit-failing.xml", junit.render(documents.one_failure()))


def test_junit_of_hostile_answers(golden: Golden) -> None:
    golden("junit-hostile.xml", junit.render(documents.hostile()))


def test_each_clause_is_one_case_named_by_it() -> None:
    document = documents.sixty_failures()

    cases = list(_parsed(document).iter("testcase"))

    assert len(cases) == len(document["clauses"])
    names = {(case.attrib["classname"], case.attrib["name"]) for case in cases}
    assert ("LIST", "LIST-04 limit never exceeds 100") in names


def test_totals_agree_with_the_cases() -> None:
    suite = _parsed(documents.hostile()).find("testsuite")
    assert suite is not None

    counted = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error")}

    assert suite.attrib["tests"] == str(len(suite.findall("testcase")))
    assert suite.attrib["failures"] == str(counted["failure"]) == "1"
    assert suite.attrib["errors"] == str(counted["error"]) == "1"
    assert suite.attrib["skipped"] == str(len(suite.findall("testcase/skipped"))) == "6"


def test_skipped_case_says_why() -> None:
    skipped = _case(documents.passing(), "ISO-01").find("skipped")
    assert skipped is not None

    assert skipped.attrib == {"type": "token", "message": "no second token was given"}


def test_warning_passes_and_keeps_its_details() -> None:
    case = _case(documents.passing(), "PAGE-01")

    assert [child.tag for child in case] == ["system-out"]
    assert "totalPages 0" in case.findtext("system-out", "")


def test_known_failure_is_skipped() -> None:
    document = documents.one_failure() | {"known_failures": ["DELETE-02"]}

    skipped = _case(document, "DELETE-02").find("skipped")

    assert skipped is not None
    assert skipped.attrib["type"] == "known_failure"


def test_known_failure_that_passes_is_a_failure() -> None:
    failure = _case(documents.document(known_failures=["LIST-04"]), "LIST-04").find("failure")

    assert failure is not None
    assert failure.attrib["type"] == "stale_known_failure"


def test_message_of_the_run_is_on_the_suite() -> None:
    document = documents.document(message="stopped: the budget is spent")

    assert "the budget is spent" in _parsed(document).findtext("testsuite/system-err", "")
