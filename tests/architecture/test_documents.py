"""What crosses the border of a package has a type of its own; a free-form document is a read-only mapping."""

import ast
import pathlib
import re
from collections.abc import Iterator

PACKAGE = pathlib.Path(__file__).parents[2] / "src/entrepot"

FREE = {
    "hf": "its functions and values have the types of huggingface_hub",
    "metaflow": "its decorator has the types of Metaflow",
    "cards": "its classes have the types of huggingface_hub",
    "cli": "no package imports it",
    "workspace": "its documents are changed and written again",
}
"""Packages that may take and return a ``dict`` of anything, and why."""

LOOSE = re.compile(r"(?<![.\w])dict\[str, (Any|object)\]")


def public_annotations(tree: ast.Module | ast.ClassDef) -> Iterator[ast.expr]:
    """Yield the types of public functions, parameters, constants and fields."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_annotations(node)
        elif isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
            node.name == "__init__" or not node.name.startswith("_")
        ):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from (argument.annotation for argument in arguments if argument.annotation is not None)
            if node.returns is not None:
                yield node.returns


def loose(source: str) -> list[str]:
    """Return the public types of a module that are a ``dict`` of anything."""
    found = public_annotations(ast.parse(source))
    return [
        f"line {node.lineno}: {ast.unparse(node)}: use a type with fields, or Mapping for a free-form document"
        for node in found
        if LOOSE.search(ast.unparse(node))
    ]


def test_no_dict_of_anything_crosses_the_border_of_a_package() -> None:
    complaints = [
        f"{file.relative_to(PACKAGE)} {complaint}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.relative_to(PACKAGE).parts[0] not in FREE
        for complaint in loose(file.read_text("utf-8"))
    ]
    assert complaints == []


def test_a_dict_of_anything_is_found_in_every_kind_of_place() -> None:
    source = """
class Row:
    card: dict[str, Any] | None
    _kept: dict[str, Any]

    def show(self, options: dict[str, object]) -> None: ...
    def _hidden(self) -> dict[str, Any]: ...

def read() -> list[dict[str, Any]]: ...
def read_all() -> Mapping[str, Any]: ...
"""
    assert [complaint.partition(":")[0] for complaint in loose(source)] == ["line 3", "line 6", "line 9"]
