import pytest

from entrepot.errors import (
    EntityAmbiguous,
    EntityMissing,
    EntrepotError,
    FilesRefused,
    LinkBroken,
    MetadataMissing,
    NothingToCommit,
    ObjectsMissing,
    PathMissing,
    ProjectBusy,
    ProjectExists,
    ProjectMissing,
    UrlRefused,
    VersionMissing,
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ProjectMissing("/a"), "'/a' is not in an ml-git project"),
        (ProjectExists("/a"), "nothing was changed"),
        (MetadataMissing("datasets", "run it"), "the metadata of datasets is not initialised; run it"),
        (NothingToCommit("labels"), 'use "ml-git labels add" command to track them'),
        (FilesRefused(("a: it is a pipe",)), "nothing was staged"),
        (PathMissing(("a", "b")), "a, b"),
        (ObjectsMissing("s3h://b", "k"), "there is no object 'k' in s3h://b; nothing was imported"),
        (LinkBroken("t", "a" * 40, "b" * 40), "has the commit bbbbbbbb, but the link says aaaaaaaa"),
        (EntityMissing("x"), "Could not find an entity with the name 'x'."),
        (EntityMissing("x", "create it"), "Could not find an entity with the name 'x'; create it"),
        (EntityAmbiguous("x", tuple(str(n) for n in range(30))), "and 10 more"),
        (VersionMissing("x 3", "the entity has the versions 1"), "the entity has the versions 1"),
        (ProjectBusy("it", "12"), "held by pid 12"),
        (UrlRefused("https://u:secret99@h", "no"), "is refused: no"),
    ],
)
def test_a_message_names_the_thing_and_the_cure(error: EntrepotError, words: str) -> None:
    assert words in str(error)
    assert "secret99" not in str(error) + repr(error)
