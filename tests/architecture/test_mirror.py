"""Every module has a test file in the same place, and every test file has its module."""

import pathlib

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE, TESTS = ROOT / "src/entrepot", ROOT / "tests"

# Tests of the structure, with real clients, and across packages belong to no single module; neither do helpers.
CROSS_CUTTING = {"architecture", "clients", "journeys", "conformance", "support"}


def modules(package: pathlib.Path) -> set[str]:
    """Return the paths of the modules that need tests, without ``.py``."""
    paths = (file.relative_to(package) for file in package.rglob("*.py"))
    return {p.with_suffix("").as_posix() for p in paths if not p.stem.startswith("__") and "versions" not in p.parts}


def mirrored(tests: pathlib.Path) -> set[str]:
    """Return the paths of the modules that the test files stand for."""
    paths = (file.relative_to(tests) for file in tests.rglob("test_*.py"))
    return {(p.parent / p.stem.removeprefix("test_")).as_posix() for p in paths if p.parts[0] not in CROSS_CUTTING}


def orphans(package: pathlib.Path, tests: pathlib.Path) -> set[str]:
    """Return the test files of no module; a package may have one too, for its ``__init__``."""
    packages = {file.parent.relative_to(package).as_posix() for file in package.rglob("__init__.py")}
    return mirrored(tests) - modules(package) - packages


def test_every_module_has_its_tests() -> None:
    assert modules(PACKAGE) - mirrored(TESTS) == set()


def test_every_test_file_has_its_module() -> None:
    assert orphans(PACKAGE, TESTS) == set()


def test_a_missing_and_an_orphaned_test_file_are_seen(tmp_path: pathlib.Path) -> None:
    for path in (
        "src/package/__init__.py",
        "src/package/names.py",
        "tests/package/test_tables.py",
        "tests/architecture/test_x.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert modules(tmp_path / "src") - mirrored(tmp_path / "tests") == {"package/names"}
    assert orphans(tmp_path / "src", tmp_path / "tests") == {"package/tables"}
