from __future__ import annotations

import msgspec

from entrepot.wire.repos.tags import TagEntry


def test_a_tag_has_the_word_to_filter_by_and_the_word_for_people() -> None:
    entry = TagEntry("license:mit", "mit", "license", 3)
    assert msgspec.json.encode(entry) == b'{"id":"license:mit","label":"mit","type":"license","count":3}'
