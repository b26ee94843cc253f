from __future__ import annotations

from obstore.exceptions import GenericError, NotSupportedError

from entrepot.blobs.s3.answers import (
    is_bucket_absent,
    is_full,
    is_out_of_range,
    is_refused,
    is_unconditional,
    reason_of,
)

STATUS = "Error performing PUT http://x in 1ms - Server returned non-2xx status code: {}: {}"
XML = "<Error><Code>{}</Code><Message>{}</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"


def test_kinds_of_failures() -> None:
    assert is_refused(GenericError(STATUS.format("401 Unauthorized", "")))
    assert is_unconditional(NotSupportedError("x"))
    assert is_unconditional(GenericError(STATUS.format("501 Not Implemented", "")))
    assert is_out_of_range(GenericError(STATUS.format("416 Range Not Satisfiable", "")))
    assert not is_out_of_range(GenericError("x"))
    assert is_full(GenericError(STATUS.format("507 Insufficient Storage", "")))
    assert is_full(GenericError(STATUS.format("403 Forbidden", XML.format("QuotaExceeded", "no"))))
    assert is_bucket_absent(FileNotFoundError(STATUS.format("404 Not Found", XML.format("NoSuchBucket", "gone"))))
    assert not is_bucket_absent(FileNotFoundError(STATUS.format("404 Not Found", XML.format("NoSuchKey", "gone"))))


def test_the_reason_is_that_of_the_storage_and_never_the_request() -> None:
    denied = GenericError(STATUS.format("403 Forbidden", XML.format("AccessDenied", "No.")))
    assert reason_of(denied) == "AccessDenied: No."
    assert reason_of(GenericError(STATUS.format("503 Slow Down", ""))) == "status 503 Slow Down"
    assert reason_of(GenericError("connection refused\n\nDebug source:\nsecret")) == "connection refused"
    assert reason_of(GenericError("")) == "no answer"


def test_a_service_that_does_not_answer_is_named_without_the_request() -> None:
    text = "forming list request: Error performing GET http://127.0.0.1:9/m?prefix=x%2F in 538.9ms, after 4 retries"
    assert reason_of(GenericError(f"{text} - HTTP error: error sending request")) == "no answer from http://127.0.0.1:9"
