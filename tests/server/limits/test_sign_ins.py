from __future__ import annotations

import pathlib

from entrepot.hub.context import open_hub
from entrepot.server.limits.sign_ins import SignInLimits
from entrepot.settings import Settings


def test_kinds_of_attempts_are_counted_apart_and_success_ends_the_wait(tmp_path: pathlib.Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    passwords, codes = SignInLimits(hub, "sign-in"), SignInLimits(hub, "code")
    waits = [passwords.begin("alice", b"here") for _ in range(6)]
    assert waits[:5] == [0] * 5
    assert 0 < waits[5] <= 60
    assert codes.begin("alice", b"here") == 0
    passwords.note_success("alice", b"here")
    assert passwords.begin("alice", b"here") == 0
    hub.close()
