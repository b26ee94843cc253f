"""Budgets of size and care, kept by reading every module of the package."""

import ast
import functools
import pathlib
import statistics
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / "src/entrepot"
FILES = sorted(PACKAGE.rglob("*.py"))

MEDIAN_LINES = 200
MODULE_LINES = 600
FUNCTION_LINES = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager", "managers", "info"}
FORBIDDEN_PREFIXES = ("process_", "handle_")

# The edges of the process, where any failure at all must be answered or carried on.
EDGES = {
    "catalog/dialects/postgres_stalls.py": "the thread that lets connections go on must not end before they do",
    "server/hosting.py": "whatever an application or its server fails with at start is raised where they were started",
    "server/middleware.py": "an unforeseen error becomes a 500 with an id, never a closed connection",
    "server/threads.py": "whatever a call raises in its thread is raised where it is awaited",
    "worker/loop.py": "one failing job must not stop the others",
    "cli/main.py": "an unforeseen error becomes one line and an exit code, the trace goes to the log",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def complaints(source: str, path: str) -> list[str]:
    """Everything that one module does against the rules; ``path`` is relative to the package."""
    tree = ast.parse(source)
    migration = "migrations/" in path
    too_long = source.count("\n") > MODULE_LINES and not migration  # a migration is generated, and read as a table
    found = [f"{path}:1 has more than {MODULE_LINES} lines"] if too_long else []
    if ast.get_docstring(tree) is None:
        found.append(f"{path}:1 has no docstring")
    found += bad_names(tree, path)
    for node in ast.walk(tree):
        if isinstance(node, Function):
            if not migration and length(node) > FUNCTION_LINES:
                found.append(f"{path}:{node.lineno} {node.name} has more than {FUNCTION_LINES} lines")
            found += [f"{path}:{node.lineno} {node.name}: {name} has no annotation" for name in unannotated(node)]
        elif isinstance(node, ast.ExceptHandler) and catches_everything(node) and path not in EDGES:
            found.append(f"{path}:{node.lineno} catches every exception")
    found += [f"{path}:{node.lineno} {node.name} has no docstring" for node in undocumented(tree, migration=migration)]
    return found


def bad_names(tree: ast.Module, path: str) -> Iterator[str]:
    for part in pathlib.PurePosixPath(path).with_suffix("").parts:
        if part.strip("_") in FORBIDDEN_NAMES:
            yield f"{path}:1 is called {part!r}, which says nothing"
    # A class with a base may have to use the names of that base.
    dictated = {
        id(method)
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef) and owner.bases
        for method in owner.body
    }
    for node in ast.walk(tree):
        named_after_effect = not isinstance(node, Function) or not node.name.lstrip("_").startswith(FORBIDDEN_PREFIXES)
        if not named_after_effect and id(node) not in dictated:
            yield f"{path}:{getattr(node, 'lineno', 1)} {ast.unparse(node).split('(')[0]} does not say its effect"


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def unannotated(node: Function) -> Iterator[str]:
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star]
    for argument in named + stars:
        if argument.annotation is None and argument.arg not in ("self", "cls"):
            yield argument.arg
    if node.returns is None:
        yield "the result"


def catches_everything(node: ast.ExceptHandler) -> bool:
    """Whether a handler ends any error at all; one that cleans up and raises it again does not."""
    last = node.body[-1]
    passes_on = isinstance(last, ast.Raise) and last.exc is None
    leaves_early = any(isinstance(inner, ast.Return | ast.Break | ast.Continue) for inner in ast.walk(node))
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    everything = any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in caught)
    return everything and (leaves_early or not passes_on)


def undocumented(tree: ast.Module, *, migration: bool) -> Iterator[ast.ClassDef | Function]:
    classes = imported_classes(tree) | {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and not migration:
            yield node
        if isinstance(node, ast.ClassDef):
            yield from undocumented_methods(node, classes)


def imported_classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """The classes of the package's own modules that a module names, with all that stand beside them."""
    found: dict[str, ast.ClassDef] = {}
    for node in tree.body:
        home = (
            PACKAGE.parent / f"{(node.module or '').replace('.', '/')}.py" if isinstance(node, ast.ImportFrom) else None
        )
        if home is not None and home.is_file():
            found |= classes_in(home)
    return found


@functools.cache
def classes_in(path: pathlib.Path) -> dict[str, ast.ClassDef]:
    known = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: node for node in known if isinstance(node, ast.ClassDef)}


def undocumented_methods(owner: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[Function]:
    for node in owner.body:
        if not isinstance(node, Function) or node.name.startswith("_") or ast.get_docstring(node):
            continue
        if {"override", "typing.override"} & {ast.unparse(decorator) for decorator in node.decorator_list}:
            continue
        if any(ast.unparse(decorator).endswith((".setter", "overload")) for decorator in node.decorator_list):
            continue
        if not inherits_documentation(owner, node.name, classes):
            yield node


def inherits_documentation(owner: ast.ClassDef, method: str, classes: dict[str, ast.ClassDef]) -> bool:
    for base in owner.bases:
        parent = classes.get(ast.unparse(base))
        if parent is None:
            continue
        own = [node for node in parent.body if isinstance(node, Function) and node.name == method]
        if any(ast.get_docstring(node) for node in own) or inherits_documentation(parent, method, classes):
            return True
    return False


@pytest.mark.parametrize("package", sorted({file.relative_to(PACKAGE).parts[0] for file in FILES}))
def test_the_modules_of_a_package_keep_the_rules(package: str) -> None:
    files = [file for file in FILES if file.relative_to(PACKAGE).parts[0] == package]
    found = [complaints(file.read_text(encoding="utf-8"), file.relative_to(PACKAGE).as_posix()) for file in files]
    assert [complaint for those in found for complaint in those] == []


def test_modules_are_short_on_the_whole() -> None:
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in FILES]
    assert statistics.median(lengths) <= MEDIAN_LINES


GOOD = '''"""A module."""


def double(x: int) -> int:
    """Twice the number."""
    return 2 * x
'''


def test_a_good_module_is_not_complained_about() -> None:
    assert complaints(GOOD, "names/doubles.py") == []


@pytest.mark.parametrize(
    ("source", "path", "complaint"),
    [
        (GOOD, "names/utils.py", "says nothing"),
        (GOOD, "common/doubles.py", "says nothing"),
        (GOOD.replace("double(", "handle_double("), "a.py", "its effect"),
        (GOOD.replace("x: int", "x"), "a.py", "x has no annotation"),
        (GOOD.replace("x: int", "*x"), "a.py", "x has no annotation"),
        (GOOD.replace(" -> int", ""), "a.py", "the result has no annotation"),
        (GOOD.replace('"""A module."""', ""), "a.py", "a.py:1 has no docstring"),
        (GOOD.replace('    """Twice the number."""\n', ""), "a.py", "double has no docstring"),
        (GOOD.replace("    return", "    x += 1\n" * 60 + "    return"), "a.py", "more than 60 lines"),
        (GOOD + "#\n" * 600, "a.py", "more than 600 lines"),
        (GOOD + "\n\ntry:\n    double(1)\nexcept Exception:\n    pass\n", "a.py", "catches every exception"),
        (GOOD + "\n\ntry:\n    double(1)\nexcept:\n    raise OSError\n", "a.py", "catches every exception"),
        (GOOD + "\n\ntry:\n    double(1)\nexcept (OSError, BaseException):\n    pass\n", "a.py", "catches every"),
        (GOOD + "\n\nclass Box:\n    size = 1\n", "a.py", "Box has no docstring"),
        (GOOD + '\n\nclass Box:\n    """A box."""\n\n    def lid(self) -> None: ...\n', "a.py", "lid has no docstring"),
    ],
)
def test_a_bad_module_is_complained_about(source: str, path: str, complaint: str) -> None:
    found = complaints(source, path)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_handler_that_cleans_up_and_passes_the_error_on_is_fine() -> None:
    assert complaints(GOOD + "\n\ntry:\n    double(1)\nexcept BaseException:\n    double(2)\n    raise\n", "a.py") == []


def test_a_handler_that_may_swallow_the_error_is_complained_about() -> None:
    handler = (
        "try:\n        return double(1)\n    except BaseException:\n        if x:\n            return 2\n        raise"
    )
    assert len(complaints(GOOD.replace("return 2 * x", handler), "a.py")) == 1


def test_a_method_may_have_the_name_that_its_base_dictates() -> None:
    method = '    def process_x(self) -> None:\n        """Do."""\n'
    owner = '\n\nclass Box{}:\n    """A box."""\n\n'
    assert complaints(GOOD + owner.format("(list[int])") + method, "a.py") == []
    assert len(complaints(GOOD + owner.format("") + method, "a.py")) == 1


def test_an_edge_may_catch_everything_and_a_migration_may_be_long() -> None:
    assert complaints(GOOD + "\n\ntry:\n    double(1)\nexcept Exception:\n    pass\n", "cli/main.py") == []
    long = GOOD.replace("    return", "    x += 1\n" * 60 + "    return")
    assert complaints(long, "catalog/migrations/versions/v1.py") == []


def test_a_method_may_inherit_its_documentation() -> None:
    family = '\n\nclass Root:\n    """A root."""\n\n    def grow(self) -> None:\n        """Grow."""\n'
    assert (
        complaints(
            f'{GOOD}{family}\n\nclass Leaf(Root):\n    """A leaf."""\n\n    def grow(self) -> None: ...\n', "a.py"
        )
        == []
    )
