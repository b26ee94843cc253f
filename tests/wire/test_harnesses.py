from __future__ import annotations

import msgspec

from entrepot.wire.harnesses import Harnesses


def test_no_harness_is_known() -> None:
    assert msgspec.json.encode(Harnesses()) == b'{"standardEnvVars":[],"harnesses":{}}'
