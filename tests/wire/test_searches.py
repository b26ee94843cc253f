from __future__ import annotations

import msgspec

from entrepot.wire.searches import QuickRepo, QuickSearchResponse, TextHit, TextSearchResponse


def test_a_proposal_has_the_words_that_clients_read() -> None:
    repo = QuickRepo(uid="ab", id="alice/m", private=False, trending_weight=1.5)
    assert msgspec.json.encode(repo) == b'{"_id":"ab","id":"alice/m","private":false,"trendingWeight":1.5}'
    found = QuickSearchResponse(
        q="m",
        models=[repo],
        models_count=1,
        datasets=[],
        datasets_count=0,
        spaces=[],
        spaces_count=0,
        orgs=[],
        users=[],
    )
    assert set(msgspec.json.decode(msgspec.json.encode(found))) == {
        "q", "models", "modelsCount", "datasets", "datasetsCount", "spaces", "spacesCount", "orgs", "users"
    }  # fmt: skip


def test_hits_say_how_many_there_are() -> None:
    hit = TextHit(
        repo_type="model", repo_id="a/b", snippet="", tags=[], private=False, likes=0, downloads=0, last_modified="t"
    )
    text = msgspec.json.encode(TextSearchResponse(hits=[hit], total=9, skip=0, limit=1))
    assert msgspec.json.decode(text, type=TextSearchResponse).total == 9
