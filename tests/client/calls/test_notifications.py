from __future__ import annotations

import json

from entrepot.client.calls import notifications


def test_the_list_asks_for_unread_ones_unless_told_otherwise() -> None:
    assert dict(notifications.listing().query) == {"readStatus": "unread", "limit": "50"}
    assert dict(notifications.listing(shows_all=True, limit=3).query) == {"readStatus": "all", "limit": "3"}


def test_marks_name_ids_or_all() -> None:
    assert json.loads(notifications.mark_read(["a"]).body or b"")["ids"] == ["a"]
    everything = json.loads(notifications.mark_read(None).body or b"")
    assert everything["all"] is True
    assert everything.get("ids") is None
