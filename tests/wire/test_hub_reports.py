from __future__ import annotations

import msgspec

from entrepot.wire.hub_reports import HubOverview, SweepRehearsal, SweptItem


def test_fields_of_two_words_are_in_camel_case_as_in_other_answers() -> None:
    overview = HubOverview(users=1, orgs=2, disk_free=3, disk_total=4, sizes={"git_objects": 5})
    assert msgspec.to_builtins(overview) == {
        "users": 1,
        "orgs": 2,
        "diskFree": 3,
        "diskTotal": 4,
        "sizes": {"git_objects": 5},
    }


def test_what_a_sweep_would_delete_has_the_fields_of_the_command() -> None:
    item = SweptItem(kind="file", what="a", reason="unused", size=3)
    found = SweepRehearsal(dry_run=True, is_complete=True, count=1, size=3, items=[item])
    assert msgspec.to_builtins(found)["items"] == [{"kind": "file", "what": "a", "reason": "unused", "size": 3}]
    assert msgspec.json.decode(msgspec.json.encode(found), type=SweepRehearsal) == found
