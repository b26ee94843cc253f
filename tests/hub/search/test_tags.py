from __future__ import annotations

from typing import Any

from entrepot.hub.search import tags
from entrepot.names import RepoType
from tests.support.worlds import World


def words(world: World, kind: RepoType) -> dict[str, list[str]]:
    found = tags.by_kind(world.hub, kind)
    return {group: [item.tag for item in items] for group, items in found.items() if items}


def add_card(world: World, name: str, text: str, **options: Any) -> None:
    world.add(world.repo(name, **options), "README.md", f"---\n{text}\n---\n".encode())


def test_tags_of_models_are_sorted_by_kind(world: World) -> None:
    add_card(
        world,
        "alice/m",
        "license: mit\nlibrary_name: timm\npipeline_tag: fill-mask\nlanguage: [fr, de]\n"
        "datasets: [squad]\ntags: [pytorch, fun, 'a:b']",
    )
    assert words(world, RepoType.MODEL) == {
        "license": ["license:mit"],
        "dataset": ["dataset:squad"],
        "region": ["region:us"],
        "pipeline_tag": ["fill-mask"],
        "library": ["pytorch", "timm"],
        "language": ["de", "fr"],
        "other": ["a:b", "fun"],
    }


def test_tags_of_datasets_are_sorted_by_their_prefix(world: World) -> None:
    add_card(world, "alice/d", "license: mit\nlanguage: fr\ntask_categories: [qa]", kind=RepoType.DATASET)
    assert words(world, RepoType.DATASET) == {
        "license": ["license:mit"],
        "language": ["language:fr"],
        "task_categories": ["task_categories:qa"],
        "region": ["region:us"],
        "other": ["fr"],
    }


def test_the_label_leaves_the_prefix_out(world: World) -> None:
    add_card(world, "alice/m", "license: mit")
    assert [item.label for item in tags.by_kind(world.hub, RepoType.MODEL)["license"]] == ["mit"]


def test_tags_of_private_repositories_and_other_types_are_excluded(world: World) -> None:
    add_card(world, "alice/m", "tags: [secret]\npipeline_tag: hidden", visibility="private")
    add_card(world, "alice/d", "tags: [elsewhere]", kind=RepoType.DATASET)
    assert words(world, RepoType.MODEL) == {}
    assert set(tags.by_kind(world.hub, RepoType.MODEL)) == {
        *("license", "dataset", "region", "pipeline_tag", "library", "language", "other"),
    }
