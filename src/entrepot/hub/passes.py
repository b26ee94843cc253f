"""Passes: short-lived tokens that open the chunk store for one repository.

A pass is signed and not stored. Its real life is longer than the stated one,
because clients compare the stated end with their own clock and never ask
again when they are refused. Source: xet, section 7.1.
"""

from __future__ import annotations

import json

import attrs

from entrepot.catalog import Read, Write, facts, repos
from entrepot.catalog.repos import RepoRow
from entrepot.errors import InvalidCredentials, InvalidSignature, NotAllowed, ThingNotFound
from entrepot.hub import access, proposals, revisions
from entrepot.hub.callers import Anyone
from entrepot.hub.house import Hub
from entrepot.names import RepoRef

LIFETIME_S = 3600
GRACE_S = 600
_PURPOSE = "xet-pass"
_GENERATION = "xet:"
_PREFIX = "xet_"
ANONYMOUS = "public"
"""The holder of passes that nobody in particular asked for."""


@attrs.frozen
class Pass:
    """What the holder may do: read one repository's files, or also add to them.

    ``realm`` is the repository's namespace. ``is_proposal``: the holder may
    not write to the repository, only propose changes; then the realm is their
    own, and what they say about a file is believed once it was computed again.
    ``token``: the id of the access token that the pass was made for, whose
    rights of now decide. ``holder``: who may refer to the xorbs that are sent
    with the pass: the account, or a fine-grained token alone.
    """

    repo_id: int
    user_id: int | None
    realm: int
    may_write: bool
    is_proposal: bool = False
    token: str | None = None
    holder: str = ANONYMOUS


@attrs.frozen
class Issued:
    """A pass as it is handed out: its secret, its stated end (seconds since 1970) and the store's name in URLs."""

    secret: str
    expires_s: int
    store: str


def issue_read(hub: Hub, caller: Anyone, ref: RepoRef, revision: str | None) -> Issued:
    """A pass for reading the files of a repository.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound: no such revision.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        if revision is not None:
            revisions.resolve(tx, row.id, revision)
        return _issue(hub, tx, _pass(caller, row, row.namespace_id, may_write=False))


def issue_write(hub: Hub, caller: Anyone, ref: RepoRef, revision: str | None = "main") -> Issued:
    """A pass for adding files to a repository.

    Args:
        revision: where they shall be committed; None stands for a pull
            request that does not exist yet.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed, GatedRepo: no access.
        RevisionNotFound, Refused: there is no such pull request, or it is closed.
    """
    with hub.read() as tx:
        row, author = proposals.uploader(tx, caller, ref, revision)
        is_proposal = not access.may_write(author, row)
        realm = author.account.id if is_proposal else row.namespace_id
        return _issue(hub, tx, _pass(author, row, realm, may_write=True, is_proposal=is_proposal))


def check(hub: Hub, secret: str | None, store: str) -> Pass:
    """The pass behind a secret.

    Raises:
        InvalidCredentials: none was sent, it is altered or expired, or its holder
            may not read the repository any more.
        ThingNotFound: the URL names another store than this hub's.
    """
    if secret is None or not secret.startswith(_PREFIX):
        raise InvalidCredentials
    try:
        fields = json.loads(hub.signer.unseal(_PURPOSE, secret.removeprefix(_PREFIX)))
    except InvalidSignature:
        raise InvalidCredentials from None
    if fields["e"] + GRACE_S < hub.now_ms() // 1000:
        raise InvalidCredentials
    found = Pass(
        fields["r"], fields["u"], fields["n"], fields["w"], fields.get("p", False), fields.get("t"), fields["h"]
    )
    with hub.read() as tx:
        row = repos.by_id(tx, found.repo_id)
        if row is not None and not access.still_reads(tx, row, found.user_id):
            raise InvalidCredentials
        # The part after the epoch may have changed since: passes that were handed out before stay good.
        if store != f"{_store(hub, tx)}-{fields['s']}":
            raise ThingNotFound("store", store)
    return found


def require_write(given: Pass) -> None:
    """Raise unless the pass allows adding files.

    Raises:
        NotAllowed: it is for reading.
    """
    if not given.may_write:
        raise NotAllowed("This token only allows reading: uploads need a token from xet-write-token")


def forget_known(tx: Write, holder: str) -> None:
    """Let the next pass of a holder name another store, so that clients forget which chunks they may refer to."""
    key = _GENERATION + holder
    facts.put(tx, key, str(int(facts.find(tx, key) or 0) + 1))


def _store(hub: Hub, tx: Read) -> str:
    return f"{hub.store_id}-{facts.find(tx, 'epoch')}"


def _view(hub: Hub, tx: Read, given: Pass) -> str:
    """What clients key their caches of known chunks by: whoever has the same rights shares it.

    It changes whenever a client has relied on chunks that it may not refer to any more.
    """
    parts = [given.holder]
    if hub.settings.dedup_scope == "namespace":
        parts.append(str(given.realm))
    generation = facts.find(tx, _GENERATION + given.holder)
    return "-".join([*parts, *([generation] if generation else [])])


def _pass(caller: Anyone, row: RepoRow, realm: int, *, may_write: bool, is_proposal: bool = False) -> Pass:
    if caller is None:
        return Pass(row.id, None, realm, may_write, is_proposal)
    account, token = caller.account, caller.token
    holder = f"u{account.uid}" if caller.limits is None else f"t{token.uid}"
    return Pass(row.id, account.id, realm, may_write, is_proposal, token.uid, holder)


def _issue(hub: Hub, tx: Read, given: Pass) -> Issued:
    expires_s = hub.now_ms() // 1000 + LIFETIME_S
    view = _view(hub, tx, given)
    fields: dict[str, object] = {
        "r": given.repo_id,
        "u": given.user_id,
        "n": given.realm,
        "w": given.may_write,
        "e": expires_s,
    }
    fields |= {"t": given.token, "h": given.holder, "s": view}
    if given.is_proposal:
        fields["p"] = True
    secret = _PREFIX + hub.signer.seal(_PURPOSE, json.dumps(fields, separators=(",", ":")))
    return Issued(secret, expires_s, f"{_store(hub, tx)}-{view}")
