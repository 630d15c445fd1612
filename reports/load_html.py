"""`load.html`: a load run, or a limiter's trial, as one self-contained page without a script.

It has the look of `report.html` and its care: every text is made visible and escaped, and the
page's own policy lets it load nothing and run nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.kit.catalogue import Catalogue
from reports import load_plots
from reports.plots import Plot
from reports.safety import one_line, visible

TEMPLATES = Path(__file__).parent / "templates"
BANDS = {"passed": "passed", "failed": "failed", "invalid": "incomplete"}
OBJECTIVE_STATUSES = {"met": "passed", "missed": "failed", "not_evaluated": "not_evaluated"}
LABELS = {
    "passed": "passed",
    "failed": "failed",
    "warned": "warning",
    "not_evaluated": "not evaluated",
    "observed": "observed",
    "error": "error",
}


def render(document: dict[str, Any]) -> str:
    """Return the page of a `load.json` document."""
    titles = {clause.id: clause.title for clause in Catalogue.load()}
    context = {
        "run": document,
        "sentence": sentence(document),
        "band": BANDS[document["verdict"]],
        "plots": list(plots(document)),
        "titles": titles,
    }
    return _environment().get_template("load.html.j2").render(context)


def sentence(document: dict[str, Any]) -> str:
    """Return the verdict in one sentence."""
    verdict, reasons = document["verdict"], document["reasons"]
    if verdict == "passed":
        total = document["total"]
        return f"Passed: {total['requests']:,} requests at {total['rate_per_s']:,.1f} a second"
    word = "Failed" if verdict == "failed" else "Invalid: the run proves nothing"
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{word}: {reasons[0]}{more}"


def plots(document: dict[str, Any]) -> Iterator[Plot]:
    """Yield the plots for which there is something to draw."""
    rows = document.get("timeline") or []
    seconds = load_plots.thinned(load_plots.complete([row for row in rows if "ok" in row]))
    shots = document["limiter"].get("timeline") or []
    drawn = (
        load_plots.outcomes(seconds),
        load_plots.latency(seconds),
        load_plots.histogram(document.get("histogram") or {}),
        load_plots.limiter(shots, document["limiter"]["limit"]),
        None if shots else load_plots.budget(rows),
    )
    yield from (plot for plot in drawn if plot is not None)


def number(value: Any, digits: int = 1) -> str:
    """Return a number with thousands set apart, or a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def _visible(value: Any) -> Any:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value)
    return value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"oneline": one_line, "number": number}
    styles = [
        (TEMPLATES / name).read_text(encoding="utf-8")
        for name in ("report.css", "plots.css", "load.css")
    ]
    environment.globals |= {
        "style": Markup("".join(styles)),  # noqa: S704 - files of this package
        "LABELS": LABELS,
        "OBJECTIVE_STATUSES": OBJECTIVE_STATUSES,
    }
    return environment
