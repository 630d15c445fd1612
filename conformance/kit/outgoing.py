"""What goes over the wire, how it is counted, and what it is when no answer comes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed


class TargetUnavailable(PremiseFailed):
    """No usable answer came: the connection failed, or the answer took too long or was too big.

    Attributes:
        sent: whether the target may have seen the request.
        late: whether the target may yet act on it.
        gateway: whether a gateway answered in the target's place, every time.
    """

    def __init__(
        self, reason: str, *, sent: bool = True, late: bool = False, gateway: bool = False
    ) -> None:
        """Keep the reason under the kind `unavailable`."""
        super().__init__(f"target unavailable: {reason}", kind="unavailable")
        self.sent = sent
        self.late = late
        self.gateway = gateway


@dataclass(frozen=True)
class Outgoing:
    """One request before it is sent. `path` and `query` are already percent-encoded.

    A `repeatable` one is sent again where its answer was lost; a 502, 503 or 504 that remains is
    the target's answer where it is `final`, and else counts as a lost one.
    """

    operation: str
    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    repeatable: bool = True
    final: bool = True
    settles: bool = False
    allows: tuple[int, ...] = ()


@dataclass
class Statistics:
    """What the run sent, counted: by operation and scene, refused by the limiter, and latencies in ms."""

    by_operation: dict[str, int] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=dict)
    by_scene: dict[str, int] = field(default_factory=dict)
    http_versions: Counter[str] = field(default_factory=Counter)
    """Answers by the version of HTTP that they came over, such as `HTTP/2`."""
    throttled: int = 0
    lost: int = 0
    """Answers that did not come, were no HTTP, or came from a gateway in the target's place."""

    def count(self, exchange: Exchange) -> None:
        """Take one exchange into account."""
        operation = exchange.operation
        self.by_operation[operation] = self.by_operation.get(operation, 0) + 1
        scene = exchange.scene or "preflight"
        self.by_scene[scene] = self.by_scene.get(scene, 0) + 1
        if exchange.status == 429:
            self.throttled += 1
        elapsed_ms = exchange.response.elapsed_s * 1000
        self.latencies.setdefault(operation, []).append(elapsed_ms)
