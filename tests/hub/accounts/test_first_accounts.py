from __future__ import annotations

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import InvalidName, Refused, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, first_accounts, sessions
from entrepot.hub.accounts.first_accounts import FirstAccount
from entrepot.hub.accounts.sessions import NOWHERE
from entrepot.hub.context import HubContext

FIRST = FirstAccount("ada", "correct horse", "ada@example.org")


def test_the_first_account_is_an_administrator_who_is_signed_in(hub: HubContext) -> None:
    code = first_accounts.setup_code(hub)
    opened = first_accounts.create_first(hub, code, FIRST, NOWHERE)
    caller = sessions.identify(hub, opened.secret)
    assert caller is not None
    assert (caller.account.name, caller.account.is_admin, caller.account.email) == ("ada", True, "ada@example.org")
    assert [row.action for row in audit.search(hub, AuditFilter())] == ["user.sign_in", "user.create"]


def test_it_is_made_once(hub: HubContext) -> None:
    code = first_accounts.setup_code(hub)
    first_accounts.create_first(hub, code, FIRST, NOWHERE)
    with pytest.raises(Refused, match="sign in instead"):
        first_accounts.create_first(hub, code, FirstAccount("bob", "correct horse"), NOWHERE)
    with pytest.raises(Refused, match="sign in instead"):
        first_accounts.check_setup(hub, code)


@pytest.mark.parametrize("code", ["", "x", "a.b", "é", "eA.0000"])
def test_a_wrong_code_makes_nothing(hub: HubContext, code: str) -> None:
    with pytest.raises(ThingNotFound):
        first_accounts.create_first(hub, code, FIRST, NOWHERE)
    assert not accounts.has_accounts(hub)


@pytest.mark.parametrize(
    "new",
    [FirstAccount("a.b", "correct horse"), FirstAccount("ada", "short"), FirstAccount("ada", "correct horse", "none")],
)
def test_a_mistake_makes_nothing_and_the_code_stays_valid(hub: HubContext, new: FirstAccount) -> None:
    code = first_accounts.setup_code(hub)
    with pytest.raises(InvalidName):
        first_accounts.create_first(hub, code, new, NOWHERE)
    first_accounts.check_setup(hub, code)
    assert "correct horse" not in repr(new)
