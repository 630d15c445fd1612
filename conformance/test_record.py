"""ENV and OBJ: what holds for every answer and every record, whatever it was asked for.

The passive checks of `kit/checks.py` look at every exchange; these tests read what they found
once every scene has ended and the run has cleaned up.
"""

from __future__ import annotations

import pytest

from conformance.kit.evidence import Evidence
from conformance.kit.expect import Judge


@pytest.mark.clause("ENV-01")
def test_a_success_is_an_envelope_with_data(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-01"))


@pytest.mark.clause("ENV-02")
def test_an_error_is_an_envelope_with_error(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-02"))


@pytest.mark.clause("ENV-03")
def test_an_error_has_code_and_message(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-03"))


@pytest.mark.clause("ENV-04")
def test_every_body_is_json_and_says_so(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-04"))


@pytest.mark.clause("ENV-05")
def test_error_codes_are_screaming_snake_case(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-05"))


@pytest.mark.clause("ENV-06")
def test_error_codes_are_those_documented(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-06"))


@pytest.mark.clause("ENV-07")
def test_an_error_carries_the_time(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-07"))


@pytest.mark.clause("ENV-08")
def test_statuses_are_documented(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-08"))


@pytest.mark.clause("ENV-09")
def test_errors_leak_no_internals(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("ENV-09"))


@pytest.mark.clause("OBJ-01")
def test_a_record_has_all_documented_fields(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-01"))


@pytest.mark.clause("OBJ-02")
def test_an_id_is_a_uuid(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-02"))


@pytest.mark.clause("OBJ-03")
def test_fields_have_their_types(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-03"))


@pytest.mark.clause("OBJ-04")
def test_moments_are_rfc_3339(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-04"))


@pytest.mark.clause("OBJ-05")
def test_an_archived_contact_says_since_when(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-05"))


@pytest.mark.clause("OBJ-06")
def test_an_active_contact_has_no_archived_at(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-06"))


@pytest.mark.clause("OBJ-07")
def test_the_full_name_holds_both_names(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-07"))


@pytest.mark.clause("OBJ-08")
def test_an_update_is_not_before_the_creation(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-08"))


@pytest.mark.clause("OBJ-09")
def test_a_record_is_the_same_wherever_it_is_shown(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("OBJ-09"))
