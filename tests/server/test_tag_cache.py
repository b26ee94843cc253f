from __future__ import annotations

import attrs

from entrepot.names import RepoType
from entrepot.server import tag_cache
from entrepot.server.tag_cache import TagCache
from tests.support.served_hub import ServedHub

CARD = b"---\nlicense: mit\ntags: [one]\n---\n"


def test_tags_are_counted_again_after_a_minute(world: ServedHub) -> None:
    cache = TagCache()
    assert cache.most_frequent(world.hub, RepoType.SPACE) == {}
    world.commit(world.repo("tagged", "space"), {"README.md": CARD})
    assert cache.most_frequent(world.hub, RepoType.SPACE) == {}
    later = attrs.evolve(world.hub, now_ms=lambda: world.hub.now_ms() + tag_cache.FRESH_MS)
    found = cache.most_frequent(later, RepoType.SPACE)
    assert [(tag.label, tag.count) for tag in found["license"]] == [("mit", 1)]
