"""`python -m load.ratelimit`: puts the limiter of a target on trial, and says what came of it.

Without `--base-url` the embedded reference server is tried, with a limit small enough to wait for.
Exit status 0 where the limiter does as documented, 1 where it does not, 2 interrupted, 4 usage or
target unreachable, 6 where nothing was decided.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402 - after the patch
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from types import FrameType  # noqa: E402
from typing import NoReturn  # noqa: E402

from conformance.kit.embedded import ServerDidNotStart, reference_server  # noqa: E402
from conformance.kit.limiter import RATE_LIMITED, Answer, Documented  # noqa: E402
from conformance.kit.limiter_steps import SECOND, Shot  # noqa: E402
from conformance.kit.limiter_trial import Trial  # noqa: E402
from load import credentials  # noqa: E402
from load.collection import Collection, View  # noqa: E402
from load.loopback import ALLOW_PRODUCTION, normal, refusal  # noqa: E402
from load.node import clock  # noqa: E402
from load.options import Options  # noqa: E402
from load.preflight import Unusable, greet  # noqa: E402
from load.probing import REQUESTS_MOST, Driver, Stopped, as_data, tokens_of  # noqa: E402
from load.recorder import OK, THROTTLED, Recorder  # noqa: E402
from load.renewal import Renewal  # noqa: E402
from load.report import Conclusion, Facts, conclude, publishable, write  # noqa: E402
from load.transport import Connection, NoAnswer  # noqa: E402
from load.trial import plan_for  # noqa: E402

USAGE, KIT_FAILED = 4, 3
EMBEDDED_LIMIT, EMBEDDED_WINDOW_S = 60, 10.0
CLEAN_WITHIN_S = 60.0


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line with the status for usage."""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and exit."""
        self.exit(USAGE, f"ratelimit: {message}\n")


def parser() -> Parser:
    """Return the parser; every option has an environment variable, as those of the gate have."""
    options = Parser(prog="python -m load.ratelimit", allow_abbrev=False)
    add, env = options.add_argument, os.environ.get
    add("--base-url", default=env("CONTACTS_BASE_URL"), help="with /v1; embedded server without")
    add("--token", help="JWT of the account under test")
    add("--second-token", help="another user's JWT: must not open a new budget")
    add("--token-command", help="a command that prints a fresh JWT")
    add("--limit", type=int, help="documented requests per window; RateLimit-Limit without")
    add("--window", type=float, help="documented seconds; RateLimit-Reset without")
    add("--rate-limit", type=int, default=EMBEDDED_LIMIT, help="of the embedded server")
    add("--rate-window", type=float, default=EMBEDDED_WINDOW_S, help="of the embedded server")
    add("--max-requests", type=int, default=REQUESTS_MOST, help="bound of the trial")
    add("--request-timeout", type=float, default=float(env("CONTACTS_REQUEST_TIMEOUT") or 30))
    add("--header", action="append", default=[], help="'Name: value' on every request")
    add("--ca-bundle", default=env("CONTACTS_CA_BUNDLE"))
    add("--insecure", action="store_true", default=env("CONTACTS_INSECURE") == "1")
    add("--report-dir", default=env("CONTACTS_REPORT_DIR") or "reports/out")
    add("--seed", type=int, default=1)
    owned = env("CONTACTS_I_OWN_THIS_TARGET") == "1"
    add("--i-own-this-target", action="store_true", default=owned)
    add("--allow-production", action="store_true", default=env(ALLOW_PRODUCTION) == "1")
    return options


class Problem(Exception):
    """What the user has to mend, in one line; `status` is the exit status."""

    def __init__(self, message: str, status: int = USAGE) -> None:
        """Keep the line."""
        super().__init__(message)
        self.status = status


@dataclass
class OnTrial:
    """The target: where it is, its tokens by label, and what is documented of its limit."""

    base_url: str
    tokens: dict[str, str]
    extra: dict[str, str]
    documented: Documented
    renewal: Renewal | None = None

    def secrets(self) -> list[str]:
        """Return every credential that the target may have echoed."""
        renewed = self.renewal.tokens.used if self.renewal is not None else ()
        return [*self.tokens.values(), *self.extra.values(), *renewed]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a trial and return the exit status."""
    given = parser().parse_args(arguments)
    interrupts: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        interrupts.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        with ExitStack() as resources:
            target = find(given, resources)
            conclusion = put_on_trial(given, target, interrupts)
    except Problem as problem:
        sys.stderr.write(f"ratelimit: {problem}\n")
        return problem.status
    for line in lines(conclusion):
        say(line)
    return conclusion.exit_status


def find(given: argparse.Namespace, resources: ExitStack) -> OnTrial:
    """Return the target: the user's own, or the embedded server started for this trial.

    Raises:
        Problem: it cannot be tried.
    """
    documented = Documented(given.limit, given.window)
    if given.base_url is None:
        size = ("--rate-limit", str(given.rate_limit), "--rate-window", str(given.rate_window))
        try:
            server = resources.enter_context(reference_server(*size))
        except ServerDidNotStart as problem:
            raise Problem(str(problem), KIT_FAILED) from None
        second = server.accounts[SECOND].headers[0][1].rpartition(" ")[2]
        documented = Documented(given.rate_limit, given.rate_window)
        return OnTrial(server.base_url, tokens_of(server.token, second), {}, documented)
    if given.allow_production:
        os.environ[ALLOW_PRODUCTION] = "1"
    refused = refusal(given.base_url, owned=given.i_own_this_target)
    if refused is not None:
        raise Problem(refused.replace("--host", "--base-url"))
    return _own_target(given, documented)


def _own_target(given: argparse.Namespace, documented: Documented) -> OnTrial:
    base_url, environment = normal(given.base_url), dict(os.environ)
    command = given.token_command or environment.get(credentials.TOKEN_COMMAND)
    try:
        environment[credentials.HEADERS] = credentials.header_lines(given.header, os.environ)
        token = given.token or environment.get(credentials.TOKEN)
        if token is None and command is not None:
            token = credentials.ask(command)
        if token is None:
            raise Problem("--token: missing; give the account's JWT, or --token-command")
        environment[credentials.TOKEN] = credentials.usable(token, "--token")
        environment[credentials.TOKEN_COMMAND] = command or ""
        tokens = credentials.from_environment(environment)
        greet(base_url, tokens, insecure=given.insecure, ca_bundle=given.ca_bundle)
    except (credentials.BadHeader, credentials.NoToken, Unusable) as problem:
        raise Problem(str(problem).replace("--host", "--base-url")) from None
    second = given.second_token or environment.get(credentials.SECOND_TOKEN)
    labelled, extra = tokens_of(token, second), dict(tokens.extra)
    return OnTrial(base_url, labelled, extra, documented, Renewal(tokens))


def put_on_trial(
    given: argparse.Namespace, target: OnTrial, interrupts: Sequence[int]
) -> Conclusion:
    """Carry the trial out, clean up, write the reports, and return the results.

    Raises:
        Problem: the target gave no answer.
    """
    trial = plan_for(
        target.base_url,
        seed=given.seed,
        limit=target.documented.limit,
        window_s=target.documented.window_s,
        second_token=SECOND in target.tokens,
    )
    recorder, began = Recorder(), clock()
    driver = Driver(
        target.base_url,
        Connection(given.request_timeout, given.insecure, given.ca_bundle),
        target.tokens,
        observe=lambda shot, answer: _record(recorder, shot, answer),
        say=say,
        stopped=lambda: bool(interrupts),
        requests_most=given.max_requests,
        extra=target.extra,
        renewal=target.renewal,
    )
    try:
        driver.run(trial)
    except Stopped as why:
        say(f"stopped: {why or 'interrupted'}")
    except NoAnswer as problem:
        raise Problem(f"--base-url {target.base_url}: {problem}") from None
    left = driver.clean(trial, CLEAN_WITHIN_S) if trial.live else []
    driver.close()
    facts = _facts(given, target, trial, recorder, began)
    facts.collection.nodes["local"].left += left
    conclusion = conclude(replace(facts, interrupted=bool(interrupts)))
    known = target.secrets()
    write(conclusion, given.report_dir, known)
    return publishable(conclusion, known)


def _record(recorder: Recorder, shot: Shot, answer: Answer) -> None:
    outcome = THROTTLED if answer.status == RATE_LIMITED else OK
    recorder.record(shot.operation, outcome, answer.sent, answer.sent, answer.answered)
    recorder.limited(
        answer.limit_value, answer.remaining_value, answer.reset_value, refused=answer.refused
    )


def _facts(
    given: argparse.Namespace, target: OnTrial, trial: Trial, recorder: Recorder, began: float
) -> Facts:
    collection = Collection(began)
    collection.ended = clock()
    final = [as_data(answer) for answer in trial.answers]
    collection.add("local", recorder.parcel() | {"trial_final": final, "done": True})
    return Facts(
        target.base_url,
        ("RateLimitProbe",),
        Options(report_dir=given.report_dir, seed=given.seed),
        collection,
        View(collection.operations, collection.duration()),
        documented=target.documented,
    )


def lines(conclusion: Conclusion) -> list[str]:
    """Return what a terminal shows: the verdict, the kind with its witness, each clause."""
    limiter = conclusion.document["limiter"]
    shown = [
        (
            f"the rate limit is {limiter['verdict'].replace('_', ' ')}: "
            f"{limiter['limit']} requests in {limiter['window_s']} s, {limiter['detail']}, "
            f"per {limiter['scope']}"
        ),
    ]
    shown += [f"  {reason}" for reason in limiter["reasons"]]
    shown += [f"  witness: {sentence}" for sentence in limiter["witness"]]
    for clause in limiter["clauses"]:
        shown.append(f"{clause['id']}  {clause['status']:13}  {clause['reason'] or ''}".rstrip())
        shown += [f"    {f['expected']}: {f['actual']}" for f in clause["findings"][:3]]
    for row in limiter["bypasses"]:
        outcome = "opens a new budget" if row["works"] else "does not help"
        shown.append(f"  {row['name']}: {outcome} ({row['refused']} of {row['tried']} refused)")
    return [*shown, *conclusion.lines]


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
