"""What the user asked for, as one frozen object: option, else environment, else default.

This layer turns text into checked values and names the option at fault. It sends no request
and knows nothing of pytest.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from conformance.kit.catalogue import Catalogue, Clause, Gate, UnknownClause
from conformance.kit.credentials import NotAJwt, claims, expires_at
from conformance.kit.hosts import PRODUCTION_HOST, is_loopback, production_behind
from conformance.kit.known import KnownFailure, read_known_failures

ENVIRONMENT_PREFIX = "CONTACTS_"
DEFAULT_PATH = "/v1"
LAST_PORT = 65535
WINDOW_REQUESTS = 480
PROFILES = ("window", "deep")
# A token of RFC 9110, 5.6.2.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class UsageProblem(Exception):
    """An option whose value cannot be used: names the option, the value and the remedy."""

    def __init__(self, option: str, value: object, remedy: str) -> None:
        """Compose the one line that the user reads; `value` is never a credential."""
        printable = "".join(c if c.isprintable() else "?" for c in str(value))
        shown = "" if value is None else f" {printable:.200}"
        super().__init__(f"{option}{shown}: {remedy}")
        self.option = option


@dataclass(frozen=True)
class Option:
    """One option of the gate: its flag, default, and the sentence that `--help` shows."""

    flag: str
    help: str
    default: Any = None
    kind: str = "text"

    @property
    def name(self) -> str:
        """The attribute name: the flag without dashes, with underscores."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that stands in for the option."""
        return ENVIRONMENT_PREFIX + self.name.upper()


OPTIONS = (
    Option("--base-url", "the API under test, with /v1 (default: the embedded reference server)"),
    Option("--token", "JWT of the account under test", kind="secret"),
    Option("--second-token", "another user's JWT: evaluates ISO", kind="secret"),
    Option("--restricted-token", "a user who may not delete: evaluates DELETE-08", kind="secret"),
    Option("--expired-token", "an expired JWT: evaluates AUTH-04", kind="secret"),
    Option("--token-command", "a command that prints a fresh JWT", kind="secret"),
    Option("--gate", "which tiers decide the exit status: required, platform, strict", "required"),
    Option("--profile", "window (at most 480 requests) or deep", "window"),
    Option("--examples", "generated cases per property in the deep profile", 100, "count"),
    Option("--max-requests", "a harder bound on the number of requests", None, "count"),
    Option("--max-wait", "seconds the run may wait for rate limits, in total", 1000.0, "seconds"),
    Option("--complete", "fail with 6 when any gating clause is not evaluated", False, "switch"),
    Option(
        "--probe-rate-limit",
        "run the active LIMIT clauses too (always on for the embedded server)",
        False,
        "switch",
    ),
    Option("--clause", "run only these clauses: ids or globs, repeatable", (), "many"),
    Option("--known-failures", "a file of clause ids that may fail, with a reason each"),
    Option("--report-dir", "where the reports go", "reports/out"),
    Option("--seed", "repeats the generated data (default: random, printed)", None, "count"),
    Option("--concurrency", "requests in flight at most", 8, "count"),
    Option("--request-timeout", "seconds for one request, body included", 30.0, "seconds"),
    Option("--header", "an extra header 'Name: value' on every request, repeatable", (), "many"),
    Option("--ca-bundle", "a PEM file of certificate authorities to trust"),
    Option("--insecure", "do not verify TLS certificates", False, "switch"),
    Option(
        "--http2", "speak HTTP/2 where the server offers it while TLS is set up", False, "switch"
    ),
    Option(
        "--allow-production",
        f"needed to touch {PRODUCTION_HOST}, by whatever name",
        False,
        "switch",
    ),
    Option("--i-own-this-target", "needed to probe rate limits off loopback", False, "switch"),
    Option("--start-command", "a command that starts the implementation under test"),
    Option("--ready-url", "the URL to wait for after --start-command"),
    Option("--compare-to", "an earlier conformance.json: the summary leads with what changed"),
)


@dataclass(frozen=True)
class Settings:
    """Every setting of one run, checked; see `OPTIONS` for the meaning of each."""

    base_url: str | None
    token: str | None = field(repr=False)
    second_token: str | None = field(repr=False)
    restricted_token: str | None = field(repr=False)
    expired_token: str | None = field(repr=False)
    token_command: str | None = field(repr=False)
    gate: Gate
    profile: str
    examples: int
    max_requests: int | None
    max_wait: float
    complete: bool
    probe_rate_limit: bool
    clause: tuple[str, ...]
    known_failures: Mapping[str, KnownFailure]
    """By clause id; ones whose date has gone by are in `lapsed_failures` instead."""
    lapsed_failures: Mapping[str, KnownFailure]
    report_dir: Path
    seed: int
    concurrency: int
    request_timeout: float
    header: tuple[tuple[str, str], ...] = field(repr=False)
    ca_bundle: str | None
    insecure: bool
    http2: bool
    allow_production: bool
    i_own_this_target: bool
    start_command: str | None
    ready_url: str | None
    compare_to: dict[str, Any] | None
    selected: frozenset[str]
    notices: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether the run starts the embedded reference server for itself."""
        return self.base_url is None

    @property
    def request_bound(self) -> int | None:
        """Requests the run may send: the window profile's, or the user's harder bound."""
        bounds = [n for n in (self.max_requests, self._profile_bound()) if n is not None]
        return min(bounds) if bounds else None

    def _profile_bound(self) -> int | None:
        return WINDOW_REQUESTS if self.profile == "window" else None


def resolve(
    given: Mapping[str, Any], environment: Mapping[str, str] | None = None, *, now: float
) -> Settings:
    """Return the settings from parsed options (`None` or empty: not given) and the environment.

    Raises:
        UsageProblem: a value cannot be used; the text names the option, value and remedy.

    """
    environment = os.environ if environment is None else environment
    raw = {option.name: _raw_value(option, given, environment) for option in OPTIONS}
    base_url, notices = _base_url(raw["base_url"], allow_production=raw["allow_production"])
    _check_tokens(raw, base_url, now)
    _check_probe(raw, base_url)
    notices += _http2_notices(raw, base_url)
    catalogue = Catalogue.load()
    known, today = _known(raw["known_failures"], catalogue), datetime.fromtimestamp(now, UTC).date()
    chosen = _clauses(catalogue, raw["clause"])
    return Settings(
        **{
            **raw,
            "base_url": base_url,
            "probe_rate_limit": raw["probe_rate_limit"] or base_url is None,
            "gate": _one_of("--gate", raw["gate"], Gate, tuple(g.value for g in Gate)),
            "profile": _one_of("--profile", raw["profile"], str, PROFILES),
            "seed": secrets.randbelow(2**31) if raw["seed"] is None else raw["seed"],
            "concurrency": _at_least_one("--concurrency", raw["concurrency"]),
            "request_timeout": _positive("--request-timeout", raw["request_timeout"]),
            "known_failures": {i: k for i, k in known.items() if not k.lapsed(today)},
            "lapsed_failures": {i: k for i, k in known.items() if k.lapsed(today)},
            "report_dir": _report_dir(raw["report_dir"]),
            "header": tuple(_header(text) for text in raw["header"]),
            "ca_bundle": _ca_bundle(raw["ca_bundle"]),
            "compare_to": _earlier(raw["compare_to"]),
            "clause": tuple(raw["clause"]),
            "selected": frozenset(clause.id for clause in chosen),
            "notices": notices,
        }
    )


def _raw_value(option: Option, given: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    value = given.get(option.name)
    if value not in (None, False, [], ()):
        return _convert(option, value, option.flag)
    text = environment.get(option.variable, "")
    if text.strip() == "":
        return option.default
    return _convert(option, text, option.variable)


def _convert(option: Option, value: Any, origin: str) -> Any:
    if option.kind == "switch":
        return _switch(value, origin)
    if option.kind == "many":
        return tuple(value) if isinstance(value, list | tuple) else _split(str(value))
    if option.kind == "count":
        return _number(value, origin, int, "a whole number, 0 or more")
    if option.kind == "seconds":
        return _number(value, origin, float, "a number of seconds, 0 or more")
    return str(value).strip()


def _split(text: str) -> tuple[str, ...]:
    """Split at commas, or at line ends where there are any (a header's value may hold a comma)."""
    separator = "\n" if "\n" in text else ","
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _switch(value: Any, origin: str) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("1", "0"):
        return bool(int(value))
    raise UsageProblem(origin, value, "a switch in the environment is 1 or 0")


def _number(value: Any, origin: str, kind: Callable[[str], Any], remedy: str) -> Any:
    try:
        number = kind(str(value))
    except ValueError:
        raise UsageProblem(origin, value, f"give {remedy}") from None
    if not 0 <= number < float("inf"):
        raise UsageProblem(origin, value, f"give {remedy}")
    return number


def _at_least_one(option: str, value: int) -> int:
    if value < 1:
        raise UsageProblem(option, value, "give a whole number, 1 or more")
    return value


def _positive(option: str, value: float) -> float:
    if value <= 0:
        raise UsageProblem(option, value, "give a number of seconds above 0")
    return value


def _one_of(option: str, value: str, kind: Callable[[str], Any], legal: tuple[str, ...]) -> Any:
    if value not in legal:
        raise UsageProblem(option, value, f"choose one of {', '.join(legal)}")
    return kind(value)


def _base_url(text: str | None, *, allow_production: bool) -> tuple[str | None, tuple[str, ...]]:
    if text is None:
        return None, ()
    url = _parsed_url(text)
    if not allow_production:
        refuse_production("--base-url", text, url.host)
    if not url.path.strip("/"):
        appended = str(url.copy_with(path=DEFAULT_PATH))
        return appended, (f"--base-url has no path: {DEFAULT_PATH} was appended: {appended}",)
    return str(url).rstrip("/"), ()


def refuse_production(option: str, url: str, host: str) -> None:
    """Refuse a URL whose host is the vendor's production, by whatever name.

    Raises:
        UsageProblem: it is.

    """
    why = production_behind(host)
    if why is not None:
        raise UsageProblem(option, url, f"{why}; add --allow-production if you mean it")


def _parsed_url(text: str) -> httpx.URL:
    remedy = "give an absolute http(s) URL such as https://staging.example.com/v1"
    try:
        url = httpx.URL(text)
        usable = url.scheme in ("http", "https") and url.host != "" and (url.port or 0) <= LAST_PORT
    except (httpx.InvalidURL, ValueError):
        raise UsageProblem("--base-url", _without_userinfo(text), remedy) from None
    if not usable:
        raise UsageProblem("--base-url", _without_userinfo(text), remedy)
    if url.userinfo:
        shown = _without_userinfo(text)
        raise UsageProblem("--base-url", shown, "leave user and password out; use --token")
    if url.query or url.fragment:
        raise UsageProblem("--base-url", text, "leave the query and fragment out")
    return url


def _without_userinfo(text: str) -> str:
    scheme, mark, rest = text.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if mark and "@" in rest else text


def _check_probe(raw: Mapping[str, Any], base_url: str | None) -> None:
    if base_url is None or not raw["probe_rate_limit"] or raw["i_own_this_target"]:
        return
    host = httpx.URL(base_url).host
    if not is_loopback(host):
        remedy = (
            f"it spends the rate limit that {host} grants this address, and that is no loopback "
            "address; add --i-own-this-target if the target is yours"
        )
        raise UsageProblem("--probe-rate-limit", None, remedy)


def _http2_notices(raw: Mapping[str, Any], base_url: str | None) -> tuple[str, ...]:
    if not raw["http2"]:
        return ()
    try:
        import_module("h2.connection")
    except ImportError as problem:
        remedy = (
            f"the package h2 cannot be used ({problem}); install httpx[http2], as the dependency "
            "group conformance has it, or leave the option out"
        )
        raise UsageProblem("--http2", None, remedy) from None
    if (base_url or "http:").startswith("http:"):
        return ("--http2: no server offers it without TLS, so HTTP/1.1 is spoken",)
    return ()


def _check_tokens(raw: Mapping[str, Any], base_url: str | None, now: float) -> None:
    if base_url and not raw["token"] and not raw["token_command"]:
        remedy = "give the account's JWT with --token, CONTACTS_TOKEN or --token-command"
        raise UsageProblem("--token", None, f"missing for a target of your own; {remedy}")
    for name in ("token", "second_token", "restricted_token", "expired_token"):
        if raw[name]:
            _check_token("--" + name.replace("_", "-"), raw[name], now)
    if raw["expired_token"] and (expires_at(raw["expired_token"]) or now + 1) > now:
        remedy = "its exp is missing or still to come; give a JWT that has run out"
        raise UsageProblem("--expired-token", None, remedy)


def _check_token(option: str, token: str, now: float) -> None:
    try:
        claims(token)
    except NotAJwt as problem:
        remedy = f"this is no JWT ({problem}); give three base64url parts joined by dots"
        raise UsageProblem(option, None, remedy) from None
    expiry = expires_at(token)
    if option != "--expired-token" and expiry is not None and expiry <= now:
        ago = f"{now - expiry:.0f} s ago"
        remedy = f"the token ran out {ago} (its exp claim); log in again or use --token-command"
        raise UsageProblem(option, None, remedy)


def _clauses(catalogue: Catalogue, patterns: tuple[str, ...]) -> list[Clause]:
    try:
        return catalogue.select(patterns) if patterns else list(catalogue)
    except UnknownClause as problem:
        raise UsageProblem("--clause", None, str(problem)) from None


def _known(path: str | None, catalogue: Catalogue) -> Mapping[str, KnownFailure]:
    if path is None:
        return {}
    try:
        return read_known_failures(Path(path), {clause.id for clause in catalogue})
    except ValueError as problem:
        raise UsageProblem("--known-failures", path, str(problem)) from None


def _report_dir(text: str) -> Path:
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageProblem("--report-dir", text, "this is a file; name a directory") from None
    except (OSError, ValueError) as problem:
        raise UsageProblem("--report-dir", text, f"cannot be made: {problem}") from None
    return path


def _header(text: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in text.partition(":"))
    good = colon and _HEADER_NAME.fullmatch(name) and value.isascii() and value.isprintable()
    if not good:
        raise UsageProblem("--header", name, "write it as 'Name: value', in ASCII")
    return name, value


def _existing_file(option: str, text: str | None) -> str | None:
    try:
        exists = text is None or Path(text).is_file()
    except (OSError, ValueError):  # Too long for a path, or no path at all.
        exists = False
    if not exists:
        raise UsageProblem(option, text, "no such file")
    return text


def _ca_bundle(text: str | None) -> str | None:
    path = _existing_file("--ca-bundle", text)
    try:
        if path is not None:
            ssl.create_default_context(cafile=path)
    except OSError:  # An SSLError is one.
        remedy = "no certificate can be read from it; give a file in PEM form"
        raise UsageProblem("--ca-bundle", text, remedy) from None
    return path


def _earlier(text: str | None) -> dict[str, Any] | None:
    path = _existing_file("--compare-to", text)
    if path is None:
        return None
    try:
        document = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("clauses"), list):
        raise UsageProblem("--compare-to", text, "this is no conformance.json of an earlier run")
    return document
