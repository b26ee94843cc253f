from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.repos.restrictions import DisableReason, ProtectionChanges


def test_a_change_of_protections_may_leave_everything_out() -> None:
    assert msgspec.json.decode(b"{}", type=ProtectionChanges) == ProtectionChanges()
    changes = msgspec.json.decode(b'{"unprotectAll":true,"tags":false}', type=ProtectionChanges)
    assert (changes.unprotect_all, changes.tags, list(changes.protect)) == (True, False, [])


def test_a_reason_is_required() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"{}", type=DisableReason)
