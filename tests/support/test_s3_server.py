"""The S3 server of a test run leaves nothing behind."""

from pathlib import Path

import pytest

from tests.support.s3_server import find_weed, running_s3_server, sockets_of


def test_a_server_that_has_ended_leaves_no_socket_and_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed")
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    with running_s3_server(data) as server:
        assert sockets_of(server.ports), "the server makes sockets elsewhere now"
    assert sockets_of(server.ports) == []
    assert list(elsewhere.iterdir()) == []
