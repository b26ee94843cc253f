from __future__ import annotations

import pytest
from huggingface_hub import parse_eval_result_entries

from entrepot.cards.eval_files import read_eval_file

TEXT = """
- dataset: {id: cais/hle, task_id: default, revision: abc}
  value: 20.9
  source: {url: https://x.example, name: logs}
- dataset: {id: a/b, task_id: c}
  value: 1
  notes: tools
"""


def test_results_are_those_that_the_stock_client_parses() -> None:
    found = [dict(item) for item in read_eval_file(".eval_results/a.yaml", TEXT)]
    assert [item["filename"] for item in found] == [".eval_results/a.yaml"] * 2
    first, second = parse_eval_result_entries(found)
    assert (first.dataset_id, first.dataset_revision, first.value, first.source_name) == (
        "cais/hle",
        "abc",
        20.9,
        "logs",
    )
    assert (second.task_id, second.notes) == ("c", "tools")
    [one] = read_eval_file("x", "dataset: {id: a/b, task_id: c}\nvalue: 1\n")
    assert one["data"] == {"dataset": {"id": "a/b", "task_id": "c"}, "value": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[", ""),
        ("", "result 1: it is no mapping"),
        ("- 1", "result 1: it is no mapping"),
        ("dataset: {id: a/b}\nvalue: 1", "result 1: 'dataset' needs 'task_id'"),
        ("dataset: {id: a/b, task_id: c}", "result 1: 'value' is missing"),
        ("dataset: {id: a/b, task_id: c}\nvalue: 1\nsource: x", "result 1: 'source' is no mapping"),
        ("- 1\n" * 1_001, "it has more than 1,000 results"),
    ],
)
def test_files_that_cannot_be_read_have_an_error(text: str, reason: str) -> None:
    [found] = read_eval_file("a.yaml", text)
    assert found["filename"] == "a.yaml"
    assert reason in str(found["error"])
    assert parse_eval_result_entries([dict(found)]) == []
