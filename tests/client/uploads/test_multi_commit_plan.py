import hashlib

import pytest

from entrepot.client.digests import Digests
from entrepot.client.operations import Add, AddStored, Copy, Delete, DeleteFolder
from entrepot.client.sources import BytesSource
from entrepot.client.uploads.multi_commit_plan import plan, read_steps, size_of, split
from entrepot.errors import InvalidArgument
from entrepot.names import RepoPath, Sha256

DIGESTS = Digests(None)


def add(path: str, content: bytes = b"x") -> Add:
    return Add(RepoPath(path), BytesSource(content))


def test_groups_are_limited_in_number_and_size() -> None:
    assert split([1] * 5, size_of=int, most_items=2, most_bytes=100) == [[1, 1], [1, 1], [1]]
    assert split([40, 40, 40], size_of=int, most_items=50, most_bytes=100) == [[40, 40], [40]]
    assert split([], size_of=int) == []


def test_an_item_above_the_limit_gets_its_own_group() -> None:
    assert split([1, 500, 1], size_of=int, most_items=50, most_bytes=100) == [[500], [1, 1]]


def test_an_id_is_that_of_huggingface_hub() -> None:
    # MultiCommitStep and MultiCommitStrategy of 0.21.4, written out.
    step = hashlib.sha256(b"ADD" + b"a" + hashlib.sha256(b"x").digest()).hexdigest()
    gone = hashlib.sha256(b"DELETE" + b"b" + b"False" + b"DELETE" + b"c/" + b"True").hexdigest()
    whole = hashlib.sha256(b"new step" + step.encode() + b"new step" + gone.encode()).hexdigest()
    made = plan([[Delete(RepoPath("b")), DeleteFolder(RepoPath("c"))]], [[add("a")]], DIGESTS)
    assert (list(made.steps), made.id) == ([gone, step], whole)


def test_ids_are_stable_and_depend_on_what_is_done() -> None:
    def id_of(*adds: Add) -> str:
        return plan([], [list(adds)], DIGESTS).id

    assert id_of(add("a"), add("b")) == id_of(add("a"), add("b"))
    assert len({id_of(add("a")), id_of(add("b")), id_of(add("a", b"y")), id_of(add("a"), add("b"))}) == 4
    stored = AddStored(RepoPath("a"), Sha256(hashlib.sha256(b"x").hexdigest()), 1)
    assert plan([], [[stored]], DIGESTS).id == id_of(add("a"))


def test_a_description_lists_all_steps_and_can_be_read_back() -> None:
    made = plan([[Delete(RepoPath("old"))]], [[add("a", b"12345")], [add("b")]], DIGESTS)
    gone, first, second = made.steps
    text = made.describe("Title", "More", [gone, first])
    assert read_steps(text) == {gone, first, second}
    assert f"- [x] Delete 1 file(s) and 0 folder(s) ({gone})" in text
    assert f"- [x] Upload 1 file(s) totalling 5 ({first})" in text
    assert f"- [ ] Upload 1 file(s) totalling 1 ({second})" in text
    assert "## Title" in text
    assert f"**Multi commit ID:** {made.id}" in text


def test_sizes_are_readable() -> None:
    stored = AddStored(RepoPath("a"), Sha256("a" * 64), 2_500_000_000)
    assert "totalling 2.5G" in plan([], [[stored]], DIGESTS).describe("t", "", ())
    assert (size_of(stored), size_of(add("a", b"123")), size_of(Delete(RepoPath("a")))) == (2_500_000_000, 3, 0)


@pytest.mark.parametrize(
    ("additions", "reason"),
    [
        ([], "nothing to commit"),
        ([[]], "is empty"),
        ([[add("a")], [add("a")]], "are the same"),
        ([[Copy(RepoPath("a"), RepoPath("b"))]], "add and delete files only"),
    ],
)
def test_an_invalid_plan_is_refused(additions: list[list[Add]], reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        plan([], additions, DIGESTS)
