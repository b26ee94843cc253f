"""Failures of obstore, as people read them."""

from __future__ import annotations

import pytest
from obstore.exceptions import GenericError, NotSupportedError, PermissionDeniedError

from entrepot.errors import BucketMissing, EntrepotError, StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.faults import is_out_of_range, is_refused, is_unconditional, translate

STATUS = "Error performing PUT http://x in 1ms - Server returned non-2xx status code: {}: {}"
XML = "<Error><Code>{}</Code><Message>{}</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (PermissionDeniedError(STATUS.format("403 Forbidden", XML.format("AccessDenied", "No."))), StorageRefused, "AccessDenied: No."),
        (GenericError(STATUS.format("403 Forbidden", "")), StorageRefused, "status 403 Forbidden"),
        (FileNotFoundError(STATUS.format("404 Not Found", XML.format("NoSuchBucket", "gone"))), BucketMissing, "s3h://b"),
        (GenericError(STATUS.format("503 Slow Down", "")), StorageUnreachable, "status 503 Slow Down"),
        (GenericError("HTTP error: connection refused\n\nDebug source:\nsecret"), StorageUnreachable, "connection refused"),
    ],
)  # fmt: skip
def test_errors_name_the_storage_and_the_reason(error: Exception, kind: type[EntrepotError], text: str) -> None:
    found = translate(error, "s3h://b", "profile 'x'")
    assert type(found) is kind
    assert text in str(found)
    assert "secret" not in str(found)
    assert "AKIA" not in str(found)


def test_kinds_of_failures() -> None:
    assert is_refused(GenericError(STATUS.format("401 Unauthorized", "")))
    assert is_unconditional(NotSupportedError("x"))
    assert is_unconditional(GenericError(STATUS.format("501 Not Implemented", "")))
    assert is_out_of_range(GenericError(STATUS.format("416 Range Not Satisfiable", "")))
    assert not is_out_of_range(GenericError("x"))
