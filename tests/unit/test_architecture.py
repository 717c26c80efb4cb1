"""ARCHITECTURE's table of floors: no module imports what stands below it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "scripts" / "fewtomany"


def floors() -> dict[str, int]:
    """Folder or single module -> its floor, read from ARCHITECTURE.md's table."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", text, re.M)
    return {name: int(floor) for floor, row in rows for name in re.findall(r"`(\S+?)`", row)}


FLOORS = floors()


def floor_of(module: str) -> int:
    """The floor of the longest name of the table that a dotted module name begins with."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in FLOORS:
            return FLOORS[name]
    raise AssertionError(f"{module} stands on no floor of ARCHITECTURE.md")


def imported(path: Path) -> list[str]:
    """The modules of this package that a file imports when it is imported itself."""
    found = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fewtomany"):
            package = node.module.removeprefix("fewtomany").lstrip(".")
            base = LIBRARY.joinpath(*package.split("."))
            for alias in node.names:
                whole = base / alias.name
                deeper = whole.is_dir() or whole.with_suffix(".py").exists()
                found.append(f"{package}.{alias.name}".lstrip(".") if deeper else package)
    return [name for name in found if name]


MODULES = {
    ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(LIBRARY.rglob("*.py"))
    if path != LIBRARY / "__init__.py"
}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_imported_from_below(module):
    up = [name for name in imported(MODULES[module]) if floor_of(name) > floor_of(module)]
    assert not up, f"{module} imports {up}, which stand on lower floors of ARCHITECTURE.md"


def test_every_name_of_the_table_exists():
    assert len(FLOORS) > 10
    for name in FLOORS:
        path = LIBRARY / name
        assert path.is_dir() or path.with_suffix(".py").exists(), name


def meanings() -> dict[str, list[str]]:
    """Classes and types at the top of modules: name -> the modules that define it."""
    found: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text()).body:
            names = [node.name] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                names = [name for name in names if name[0].isupper() and not name.isupper()]
            for name in names:
                found.setdefault(name, []).append(module)
    return found


def test_one_name_is_one_thing():
    """The name of a class, or of a type, tells what it is wherever it is met."""
    found = meanings()
    assert len(found) > 100
    assert not {name: modules for name, modules in found.items() if len(modules) > 1}
