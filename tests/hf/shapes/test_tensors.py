from __future__ import annotations

from entrepot.hf.shapes.tensors import TensorInfo, file_of, model_in
from entrepot.previews.safetensors import Header, Index, Tensor

ONE = file_of(Header({"a": Tensor("F32", (2, 2), (0, 16)), "b": Tensor("I8", (), (16, 17))}, {"format": "pt"}))
TWO = file_of(Header({"c": Tensor("F32", (3,), (0, 12))}, {}))


def test_a_file_counts_parameters_by_type() -> None:
    assert ONE.parameter_count == {"F32": 4, "I8": 1}
    assert ONE.tensors["a"] == TensorInfo("F32", [2, 2], (0, 16), 4)
    assert ONE.metadata == {"format": "pt"}


def test_a_model_adds_up_its_files() -> None:
    index = Index({"a": "1", "b": "1", "c": "2"}, {"total_size": 29})
    model = model_in({"1": ONE, "2": TWO}, index)
    assert model.parameter_count == {"F32": 7, "I8": 1}
    assert (model.sharded, model.weight_map, model.metadata) == (True, index.weight_map, {"total_size": 29})


def test_a_model_of_one_file_needs_no_index() -> None:
    model = model_in({"model.safetensors": TWO}, None)
    assert (model.sharded, model.weight_map, model.metadata) == (False, {"c": "model.safetensors"}, None)
