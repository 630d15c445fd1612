"""What locust's web page shows beside its own: the tabs "Rate limit" and "Objectives", and reports.

It uses locust's points of extension: tabs and tables named in the page's arguments, rows in the
answer to `/stats/requests` (which the page asks for while a run goes on), and routes of our own.
The stock page draws tables only, so the plots are in `load.html`, which the tab leads to.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from conformance.kit.catalogue import Catalogue
from load.loopback import refusal
from load.node import clock
from load.report import Conclusion, conclude, publishable
from reports.load_html import render

if TYPE_CHECKING:
    from load.control import Control

LIMITER, OBJECTIVES = "rate-limit", "objectives"
HTML, JSON, SCRIPT = "/contacts/load.html", "/contacts/load.json", "/contacts/links.js"
REFRESH_S = 1.5
TABS = [{"title": "Rate limit", "key": LIMITER}, {"title": "Objectives", "key": OBJECTIVES}]
TABLES = [
    {
        "key": LIMITER,
        "structure": [
            {"key": "what", "title": "What"},
            {"key": "value", "title": "Value"},
            {"key": "note", "title": "Note"},
        ],
    },
    {
        "key": OBJECTIVES,
        "structure": [
            {"key": "objective", "title": "Objective"},
            {"key": "actual", "title": "Actual"},
            {"key": "verdict", "title": "Verdict"},
        ],
    },
]
FILES = [{"href": f".{HTML}", "title": "Load report (load.html)"}]
FILES.append({"href": f".{JSON}", "title": "Load results (load.json)"})
# The page draws plain text in its cells: a click on one that names a report opens it.
OPEN_REPORTS = f"""
const reports = ["{HTML}", "{JSON}"];
const named = (event) => {{
  const cell = event.target.closest && event.target.closest("td");
  return cell && reports.includes(cell.textContent) ? cell : null;
}};
document.addEventListener("mouseover", (event) => {{
  const cell = named(event);
  if (cell) {{ cell.style.cursor = "pointer"; cell.style.textDecoration = "underline"; }}
}});
document.addEventListener("click", (event) => {{
  const cell = named(event);
  if (cell) {{ window.open("." + cell.textContent, "_blank", "noopener"); }}
}});
"""


def extend(web_ui: Any, control: Control) -> None:
    """Add the tabs, the rows and the routes to locust's page."""
    web_ui.template_args |= {
        "extended_tabs": TABS,
        "extended_tables": TABLES,
        "extended_csv_files": FILES,
    }
    app, base = web_ui.app, web_ui.environment.parsed_options.web_base_path or ""
    page = Page(control)
    app.before_request(page.refuse_foreign_hosts)
    app.after_request(page.add_rows)
    guarded = web_ui.auth_required_if_enabled
    app.add_url_rule(base + HTML, "contacts_html", guarded(page.html))
    app.add_url_rule(base + JSON, "contacts_json", guarded(page.json))
    app.add_url_rule(base + SCRIPT, "contacts_script", page.script)


class Page:
    """The answers of our own routes, and what is added to locust's."""

    def __init__(self, control: Control) -> None:
        """Bind to the control of this process."""
        self._control = control
        self._made: tuple[float, Conclusion] | None = None

    def conclusion(self) -> Conclusion:
        """Return the results of the run that ended, else of the one that goes on, a second old."""
        control = self._control
        if control.conclusion is not None and not control.running:
            return control.conclusion
        if self._made is None or clock() - self._made[0] > REFRESH_S:
            self._made = clock(), publishable(conclude(control.facts()), control.known_secrets())
        return self._made[1]

    def refuse_foreign_hosts(self) -> Response | None:
        """Refuse to start a run against a host that load may not be sent to."""
        if not request.path.endswith("/swarm") or "host" not in request.form:
            return None
        owned = self._control.options.i_own_this_target
        host = request.form["host"]
        refused = refusal(host, owned=owned)
        if refused is None:
            return None
        return jsonify({"success": False, "message": refused, "host": request.form["host"]})

    def add_rows(self, response: Response) -> Response:
        """Add our rows to the statistics, and our script to the page."""
        if request.path.endswith("/stats/requests") and response.is_json:
            document = self.conclusion().document
            rows = [
                {"key": LIMITER, "data": limiter_rows(document, self._live())},
                {"key": OBJECTIVES, "data": objective_rows(document)},
            ]
            told = response.get_json()
            # A page that hears of "cleanup" asks no more, and shows it for ever.
            state = "running" if told.get("state") == "cleanup" else told.get("state")
            response.set_data(json.dumps({**told, "state": state, "extended_stats": rows}))
        elif response.mimetype == "text/html" and request.endpoint == "locust.index":
            script = f'<script src=".{SCRIPT}"></script></body>'
            response.set_data(response.get_data(as_text=True).replace("</body>", script))
        return response

    def html(self) -> Response:
        """Return `load.html` as it is now."""
        return Response(render(self.conclusion().document), mimetype="text/html")

    def json(self) -> Response:
        """Return `load.json` as it is now."""
        text = json.dumps(self.conclusion().document, indent=1)
        return Response(text, mimetype="application/json")

    def script(self) -> Response:
        """Return the script that opens reports from the tab."""
        return Response(OPEN_REPORTS, mimetype="text/javascript")

    def _live(self) -> dict[str, Any]:
        collection = self._control.collection
        if collection is None:
            return {}
        trial = collection.trial
        if not trial:
            budgets = collection.budgets.values()
            return {
                **collection.now,
                "accepted": sum(row["accepted"] for row in budgets),
                "refused": sum(row["refused"] for row in budgets),
            }
        plain = [r for r in trial if r["address"] == r["token"] == "first" and not r["variation"]]
        last = plain[-1] if plain else trial[-1]
        refused = sum(row["status"] == 429 for row in trial)
        headers = {name: last[name] for name in ("limit", "remaining", "reset")}
        return {**headers, "accepted": len(trial) - refused, "refused": refused}


def limiter_rows(document: dict[str, Any], live: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the tab: what the headers say now, the verdict, each clause."""
    limiter = document["limiter"]
    rows = [
        ("accepted", live.get("accepted", 0), ""),
        ("refused (429)", live.get("refused", 0), ""),
        ("RateLimit-Limit", live.get("limit"), ""),
        ("RateLimit-Remaining", live.get("remaining"), "as last seen"),
        ("RateLimit-Reset", live.get("reset"), "seconds, as last seen"),
        ("verdict", limiter["verdict"].replace("_", " "), "; ".join(limiter["reasons"])),
        ("kind of window", limiter["detail"], "; ".join(limiter["witness"])),
        ("one budget per", limiter["scope"], ""),
    ]
    titles = {clause.id: clause.title for clause in Catalogue.load()}
    for clause in limiter["clauses"]:
        findings = [f"expected {f['expected']}; {f['actual']}" for f in clause["findings"][:1]]
        note = clause["reason"] or "; ".join(findings)
        name = f"{clause['id']} {titles.get(clause['id'], '')}"
        rows.append((name, clause["status"].replace("_", " "), note))
    rows.append(("plots and everything else", HTML, "click to open"))
    return [
        # The page sorts rows by their name, which it does not show.
        {"name": f"{number:02}", "what": what, "value": _text(value), "note": note}
        for number, (what, value, note) in enumerate(rows)
    ]


def objective_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each objective, or one that says how to give some."""
    rows = [
        {
            "objective": row["expression"],
            "actual": _text(row["actual"]),
            "verdict": row["verdict"].replace("_", " "),
        }
        for row in document["objectives"]
    ]
    none = {"objective": "none: give some with --objective", "actual": "", "verdict": ""}
    return [{"name": f"{n:03}", **row} for n, row in enumerate(rows or [none])]


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
