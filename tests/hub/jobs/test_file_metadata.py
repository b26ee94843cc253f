from __future__ import annotations

import io
import json
import struct

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.jobs import file_metadata
from entrepot.hub.jobs.file_metadata import StoredFile
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import RepoInfo, WeightCounts
from entrepot.names import RepoPath, RepoRef, RepoType
from entrepot.previews.sources import BytesRangeReader
from entrepot.storage.contents import Content
from tests.previews.test_gguf import WHOLE as GGUF
from tests.support.worlds import World


def info(world: World, ref: RepoRef) -> RepoInfo:
    return infos.describe(world.hub, world.root, ref, "main", with_files=False, with_sizes=False).info


def weights(dtype: str, *shape: int) -> bytes:
    header = json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def test_the_parameters_of_all_files_of_the_root_folder_are_counted(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a.safetensors", weights("F32", 2, 3))
    assert info(world, ref).row.files.safetensors == WeightCounts({"F32": 6}, 6, sharded=False)
    world.add(ref, "b.safetensors", weights("BF16", 10))
    world.add(ref, "folder/c.safetensors", weights("BF16", 1_000))
    assert info(world, ref).row.files.safetensors == WeightCounts({"F32": 6, "BF16": 10}, 16, sharded=True)


def test_the_index_of_a_model_names_the_files_that_count(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a.safetensors", weights("F32", 2, 3))
    world.add(ref, "other.safetensors", weights("F32", 100))
    world.add(ref, "model.safetensors.index.json", b'{"weight_map": {"w": "a.safetensors"}}')
    assert info(world, ref).row.files.safetensors == WeightCounts({"F32": 6}, 6, sharded=False)


def test_a_file_that_is_no_safetensors_file_leaves_the_count_unknown(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a.safetensors", weights("F32", 2, 3))
    world.add(ref, "b.safetensors", b"broken")
    assert info(world, ref).row.files.safetensors is None


def test_of_very_many_evaluation_results_the_first_are_read(world: World) -> None:
    ref = world.repo()
    text = b"dataset: {id: a/b, task_id: c}\nvalue: 1\n" + b"#" * (200 << 10)
    world.commit(ref, *(AddFile(RepoPath(f".eval_results/{at}.yaml"), text) for at in range(9)))
    found = info(world, ref).row.files.eval_results
    assert [item["filename"] for item in found or ()] == [f".eval_results/{at}.yaml" for at in range(5)]


def test_the_header_of_a_gguf_file_is_read(world: World) -> None:
    ref = world.repo()
    world.add(ref, "model.gguf", GGUF)
    assert info(world, ref).row.files.gguf == {
        "total": 516,
        "architecture": "llama",
        "context_length": 8192,
        "chat_template": "{{ messages }}",
        "bos_token": "t1",
        "eos_token": "t150",
        "totalFileSize": len(GGUF),
    }
    assert "gguf" in info(world, ref).tags


def test_a_gguf_file_in_a_folder_is_read_as_one_at_the_top(world: World) -> None:
    ref = world.repo()
    world.add(ref, "q4/mmproj-model.gguf", b"no header of a model")
    world.add(ref, "q4/model.gguf", GGUF)
    known = info(world, ref).row.files.gguf
    assert known is not None
    assert known["architecture"] == "llama"
    assert "gguf" in info(world, ref).tags


def test_the_tables_of_a_dataset_tell_size_and_modality(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"] * 2_000, "x": [1.0] * 2_000, "y": [1] * 2_000}), out)
    world.add(ref, "data/train-00000-of-00001.parquet", out.getvalue())
    assert {
        "size_categories:1K<n<10K",
        "format:parquet",
        "modality:tabular",
        "modality:text",
        "library:pandas",
    } <= set(info(world, ref).tags)
    world.add(ref, "data/test.jsonl", b'{"text": "a"}\n' * 9_000)
    assert "size_categories:10K<n<100K" in info(world, ref).tags
    world.add(ref, "data/broken.parquet", b"broken")
    assert not [tag for tag in info(world, ref).tags if tag.startswith("size_categories")]


def test_weights_in_folders_tell_the_formats_of_a_model(world: World) -> None:
    ref = world.repo()
    world.add(ref, "unet/diffusion_pytorch_model.safetensors", weights("F32", 2, 3))
    world.add(ref, "onnx/model.onnx")
    assert {"safetensors", "onnx"} <= set(info(world, ref).tags)
    assert info(world, ref).row.files.safetensors is None  # parameters are those of the root folder
    world.commit(ref, Delete(RepoPath("onnx/model.onnx")))
    assert "onnx" not in info(world, ref).tags


MANY = file_metadata._MAX_PATHS + 1


@pytest.mark.parametrize("folder", ["", "0/"])
def test_the_card_of_a_dataset_with_thousands_of_files_is_read(world: World, folder: str) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.commit(ref, *(AddFile(RepoPath(f"{folder}{n}.csv"), b"a\n1\n") for n in range(MANY)))
    world.add(ref, "README.md", b"---\nlicense: mit\n---\n# Tides\n\nHeights of the water.\n")
    found = info(world, ref)
    assert {"license:mit", "format:csv"} <= set(found.tags)
    assert found.row.files.summary == "Heights of the water."


@pytest.mark.parametrize("folder", ["", "0/"])
def test_the_configuration_of_a_model_with_thousands_of_files_is_read(world: World, folder: str) -> None:
    ref = world.repo()
    many = (AddFile(RepoPath(f"{folder}{n}"), b"x") for n in range(MANY))
    index = AddFile(RepoPath("model.safetensors.index.json"), b'{"weight_map": {"w": "a.safetensors"}}')
    world.commit(ref, *many, index, AddFile(RepoPath("config.json"), b'{"architectures": ["BertForMaskedLM"]}'))
    assert info(world, ref).row.pipeline_tag == "fill-mask"


def test_removed_files_take_their_metadata_along(world: World) -> None:
    ref = world.repo()
    world.add(ref, "config.json", b'{"architectures": ["BertForMaskedLM"]}')
    found = info(world, ref).row
    assert (found.pipeline_tag, found.files.transformers_info) == (
        "fill-mask",
        {"auto_model": "AutoModelForMaskedLM", "pipeline_tag": "fill-mask"},
    )
    world.add(ref, "config.json", b"{}")
    assert (info(world, ref).row.pipeline_tag, info(world, ref).row.file_metadata) == (None, None)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *((kind, "README.md") for kind in RepoType),
        *((RepoType.MODEL, path) for path in ("model.safetensors", "events.out.tfevents.1", ".eval_results/a.yaml")),
        *((RepoType.MODEL, path) for path in ("unet/diffusion_pytorch_model.safetensors", "onnx/model.onnx")),
        *((RepoType.DATASET, path) for path in ("data/a.parquet", "a.JPG", "notes.txt")),
    ],
)
def test_files_that_describe_a_repository(kind: RepoType, path: str) -> None:
    assert file_metadata.may_describe(kind, ["LICENSE", path])


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *((kind, path) for kind in RepoType for path in (".gitattributes", "train.py", "data/notes.rst", "LICENSE")),
        *((RepoType.MODEL, path) for path in ("notes.txt", "scheduler/config.json", "data/table.bin")),
        *((RepoType.DATASET, path) for path in ("model.safetensors", ".eval_results/a.yaml")),
        (RepoType.SPACE, "data/a.parquet"),
    ],
)
def test_files_that_say_nothing_about_it(kind: RepoType, path: str) -> None:
    assert not file_metadata.may_describe(kind, [path])


def test_no_content_of_a_file_makes_a_repository_unreadable(world: World) -> None:
    ref = world.repo()
    config = f'{{"architectures": ["\\ud800"], "quantization_config": {{"quant_method": {10**40}, "bits": NaN}}}}'
    world.add(ref, "config.json", config.encode())
    world.add(ref, "tokenizer_config.json", b'{"bos_token": "\\udfff\\u0000"}')
    row = info(world, ref).row
    assert row.config is not None
    assert row.config["quantization_config"] == {"quant_method": pytest.approx(1e40), "bits": None}
    assert "\ufffd" in msgspec.json.encode(row.config).decode()


def test_reading_ends_at_the_first_file_that_is_broken_and_at_a_budget(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = StoredFile.open

    def noted(file: StoredFile, hub: HubContext) -> Content | BytesRangeReader:
        opened.append(str(file.path))
        return real(file, hub)

    monkeypatch.setattr(StoredFile, "open", noted)
    model, data = world.repo("alice/m"), world.repo("alice/d", kind=RepoType.DATASET)
    files = [AddFile(RepoPath(f"{n}.safetensors"), b"broken") for n in range(9)]
    world.commit(model, *files)
    assert opened == ["0.safetensors"]
    opened.clear()
    table = b"a,b\n" + b"1,2\n" * 100_000
    world.commit(data, *(AddFile(RepoPath(f"{n:02}.csv"), table) for n in range(40)))
    assert len(opened) <= 13
    assert "size_categories:1M<n<10M" in info(world, data).tags
