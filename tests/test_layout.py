"""Data flows one way: a module imports only from those above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import energyopt

PACKAGE = Path(energyopt.__file__).parent
TESTS = Path(__file__).parent

# From the top down. A new module takes its place here.
ORDER = [
    "errors",
    "units",
    "latest",
    "finance",
    "air",
    "technologies",
    "case",
    "yamltree",
    "shape",
    "overlay",
    "refusals",
    "catalogue",
    "casefile",
    "editor",
    "inputs",
    "needs",
    "model",
    "solve",
    "renew",
    "marginal",
    "online",
    "verify",
    "results",
    "explain",
    "alternatives",
    "metrics",
    "uptime",
    "nines",
    "exhibits",
    "terminal",
    "report",
    "pipeline",
    "memo",
    "progress",
    "sweep",
    "doctor",
    "console",
    "arguments",
    "commands",
    "sweep_command",
    "sites_command",
    "__main__",
]
# Libraries that only these modules may know.
KNOWN_TO = {
    "highspy": {"solve"},
    "jinja2": {"memo"},
    "pyomo": {
        "technologies",
        "needs",
        "model",
        "solve",
        "renew",
        "results",
        "explain",
    },
    "ruamel": {"casefile", "yamltree"},
    "typer": {
        "__main__",
        "commands",
        "arguments",
        "console",
        "sites_command",
        "sweep_command",
    },
    "xlsxwriter": {"memo"},
}


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything a file imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            assert node.module is not None
            if node.module == "energyopt":
                yield from (f"energyopt.{alias.name}" for alias in node.names)
            else:
                yield node.module


def files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if _module(p) != "__init__")


def _module(path: Path) -> str:
    """Return the module, or the package, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _known_modules() -> set[str]:
    return {_module(path) for path in files()} - {"data", "cases"}


def test_every_module_has_its_place():
    assert _known_modules() <= set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_from_those_above_it(module):
    above = set(ORDER[: ORDER.index(module)])
    for path in files():
        if _module(path) != module:
            continue
        for name in imports(path):
            if not name.startswith("energyopt."):
                continue
            wanted = name.split(".")[1]
            if wanted in ORDER:
                assert wanted in above | {module}, f"{path.name} imports {name}"


# What technologies are made of; no member of the registry is among them.
SHARED = ("energyopt.technologies.base", "energyopt.technologies.weather_driven")


def test_no_technology_imports_another():
    for path in files():
        if _module(path) != "technologies" or path.name == "__init__.py":
            continue
        for name in imports(path):
            if name.startswith("energyopt.technologies"):
                assert name in SHARED, f"{path.name}: {name}"


@pytest.mark.parametrize("library", KNOWN_TO)
def test_a_library_stays_where_it_belongs(library):
    for path in files():
        if library in {name.split(".")[0] for name in imports(path)}:
            assert _module(path) in KNOWN_TO[library], path.name


def test_nothing_names_a_place_on_one_machine():
    """No absolute path of a home, work or temporary folder in code, cases or tests."""
    place = re.compile("|".join(f"/{d}/" for d in ("home", "root", "work", "tmp")))
    drive = re.compile(r"[A-Z]:\\\\?Users")
    texts = [
        *PACKAGE.rglob("*.py"),
        *PACKAGE.rglob("*.yaml"),
        *TESTS.glob("*.py"),
        *PACKAGE.parent.glob("cases/*.yaml"),
        *PACKAGE.parent.glob("data/*.py"),
    ]
    assert texts
    for path in texts:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "#!" in line[:2] or "re.compile(" in line:
                continue
            assert not place.search(line), f"{path.name}:{number}: {line}"
            assert not drive.search(line), f"{path.name}:{number}: {line}"


def test_no_module_keeps_state():
    """No ``global`` and no ``nonlocal``."""
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Global | ast.Nonlocal), path.name
