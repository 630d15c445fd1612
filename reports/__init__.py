"""Renders the results document of a conformance run into files and terminal text.

Everything here is a pure function of that document (`conformance.json`) and of the clause
catalogue: nothing in this package talks to a target, runs a test or decides a verdict.
"""
