"""The second step of signing in: a code, after the password of an account with a second factor.

Between the steps there is no session: the browser holds a proof that the password was right, which
only this step accepts.
"""

from __future__ import annotations

from entrepot.catalog import Lock
from entrepot.catalog.accounts import second_factors as rows
from entrepot.errors import StepExpired
from entrepot.hub.accounts import second_factors, sessions
from entrepot.hub.accounts.sessions import NOWHERE, OpenedSession, SessionOrigin
from entrepot.hub.context import HubContext


def user_name(hub: HubContext, proof: str) -> str:
    """Return the name of the user whose password was entered.

    Raises:
        StepExpired: this hub did not issue the proof, or it is too old, or the password was changed.
    """
    with hub.read() as tx:
        return second_factors.proved_user(hub, tx, proof).name


def finish(
    hub: HubContext, proof: str, code: str, *, replaced: str | None = None, origin: SessionOrigin = NOWHERE
) -> OpenedSession:
    """Open a session for the proof of a password and a code; the code cannot be used again.

    Args:
        proof: of :class:`~entrepot.errors.SecondFactorNeeded`.
        code: of the app, or a recovery code.
        replaced: the secret of an earlier session of the same browser, which ends.

    Raises:
        StepExpired: the proof is not of this hub or too old, the password was changed, or the account no longer
            has a second factor.
        WrongCode: the code is wrong, was used, or is too old.
        CodesPaused: there were too many wrong codes; recovery codes are still accepted.
        AccountSuspended: an administrator of the hub has suspended the account.
    """
    opened = None
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user = second_factors.proved_user(hub, tx, proof)
        if rows.find(tx, user.id) is None:
            raise StepExpired
        use = second_factors.use_code(hub, tx, user, code)
        if use.means:
            means = sessions.RECOVERY if use.means == second_factors.RECOVERY else sessions.TWO_STEP
            opened = sessions.open_session(hub, tx, user, means, replaced, origin)
    use.require()
    assert opened is not None, "a code that proves something has opened a session"
    return opened
