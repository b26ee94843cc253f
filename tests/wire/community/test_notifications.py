from __future__ import annotations

import msgspec

from entrepot.wire.community.notifications import MutedDiscussion, NotificationMarks, SubscriptionInfo


def test_a_body_without_read_marks_as_read() -> None:
    marks = msgspec.json.decode(b'{"ids":["a"]}', type=NotificationMarks)
    assert (marks.ids, marks.all, marks.read) == (["a"], False, True)


def test_choices_have_the_names_of_the_api() -> None:
    assert msgspec.json.encode(SubscriptionInfo(level="all", chosen=False)) == b'{"level":"all","chosen":false}'
    assert msgspec.json.encode(MutedDiscussion(muted=True)) == b'{"muted":true}'
