"""What the analysis makes of wrong limiters: the clause that each breaks, and the verdict."""

from __future__ import annotations

from typing import Any

import pytest
import wrong_limiters as wrong
from limiters import Bucket, Fixed, Log, Server, run

from conformance.kit.limiter import Analysis, Documented, analyse

SIZES = ((500, 900.0), (40, 8.0))
DEFECTS = (
    (wrong.NoRetryAfter, "LIMIT-04", "as_documented"),
    (wrong.ZeroRetryAfter, "LIMIT-04", "as_documented"),
    (wrong.LongRetryAfter, "LIMIT-11", "as_documented"),
    (wrong.Milliseconds, "LIMIT-11", "as_documented"),
    (wrong.MillisecondReset, "LIMIT-03", "as_documented"),
    (wrong.ShortRetryAfter, "LIMIT-07", "stricter"),
    (wrong.OneMore, "LIMIT-06", "laxer"),
    (wrong.OneLess, "LIMIT-06", "stricter"),
    (wrong.TwiceTheLimit, "LIMIT-06", "laxer"),
    (wrong.DoubleCost, "LIMIT-06", "stricter"),
    (wrong.NoLimit, "LIMIT-05", "laxer"),
    (wrong.PerToken, "LIMIT-09", "laxer"),
    (wrong.PerAddressAndToken, "LIMIT-09", "laxer"),
    (wrong.TrustsForwarded, "LIMIT-09", "laxer"),
    (wrong.TrailingSlash, "LIMIT-09", "laxer"),
    (wrong.Racy, "LIMIT-10", "laxer"),
    (wrong.ExecutesRefused, "LIMIT-08", "as_documented"),
    (wrong.Hammered, "LIMIT-07", "stricter"),
    (wrong.UnlimitedSearch, "LIMIT-05", "laxer"),
    (wrong.UnlimitedDelete, "LIMIT-05", "laxer"),
    (wrong.UnlimitedPatches, "LIMIT-05", "laxer"),
    (wrong.PerProcess, "LIMIT-06", "laxer"),
    (wrong.ShortWindow, "LIMIT-13", "laxer"),
    (wrong.Leaky, "LIMIT-13", "laxer"),
    (wrong.ConstantRemaining, "LIMIT-02", "as_documented"),
    (wrong.NoHeaders, "LIMIT-01", "as_documented"),
)
ALSO = {
    wrong.ZeroRetryAfter: {"LIMIT-11"},
    wrong.LongRetryAfter: {"LIMIT-13"},
    wrong.MillisecondReset: {"LIMIT-11"},
    wrong.ShortRetryAfter: {"LIMIT-11"},
    wrong.NoLimit: {"LIMIT-06"},
    wrong.Racy: {"LIMIT-02"},
    wrong.PerProcess: {"LIMIT-02", "LIMIT-10"},
    wrong.ShortWindow: {"LIMIT-02", "LIMIT-03", "LIMIT-06"},
    wrong.UnlimitedSearch: {"LIMIT-01"},
    wrong.UnlimitedPatches: {"LIMIT-01"},
    wrong.Leaky: {"LIMIT-06"},
}
"""What else such a server breaks, by the clauses' own words."""


def analysed(defect: Any, limiter: Any, limit: int, window: float, **options: Any) -> Analysis:
    server = defect(limiter(*defect.size(limit, window)))
    trial, _ = run(server, limit=limit, window_s=window)
    return analyse(trial.answers, Documented(limit, window), **options)


def failed(analysis: Analysis) -> set[str]:
    return {c for c, v in analysis.clauses.items() if v.status == "failed"}


@pytest.mark.parametrize(("limit", "window"), SIZES)
@pytest.mark.parametrize(("defect", "clause", "verdict"), DEFECTS)
def test_a_wrong_limiter_is_found_under_its_clause(
    defect: Any, clause: str, verdict: str, limit: int, window: float
) -> None:
    analysis = analysed(defect, Fixed, limit, window)

    assert clause in failed(analysis)
    assert failed(analysis) <= {clause} | ALSO.get(defect, set())
    assert analysis.verdict == verdict


@pytest.mark.parametrize("limiter", [Log, Bucket])
@pytest.mark.parametrize(
    ("defect", "clause"),
    [
        (wrong.NoRetryAfter, "LIMIT-04"),
        (wrong.Milliseconds, "LIMIT-11"),
        (wrong.OneMore, "LIMIT-06"),
        (wrong.OneLess, "LIMIT-06"),
        (wrong.PerToken, "LIMIT-09"),
        (wrong.TrustsForwarded, "LIMIT-09"),
        (wrong.TrailingSlash, "LIMIT-09"),
        (wrong.ExecutesRefused, "LIMIT-08"),
        (wrong.UnlimitedSearch, "LIMIT-05"),
        (wrong.UnlimitedPatches, "LIMIT-05"),
    ],
)
def test_defects_are_found_in_windows_of_every_kind(defect: Any, clause: str, limiter: Any) -> None:
    analysis = analysed(defect, limiter, 60, 20.0)

    assert failed(analysis) - ALSO.get(defect, set()) == {clause}


def test_a_forwarded_header_on_loopback_only_warns() -> None:
    analysis = analysed(wrong.TrustsForwarded, Fixed, 40, 8.0, loopback=True)

    assert analysis.clauses["LIMIT-09"].status == "warned"
    assert failed(analysis) == set()


def test_a_trailing_slash_on_loopback_fails_all_the_same() -> None:
    analysis = analysed(wrong.TrailingSlash, Fixed, 40, 8.0, loopback=True)

    assert failed(analysis) == {"LIMIT-09"}


def test_a_budget_that_all_addresses_share_only_warns() -> None:
    analysis = analysed(wrong.OneForAll, Fixed, 40, 8.0)

    assert analysis.scope == "everyone"
    assert analysis.clauses["LIMIT-09"].status == "warned"


def test_the_bypass_matrix_names_what_opens_a_budget() -> None:
    analysis = analysed(wrong.PerToken, Fixed, 40, 8.0)

    works = {row.name for row in analysis.bypasses if row.works}

    assert works == {"another token"}
    assert analysis.scope == "token"


def test_findings_carry_the_answer_that_shows_them() -> None:
    analysis = analysed(wrong.NoRetryAfter, Fixed, 40, 8.0)

    finding = analysis.clauses["LIMIT-04"].findings[0]

    assert finding.answer is not None
    assert finding.answer.status == 429
    assert finding.actual == "no Retry-After"


def test_a_right_server_with_another_client_on_the_same_address_only_warns() -> None:
    server = Server(Fixed(60, 20.0))
    hit, others = server.decide, iter(range(10_000))

    def shared(shot: Any, now: float) -> Any:
        if next(others) % 7 == 3:
            server.limiter.hit(server.key(shot), now)
        return hit(shot, now)

    server.decide = shared  # type: ignore[method-assign]

    trial, _ = run(server, limit=60, window_s=20.0)
    analysis = analyse(trial.answers, Documented(60, 20.0))

    assert analysis.clauses["LIMIT-06"].status == "warned"
    assert "LIMIT-06" not in failed(analysis)
