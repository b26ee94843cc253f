from __future__ import annotations

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts as rows
from entrepot.catalog.accounts import second_factors as factor_rows
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import AccountSuspended, SecondFactorNeeded, StepExpired, WrongCode, WrongPassword
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, administration, second_steps, sessions, sign_ins
from entrepot.hub.context import HubContext
from entrepot.wire.accounts.administration import UserChanges
from tests.support.second_factors import App, add_app, frozen

PASSWORD = "correct horse"


@pytest.fixture
def hub(hub: HubContext) -> HubContext:
    return frozen(hub)


@pytest.fixture
def app(hub: HubContext) -> App:
    accounts.create_user(hub, "root", is_admin=True)
    accounts.create_user(hub, "alice", password=PASSWORD)
    return add_app(hub, "alice", PASSWORD)


def proof_of(hub: HubContext) -> str:
    with pytest.raises(SecondFactorNeeded) as needed:
        sessions.sign_in(hub, "alice", PASSWORD)
    assert needed.value.proof not in repr(needed.value) + str(needed.value)
    return needed.value.proof


def test_password_and_code_open_a_session_which_the_password_alone_does_not(hub: HubContext, app: App) -> None:
    proof = proof_of(hub)
    assert sessions.identify(hub, proof) is None
    assert second_steps.user_name(hub, proof) == "alice"
    opened = second_steps.finish(hub, proof, app.shows(hub))
    assert sessions.identify(hub, opened.secret) is not None
    with pytest.raises(WrongCode):
        second_steps.finish(hub, proof, app.shows(hub))
    assert sessions.identify(hub, second_steps.finish(hub, proof, app.codes[0]).secret) is not None
    ways = [row.details for row in audit.search(hub, AuditFilter()) if row.action == "user.sign_in"]
    assert ways[:2] == ['{"with":"recovery"}', '{"with":"two-step"}']


def test_a_wrong_password_says_what_it_always_says(hub: HubContext, app: App) -> None:
    with pytest.raises(WrongPassword, match=r"^name or password is wrong$"):
        sessions.sign_in(hub, "alice", "wrong horse")


def test_a_replaced_session_ends(hub: HubContext, app: App) -> None:
    proof = proof_of(hub)
    first = second_steps.finish(hub, proof, app.codes[0])
    second = second_steps.finish(hub, proof, app.codes[1], replaced=first.secret)
    assert sessions.identify(hub, first.secret) is None
    assert sessions.identify(hub, second.secret) is not None


def test_a_suspended_account_opens_nothing_and_keeps_its_codes(hub: HubContext, app: App) -> None:
    proof = proof_of(hub)
    administration.change_user(hub, audit.CONSOLE, "alice", UserChanges(is_suspended=True))
    with pytest.raises(AccountSuspended):
        second_steps.finish(hub, proof, app.codes[0])
    with pytest.raises(AccountSuspended):
        sessions.sign_in(hub, "alice", PASSWORD)
    administration.change_user(hub, audit.CONSOLE, "alice", UserChanges(is_suspended=False))
    assert second_steps.finish(hub, proof, app.codes[0]).user == "alice"


def test_a_proof_of_an_account_without_second_factor_opens_nothing(hub: HubContext, app: App) -> None:
    proof = proof_of(hub)
    accounts.create_user(hub, "bob", password=PASSWORD)

    with hub.write(Lock.hub()) as tx:
        alice = rows.find(tx, "alice")
        assert alice is not None
        factor_rows.remove(tx, alice.id)
    with pytest.raises(StepExpired):
        second_steps.finish(hub, proof, app.codes[0])


def test_a_one_time_link_opens_the_account_without_a_code(hub: HubContext, app: App) -> None:
    code = sign_ins.issue_code(hub, audit.CONSOLE, "alice", 600).code
    assert sessions.sign_in_with_code(hub, code).user == "alice"
