from __future__ import annotations

import errno

import pytest

from entrepot.blobs.faults import store_fault
from entrepot.errors import BlobUnreadable, EntrepotError, InvalidName, StoreFull, StoreUnavailable


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EIO, BlobUnreadable),
        (errno.ENOTDIR, InvalidName),
        (errno.EACCES, StoreUnavailable),
        (errno.EMFILE, StoreUnavailable),
    ],
)
def test_each_failure_has_its_family(number: int, kind: type[EntrepotError]) -> None:
    fault = store_fault(OSError(number, "said by the system"), "files/x")
    assert type(fault) is kind
    assert "files/x" in str(fault)


def test_an_error_without_a_number_keeps_its_text() -> None:
    assert "odd thing" in str(store_fault(OSError("odd thing"), "files/x"))
