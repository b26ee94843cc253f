from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.catalog.repos import conversions as rows
from entrepot.catalog.repos.conversions import ConversionRow
from entrepot.errors import NotAllowed, RevisionNotFound, UnsupportedDataset
from entrepot.hub.accounts import quotas
from entrepot.hub.conversions import conversions, processes
from entrepot.hub.datasets import tables
from entrepot.hub.datasets.layouts import SplitRef
from entrepot.hub.files.operations import Delete
from entrepot.hub.jobs import handlers, maintenance
from entrepot.hub.repos import branches, commits, repositories
from entrepot.names import PARQUET, RepoId, RepoPath, RepoRef, RepoType
from tests.support import hub_work
from tests.support.parquet_files import parquet_of
from tests.support.worlds import DAY_MS, World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("alice/d", kind=RepoType.DATASET)


def run(world: World) -> list[str | None]:
    """Run all jobs; return the errors of conversions."""
    found = []
    world.clock.advance(60_000)
    while (outcome := hub_work.run_next(world.hub, handlers.new_owner())) is not None:
        found += [outcome.error] if outcome.job.kind == "convert" else []
    return found


def stored(world: World, ref: RepoRef) -> ConversionRow:
    with world.hub.read() as tx:
        found = rows.find(tx, world.row_id(ref))
    assert found is not None
    return found


def told(world: World, ref: RepoRef) -> list[tuple[str, str]]:
    return [(config["name"], config["reason"] or config["status"]) for config in stored(world, ref).configs]


def table(world: World, ref: RepoRef, path: str) -> Any:
    return pq.read_table(io.BytesIO(world.read(ref, path, PARQUET)))


def shown(world: World, ref: RepoRef) -> list[str]:
    return sorted(path for path in world.paths(ref, PARQUET) if path.endswith(".parquet"))


def usage(world: World) -> int:
    return quotas.show(world.hub, "alice").used


def test_parquet_files_are_linked_without_a_byte(world: World, ref: RepoRef) -> None:
    small, large = parquet_of({"a": [1]}), parquet_of({"a": list(range(5_000))})
    world.add(ref, "data/train-00000-of-00002.parquet", small)
    world.add_large(ref, "data/train-00001-of-00002.parquet", large)
    world.add(ref, "data/test-00000-of-00001.parquet", small)
    before = usage(world)
    assert run(world)[-1] is None
    assert shown(world, ref) == [f"default/{name}.parquet" for name in ("test/0000", "train/0000", "train/0001")]
    assert told(world, ref) == [("default", "linked")]
    assert world.read(ref, "default/train/0001.parquet", "~parquet") == large
    assert usage(world) - before < 2_000, "only trees, a card and attributes are new"
    assert world.read(ref, "default/train/.gitattributes", PARQUET).startswith(b"0001.parquet filter=lfs")


def test_other_tables_are_converted_and_follow_main(world: World, ref: RepoRef) -> None:
    world.add(ref, "train.csv", b"a,b\n1,x\n2,\n")
    world.add(ref, "test.csv", b"a,b\n3,z\n")
    assert run(world)[-1] is None
    assert shown(world, ref) == ["default/test/0000.parquet", "default/train/0000.parquet"]
    assert table(world, ref, "default/train/0000.parquet").to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    [config] = stored(world, ref).configs
    assert [(split["name"], split["rows"], len(split["sizes"])) for split in config["splits"]] == [
        ("train", 2, 1),
        ("test", 1, 1),
    ]
    assert config["features"]["b"] == {"dtype": "string", "_type": "Value"}
    world.add(ref, "train.csv", b"a,b\n9,x\n")
    run(world)
    assert table(world, ref, "default/train/0000.parquet").to_pylist() == [{"a": 9, "b": "x"}]
    world.commit(ref, Delete(RepoPath("train.csv")), Delete(RepoPath("test.csv")))
    run(world)
    assert PARQUET not in [head.ref for head in branches.list_refs(world.hub, None, ref)]
    assert told(world, ref) == [("default", "it has no data files")]


def test_compressed_files_are_converted_where_nothing_can_be_opened(world: World, ref: RepoRef) -> None:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packing:
        packing.write(b'{"a": 4}\n')
    world.add(ref, "train-0.jsonl.gz", gzip.compress(b'{"a": 1}\n'))
    world.add(ref, "train-1.jsonl.bz2", bz2.compress(b'{"a": 2}\n'))
    world.add(ref, "train-2.jsonl.xz", lzma.compress(b'{"a": 3}\n'))
    world.add(ref, "train-3.jsonl.zst", bytes(sink.getvalue()))
    world.add(ref, "train-4.jsonl", b'{"a": 5}\n')
    run(world)
    assert told(world, ref) == [("default", "converted")]
    assert table(world, ref, "default/train/0000.parquet")["a"].to_pylist() == [1, 2, 3, 4, 5]
    page = tables.read_rows(world.hub, None, SplitRef(ref, "main", "default", "train"), offset=3, length=2)
    assert [row.cells for row in page.rows] == [{"a": 4}, {"a": 5}]


def test_bombs_and_damaged_files_are_told(world: World, ref: RepoRef) -> None:
    world.add_large(ref, "a.csv.gz", gzip.compress(b"a\n" + b"1\n" * (40 << 20)))
    run(world)
    [(_, reason)] = told(world, ref)
    assert reason.startswith("a.csv.gz: it contains more than ")
    world.add(ref, "a.csv.gz", gzip.compress(b"a\n1\n")[:-5])
    run(world)
    [(_, reason)] = told(world, ref)
    assert reason.startswith("a.csv.gz: it is not an intact gzip file: ")
    with pytest.raises(UnsupportedDataset, match="its rows are shown when they were converted"):
        tables.read_rows(world.hub, None, SplitRef(ref, "main", "default", "train"), offset=0, length=2)


def test_the_card_decides_about_configurations_and_features(world: World, ref: RepoRef) -> None:
    card = """---
configs:
- config_name: en
  data_files: en/*.csv
- config_name: f r
  data_files: [{split: test, path: fr.jsonl}]
- config_name: odd
  data_files: en/*.csv
  skiprows: 1
- config_name: semi
  data_files: semi.csv
  sep: ";"
- config_name: images
  data_files: x.pdf
- config_name: member
  data_files: m.json
  field: data
dataset_info:
- config_name: en
  features: [{name: id, dtype: string}, {name: n, dtype: float32}]
---
"""
    world.add(ref, "README.md", card.encode())
    world.add(ref, "en/1.csv", b"id,n\n007,1\n")
    world.add(ref, "fr.jsonl", b'{"id": 1}\n')
    world.add(ref, "semi.csv", b"a;b\n1;x,y\n")
    world.add(ref, "x.pdf", b"document")
    world.add(ref, "m.json", b'{"data": [{"title": "x"}]}')
    with pytest.raises(UnsupportedDataset, match="shown when they were converted to Parquet"):
        tables.read_rows(world.hub, world.alice, SplitRef(ref, "main", "member", "train"), offset=0, length=9)
    assert run(world)[-1] is None
    assert told(world, ref) == [
        ("en", "converted"),
        ("f r", "converted"),
        ("odd", "the card says with 'skiprows' how its files are read"),
        ("semi", "converted"),
        ("images", "files of the format pdffolder are not converted"),
        ("member", "converted"),
    ]
    paths = [f"{name}/0000.parquet" for name in ("en/train", "f r/test", "member/train", "semi/train")]
    assert shown(world, ref) == paths
    page = tables.read_rows(world.hub, world.alice, SplitRef(ref, "main", "member", "train"), offset=0, length=9)
    assert [dict(row.cells) for row in page.rows] == [{"title": "x"}]
    assert table(world, ref, "semi/train/0000.parquet").to_pylist() == [{"a": 1, "b": "x,y"}]
    found = table(world, ref, "en/train/0000.parquet")
    assert (found.to_pylist(), str(found.schema.field("n").type)) == ([{"id": "7", "n": 1.0}], "float")
    assert b"f r/test/*.parquet" in world.read(ref, "README.md", PARQUET)


def test_a_change_of_other_files_converts_nothing(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    run(world)
    before = stored(world, ref)
    monkeypatch.setattr(processes, "command_of", lambda _module: [sys.executable, "-c", "this would fail"])
    head = world.add(ref, "README.md", b"# x")
    assert run(world) == [None]
    assert (stored(world, ref).source, stored(world, ref).commit) == (head, before.commit)
    assert stored(world, ref).converted_ms == before.converted_ms


def test_what_cannot_be_converted_is_told_and_not_tried_again(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(ref, "a.csv", b"a\n1,2\n")
    assert run(world)[-1] is None
    assert told(world, ref) == [("default", "a.csv: row 2 has 2 fields, and the header names 1")]
    tried = list[Any]()
    monkeypatch.setattr(processes, "convert", lambda *given: tried.append(given))
    world.add(ref, "notes.md", b"x")
    assert run(world) == [None]
    assert tried == []


def test_limits_and_the_switch(world: World, make_world: Callable[..., World]) -> None:
    site = make_world(convert_max_bytes=10)
    ref = site.repo("alice/d", kind=RepoType.DATASET)
    site.add(ref, "a.csv", b"a\n" + b"1\n" * 10)
    run(site)
    assert told(site, ref) == [("default", "its files have 22 bytes; 10 are converted")]
    off = make_world(convert_parquet=False)
    ref = off.repo("alice/d", kind=RepoType.DATASET)
    off.add(ref, "a.csv", b"a\n1\n")
    assert run(off) == []
    model = world.repo("alice/m")
    world.add(model, "a.csv", b"a\n1\n")
    assert run(world) == []


def test_switching_it_off_removes_the_ref_after_the_next_commit(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    run(world)
    settings = msgspec.structs.replace(world.hub.settings, convert_parquet=False)
    off = World(attrs.evolve(world.hub, settings=settings), world.clock, world.secrets)
    off.add(ref, "b.md", b"x")
    assert run(off) == [None]
    assert PARQUET not in [head.ref for head in branches.list_refs(off.hub, None, ref)]
    off.add(ref, "c.md", b"x")
    assert run(off) == []


def test_a_conversion_that_exceeds_the_quota_is_not_kept(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    quotas.change(world.hub, "alice", {"max_bytes": usage(world) + 10})
    assert run(world)[-1] is None
    [(_, reason)] = told(world, ref)
    assert "quota" in reason
    assert PARQUET not in [head.ref for head in branches.list_refs(world.hub, None, ref)]


def test_nobody_else_changes_the_ref(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    run(world)
    for is_empty in (True, False):
        with pytest.raises(NotAllowed, match="made by the hub"):
            branches.create_branch(world.hub, world.alice, ref, PARQUET, start=None, is_empty=is_empty, overwrites=True)
    with pytest.raises(NotAllowed, match="made by the hub"):
        world.add(ref, "x", branch=PARQUET)
    with pytest.raises(NotAllowed, match="made by the hub"):
        commits.check_target(world.hub, world.alice, ref, "~parquet")
    with pytest.raises(NotAllowed, match="made by the hub"):
        branches.delete_branch(world.hub, world.alice, ref, PARQUET)


@pytest.mark.parametrize("is_empty", [True, False])
def test_the_ref_can_be_created_before_the_first_conversion_which_replaces_it(
    world: World, ref: RepoRef, is_empty: bool
) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    branches.create_branch(world.hub, world.alice, ref, PARQUET, start=None, is_empty=is_empty, overwrites=False)
    assert PARQUET in [head.ref for head in branches.list_refs(world.hub, None, ref)]
    with pytest.raises(NotAllowed, match="made by the hub"):
        world.add(ref, "x", branch=PARQUET)
    run(world)
    assert shown(world, ref) == ["default/train/0000.parquet"]


def test_sweeps_keep_the_files_and_delete_those_of_earlier_conversions(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    run(world)
    old = stored(world, ref).commit
    world.add(ref, "a.csv", b"a\n2\n")
    run(world)
    world.clock.advance(30 * DAY_MS)
    swept = list(maintenance.gc(world.hub))
    assert old is not None
    assert swept, "the first conversion is gone"
    assert table(world, ref, "default/train/0000.parquet").to_pylist() == [{"a": 2}]
    assert list(maintenance.fsck(world.hub)) == []


def test_copies_have_their_own(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    run(world)
    copy = repositories.duplicate(world.hub, world.bob, ref, RepoId("bob", "copy"), None).ref
    monkeypatch.setattr(processes, "command_of", lambda _module: [sys.executable, "-c", "this would fail"])
    assert table(world, copy, "default/train/0000.parquet").to_pylist() == [{"a": 1}]
    world.add(copy, "b.md", b"x", by=world.bob)
    assert run(world) == [None]
    assert told(world, copy) == [("default", "converted")]


def test_a_conversion_tells_how_much_it_has_left(world: World, ref: RepoRef) -> None:
    card = "---\nconfigs:\n- {config_name: a, data_files: a.csv}\n- {config_name: b, data_files: b.csv}\n---\n"
    for path, data in {"README.md": card.encode(), "a.csv": b"a\n" + b"1\n" * 500, "b.csv": b"a\n1\n"}.items():
        world.add(ref, path, data)
    steps = conversions.convert_steps(world.hub, world.row_id(ref))
    told = [left_bytes for left_bytes in steps if left_bytes is not None]
    each = conversions.WORK_OF_A_PROCESS
    assert told == [2 * each + 8 * (1_002 + 4), each + 8 * 4]


def test_a_job_whose_result_is_outdated_looks_again(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    convert = processes.convert
    calls = list[int]()

    def overtaken(hub: Any, row: Any, config: Any, budget: Any) -> Any:
        calls.append(1)
        made = yield from convert(hub, row, config, budget)
        if len(calls) == 1:
            world.add(ref, "a.csv", b"a\n2\n")
            list(conversions.convert_steps(world.hub, row.id))
        return made

    monkeypatch.setattr(processes, "convert", overtaken)
    list(conversions.convert_steps(world.hub, world.row_id(ref)))
    assert len(calls) == 2
    assert table(world, ref, "default/train/0000.parquet").to_pylist() == [{"a": 2}]


def test_a_damaged_process_is_told(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "command_of", lambda _module: [sys.executable, "-c", "raise SystemExit"])
    world.add(ref, "a.csv", b"a\n1\n")
    assert run(world)[-1] is None
    assert told(world, ref) == [("default", "it takes too much time or memory")]


def test_hostile_names_of_configurations_make_no_paths(world: World, ref: RepoRef) -> None:
    for name in ("../x", "a/b", ".git", "a\\nb"):
        card = f'---\nconfigs:\n- config_name: "{name}"\n  data_files: a.csv\n---\n'
        world.add(ref, "README.md", card.encode())
        world.add(ref, "a.csv", b"a\n1\n")
        assert run(world)[-1] is None
        assert stored(world, ref).commit is None, name


def test_a_dataset_whose_configurations_take_too_long_is_left_soon(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(processes, "command_of", lambda _module: [sys.executable, "-c", "raise SystemExit"])
    monkeypatch.setattr(processes, "convert", lambda *a, convert=processes.convert: started.append(a) or convert(*a))
    entries = "".join(f"- config_name: c{number}\n  data_files: a.csv\n" for number in range(5))
    world.add(ref, "a.csv", b"a\n1\n")
    world.add(ref, "README.md", f"---\nconfigs:\n{entries}---\n".encode())
    assert run(world)[-1] is None
    assert len(started) == 3
    assert [reason[:20] for _, reason in told(world, ref)] == ["it takes too much ti"] * 3 + [
        "other configurations"
    ] * 2


def test_a_dataset_has_a_budget_of_time_for_all_configurations(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_processor_seconds", lambda _pid: 2_000.0)
    entries = "".join(f"- config_name: c{number}\n  data_files: a.csv\n" for number in range(3))
    world.add(ref, "a.csv", b"a\n1\n")
    world.add(ref, "README.md", f"---\nconfigs:\n{entries}---\n".encode())
    assert run(world)[-1] is None
    assert [word for _, word in told(world, ref)][:2] == ["converted"] * 2
    assert "used up the time limit of this dataset" in told(world, ref)[2][1]
    assert stored(world, ref).spent_s == 4_000


def test_conversions_for_an_owner_wait_for_the_next_day_when_its_budget_is_spent(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversions, "OWNER_S", 1_000)
    monkeypatch.setattr(processes, "_processor_seconds", lambda _pid: 600.0)
    for number in range(2):
        world.add(ref, "a.csv", b"a\n%d\n" % number)
        assert run(world) == [None]
    assert stored(world, ref).spent_s == 1_200
    other = world.repo("alice/e", kind=RepoType.DATASET)
    foreign = world.repo("bob/e", kind=RepoType.DATASET)
    for one in (other, foreign):
        world.add(one, "a.csv", b"a\n1\n")
    run(world)
    with world.hub.read() as tx:
        assert rows.find(tx, world.row_id(other)) is None
    assert shown(world, foreign)
    world.clock.advance(DAY_MS)
    run(world)
    assert shown(world, other)
    assert stored(world, other).spent_s == 600


def test_nothing_is_shown_of_a_file_that_a_scanner_flags(make_world: Callable[..., World], tmp_path: Path) -> None:
    program = tmp_path / "scanner.py"
    program.write_text("import sys; sys.exit(1 if b'EICAR' in sys.stdin.buffer.read() else 0)")
    world = make_world(scanning="hide", scan_command=(sys.executable, str(program)))
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "train.csv", b"a\nEICAR\n")
    assert run(world)[-1] is None
    with pytest.raises(NotAllowed):
        world.read(ref, "train.csv", by=world.bob)
    with pytest.raises(RevisionNotFound):
        world.paths(ref, PARQUET)
    assert told(world, ref) == [("default", "a scanner has flagged train.csv")]
    world.add(ref, "train.csv", b"a\nfine\n")
    assert run(world)[-1] is None
    assert told(world, ref) == [("default", "converted")]


def test_metadata_that_name_one_file_many_times_do_not_multiply_it(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_MAX_MORE", 10_000)
    world.add(ref, "1.png", bytes(100_000))
    world.add(ref, "metadata.csv", b"file_name\n" + b"1.png\n" * 10)
    before = usage(world)
    assert run(world)[-1] is None
    assert told(world, ref) == [("default", "its Parquet files are much larger than its files")]
    assert PARQUET not in [it.ref for it in branches.list_refs(world.hub, None, ref)]
    assert usage(world) - before < 10_000


def test_a_folder_of_media_is_converted_again_when_its_metadata_change(world: World, ref: RepoRef) -> None:
    for path in ("cat/1.png", "dog/2.png"):
        world.add(ref, path, path.encode())
    assert run(world)[-1] is None
    found = table(world, ref, "default/train/0000.parquet").to_pylist()
    assert found[1] == {"image": {"bytes": b"dog/2.png", "path": "2.png"}, "label": 1}
    world.add(ref, "metadata.csv", b"file_name,text\ncat/1.png,a cat\n")
    assert run(world)[-1] is None
    found = table(world, ref, "default/train/0000.parquet").to_pylist()
    assert found == [{"image": {"bytes": b"cat/1.png", "path": "1.png"}, "text": "a cat"}]
    world.add(ref, "metadata.csv", b"file_name,text\nnope.png,a cat\n")
    assert run(world)[-1] is None
    [(_, reason)] = told(world, ref)
    assert "name nope.png, which is not a file of this configuration" in reason
