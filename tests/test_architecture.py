"""Imports point inwards, and nothing imports the lab."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vivace

pytestmark = pytest.mark.any_database

ROOT = Path(vivace.__file__).parent
LAYERS = {
    "catalogue": 0,
    "accounts": 0,
    "listening": 1,
    "imports": 1,
    "dataset": 1,
    "api": 2,
    "subsonic": 2,
    "web": 2,
    "lab": 2,
}


def imported(path: Path) -> Iterator[str]:
    """The packages of ours that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "vivace" and len(parts) > 1 and parts[1] in LAYERS:
                yield parts[1]


def test_no_module_imports_from_a_layer_further_out() -> None:
    outward = [
        f"{path.relative_to(ROOT)} imports {name}"
        for package, layer in LAYERS.items()
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path)
        if LAYERS[name] > layer
    ]
    assert outward == []


def test_nothing_imports_the_lab() -> None:
    users = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if "lab" in imported(path) and path.relative_to(ROOT).parts[0] != "lab"
    ]
    assert users == []
