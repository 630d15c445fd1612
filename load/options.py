"""The options of the load side: one table, read by the launcher and by locust's own parser.

Options that hold a credential are the launcher's alone: they reach locust's processes in the
environment, never on a command line, in the web page or in a message between nodes.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from load.arrivals import KINDS
from load.objectives import BadObjective, Objective, read
from load.shapes import SHAPES

VARIABLE = "CONTACTS_"
SHAPE_NAMES = tuple(SHAPES)


@dataclass(frozen=True)
class Option:
    """One option: flag, help, default, and how its text becomes a value."""

    flag: str
    help: str
    default: Any = None
    kind: str = "text"
    choices: tuple[str, ...] | None = None
    in_web_ui: bool = False

    @property
    def name(self) -> str:
        """The attribute: the flag without dashes, with underscores."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that stands in for the option."""
        return VARIABLE + self.name.upper()


OPTIONS = (
    Option("--arrival-rate", "open model: arrivals per second", 0.0, "number", in_web_ui=True),
    Option("--arrivals", "how arrivals follow each other", KINDS[0], choices=KINDS),
    Option("--drop-after", "seconds after which an unsent arrival is dropped", 10.0, "number"),
    Option("--shape", "the load over time", None, choices=SHAPE_NAMES),
    Option("--shape-time", "seconds of the whole shape, or of one step", 0.0, "number"),
    Option("--think-time", "closed model: mean pause of a user, seconds", 1.0, "number"),
    Option("--objective", "such as 'p95(list) < 300ms', repeatable", (), "many"),
    Option("--objective-file", "a file of objectives, one a line"),
    Option("--fail-fast", "stop once an objective can no longer be met", False, "switch"),
    Option("--validate-every", "hold every Nth answer against the schema", 10, "count"),
    Option("--stock", "contacts made beforehand on each node, to read", 50, "count"),
    Option("--clean-within", "seconds for deleting what the run made", 60.0, "number"),
    Option("--report-dir", "where load.json and load.html go", "reports/out"),
    Option("--seed", "repeats the generated data and arrivals", 0, "count"),
    Option("--request-timeout", "seconds for one request", 30.0, "number"),
    Option("--ca-bundle", "a PEM file of certificate authorities to trust"),
    Option("--insecure", "do not verify TLS certificates", False, "switch"),
    Option("--i-own-this-target", "needed for anything but loopback", False, "switch"),
)


@dataclass(frozen=True)
class Options:
    """The options of one run, as values; see `OPTIONS` for the meaning of each."""

    arrival_rate: float = 0.0
    arrivals: str = KINDS[0]
    drop_after: float = 10.0
    shape: str | None = None
    shape_time: float = 0.0
    think_time: float = 1.0
    objective: tuple[str, ...] = ()
    objective_file: str | None = None
    fail_fast: bool = False
    validate_every: int = 10
    stock: int = 50
    clean_within: float = 60.0
    report_dir: str = "reports/out"
    seed: int = 0
    request_timeout: float = 30.0
    ca_bundle: str | None = None
    insecure: bool = False
    i_own_this_target: bool = False

    def objectives(self) -> list[Objective]:
        """Return the objectives.

        Raises:
            BadObjective: one cannot be read.
        """
        return read(self.objective, self.objective_file)


def add_to(parser: Any) -> None:
    """Add the options to locust's parser; it reads the environment variables too."""
    for option in OPTIONS:
        keywords: dict[str, Any] = {
            "default": list(option.default) if option.kind == "many" else option.default,
            "help": option.help,
            "env_var": option.variable,
            "include_in_web_ui": option.in_web_ui,
        }
        if option.kind == "switch":
            keywords["action"] = "store_true"
        elif option.kind == "many":
            keywords |= {"action": "append", "metavar": "VALUE"}
        else:
            keywords |= {"type": _TYPES[option.kind], "choices": option.choices}
        parser.add_argument(option.flag, **keywords)


def number(text: str) -> float:
    """Return a number of at least 0.

    Raises:
        ValueError: the text is none; the message says what is wanted.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError("give a number, 0 or more")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(f"{text}: a whole number, 0 or more")
    return value


_TYPES: dict[str, Callable[[str], Any]] = {"text": str, "number": number, "count": _count}


def problem_with(options: Options) -> str | None:
    """Return what does not fit together, in one line that says what to do; None where all fits."""
    try:
        objectives = options.objectives()
    except BadObjective as bad:
        return f"--objective {bad}"
    if options.shape == "step" and not options.arrival_rate:
        return "--shape step needs --arrival-rate: the rate of the first step"
    if options.shape == "step" and not objectives:
        return "--shape step needs an --objective: it raises the rate until one breaks"
    return None


def from_namespace(parsed: Namespace) -> Options:
    """Return the options that locust parsed."""
    given = {f.name: getattr(parsed, f.name) for f in fields(Options) if hasattr(parsed, f.name)}
    given["objective"] = tuple(given.get("objective") or ())
    given["arrival_rate"] = float(given.get("arrival_rate") or 0.0)
    given["seed"] = int(given.get("seed") or 0)
    return Options(**given)
