"""The verdict of a run in one sentence, the first thing every report says."""

from collections.abc import Sequence

from reports.results import Clause, Results, count_by_status, stale_known_failures, with_status

IDS_NAMED = 6
"""Clause ids that a verdict names before it counts the rest."""


def verdict_sentence(results: Results) -> str:
    """Return one sentence: the verdict, what decides it, and what else to know."""
    if results["exit_status"] == 5:
        return "Nothing was judged: the selection holds no clause."
    compose = _SENTENCES.get(results["verdict"], _error)
    return compose(results)


def added_message(results: Results) -> str | None:
    """Return the run's message where it adds to the verdict sentence, else None."""
    message, sentence = (results["message"] or "").strip(), verdict_sentence(results)
    if not message or message.rstrip(".") in sentence:
        return None
    # A message about clauses that the sentence names says the same in other words.
    ids = {clause["id"] for clause in results["clauses"]}
    named_twice = (clause for clause in ids if clause in message and clause in sentence)
    return None if any(named_twice) else message


def plural(count: int, noun: str, suffix: str = "s") -> str:
    """Return `count` and the noun in the right number: `1 clause`, `2,000 clauses`."""
    return f"{count:,} {noun}{'' if count == 1 else suffix}"


def named(ids: Sequence[str], limit: int = IDS_NAMED) -> str:
    """Return the ids in a row; those past `limit` are counted only."""
    shown = ", ".join(ids[:limit])
    rest = len(ids) - limit
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def _passed(results: Results) -> str:
    gating = _gating(results)
    held = [clause for clause in gating if clause["status"] not in {"not_evaluated", "failed"}]
    open_ = [clause for clause in gating if clause["status"] == "not_evaluated"]
    if len(held) == len(gating):
        head = f"Passed: all {plural(len(gating), 'gating clause')} hold"
        head = head if len(gating) > 1 else "Passed: the one gating clause holds"
    else:
        head = f"Passed: {len(held):,} of {plural(len(gating), 'gating clause')} hold"
    unjudged = [f"{len(open_):,} {_was(open_)} not evaluated"] if open_ else []
    return _sentence(head, [*unjudged, *_warnings(results), *_known(results)])


def _failed(results: Results) -> str:
    known = set(results["known_failures"])
    failures = [
        clause["id"]
        for clause in with_status(results, "failed")
        if clause["gating"] and clause["id"] not in known
    ]
    stale = stale_known_failures(results)
    if failures:
        verb = "is" if len(failures) == 1 else "are"
        total = plural(len(_gating(results)), "gating clause")
        head = f"Failed: {len(failures):,} of {total} {verb} violated ({named(failures)})"
        return _sentence(head, [*_stale(stale), *_warnings(results), *_known(results)])
    if stale:
        return _sentence(f"Failed: {_stale(stale)[0]}", _warnings(results))
    return _with_message("Failed", results)


def _incomplete(results: Results) -> str:
    open_ = [clause["id"] for clause in _gating(results) if clause["status"] == "not_evaluated"]
    if not open_:
        return _with_message("Incomplete: the run could not judge everything that gates", results)
    verb = "was" if len(open_) == 1 else "were"
    clauses = plural(len(open_), "gating clause")
    head = f"Incomplete: no gating clause is violated, but {clauses} {verb} not evaluated"
    return _sentence(f"{head} ({named(open_)})", _warnings(results))


def _interrupted(results: Results) -> str:
    judged = len(results["clauses"]) - count_by_status(results["clauses"])["not_evaluated"]
    head = f"Interrupted: {judged:,} of {plural(len(results['clauses']), 'clause')} were judged"
    return _sentence(head, _violated(results))


def _error(results: Results) -> str:
    if results["exit_status"] == 4:
        return _with_message("Not run: the target could not be tested", results)
    return _with_message(
        "Error: the kit itself failed, so this is no verdict on the target", results
    )


_SENTENCES = {
    "passed": _passed,
    "failed": _failed,
    "incomplete": _incomplete,
    "interrupted": _interrupted,
    "error": _error,
}


def _gating(results: Results) -> list[Clause]:
    return [
        clause
        for clause in results["clauses"]
        if clause["gating"] and clause["reason_kind"] != "not_selected"
    ]


def _was(clauses: Sequence[Clause]) -> str:
    return "was" if len(clauses) == 1 else "were"


def _warnings(results: Results) -> list[str]:
    warned = len(with_status(results, "warned"))
    return [plural(warned, "warning")] if warned else []


def _violated(results: Results) -> list[str]:
    failed = len(with_status(results, "failed"))
    return [f"{plural(failed, 'clause')} violated so far"] if failed else []


def _known(results: Results) -> list[str]:
    known = set(results["known_failures"])
    failing = [clause for clause in with_status(results, "failed") if clause["id"] in known]
    return [plural(len(failing), "known failure")] if failing else []


def _stale(stale: Sequence[str]) -> list[str]:
    if not stale:
        return []
    verb, them = ("fails", "it") if len(stale) == 1 else ("fail", "them")
    failures = plural(len(stale), "known failure")
    return [f"{failures} no longer {verb} ({named(stale)}), so take {them} off the list"]


def _sentence(head: str, extras: Sequence[str]) -> str:
    return "; ".join([head, *extras]) + "."


def _with_message(head: str, results: Results) -> str:
    message = (results["message"] or "").strip()
    return f"{head}: {message.rstrip('.')}." if message else f"{head}."
