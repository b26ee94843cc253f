from __future__ import annotations

from entrepot.server.lfs.lfs_responses import lfs_response
from entrepot.wire.files.lfs import Failure


def test_responses_have_the_media_type_of_git_lfs() -> None:
    response = lfs_response(Failure("no", "no"), 409)
    assert response.status_code == 409
    assert response.headers["content-type"].startswith("application/vnd.git-lfs+json")
    assert response.body == b'{"error":"no","message":"no"}'
