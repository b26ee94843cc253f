from __future__ import annotations

from entrepot.hub.community import likes, trends
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import Search
from entrepot.names import RepoType
from tests.support.worlds import World

DAY_MS = 86_400_000


def order(world: World) -> list[str]:
    found = infos.search(world.hub, None, Search(RepoType.MODEL, sort="trending"))
    return [full.info.row.name for full in found.infos]


def test_a_like_lifts_a_repository_at_once(world: World) -> None:
    first, second = world.repo("alice/first"), world.repo("alice/second")
    assert first.id.name == "first"
    likes.like(world.hub, world.bob, first)
    assert order(world)[0] == "first"
    likes.like(world.hub, world.bob, second)
    likes.like(world.hub, world.alice, second)
    assert order(world)[0] == "second"


def test_a_trending_score_decays(world: World) -> None:
    ref = world.repo("alice/m")
    likes.like(world.hub, world.bob, ref)
    world.clock.advance(8 * DAY_MS)
    trends.refresh(world.hub, {})
    [full] = infos.search(world.hub, None, Search(RepoType.MODEL)).infos
    assert full.info.row.trending == 0.0


def test_the_next_run_is_scheduled_once(world: World) -> None:
    trends.plan(world.hub)
    trends.refresh(world.hub, {})
    assert [job.kind for job in handlers.list_jobs(world.hub) if job.kind == "trends"] == ["trends"]
