"""Deletes what interrupted runs left behind: `python -m conformance.sweep --base-url URL`.

Reads every ledger in the report directory that belongs to the target, looks for creates whose
answer never arrived, deletes what is there, and removes the ledgers that are settled. Exits 0
when nothing is left, 1 when something is, 4 when it cannot run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from conformance.kit.budget import Budget
from conformance.kit.cleaning import clean
from conformance.kit.client import Client
from conformance.kit.ledger import Entry, Ledger, belongs_to, leftovers, strike
from conformance.kit.preflight import Refused, greet
from conformance.kit.renewal import Renewal
from conformance.kit.settings import OPTIONS, Settings, UsageProblem, resolve
from conformance.kit.target import Target, given_target, source_of
from conformance.kit.wire import Wire

PATTERN = "ledger*.jsonl"
SHARED = {
    "base_url",
    "token",
    "second_token",
    "restricted_token",
    "token_command",
    "report_dir",
    "max_wait",
    "request_timeout",
    "concurrency",
    "header",
    "ca_bundle",
    "insecure",
    "http2",
    "allow_production",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep, say what was done, and return the exit status."""
    try:
        settings = resolve(vars(_parser().parse_args(arguments)), now=time.time())
        target = _target(settings)
        ledgers = _ledgers(settings.report_dir, target.base_url)
        remaining, deleted, notices = asyncio.run(_sweep(settings, target, ledgers))
    except (UsageProblem, Refused) as problem:
        print(f"ERROR: {problem}", file=sys.stderr)  # noqa: T201 - a command's output
        return 4
    for notice in dict.fromkeys(notices):
        print(f"note: {notice}")  # noqa: T201 - a command's output
    print(f"{deleted} contacts deleted, {len(remaining)} left")  # noqa: T201 - a command's output
    for left in remaining:
        print(f"  {left}")  # noqa: T201 - a command's output
    return 1 if remaining else 0


def _target(settings: Settings) -> Target:
    if settings.base_url is None:
        raise UsageProblem("--base-url", None, "name the target to sweep")
    return given_target(settings)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sweep", description=__doc__, allow_abbrev=False)
    for option in OPTIONS:
        if option.name not in SHARED:
            continue
        action = {"switch": "store_true", "many": "append"}.get(option.kind, "store")
        parser.add_argument(option.flag, action=action, help=option.help)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageProblem("sweep", None, f"{message}; see --help")


def _ledgers(directory: Path, base_url: str) -> list[Path]:
    return [path for path in sorted(directory.glob(PATTERN)) if belongs_to(path, base_url)]


async def _sweep(
    settings: Settings, target: Target, ledgers: Sequence[Path]
) -> tuple[list[str], int, list[str]]:
    """Return what may remain, how many contacts are gone, and what else is to be said."""
    notices: list[str] = []
    entries = [entry for path in ledgers for entry in leftovers(path)]
    ledger = Ledger(None, {})
    for entry in entries:
        _adopt(ledger, entry)
    budget = Budget(None, settings.max_wait, ledger.debts)
    async with Wire(settings, target.base_url, budget) as wire:
        source = source_of(settings, target)
        wire.renewal = Renewal(target, source, lambda _target: None, notices.append)
        clients = {
            name: Client(wire, ledger, credential, name)
            for name, credential in target.accounts.items()
        }
        if entries:
            await greet(clients["first"])
        remaining = await clean(clients, ledger)
    missing = {e.account for e in ledger.entries.values()} - set(clients)
    remaining = [_of_whom(ledger, left) for left in remaining]
    remaining += [f"contacts of the {name} account: give its token" for name in sorted(missing)]
    gone = [str(entry.id) for entry in ledger.entries.values() if entry.state == "gone"]
    for path in ledgers:
        if remaining:
            # Another sweep is not to ask for these again, nor to count them.
            strike(path, gone)
        else:
            path.unlink()
    return remaining, len(gone), notices


def _of_whom(ledger: Ledger, left: str) -> str:
    """Return the id of a contact that is left, with whose it is where the target keeps it."""
    owner = ledger.owner_of(left)
    return (
        left
        if owner in (None, "first")
        else f"{left}, made with the {owner} token: delete it by hand"
    )


def _adopt(ledger: Ledger, entry: Entry) -> None:
    copied = ledger.intend(entry.account, None)
    copied.words = entry.words
    if entry.id is not None:
        ledger.created(copied, entry.id)
    else:
        ledger.settle(copied, "lost")


if __name__ == "__main__":
    sys.exit(main())
