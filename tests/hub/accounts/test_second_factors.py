from __future__ import annotations

import threading

import attrs
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts as rows
from entrepot.catalog.accounts import second_factors as factor_rows
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import CodesPaused, StepExpired, WrongCode
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, second_factors
from entrepot.hub.accounts.second_factors import FREE_FAILURES, MAX_HOLD_MS, PENDING_MS, CodeUse
from entrepot.hub.context import HubContext
from tests.support.second_factors import App, add_app, frozen

PASSWORD = "correct horse"


@pytest.fixture
def hub(hub: HubContext) -> HubContext:
    return frozen(hub)


@pytest.fixture
def app(hub: HubContext) -> App:
    accounts.create_user(hub, "alice", password=PASSWORD)
    return add_app(hub, "alice", PASSWORD)


def after(hub: HubContext, ms: int) -> HubContext:
    return attrs.evolve(hub, now_ms=lambda: hub.now_ms() + ms)


def use(hub: HubContext, code: str) -> CodeUse:
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        alice = rows.find(tx, "alice")
        assert alice is not None
        return second_factors.use_code(hub, tx, alice, code)


def test_a_code_proves_something_once(hub: HubContext, app: App) -> None:
    code = app.shows(hub)
    assert use(hub, f" {code[:3]} {code[3:]} ").require() == second_factors.CODE
    with pytest.raises(WrongCode):
        use(hub, code).require()


def test_a_code_that_is_older_than_the_last_one_is_refused(hub: HubContext, app: App) -> None:
    assert use(hub, app.shows(hub, 1)).means
    assert not use(hub, app.shows(hub)).means


def test_a_recovery_code_proves_something_once_however_it_is_typed(hub: HubContext, app: App) -> None:
    code = app.codes[0]
    assert len(app.codes) == len(set(app.codes)) == second_factors.RECOVERY_CODES
    assert use(hub, code.upper().replace("-", " ")).require() == second_factors.RECOVERY
    assert not use(hub, code).means
    assert use(hub, app.codes[1]).means


@pytest.mark.parametrize("wrong", ["", "000", "abcdefgh", "a" * 16, "9" * 6_000, "\udcff\x00", "１２３４５６"])
def test_what_is_no_code_proves_nothing(hub: HubContext, app: App, wrong: str) -> None:
    assert not use(hub, wrong).means


def test_after_some_wrong_codes_the_right_one_waits_but_recovery_codes_do_not(hub: HubContext, app: App) -> None:
    for _ in range(FREE_FAILURES):
        assert use(hub, "12345").wait_s == 0
    held = use(hub, app.shows(hub))
    assert (held.means, held.wait_s) == ("", 60)
    with pytest.raises(CodesPaused, match="wait 60 seconds, or use a recovery code"):
        held.require()
    assert use(hub, app.codes[0]).means == second_factors.RECOVERY
    later = after(hub, 60_000)
    assert use(later, "12345").wait_s == 0
    assert use(later, "12345").wait_s == 120
    latest = after(hub, 200_000)
    assert use(latest, app.shows(latest)).means == second_factors.CODE
    assert use(latest, "12345").wait_s == 0
    held_rows = [row for row in audit.search(hub, AuditFilter()) if row.action == "second_factor.hold"]
    assert len(held_rows) == 2


def test_the_wait_never_exceeds_an_hour(hub: HubContext, app: App) -> None:
    with hub.write(Lock.hub()) as tx:
        alice = rows.find(tx, "alice")
        assert alice is not None
        factor_rows.note_failure(tx, alice.id, 10_000, 0)
    use(hub, "12345")
    assert use(hub, "12345").wait_s <= MAX_HOLD_MS // 1000


def test_of_two_uses_at_a_time_one_counts(hub: HubContext, app: App) -> None:
    for code in (app.shows(hub), app.codes[0]):
        barrier = threading.Barrier(4, timeout=240)
        found: list[str] = []

        def race(code: str = code, barrier: threading.Barrier = barrier, found: list[str] = found) -> None:
            barrier.wait()
            found.append(use(hub, code).means)

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len([means for means in found if means]) == 1


def test_a_proof_of_the_password_ends_by_time_by_a_new_password_and_by_any_change(hub: HubContext, app: App) -> None:
    with hub.read() as tx:
        alice = rows.find(tx, "alice")
        assert alice is not None
        proof = second_factors.seal_password_proof(hub, alice)
        assert second_factors.proved_user(hub, tx, proof) == alice
        for broken in ("", "x", "x.y", proof + "x", "A" + proof[1:], "é"):
            with pytest.raises(StepExpired):
                second_factors.proved_user(hub, tx, broken)
        with pytest.raises(StepExpired):
            second_factors.proved_user(after(hub, PENDING_MS), tx, proof)
    accounts.reset_password(hub, "alice", "another horse")
    with hub.read() as tx, pytest.raises(StepExpired):
        second_factors.proved_user(hub, tx, proof)


def test_the_database_holds_no_secret(hub: HubContext, app: App) -> None:
    with hub.read() as tx:
        alice = rows.find(tx, "alice")
        assert alice is not None
        found = factor_rows.find(tx, alice.id)
    assert found is not None
    assert second_factors.secret_of(hub, alice.uid, found.salt) == app.secret
    assert app.secret.hex() not in str(attrs.asdict(found))
    assert found.salt not in repr(found)
