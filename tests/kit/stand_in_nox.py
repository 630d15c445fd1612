"""`nox`, as far as the commands of the guides need it: a session of the noxfile in this environment.

The sessions are the noxfile's own, so that an option, a module or an exit status that it gets wrong
shows. Nothing is installed: whoever runs the self-tests has the dependencies.

`STAND_IN_SHORTER` holds what makes long commands short, as JSON: rows of a session, a word that its
arguments hold (or an empty one), and the options to add. With `STAND_IN_DRY` the session is looked
up and not run.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace


def main(arguments: list[str]) -> None:
    flag, name, *rest = arguments
    assert flag == "-s", f"the guides name a session with -s, not with {flag}"
    assert rest[:1] in ([], ["--"]), f"what goes to the command stands after --, not {rest}"
    session = sessions()[name]
    if "STAND_IN_DRY" in os.environ:
        return
    given = rest[1:]
    for of, word, options in json.loads(os.environ["STAND_IN_SHORTER"]):
        if of == name and (not word or word in given):
            given += options
    session(
        SimpleNamespace(
            posargs=given,
            bin=str(Path(sys.executable).parent),
            virtualenv=SimpleNamespace(location=sys.prefix),
            install=lambda *_arguments: None,
        )
    )


def sessions() -> dict[str, object]:
    """The noxfile's sessions by name."""
    found: dict[str, object] = {}
    nox = ModuleType("nox")
    nox.session = lambda function: found.setdefault(function.__name__, function)
    nox.options = SimpleNamespace()
    nox.project = SimpleNamespace(
        load_toml=lambda _path: {}, dependency_groups=lambda _project, _group: ["nothing"]
    )
    sys.modules["nox"] = nox
    runpy.run_path("noxfile.py")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
