"""Names of variables that the launcher and locust's processes share; imports nothing."""

from __future__ import annotations

STATUS_FILE = "CONTACTS_LOAD_STATUS_FILE"
"""Where the run writes its exit status: locust's own numbers mean other things."""
EMBEDDED_URL = "CONTACTS_EMBEDDED_URL"
"""The embedded server's base URL, where one is the target."""
PROBE_URL = "CONTACTS_PROBE_URL"
"""The base URL of a second embedded server, with a small limit, that goes on trial."""
PROBE_TOKEN, PROBE_SECOND_TOKEN = "CONTACTS_PROBE_TOKEN", "CONTACTS_PROBE_SECOND_TOKEN"
"""Tokens for that server."""
LAUNCHER = "CONTACTS_LOAD_LAUNCHER"
"""The process id of the launcher; its locust ends when it does."""
HEEDING_FILE = "CONTACTS_LOAD_HEEDING_FILE"
"""Made by locust once it ends a run in order on a signal."""
