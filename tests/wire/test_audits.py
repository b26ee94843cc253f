import msgspec

from entrepot.wire.audits import AuditEntry


def test_a_row_keeps_the_kinds_of_its_details() -> None:
    row = AuditEntry(
        id=1,
        at="2030-01-31T00:00:00.000Z",
        actor="alice",
        token=None,
        action="repo.delete",
        subject="model alice/m",
        details={"num": 7, "private": True, "from": None},
        chain="0" * 64,
    )
    assert msgspec.json.decode(msgspec.json.encode(row), type=AuditEntry) == row
