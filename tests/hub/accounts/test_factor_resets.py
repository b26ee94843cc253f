from __future__ import annotations

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts as rows
from entrepot.catalog.accounts import passkeys
from entrepot.catalog.accounts.passkeys import PasskeyRow
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import AccountNotFound, LoginRequired, NotAllowed
from entrepot.hub import audit, callers
from entrepot.hub.accounts import accounts, factor_resets, sessions
from entrepot.hub.context import HubContext
from entrepot.names import new_uid
from entrepot.wire.accounts.administration import RemovedFactors
from tests.support.second_factors import add_app

PASSWORD = "correct horse"


def test_a_reset_lets_the_password_alone_sign_in_again(hub: HubContext) -> None:
    accounts.create_user(hub, "root", is_admin=True)
    accounts.create_user(hub, "alice", password=PASSWORD)
    add_app(hub, "alice", PASSWORD)
    with hub.write(Lock.hub()) as tx:
        alice, root = rows.find(tx, "alice"), rows.find(tx, "root")
        assert alice is not None
        assert root is not None
        passkeys.add(tx, PasskeyRow("a" * 64, new_uid(), alice.id, b"id", b"key", 0, "phone", 1))
    assert factor_resets.users_with_factors(hub, audit.CONSOLE, [alice, root]) == {alice.id}
    removed = factor_resets.reset(hub, audit.CONSOLE, "Alice")
    assert removed == RemovedFactors(user="alice", second_factor=True, passkeys=1)
    assert sessions.sign_in(hub, "alice", PASSWORD).user == "alice"
    assert factor_resets.reset(hub, audit.CONSOLE, "alice") == RemovedFactors(
        user="alice", second_factor=False, passkeys=0
    )
    found = [row for row in audit.search(hub, AuditFilter()) if row.action == "second_factor.reset"]
    assert (found[-1].actor, found[-1].subject, found[-1].details) == (
        audit.CONSOLE,
        "user alice",
        '{"passkeys":1,"second_factor":true}',
    )


def test_only_administrators_reset(hub: HubContext) -> None:
    accounts.create_user(hub, "alice", password=PASSWORD)
    add_app(hub, "alice", PASSWORD)
    with hub.read() as tx:
        alice = rows.find(tx, "alice")
        assert alice is not None
        caller = callers.acting_as(tx, alice)
    with pytest.raises(NotAllowed):
        factor_resets.reset(hub, caller, "alice")
    with pytest.raises(NotAllowed):
        factor_resets.users_with_factors(hub, caller, [alice])
    with pytest.raises(LoginRequired):
        factor_resets.reset(hub, None, "alice")
    with pytest.raises(AccountNotFound):
        factor_resets.reset(hub, audit.CONSOLE, "nobody")
