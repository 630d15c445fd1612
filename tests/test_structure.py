"""The layers keep apart, every test cites a clause, and nothing of a workplace is in the tree."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from kit import source_tree
from kit.source_tree import cited, functions, imports, modules, text_files

from conformance.kit.catalogue import Catalogue, Gate, Tier
from conformance.kit.verdict import judge_clause
from conformance.scenes import MODULES
from fixtures.mutants import all_mutants, proof

OURS = set(source_tree.PACKAGES)
SERVER = "fixtures.reference"
KIT_FOR_LOAD = (
    *(f"conformance.kit.{name}" for name in ("catalogue", "settings", "credentials", "exchange")),
    *(f"conformance.kit.{name}" for name in ("checks", "ledger", "limiter", "target", "embedded")),
    "conformance.kit.hosts",
)
LAYERS: dict[str, tuple[str, ...]] = {
    "schemas": ("schemas",),
    "fixtures": (),
    "fixtures.factories": ("schemas",),
    "fixtures.strategies": ("schemas", "fixtures.factories"),
    SERVER: ("schemas", SERVER),
    "fixtures.schemathesis": ("schemas", SERVER),
    "fixtures.variants": ("schemas", SERVER, "fixtures.variants"),
    "fixtures.mutants": ("schemas", SERVER, "fixtures.mutants"),
    # The matrix runner starts the suite as a user does, on the servers of both kinds.
    "fixtures.mutants.__main__": ("schemas", "fixtures", "conformance.kit"),
    "fixtures.mutants.suite": ("schemas", "fixtures", "conformance.kit"),
    "fixtures.mutants.proof": ("fixtures.mutants", "conformance.kit.catalogue"),
    "conformance": ("conformance.kit",),
    "conformance.kit": ("schemas", "conformance.kit"),
    "conformance.scenes": (
        "schemas",
        "conformance.kit",
        "conformance.scenes",
        "fixtures.factories",
        "fixtures.strategies",
    ),
    "conformance.test_": (
        "schemas",
        "conformance.kit",
        "conformance.scenes",
        "fixtures.factories",
        "fixtures.strategies",
    ),
    "conformance.conftest": ("conformance.kit", "conformance.scenes", "reports"),
    "load": ("schemas", "load", "reports", "fixtures.factories", *KIT_FOR_LOAD),
    "reports": ("schemas", "reports", "conformance.kit.catalogue"),
}
"""What each layer may import of ours; the longest matching name decides."""
GATE_LAYERS = {
    "schemas",
    "fixtures.factories",
    SERVER,
    "conformance",
    "conformance.kit",
    "conformance.scenes",
    "conformance.test_",
    "conformance.conftest",
    "reports",
}
HTTP = {"httpx", "requests", "urllib3", "aiohttp", "http.client", "urllib.request", "socket"}
SPEAKS_HTTPX = {
    "conformance.kit.wire": "it is the wire",
    "conformance.kit.connecting": "it makes the wire's connections",
    "conformance.kit.settings": "it parses URLs",
    "conformance.kit.hosts": "it looks names up, and connects to nothing",
    "conformance.kit.launching": "it asks what it started whether it answers, and nothing else",
    "conformance.kit.stage": "it takes a transport",
    "conformance.kit.hooks": "it takes a transport",
    "conformance.kit.starting": "it takes a transport",
}
PURE = (
    "model",
    "history",
    "verdict",
    "compare",
    "sameness",
    "limiter",
    "limiter_models",
    "limiter_fits",
)
IMPURE = {
    "asyncio",
    "httpx",
    "os",
    "pathlib",
    "random",
    "socket",
    "subprocess",
    "threading",
    "time",
}


def layer_of(module: str) -> str:
    """The layer whose name is the longest beginning of the module's."""
    fitting = [
        name
        for name in LAYERS
        if module == name or module.startswith((f"{name}.", name if name.endswith("_") else "\0"))
    ]
    return max(fitting, key=len)


def within(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether a module is one of those allowed, or lies below one; `limiter` stands for its kin."""
    return any(
        name == one
        or name.startswith(f"{one}.")
        or (one.endswith("limiter") and name.startswith(one))
        for one in allowed
    )


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    allowed = LAYERS[layer_of(module)]

    foreign = {
        name
        for name, local in imports(module)
        if name.partition(".")[0] in OURS
        and not within(name, allowed)
        # The one function of the kit that knows of the embedded server.
        and not (module == "conformance.kit.embedded" and local and name.startswith(SERVER))
    }

    assert foreign == set()


def test_one_function_of_the_kit_knows_of_the_reference_server() -> None:
    knowing = {
        module
        for module in modules()
        if module.startswith("conformance.")
        and any(name.startswith(SERVER) for name, _ in imports(module))
    }

    assert knowing == {"conformance.kit.embedded"}


def test_http_is_spoken_by_the_wire_alone() -> None:
    speaking = {
        module
        for module in modules()
        if module.startswith("conformance")
        and any(within(name, tuple(HTTP)) for name, _ in imports(module))
    }

    assert speaking <= set(SPEAKS_HTTPX)
    assert "conformance.kit.wire" in speaking


def test_reports_and_schemas_never_touch_the_network() -> None:
    for module in modules():
        if module.partition(".")[0] in ("reports", "schemas"):
            assert {name for name, _ in imports(module)} & HTTP == set(), module


def test_locust_is_imported_by_the_load_side_alone() -> None:
    importing = {
        module
        for module in modules()
        if any(name.partition(".")[0] in ("locust", "gevent") for name, _ in imports(module))
    }

    assert {module.partition(".")[0] for module in importing} <= {"load"}


PACKAGE_OF = {
    "jwt": "pyjwt",
    "markupsafe": "jinja2",
    "referencing": "jsonschema",
    "hdrh": "hdrhistogram",
    "jsonschema_rs": "jsonschema-rs",
    "gevent": "locust",
    "flask": "locust",
    "geventhttpclient": "locust",
}
"""The declared package that brings a module, where it bears another name."""


def packages(group: str) -> set[str]:
    """The packages of a dependency group and of those that it includes."""
    text = (source_tree.ROOT / "pyproject.toml").read_text()
    entries = tomllib.loads(text)["dependency-groups"][group]
    own = {re.split(r"[^\w-]", entry)[0] for entry in entries if isinstance(entry, str)}
    included = (packages(entry["include-group"]) for entry in entries if isinstance(entry, dict))
    return own.union(*included)


def test_locust_is_no_dependency_of_the_gate() -> None:
    assert "locust" not in packages("conformance")


def test_what_the_gate_imports_is_among_its_dependencies() -> None:
    gate = [module for module in modules() if layer_of(module) in GATE_LAYERS]

    assert undeclared(gate, "conformance") == set()


@pytest.mark.parametrize(
    ("group", "entries"),
    [
        ("conformance", ("conformance.kit.plugin", "conformance.sweep", "conformance.benchmark")),
        ("conformance", ("fixtures.mutants.__main__", "reports.__main__")),
        ("reference", ("fixtures.reference.__main__",)),
        ("report", ("reports.__main__",)),
        ("load", ("load.__main__", "load.locustfile", "load.ratelimit", "load.benchmark")),
        ("schemathesis", ("fixtures.schemathesis",)),
    ],
)
def test_a_session_installs_what_it_imports(group: str, entries: tuple[str, ...]) -> None:
    assert set(entries) <= set(modules())

    assert undeclared(entries, group) == set()


def undeclared(entries: Iterable[str], group: str) -> set[str]:
    """What the modules import of others' packages beyond those that the group declares."""
    tops = {name.partition(".")[0] for name in source_tree.reached(*entries)}
    foreign = tops - OURS - set(sys.stdlib_module_names)
    return {PACKAGE_OF.get(name, name) for name in foreign} - packages(group)


@pytest.mark.parametrize("name", PURE)
def test_what_judges_is_pure(name: str) -> None:
    module = f"conformance.kit.{name}"

    assert {imported for imported, _ in imports(module)} & IMPURE == set()


def test_reference_server_and_kit_share_no_code() -> None:
    server, kit = functions(SERVER), functions("conformance")

    shared = {body: place for place, body in server.items()}.keys() & set(kit.values())

    assert [place for place, body in kit.items() if body in shared] == []


def test_every_test_of_the_suite_cites_exactly_one_known_clause() -> None:
    wrong = [
        test.test
        for test in cited()
        if len(test.clauses) != 1 or test.clauses[0] not in Catalogue.load()
    ]

    assert cited()
    assert wrong == []


def test_no_clause_rests_on_tests_that_may_not_be_able_to_decide_it() -> None:
    decided = {clause for test in cited() if not test.further for clause in test.clauses}

    assert {clause for test in cited() for clause in test.clauses} - decided == set()


def test_every_test_of_the_suite_judges_or_observes() -> None:
    heard = {"judge", "profile"}

    assert [test.test for test in cited() if not heard & set(test.parameters)] == []


def test_test_names_are_not_repeated_within_a_file() -> None:
    names = [test.test for test in cited()]

    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_clause_without_a_test_is_reported_as_not_built() -> None:
    verdicts = [judge_clause(clause, [], Gate.REQUIRED) for clause in Catalogue.load()]

    assert {(v.status, v.kind) for v in verdicts} == {("not_evaluated", "not_built")}


def test_every_required_clause_but_the_limiters_has_a_test() -> None:
    tested = {clause for test in cited() for clause in test.clauses}

    missing = {c.id for c in Catalogue.load() if c.tier is Tier.REQUIRED} - tested

    assert {clause for clause in missing if not clause.startswith("LIMIT")} == set()


def test_every_clause_that_can_fail_has_a_server_that_breaks_it() -> None:
    assert proof.unproved(all_mutants()) == []


def test_every_module_of_scenes_is_loaded() -> None:
    directory = source_tree.ROOT / "conformance" / "scenes"
    with_scenes = {
        p.stem
        for p in directory.glob("*.py")
        if re.search(r"^@scene\(", p.read_text(), re.MULTILINE)
    }

    assert with_scenes == set(MODULES)


def test_every_scene_is_judged_or_lent() -> None:
    sources = "".join(p.read_text() for p in (source_tree.ROOT / "conformance").rglob("*.py"))
    scenes = re.findall(r"^@scene\([^)]*\)\nasync def (\w+)", sources, re.MULTILINE)
    judged = {parameter for test in cited() for parameter in test.parameters}
    lent = set(re.findall(r"\.of\(\"(\w+)\"\)", sources))

    assert scenes
    assert sorted(set(scenes) - judged - lent) == []


def test_nothing_of_a_workplace_is_in_the_tree() -> None:
    root = source_tree.ROOT
    places = [place for place in (str(root), f"{Path.home()}/") if len(Path(place).parts) > 1]

    found = [
        f"{path.relative_to(root)}: {place}"
        for path, text in text_files()
        for place in places
        if place in text
    ]

    assert found == []


def test_no_token_is_in_the_tree() -> None:
    token = re.compile(r"eyJ[A-Za-z0-9_-]{12,}\.eyJ")

    assert [str(path) for path, text in text_files() if token.search(text)] == []


def test_nothing_unfinished_is_in_the_tree() -> None:
    unfinished = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImplemented" r"Error")

    assert [
        str(p) for p, text in text_files() if p.suffix == ".py" and unfinished.search(text)
    ] == []
