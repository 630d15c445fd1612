"""The pytest plugin: options, clause marks, the stage, verdicts, exit status."""

from __future__ import annotations

import time
import traceback
import warnings
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

from conformance.kit import hooks, parsing
from conformance.kit.embedded import ServerDidNotStart
from conformance.kit.evidence import Evidence
from conformance.kit.expect import ClauseViolated, Judge, PremiseFailed
from conformance.kit.launching import NotReady, launch_of, settle_log
from conformance.kit.outcome import Outcome
from conformance.kit.preflight import Refused
from conformance.kit.run import Run
from conformance.kit.selection import clause_of, is_further, turn_of
from conformance.kit.settings import OPTIONS, UsageProblem, resolve
from conformance.kit.stage import Stage, new_run_id
from conformance.kit.starting import REPORTS, start
from conformance.kit.verdict import (
    FAILED,
    INTERRUPTED,
    KIT_FAILED,
    NO_OCCASION,
    UNUSABLE,
    TestOutcome,
)

RUN = pytest.StashKey[Run]()
JUDGE = pytest.StashKey[Judge]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the gate."""
    group = parser.getgroup("contacts", "Contacts API conformance")
    for option in OPTIONS:
        keywords: dict[str, Any] = {"dest": f"contacts_{option.name}", "help": option.help}
        if option.kind == "switch":
            keywords["action"] = "store_true"
        elif option.kind == "many":
            keywords |= {"action": "append", "metavar": "VALUE"}
        group.addoption(option.flag, **keywords)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks that the layers above implement."""
    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Resolve the settings; a value that cannot be used ends the run with status 4."""
    config.addinivalue_line("markers", "clause(id): the one clause that the test judges")
    config.addinivalue_line(
        "markers",
        "further: it adds to what other tests decide of the clause, and may not be able to",
    )
    config.addinivalue_line("markers", "deep: the window profile has no requests for the test")
    # A connection cut off by an interrupt warns at the garbage collection; no verdict hangs on it.
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")
    # pytest applies the line to each test; what it finds when all is over it warns of without.
    warnings.filterwarnings("ignore", category=pytest.PytestUnraisableExceptionWarning)
    config.add_cleanup(parsing.one_at_a_time())
    # Others parse the source of what failed, which takes longer and tells the user nothing.
    if config.getoption("tbstyle", "auto") == "auto":
        config.option.tbstyle = "value"
    if getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("-n: the scenes run once, in one process; leave -n out")
    given = {o.name: getattr(config.option, f"contacts_{o.name}", None) for o in OPTIONS}
    try:
        settings = resolve(given, now=time.time())
        launch_of(settings)
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None
    config.stash[RUN] = Run(settings, new_run_id(), list(settings.notices))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is tested, and with which seed to repeat it."""
    return config.stash[RUN].header()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the selected clauses; a test that cites not exactly one is a kit fault."""
    settings = config.stash[RUN].settings
    config.stash[RUN].tested = {clause_of(item) for item in items}
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        (kept if clause_of(item) in settings.selected else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    # What judges the whole run comes last: the others need not wait for the cleaning up.
    items[:] = sorted(kept, key=turn_of)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """Start the scenes that the selected tests name; the tests then run beside them.

    Where the target cannot be tested at all, no test runs and the run ends with one clear line.
    """
    if session.config.option.collectonly or not session.items:
        return None
    run = session.config.stash[RUN]
    run.awaited = Counter(clause_of(item) for item in session.items)
    run.interrupts.install()
    try:
        start(session, run)
    except NotReady as problem:
        _end_early(session, run, UNUSABLE, str(problem))
        return _show_output(session, run, problem.lines)
    except UsageProblem as problem:
        return _end_early(session, run, UNUSABLE, str(problem))
    except ServerDidNotStart as problem:
        return _end_early(session, run, KIT_FAILED, str(problem))
    except Refused as problem:
        return _end_early(session, run, problem.exit_status, problem.message)
    except PremiseFailed as problem:
        run.stage_problem = problem
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Stop between two tests where the run was interrupted."""
    item.config.stash[RUN].interrupts.check()


def _end_early(session: pytest.Session, run: Run, status: int, message: str) -> bool:
    run.statuses.append(status)
    run.message = run.redact(message)
    run.stopped_early = True
    if run.screen is not None:
        run.screen.close()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"ERROR: {run.message}", red=True)
    return True


def _show_output(session: pytest.Session, run: Run, lines: list[str]) -> bool:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    hidden = [run.redact(line) for line in lines]
    for line in session.config.hook.pytest_contacts_output(lines=hidden) or ():
        if reporter is not None:
            reporter.write_line(f"  {line}")
    return True


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Stage:
    """The stage of this session."""
    run = request.config.stash[RUN]
    if run.stage_problem is not None:
        raise run.stage_problem
    if run.stage is None:
        raise RuntimeError("the stage has not been set")
    return run.stage


@pytest.fixture(scope="session")
def witnessed(stage: Stage) -> Evidence:
    """What the passive checks found, once every scene has ended and the run has cleaned up."""
    stage.wait()
    return stage.evidence


@pytest.fixture(scope="session")
def evidence(witnessed: Evidence) -> Evidence:
    """The same for clauses that speak of every exchange: all scenes are played for them."""
    return witnessed


@pytest.fixture(scope="session")
def behaviour(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The behaviour profile of the results, for the observed clauses to write into."""
    return request.config.stash[RUN].behaviour


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """The judge of the test's clause."""
    made = Judge(clause_of(request.node))
    request.node.stash[JUDGE] = made
    return made


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Turn what the judge collected into the outcome of the test.

    A test that misses an item of a collection which its scene could not fill is not a fault.
    """
    try:
        result = yield
    except LookupError as problem:
        outcomes = [v for v in pyfuncitem.funcargs.values() if isinstance(v, Outcome)]
        reasons = [reason for o in outcomes if (reason := o.cut_short()) is not None]
        if not reasons:
            raise
        raise PremiseFailed(reasons[0].reason, reasons[0].kind) from problem
    made = pyfuncitem.stash.get(JUDGE, None)
    if made is None:
        return result
    if any(finding.severity == "failure" for finding in made.findings):
        raise ClauseViolated(made.clause)
    if made.undecided is not None:
        raise made.undecided
    if made.checks == 0:
        kind = NO_OCCASION if is_further(pyfuncitem) else "premise"
        raise PremiseFailed("nothing was seen that this clause speaks of", kind)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Sort what happened: a violation fails, a broken premise skips, anything else is an error."""
    report = yield
    run = item.config.stash[RUN]
    problem = call.excinfo.value if call.excinfo is not None else None
    if call.when == "teardown" and problem is None:
        return report
    if call.when == "setup" and problem is None:
        return report
    outcome = _outcome(item, problem)
    run.add(outcome)
    if isinstance(problem, PremiseFailed):
        report.outcome = "skipped"
        path, line, _ = item.location
        report.longrepr = (path, (line or 0) + 1, f"not evaluated: {run.redact(problem.reason)}")
    elif isinstance(problem, ClauseViolated):
        report.longrepr = run.failure_text(item.config.hook, outcome)
        if not run.gates(outcome.clause):
            report.outcome = "skipped"
            path, line, _ = item.location
            report.longrepr = (path, (line or 0) + 1, f"warning: {outcome.clause}")
    elif problem is not None:
        shown = _traceback(problem) if item.config.option.tbstyle == "value" else report.longrepr
        report.longrepr = run.redact(str(shown))
    return report


def _traceback(problem: BaseException) -> str:
    """Return where a fault of the kit was raised, and what it came of, without parsing source."""
    frames = traceback.StackSummary.extract(traceback.walk_tb(problem.__traceback__))
    told = "".join([*frames.format(), *traceback.format_exception_only(problem)])
    earlier = problem.__cause__ or problem.__context__
    return told if earlier is None else f"{_traceback(earlier)}\nwhich led to\n\n{told}"


@pytest.hookimpl(wrapper=True)
def pytest_report_teststatus(
    config: pytest.Config,
) -> Generator[None, tuple[Any, ...], tuple[Any, ...]]:
    """Leave the mark of a test out where the progress is drawn live."""
    category, *marks = yield
    screen = config.stash[RUN].screen
    return (category, "", "") if screen is not None and screen.live else (category, *marks)


def _outcome(item: pytest.Item, problem: BaseException | None) -> TestOutcome:
    made = item.stash.get(JUDGE, None) or Judge(clause_of(item))
    state, reason, kind = "passed", None, None
    if isinstance(problem, PremiseFailed):
        state, reason, kind = "undecided", problem.reason, problem.kind
        # Other tests decide the clause where this one lacks a token, or a bound pays for less.
        names = getattr(item, "fixturenames", ())
        spared = kind == "token" or item.config.stash[RUN].has_left_out(names)
        kind = NO_OCCASION if spared and item.get_closest_marker("further") else kind
    elif isinstance(problem, ClauseViolated):
        state = "violated"
    elif problem is not None:
        state, reason = "error", f"{type(problem).__name__}: {problem}"[:500]
    name = item.nodeid.rpartition("/")[2]
    return TestOutcome(made.clause, name, state, made.checks, tuple(made.findings), reason, kind)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
    """Clean up, conclude, write the reports, and set the exit status."""
    run = session.config.stash.get(RUN, None)
    if run is None or session.config.option.collectonly:
        return (yield)
    if exitstatus == pytest.ExitCode.INTERRUPTED or run.interrupts.pending:
        run.statuses.append(INTERRUPTED)
    if exitstatus == pytest.ExitCode.INTERNAL_ERROR:
        run.statuses.append(KIT_FAILED)
    run.interrupts.begin_cleaning()
    try:
        run.close()
        if exitstatus != pytest.ExitCode.USAGE_ERROR:
            session.exitstatus = _report(session, run)
            settle_log(run.settings, session.exitstatus, run.redact)
        return (yield)
    finally:
        run.interrupts.restore()


def _report(session: pytest.Session, run: Run) -> int:
    """Write the reports and return the exit status."""
    document = run.document()
    try:
        session.config.hook.pytest_contacts_results(
            document=document,
            directory=run.settings.report_dir,
            earlier=run.settings.compare_to,
        )
    except Exception as problem:  # noqa: BLE001 - a report that cannot be written is our fault
        run.statuses.append(KIT_FAILED)
        run.message = f"the reports could not be written: {problem}"
        document = run.document()
    return int(document["exit_status"])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Close with the verdict by clause group and the failures."""
    run = config.stash.get(RUN, None)
    if run is None or run.last_document is None:
        return
    if run.stopped_early and run.last_document["exit_status"] != FAILED:
        return  # The one line that says why has been printed.
    lines = config.hook.pytest_contacts_summary(
        document=run.last_document, earlier=run.settings.compare_to
    )
    terminalreporter.section("conformance")
    for line in lines or [run.last_document["verdict"]]:
        terminalreporter.write_line(line)
    page = run.settings.report_dir / REPORTS[0]
    if page.exists():
        terminalreporter.write_line(f"Report: {page}")
