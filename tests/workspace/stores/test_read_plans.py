"""Plans of fetches."""

from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.names import RepoPath
from entrepot.workspace.stores import read_plans
from entrepot.workspace.stores.drafts import Draft
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.read_plans import ReadPlan, ReadRequest, WantedContent
from tests.support.chunk_stores import Desk, noise


def plan(desk: Desk, files: dict[str, bytes], wanted: list[str]) -> list[ReadRequest]:
    desk.pack(files)
    known = desk.outbox.knowledge()
    made = ReadPlan()
    desk.drafts.mkdir(exist_ok=True)
    for path in wanted:
        entry = desk.draft(files).manifest.files[RepoPath(path)]
        block = known.find_file(entry.sha256)
        assert block is not None
        made.add(WantedContent(entry.sha256, "", Draft(desk.drafts / entry.sha256, entry.size), [path]), block, known)
    return list(made.requests())


def test_a_request_covers_neighbours(desk: Desk) -> None:
    files = {f"f{number}": noise(8000, number) for number in range(10)}
    [request] = plan(desk, files, list(files))
    assert (request.start, request.end, len(request.uses)) == (0, 10, 10)


def test_a_short_gap_is_read_over_and_a_long_one_is_not(desk: Desk) -> None:
    files = {f"f{number:02}": noise(8000, number) for number in range(30)}
    requests = plan(desk, files, ["f00", "f02", "f29"])
    assert [(request.start, request.end) for request in requests] == [(0, 3), (29, 30)]


def test_requests_are_limited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_plans, "REQUEST_BYTES", 200_000)
    requests = plan(desk, {"big": noise(2_000_000, 1)}, ["big"])
    assert len(requests) >= 10
    for request in requests:
        size = request.pack.index.offset(request.end) - request.pack.index.offset(request.start)
        assert size <= 200_000 or request.end == request.start + 1
    offsets = [use.offset for request in requests for use in request.uses]
    assert offsets == sorted(set(offsets))


def test_chunks_that_the_draft_has_are_left_out(desk: Desk) -> None:
    data = noise(2_000_000, 1)
    [whole] = plan(desk, {"big": data}, ["big"])
    desk.drafts.mkdir(exist_ok=True)
    sha256 = whole.uses[0].content.sha256
    (desk.drafts / f"{sha256}.part").write_bytes(bytes(1000) + data[1000:])
    [rest] = plan(desk, {"big": data}, ["big"])
    assert (rest.start, rest.end) == (0, 1)


def test_an_index_without_the_pack_is_refused(desk: Desk) -> None:
    desk.pack({"a": b"x" * 100})
    [block] = [block for block, _ in desk.outbox.knowledge().files.values()]
    content = WantedContent("", "", Draft(desk.folder / "x", 100), ["a"])
    with pytest.raises(Malformed, match="xorb"):
        ReadPlan().add(content, block, Knowledge())
    with pytest.raises(Malformed, match="99"):
        ReadPlan().add(WantedContent("", "", Draft(desk.folder / "x", 99), ["a"]), block, desk.outbox.knowledge())
