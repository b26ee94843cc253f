"""What the job for chunks packs by its own methods is read by the stock client, with and without wasmtime."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from entrepot import testing
from entrepot.catalog.repos import repositories
from entrepot.hub.context import open_hub
from entrepot.xet import chunking, compiled_gear
from tests.support import hub_work
from tests.support.served_hub import ServedHub

FETCH = "import sys, huggingface_hub as h; print(h.hf_hub_download('alice/m', 'w.bin', local_dir=sys.argv[1]))"


def mixed_content() -> bytes:
    """Return numbers of two types, text, noise and zeros, at all offsets modulo 4."""
    chance = np.random.default_rng(5)
    numbers = chance.normal(0, 0.02, 500_000).astype("<f4")
    halves = (numbers.view("<u4") >> 16).astype("<u2").tobytes()
    parts = [
        numbers.tobytes(),
        b"a line of text\n" * 20_000,
        chance.bytes(300_001),
        halves,
        b"x",
        halves,
        bytes(300_000),
    ]
    return b"".join(parts)


@pytest.mark.parametrize("has_library", [True, False], ids=["compiled", "numpy"])
def test_the_stock_client_reads_chunks_that_the_hub_has_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_library: bool
) -> None:
    if not has_library:
        monkeypatch.setattr(chunking, "compiled_gear", lambda: None)
    elif compiled_gear.compiled_gear() is None:
        pytest.skip("the extra 'speed' is not installed")
    content = mixed_content()
    with testing.hub(run_jobs=False) as running:
        alice = running.user("alice")
        with contextlib.closing(open_hub(running.settings)) as hub:
            served = ServedHub(hub, running.url, alice.token, alice.token, alice.token)
            ref = served.repo("m")
            served.commit_large(ref, "w.bin", content)
            with hub.read() as tx:
                row = repositories.find(tx, ref)
            assert row is not None
            assert hub_work.chunk_files(hub, row.id) == 1
            assert not any("/blobs/files/" in path for path in served.blobs())
            with served.client(alice.token) as client:
                assert "x-xet-hash" in client.head("/alice/m/resolve/main/w.bin").headers
                assert client.get("/alice/m/resolve/main/w.bin").content == content
        environ = {**os.environ, **running.environ(alice), "HF_HOME": str(tmp_path / "home")}
        environ.pop("HF_HUB_DISABLE_XET", None)
        command = [sys.executable, "-c", FETCH, str(tmp_path / "back")]
        subprocess.run(command, env=environ, check=True, timeout=240, capture_output=True)
    assert (tmp_path / "back/w.bin").read_bytes() == content
