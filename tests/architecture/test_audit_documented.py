"""Every action that the audit log can have is listed in docs/audit.md."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
ACTION = re.compile(r"[a-z_]+\.[a-z-]+")


def actions(source: str) -> set[str]:
    """Return the actions that calls of ``audit.record`` name as text, whole or as one of several choices."""
    return {
        part.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record" and len(node.args) > 3
        for part in ast.walk(node.args[3])
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and ACTION.fullmatch(part.value)
    }


def test_every_action_of_the_audit_log_is_documented() -> None:
    page = (ROOT / "docs/audit.md").read_text("utf-8")
    found = {name for file in (ROOT / "src/entrepot/hub").rglob("*.py") for name in actions(file.read_text("utf-8"))}
    assert len(found) > 40
    assert sorted(name for name in found if f"`{name}`" not in page) == []


def test_actions_are_found_as_text_and_as_a_choice() -> None:
    source = 'audit.record(hub, tx, by, "a.b" if new else "a.c", "s")\naudit.record(hub, tx, by, name, "d.e")\n'
    assert actions(source) == {"a.b", "a.c"}
