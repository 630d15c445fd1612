"""A reference server in this process, its clock in the test's hand, and clients for its callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from reference_client import SECRET, Client, Clock
from starlette.applications import Starlette

from fixtures.reference.app import create_app
from fixtures.reference.config import Config
from fixtures.reference.tokens import VIEWER, mint


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(clock: Clock) -> Config:
    return Config(SECRET, clock=clock, rate_limit=1_000_000)


@pytest.fixture
def app(config: Config) -> Iterator[Starlette]:
    app = create_app(config)
    yield app
    app.state.application.close()


@pytest.fixture
def token(clock: Clock) -> Callable[..., str]:
    """Mints tokens by the server's clock."""

    def make(subject: str = "owner", account: str | None = None, role: str = "owner") -> str:
        return mint(SECRET, subject=subject, account=account, role=role, now=clock())

    return make


@pytest.fixture
def owner(app: Starlette, token: Callable[..., str]) -> Client:
    return Client(app, token())


@pytest.fixture
def stranger(app: Starlette, token: Callable[..., str]) -> Client:
    """A user of another account."""
    return Client(app, token("stranger"))


@pytest.fixture
def viewer(app: Starlette, token: Callable[..., str]) -> Client:
    """A user of the owner's account who may not delete."""
    return Client(app, token("guest", "owner", VIEWER))


@pytest.fixture
def anonymous(app: Starlette) -> Client:
    return Client(app, None)
