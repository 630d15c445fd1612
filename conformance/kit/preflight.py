"""The first requests: is there a Contacts API at this address that takes this token?

One answer that looks right is enough to go on. Otherwise a second operation is asked, so that a
target whose list alone is broken is judged clause by clause, and one that cannot be tested at all
ends the run with one clear line.
"""

from __future__ import annotations

from conformance.kit.client import Client
from conformance.kit.exchange import Exchange
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.renewal import TokenRanOut

STRANGER = "5c0f2d6e-8a1b-4c3d-9e7f-0a1b2c3d4e5f"


class Refused(Exception):
    """The run ends here; `exit_status` is 4, or 1 where the answers themselves break clauses."""

    def __init__(self, message: str, exit_status: int = 4) -> None:
        """Keep the one line that the user reads."""
        super().__init__(message)
        self.message = message
        self.exit_status = exit_status


async def greet(api: Client) -> Exchange:
    """Ask for one contact, and where that fails for two more things; return the last answer.

    Raises:
        Refused: the target is unreachable, refuses the token, has no Contacts API at this path,
            or answers in something else than the API's envelope.

    """
    try:
        first = await api.list(limit=1)
        if _is_envelope(first) and first.status not in (401, 403, 404):
            return first
        others = [await api.search(limit=1), await api.get(STRANGER)]
    except TargetUnavailable as problem:
        url = api.wire.base_url
        if problem.gateway:
            raise Refused(
                f"--base-url {url}: a gateway answers in the API's place ({problem.reason}); "
                "is the server behind it running?"
            ) from None
        raise Refused(f"--base-url {url}: {problem.reason}; is the server running?") from None
    except TokenRanOut as problem:
        raise Refused(f"--token: the target refuses it: {problem.reason}") from None
    _conclude(api.wire.base_url, [first, *others])
    return others[-1]


def _conclude(url: str, answers: list[Exchange]) -> None:
    first = answers[0]
    if all(x.status in (401, 403) for x in answers):
        raise Refused(
            f"--token: the target refuses it ({first.line}); "
            "log in again, or check that token and --base-url belong together"
        )
    if any(x.status == 200 and _is_envelope(x) for x in answers[:2]):
        return
    if all(x.status in (404, 405) for x in answers[:2]):
        raise Refused(
            f"--base-url {url}: no Contacts API at this path ({first.line}); "
            "give the URL under which /contacts lives, such as https://host/v1"
        )
    if not any(_is_envelope(x) for x in answers):
        raise Refused(_strange(url, first), exit_status=1)


def _strange(url: str, first: Exchange) -> str:
    headers = first.response.headers
    if 300 <= first.status < 400:
        where = headers.get("location", "nowhere")[:200]
        return (
            f"{url} redirects instead of answering ({first.line}, to {where}); redirects are never "
            "followed: is a login page or a gateway in front of the API?"
        )
    kind = headers.get("content-type", "no content type")[:100]
    return (
        f"{url} does not answer as the Contacts API does ({first.line}, {kind}, no JSON envelope); "
        "check --base-url"
    )


def _is_envelope(exchange: Exchange) -> bool:
    return isinstance(exchange.json, dict) and (
        "success" in exchange.json or "data" in exchange.json
    )
