"""Every transaction in which a use case writes for a caller judges the caller's rights again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import entrepot.hub

ROOT = Path(entrepot.hub.__file__).parent
CALLERS = {"Caller", "MaybeCaller", "Actor", "Caller | str", "MaybeCaller | str"}

JUDGED_ELSEWHERE = {
    "accounts/sign_ins.py exchange": "a one-time code counts, whoever sends it",
    "community/notification_lists.py note_seen": "a note about the user's own list, made while it is read",
    "files/lfs.py plan_uploads": "what is linked is checked again when a commit names it",
    "files/rechunking.py verify_readable": "it changes how bytes are stored, and no one's rights",
    "git/push_policy.py admit_large": "what is linked is checked again when the push is published",
    "sso/browser_sign_ins.py finish": "it signs somebody in; the caller counts in _link only",
}
"""Functions that write for a caller without judging them again, with the reason."""


def _functions(source: str) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))


def _has_caller(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return any(it.annotation is not None and ast.unparse(it.annotation) in CALLERS for it in arguments)


def _writes(function: ast.FunctionDef) -> Iterator[tuple[ast.With, ast.Call]]:
    for block in ast.walk(function):
        for item in block.items if isinstance(block, ast.With) else ():
            call = item.context_expr
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("hub.write", "hub.write_unflushed")):
                assert isinstance(block, ast.With)
                yield block, call


def _is_judged(block: ast.With, call: ast.Call) -> bool:
    body = "\n".join(map(ast.unparse, block.body))
    is_locked = any(ast.unparse(argument).startswith("access.lock(") for argument in call.args)
    return is_locked or any(word.arg == "by" for word in call.keywords) or "capabilities.recheck" in body


def unjudged(source: str) -> list[str]:
    """Return the functions of a module that write for a caller whom they do not judge again."""
    return [
        function.name
        for function in _functions(source)
        if _has_caller(function) and any(not _is_judged(*found) for found in _writes(function))
    ]


def test_callers_are_judged_again_under_the_locks_of_what_they_change() -> None:
    found = {
        f"{path.relative_to(ROOT)} {name}" for path in sorted(ROOT.rglob("*.py")) for name in unjudged(path.read_text())
    }
    first_step = {"files/attachments.py add"}  # its last transaction is judged, which makes the image visible
    assert found - first_step == set(JUDGED_ELSEWHERE)


def test_a_transaction_without_a_check_is_found() -> None:
    template = "def change(hub: HubContext, caller: MaybeCaller) -> None:\n    with {} as tx:\n        {}\n"
    lax = template.format("hub.write(Lock.hub())", "accounts.update(tx)")
    assert unjudged(lax) == ["change"]
    for begin, body in (
        ("hub.write(Lock.hub(), by=caller)", "accounts.update(tx)"),
        ("hub.write(access.lock(hub, caller, ref, access.writable))", "accounts.update(tx)"),
        ("hub.write(Lock.repo(row.id))", "capabilities.recheck(tx, caller, row, ref, now)"),
    ):
        assert unjudged(template.format(begin, body)) == []
