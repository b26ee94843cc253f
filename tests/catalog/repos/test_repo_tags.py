from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.repos import repo_tags, repositories
from entrepot.catalog.repos.repositories import CardFacts, RepoRow
from entrepot.names import RepoType

AddRepo = Callable[..., RepoRow]


def test_labels_are_tags_after_those_of_the_card_and_survive_it(
    catalog: Catalog, repo: RepoRow, add_repo: AddRepo
) -> None:
    other = add_repo("other", labels=("of another",))
    no_card = CardFacts(None, None, None, None, None, ())
    with catalog.write() as tx:
        repositories.set_labels(tx, repo.id, ["z", "mit", "a"])
        assert repo_tags.tags_of(tx, [repo.id])[repo.id] == ["z", "mit", "a"]
        repositories.set_facts(tx, repo.id, attrs.evolve(no_card, tags=("nlp", "mit")))
        assert repo_tags.tags_of(tx, [repo.id])[repo.id] == ["nlp", "mit", "z", "a"]
        repositories.set_labels(tx, repo.id, ["b"])
        assert repo_tags.tags_of(tx, [repo.id])[repo.id] == ["nlp", "mit", "b"]
        repositories.set_facts(tx, repo.id, no_card)
        assert repo_tags.tags_of(tx, [repo.id, other.id]) == {repo.id: ["b"], other.id: ["of another"]}
    with catalog.read() as tx:
        found = repositories.by_id(tx, repo.id)
        assert found is not None
        assert found.labels == ("b",)


def test_only_tags_of_public_repositories_of_the_type_are_listed(catalog: Catalog, add_repo: AddRepo) -> None:
    rows = [
        (add_repo("one"), ("b", "a")),
        (add_repo("two"), ("b",)),
        (add_repo("hidden", visibility="private"), ("secret",)),
        (add_repo("data", type=RepoType.DATASET), ("rows",)),
    ]
    with catalog.write() as tx:
        for row, tags in rows:
            repositories.set_facts(tx, row.id, CardFacts(None, None, None, None, None, tags))
        assert repo_tags.public_tags(tx, RepoType.MODEL) == {"a": 1, "b": 2}
        assert repo_tags.public_tags(tx, RepoType.DATASET) == {"rows": 1}
        assert repo_tags.public_tags(tx, RepoType.SPACE) == {}


def test_words_of_public_repositories_are_collected(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("a", pipeline_tag="fill-mask", library="timm")
    add_repo("b", pipeline_tag="fill-mask")
    add_repo("closed", pipeline_tag="secret", library="secret", visibility="private")
    with catalog.read() as tx:
        assert repo_tags.public_words(tx, RepoType.MODEL) == ({"fill-mask"}, {"timm"})
        assert repo_tags.public_words(tx, RepoType.SPACE) == (frozenset(), frozenset())
