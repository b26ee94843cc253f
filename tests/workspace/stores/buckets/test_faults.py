"""Failures of obstore, as people read them."""

from __future__ import annotations

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from entrepot.errors import BucketMissing, EntrepotError, StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.faults import translate

STATUS = "Error performing PUT http://x in 1ms - Server returned non-2xx status code: {}: {}"
XML = "<Error><Code>{}</Code><Message>{}</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"


DENIED = PermissionDeniedError(STATUS.format("403 Forbidden", XML.format("AccessDenied", "No.")))
NO_LIST = GenericError(STATUS.format("403 Forbidden", ""))
ABSENT = FileNotFoundError(STATUS.format("404 Not Found", XML.format("NoSuchBucket", "gone")))
SLOW = GenericError(STATUS.format("503 Slow Down", ""))
DOWN = GenericError("HTTP error: connection refused\n\nDebug source:\nsecret")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (DENIED, StorageRefused, "AccessDenied: No."),
        (NO_LIST, StorageRefused, "status 403 Forbidden"),
        (ABSENT, BucketMissing, "s3h://b"),
        (SLOW, StorageUnreachable, "status 503 Slow Down"),
        (DOWN, StorageUnreachable, "connection refused"),
    ],
)
def test_errors_name_the_storage_and_the_reason(error: Exception, kind: type[EntrepotError], text: str) -> None:
    found = translate(error, "s3h://b", "profile 'x'")
    assert type(found) is kind
    assert text in str(found)
    assert "secret" not in str(found)
    assert "AKIA" not in str(found)
