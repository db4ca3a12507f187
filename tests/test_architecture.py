"""The floors of the house: imports run downward only, without circles, hidden imports or borrowed private names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import panelcoop

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "panelcoop"
GROUND = {"errors", "options", "checks", "progress", "atomic", "hypotheses", "provenance"}
FLOORS = [
    GROUND,
    {"numerics"},
    {"results"},
    {"panel"},
    {"estimate", "waves", "network"},
    {"sensitivity"},
    {"report"},
    {"cli", "cli_errors", "cli_panel", "cli_reading", "cli_study", "cli_titles", "template", "__init__", "__main__"},
]
SIMULATE_MAY_IMPORT = {"panelcoop", *(f"panelcoop.{room}" for room in GROUND), "panelcoop.panel.schema"}
SIMULATE_MAY_IMPORT |= {"panelcoop.panel.record", "panelcoop.panel.events.contract"}  # contracts, no logic
RECORDS_ONLY = ("panelcoop.panel.sources", "panelcoop.panel.assemble")  # for panel/ itself, cli and the public face
CALM_ROOMS = {"estimate", "waves", "network", "sensitivity", "report"}
SCRIPT_LINES = 60


@dataclass(frozen=True)
class Import:
    """One imported module of the package, where and how it is imported."""

    path: Path
    line: int
    module: str
    names: tuple[str, ...]
    at_top: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module} {', '.join(self.names)}"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    """List the package's own modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    for_types = {id(n) for guard in guarded for n in ast.walk(guard)}
    in_function = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.Lambda) for n in ast.walk(f)}
    for node in ast.walk(tree):
        found: list[tuple[str, tuple[str, ...]]] = []
        if isinstance(node, ast.Import):
            found = [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [(absolute(node, path), tuple(alias.name for alias in node.names))]
        for module, names in found:
            if module.split(".")[0] == "panelcoop":
                yield Import(path, node.lineno, module, names, id(node) not in in_function, id(node) in for_types)


def absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    here = module_of(path).split(".")
    base = here[: len(here) - node.level + (path.name == "__init__.py")]
    return ".".join([*base, *([node.module] if node.module else [])])


def floor_of(module: str) -> int | None:
    room = [*module.split("."), "__init__"][1]
    return next((i for i, rooms in enumerate(FLOORS) if room in rooms), None)


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [found for path in FILES for found in imports_of(path)]


def report(found: list[Import], rule: str) -> None:
    assert not found, rule + ":\n" + "\n".join(map(str, found))


def test_every_module_stands_on_a_floor():
    lost = [m for m in map(module_of, FILES) if floor_of(m) is None and not m.startswith("panelcoop.simulate")]
    assert not lost, f"no floor is named for {lost}: CONTRIBUTING.md says where new code goes"


def test_imports_run_downward():
    def upward(i: Import) -> bool:
        mine, theirs = floor_of(module_of(i.path)), floor_of(i.module)
        return mine is not None and theirs is not None and theirs > mine

    report([i for i in IMPORTS if i.module != "panelcoop" and upward(i)], "imports run downward only")


def test_simulate_knows_the_ground_floor_and_the_schema_only():
    mine = [i for i in IMPORTS if module_of(i.path).startswith("panelcoop.simulate")]
    known = [i for i in mine if i.module in SIMULATE_MAY_IMPORT or i.module.startswith("panelcoop.simulate")]
    report([i for i in mine if i not in known], "simulate must not know what it tests")


def test_estimators_see_the_panel_not_its_sources():
    def reaches(i: Import) -> bool:
        return module_of(i.path).split(".")[1:2] != [] and module_of(i.path).split(".")[1] in CALM_ROOMS

    report([i for i in IMPORTS if reaches(i) and i.module.startswith(RECORDS_ONLY)], "a panel is handed over, not read")


def test_report_sees_records_and_calls_no_estimator():
    estimating = tuple(f"panelcoop.{room}" for room in ("estimate", "waves", "network", "numerics"))
    public = set(re.findall(r"import (\w+) as", (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")))

    def calls(i: Import) -> bool:
        functions = {name for name in i.names if not re.match(r"[A-Z]", name)}
        return bool(
            (i.module.startswith(estimating) and functions)
            or (i.module.startswith("panelcoop.sensitivity") and functions & public)
        )

    mine = [i for i in IMPORTS if "report" in i.path.relative_to(PACKAGE).parts and not i.for_types]
    report([i for i in mine if calls(i)], "report imports record types only")


def test_no_circles():
    graph: dict[str, set[str]] = {module_of(path): set() for path in FILES}
    for i in IMPORTS:
        if not i.for_types and i.at_top:
            parts = {f"{i.module}.{name}" for name in i.names} & graph.keys()
            graph[module_of(i.path)] |= parts or ({i.module} & graph.keys())

    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, "circle: " + " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for target in sorted(graph[module]):
                walk(target, (*way, module))
            done.add(module)

    for module in sorted(graph):
        walk(module, ())


def test_no_import_of_the_package_inside_a_function():
    report([i for i in IMPORTS if not i.at_top], "an import inside a function hides a circle")


def test_no_private_name_crosses_a_module():
    private = re.compile(r"_(?!_)")
    taken = [i for i in IMPORTS if any(private.match(part) for part in (*i.names, *i.module.split(".")))]
    report(taken, "a name that begins with _ belongs to its module")


def test_no_nameless_room():
    assert not [path for path in FILES if path.stem in {"utils", "util", "helpers", "misc", "common"}]


def test_nothing_imports_the_analysis():
    text = {path: path.read_text(encoding="utf-8") for path in FILES}
    assert not [p for p, t in text.items() if re.search(r"^\s*(from|import) analysis\b", t, flags=re.MULTILINE)]


@pytest.mark.parametrize("script", sorted((ROOT / "analysis").rglob("*.py")), ids=lambda p: p.stem)
def test_scripts_are_short_and_use_public_names(script: Path):
    assert len(script.read_text(encoding="utf-8").splitlines()) <= SCRIPT_LINES
    for i in imports_of(script):
        assert not any(part.startswith("_") for part in (*i.names, *i.module.split("."))), str(i)


def test_the_script_sees_what_it_must(tmp_path: Path):
    """The walk over a file finds relative, nested and type-only imports."""
    sample = PACKAGE / "panel" / "sample.py"
    node = ast.parse("from ..numerics import absorb").body[0]
    assert isinstance(node, ast.ImportFrom)
    assert absolute(node, sample) == "panelcoop.numerics"
    assert floor_of("panelcoop.report.tables") > floor_of("panelcoop.numerics.regression.absorb")
    assert floor_of("panelcoop.attic.box") is None


def test_no_public_name_becomes_a_module():
    """A module that is imported by the way is bound on the package, over the function of its name."""
    names = set(panelcoop.__all__)
    modules = {path.stem for path in PACKAGE.glob("*.py")} & names
    inside = [i for i in IMPORTS if i.module.removeprefix("panelcoop.") in modules and PACKAGE in i.path.parents]
    report(inside, "a module named as a public function is imported within the package")
    assert "simulate_events" in names - modules
