from entrepot.catalog import Catalog
from entrepot.catalog.accounts import device_codes, oauth_grants
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.device_codes import ACCEPTED, DeviceCodeRow

FIRST = DeviceCodeRow("aa" * 32, "bb" * 32, "client", "7f000001", "127.0.0.1", 1, 10)


def test_a_code_waits_until_it_expires_or_is_decided(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        assert device_codes.add(tx, FIRST)
        assert device_codes.waiting(tx, FIRST.user_code_hash, 9) == FIRST
        assert device_codes.waiting(tx, FIRST.user_code_hash, 10) is None
        device_codes.note_poll(tx, FIRST.device_hash, 5)
        device_codes.decide(tx, FIRST.device_hash, alice.id, ACCEPTED)
        device_codes.note_grant(tx, FIRST.device_hash, "c" * 24)
        assert device_codes.waiting(tx, FIRST.user_code_hash, 9) is None
        found = device_codes.find(tx, FIRST.device_hash)
    assert found is not None
    assert (found.polled_ms, found.user_id, found.decision, found.grant_uid) == (5, alice.id, ACCEPTED, "c" * 24)
    assert FIRST.device_hash not in repr(found)


def test_a_code_for_people_is_used_once_at_a_time(catalog: Catalog) -> None:
    with catalog.write() as tx:
        assert device_codes.add(tx, FIRST)
        assert not device_codes.add(tx, DeviceCodeRow("cc" * 32, "bb" * 32, "client", "00", "", 1, 10))
        device_codes.remove_expired(tx, 10)
        assert device_codes.find(tx, FIRST.device_hash) is not None
        device_codes.remove_expired(tx, 11)
        assert device_codes.find(tx, FIRST.device_hash) is None


def test_codes_are_counted_while_they_wait(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        for number, network in enumerate(("01", "01", "02")):
            digit = f"{number:02x}" * 32
            device_codes.add(tx, DeviceCodeRow(digit, digit, "client", network, "", 1, 10 + number))
        assert [device_codes.count_waiting(tx, 1, of) for of in (None, "01", "02", "03")] == [3, 2, 1, 0]
        assert device_codes.count_waiting(tx, 10) == 2
        device_codes.decide(tx, "02" * 32, alice.id, ACCEPTED)
        assert device_codes.count_waiting(tx, 10) == 1
        oauth_grants.remove_of(tx, alice.id)
        assert device_codes.find(tx, "02" * 32) is None
