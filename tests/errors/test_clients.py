from __future__ import annotations

import pytest

from entrepot import errors
from entrepot.errors import AnswerUnusable, HubTimeout, HubUnreachable, Offline, TlsFailed, TokenMissing


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (TokenMissing("http://hub"), "log in with 'entrepot login'"),
        (HubUnreachable("http://hub", "refused"), "ENTREPOT_ENDPOINT"),
        (HubTimeout("http://hub", 7), "within 7 s"),
        (TlsFailed("https://hub", "expired"), "clock"),
        (AnswerUnusable("http://hub/x", "no JSON"), "the address of a hub"),
        (Offline("this list"), "unset ENTREPOT_OFFLINE"),
    ],
)
def test_errors_of_the_connection_name_the_cure(error: errors.EntrepotError, cure: str) -> None:
    assert cure in error.message
    assert "\n" not in error.message


def test_a_reason_from_outside_is_shown_harmless() -> None:
    assert "\x1b" not in HubUnreachable("http://hub", "\x1b[31mred").message


def test_a_missing_file_may_be_caught_the_way_python_does() -> None:
    assert issubclass(errors.NotCached, FileNotFoundError)
    assert issubclass(errors.DiskFull, OSError)


def test_weights_that_cannot_be_described_are_named() -> None:
    assert "alice/bert has neither model.safetensors" in errors.TensorsMissing("alice/bert", "main").message
    assert "'a.bin' is not a safetensors file: too short" in errors.TensorsUnreadable("a.bin", "too short").message
