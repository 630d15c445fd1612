"""Scenes: request-thrifty set-ups that act once, for many tests to judge.

Scenes may use the kit and the data factories; they assert nothing but premises. They run side by
side, so each works on contacts of its own whose random names no other scene shares.
"""

MODULES = (
    "access",
    "archiving",
    "bounds",
    "closing",
    "creation",
    "deletion",
    "filters",
    "finding",
    "generated",
    "hostile",
    "identifiers",
    "isolation",
    "limiter",
    "oddities",
    "life",
    "races",
    "shelf",
    "updating",
)
"""Every module of scenes; the suite's conftest loads them as pytest plugins."""
