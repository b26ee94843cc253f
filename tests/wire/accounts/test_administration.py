from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.accounts.administration import NewUsers, Removed, UserChanges


def test_names_travel_in_camel_case() -> None:
    new = msgspec.json.decode(b'{"users":[{"name":"bob","isAdmin":true}],"expiresS":60}', type=NewUsers)
    assert (new.users[0].is_admin, new.expires_s) == (True, 60)
    assert msgspec.json.encode(Removed(deleted="bob")) == b'{"deleted":"bob","moved":[],"purged":[]}'


def test_absent_fields_change_nothing() -> None:
    assert msgspec.json.decode(b"{}", type=UserChanges) == UserChanges(is_admin=None, is_suspended=None)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"isAdmin":"yes"}', type=UserChanges)
