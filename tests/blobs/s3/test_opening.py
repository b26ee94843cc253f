from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

from entrepot.blobs.s3.locations import S3Location
from entrepot.blobs.s3.opening import open_bucket
from entrepot.errors import StoreUnusable
from tests.support.s3_server import S3Server


def test_a_bucket_that_exists_is_opened(s3_server: S3Server) -> None:
    bucket = open_bucket(S3Location("shared", "here", s3_server.url), s3_server.environ(), s3_server.home)
    bucket.put("key", b"data")
    assert bucket.get("key") == b"data"


def test_without_the_library_the_message_says_what_to_install(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_ = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("obstore"):
            raise ImportError(name)
        return import_(name, *rest)

    for name in [name for name in sys.modules if name.startswith("obstore")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(StoreUnusable, match=r"pip install .entrepot\[s3\]"):
        open_bucket(S3Location("shared", "", s3_server.url), s3_server.environ(), s3_server.home)
