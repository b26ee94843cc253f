"""The S3 server of a test run leaves nothing behind."""

from pathlib import Path

import pytest

from tests.support.s3_server import find_weed, running_s3_server, sockets_of


def test_a_server_that_has_ended_leaves_no_socket(tmp_path: Path) -> None:
    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed")
    with running_s3_server(tmp_path) as server:
        assert sockets_of(server.ports), "the server makes sockets elsewhere now"
    assert sockets_of(server.ports) == []
