"""Every function of a module is used by the product: tests alone keep none alive."""

import ast
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

ROOT = pathlib.Path(__file__).parents[2]
SOURCE = ROOT / "src"
USERS = (ROOT / "integrations", ROOT / "script", ROOT / "benchmarks")
"""Where else the product uses its functions: extensions of other programs, commands for developers, benchmarks."""

EXCEPTIONS = {
    "entrepot.catalog.migrations.versions.first.upgrade": "Alembic calls it by this name",
    "entrepot.catalog.lock_checks.check": "compares locks with tables in every test (ARCHITECTURE.md, invariant 1)",
    "entrepot.metaflow.decorators.without_tokens": "integrations/metaflow calls it on the module that it imports late",
    "entrepot.metaflow.lineages.runs_of": "a name of entrepot.metaflow for users (docs/metaflow.md)",
}
"""Functions that no code refers to, and who calls them."""

_BY_NAME = re.compile(r"[\w.]*:(\w+)|.*\b(\w+)\(\)", re.DOTALL)
"""Text that names a function: ``module:function`` of entry points and commands, or a program that calls one."""


@attrs.define
class References:
    """The functions of modules, and what the same and other files refer to."""

    functions: dict[str, str] = attrs.Factory(dict)
    names: dict[str, dict[str, str]] = attrs.Factory(dict)
    used: set[str] = attrs.Factory(set)
    by_name: set[str] = attrs.Factory(set)

    def canonical(self, dotted: str) -> str:
        """Return where a name is defined that packages import from their modules."""
        module, _, name = dotted.rpartition(".")
        target = self.names.get(module, {}).get(name)
        return self.canonical(target) if target is not None and target != dotted else dotted

    def unused(self) -> set[str]:
        """Return the functions that nothing refers to."""
        used = {self.canonical(dotted) for dotted in self.used}
        return {name for name, short in self.functions.items() if name not in used and short not in self.by_name}


class _Visitor(ast.NodeVisitor):
    """Collects what one file refers to, as dotted names; a function's reference to itself counts for nothing."""

    def __init__(self, found: References, module: str, names: Mapping[str, str]) -> None:
        self._found, self._module, self._names = found, module, names
        self._inside: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside.append(f"class {node.name}")
        self.generic_visit(node)
        self._inside.pop()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and node.id not in self._inside[:1]:
            self._found.used.add(self._names.get(node.id, f"{self._module}.{node.id}"))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if (dotted := self._dotted(node)) is not None:
            self._found.used.add(dotted)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and (named := _BY_NAME.fullmatch(node.value)):
            self._found.by_name.add(named[1] or named[2])

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # no docstring
            self.generic_visit(node)

    def _dotted(self, node: ast.expr) -> str | None:
        match node:
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.Attribute(value=value, attr=attr):
                owner = self._dotted(value)
                return None if owner is None else f"{owner}.{attr}"
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name))]):
                return name
        return None


def imported(tree: ast.Module) -> dict[str, str]:
    """Return the names that the imports of a file bind, with what each stands for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                one.asname or one.name.split(".")[0]: one.name if one.asname else one.name.split(".")[0]
                for one in node.names
            }
        elif isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def is_registered(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a decorator hands the function to a caller: a group of commands, or pytest."""
    texts = [ast.unparse(decorator) for decorator in function.decorator_list]
    return any(re.match(r"(?!click\.)\w+\.command\(|pytest\.fixture\b", text) for text in texts)


def functions_of(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's functions that something has to refer to."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("__"):
            continue
        if not is_registered(node):
            yield node.name


def references(source: pathlib.Path, users: Iterable[pathlib.Path] = ()) -> References:
    """Read all files of the product."""
    found = References()
    for path in sorted(source.rglob("*.py")):
        module = ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text("utf-8"))
        found.names[module] = imported(tree)
        found.functions |= {f"{module}.{name}": name for name in functions_of(tree)}
        _Visitor(found, module, found.names[module]).visit(tree)
    for stub in source.rglob("*.pyi"):  # names that users import
        found.used |= set(imported(ast.parse(stub.read_text("utf-8"))).values())
    for path in (path for user in users for path in user.rglob("*") if path.is_file()):
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError):  # no Python
            continue
        _Visitor(found, "", imported(tree)).visit(tree)
    return found


def test_functions_are_used_or_have_a_reason() -> None:
    found = references(SOURCE, USERS)
    found.by_name |= set(re.findall(r'"[\w.]+:(\w+)"', (ROOT / "pyproject.toml").read_text("utf-8")))
    assert len(found.functions) > 4_000
    assert found.unused() == set(EXCEPTIONS)


def test_a_function_that_nothing_refers_to_is_seen(tmp_path: pathlib.Path) -> None:
    texts = {
        "package/__init__.py": "from package.names import parse\n",
        "package/names.py": (
            "def parse(): return _check()\ndef _check(): ...\ndef again(): again()\ndef plain(): ...\n"
            "class Name:\n    def plain(self): self.plain()\n"
        ),
        "package/tables.py": "import package\nfrom package import names\nprint(package.parse, names.other)\n",
        "package/commands.py": "ENTRY = f'{names}:show'\ndef show():\n    'Like again().'\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert references(tmp_path).unused() == {"package.names.again", "package.names.plain"}
