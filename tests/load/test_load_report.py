"""What is written of a run: the document, its lines, both files, and the status handed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from load_facts import HOST, START, collection, facts, valid

from load import settings
from load.collection import Collection
from load.report import conclude, hand_over, write

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"
KEYS = {
    "schema_version",
    "verdict",
    "exit_status",
    "reasons",
    "target",
    "shape",
    "arrival_rate",
    "duration_s",
    "workers",
    "arrivals",
    "total",
    "operations",
    "objectives",
    "limiter",
    "leftovers",
}


# --- the document ------------------------------------------------------------------------------


def test_the_document_has_the_keys_that_people_build_on() -> None:
    document = conclude(facts(None, "p95(list) < 300ms")).document

    assert set(document) >= KEYS
    assert document["target"]["host"] == HOST
    assert set(document["total"]) >= {"requests", "failures", "throttled", "rate_per_s"}
    latency = document["total"]["latency_ms"]
    assert (
        set(latency["corrected"]) == set(latency["service"]) == {"p50", "p90", "p95", "p99", "max"}
    )
    assert set(document["limiter"]) >= {"verdict", "limit", "window_s", "kind", "clauses"}
    assert [row["name"] for row in document["operations"]] == ["list"]
    assert valid(document)


def test_a_document_of_nothing_is_valid() -> None:
    nothing = Collection(START)

    document = conclude(facts(nothing)).document

    assert valid(document)
    assert (document["duration_s"], document["total"]["rate_per_s"]) == (0.0, 0.0)


def test_the_rate_counts_answers_that_were_not_throttled() -> None:
    total = conclude(facts(collection(ok=60, failed=20, throttled=900))).document["total"]

    assert (total["requests"], total["throttled"], total["rate_per_s"]) == (980, 900, 8.0)


def test_the_lines_say_the_verdict_the_numbers_and_the_reasons() -> None:
    found = collection(left=["an-id"])

    lines = conclude(facts(found, "p95 < 1ms", scheduled=120)).lines

    assert lines[0] == "verdict: failed (exit status 1)"
    assert any("100 arrivals" in line or "120 arrivals" in line for line in lines)
    assert any("missed: p95 < 1ms" in line for line in lines)
    assert any("1 contacts could not be deleted" in line for line in lines)


def test_the_lines_are_harmless_on_a_terminal() -> None:
    found = collection(failed=1)
    found.errors["list", HOSTILE] += 9

    lines = conclude(facts(found)).lines

    assert "alert(1)" in "".join(lines)
    assert not any({"\x1b", "\u202e", "\n"} & set(line) for line in lines)


# --- files -------------------------------------------------------------------------------------


def test_both_files_are_written(tmp_path: Path) -> None:
    write(conclude(facts()), str(tmp_path / "new" / "out"), [])

    place = tmp_path / "new" / "out"
    assert valid(json.loads((place / "load.json").read_text("utf-8")))
    assert (place / "load.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    "secret",
    ["an-opaque-token", 'quo"ted\\secret', "gehëim-wört", "eyJhbGciOi.eyJzdWIiOiJ.c2lnbmF0dXJl"],
)
def test_secrets_that_a_target_echoed_are_taken_out(tmp_path: Path, secret: str) -> None:
    found = collection(failed=1)
    found.errors["list", f"schema: data: {secret} is no uuid"] += 9
    found.nodes["local"].left.append(secret)

    write(conclude(facts(found)), str(tmp_path), [None, "", secret])

    for name in ("load.json", "load.html"):
        text = (tmp_path / name).read_text("utf-8")
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text
        assert "redacted" in text


def test_what_looks_like_a_jwt_is_taken_out_unasked(tmp_path: Path) -> None:
    header, claims = "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJhbm4ifQ"
    token = f"{header}.{claims}.c2lnbmF0dXJlc2lnbmF0dXJl"
    found = collection(failed=1)
    found.errors["list", f"status {token}"] += 1

    write(conclude(facts(found)), str(tmp_path), [])

    assert token not in (tmp_path / "load.json").read_text("utf-8")


@pytest.mark.parametrize("secret", ["1000", "0.0", "list", "total", "passed", "requests", "http"])
def test_a_secret_that_is_an_ordinary_word_or_number_spoils_no_report(
    tmp_path: Path, secret: str
) -> None:
    found = collection(ok=1_000)

    write(conclude(facts(found)), str(tmp_path), [secret])

    written = json.loads((tmp_path / "load.json").read_text("utf-8"))
    assert set(written) >= KEYS
    assert written["total"]["requests"] == 1_000
    assert (tmp_path / "load.html").exists()


def test_hostile_texts_are_written_as_they_are_and_shown_harmless(tmp_path: Path) -> None:
    found = collection(failed=1)
    found.errors["list", HOSTILE] += 9

    write(conclude(facts(found)), str(tmp_path), [])

    document = json.loads((tmp_path / "load.json").read_text("utf-8"))
    assert HOSTILE in [row["text"] for row in document["errors"]]
    assert "<script>alert" not in (tmp_path / "load.html").read_text("utf-8")


def test_the_exit_status_and_the_last_lines_are_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "status"
    monkeypatch.setenv(settings.STATUS_FILE, str(file))

    told = hand_over(6, ["verdict: invalid", "名前"])

    assert told
    assert json.loads(file.read_text("utf-8")) == {
        "status": 6,
        "lines": ["verdict: invalid", "名前"],
    }


def test_without_a_launcher_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.STATUS_FILE, raising=False)

    assert not hand_over(1, [])
