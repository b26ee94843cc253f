from __future__ import annotations

import pytest

from entrepot.cards.card_metrics import MAX_METADATA, MAX_METRICS, number_of, read_card_metrics
from entrepot.errors import Malformed

CARD = """---
model-index:
- name: tern
  results:
  - task: {type: text-classification}
    dataset: {name: IMDb, type: imdb, config: plain, split: test}
    metrics:
    - {type: accuracy, name: Accuracy, value: 0.93}
    - {type: f1, value: "91.5 %"}
  - dataset: {name: tern, type: unknown}
    metrics:
    - {type: recall, value: 30}
    - {type: recall, value: 31}
---
# Tern
"""


def test_metrics_are_named_by_their_data_set_and_the_first_of_a_name_counts() -> None:
    assert read_card_metrics(CARD) == {
        "Accuracy · IMDb (plain, test)": 0.93,
        "f1 · IMDb (plain, test)": 91.5,
        "recall": 30.0,
    }


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e999", "[1]", "true", "none", "{}", "1" * 400, "x" * 500])
def test_what_is_no_finite_number_is_left_out(value: str) -> None:
    text = f"---\nmodel-index:\n- results:\n  - metrics:\n    - {{type: a, value: {value}}}\n---\n"
    assert read_card_metrics(text) == {}


@pytest.mark.parametrize("index", ["3", "[3]", "[{results: x}]", "[{results: [{metrics: {a: 1}}]}]"])
def test_an_index_of_another_form_has_no_metrics(index: str) -> None:
    assert read_card_metrics(f"---\nmodel-index: {index}\n---\n") == {}
    assert read_card_metrics("# No metadata: model-index\n") == {}


def test_names_are_short_and_can_be_sent() -> None:
    name = '"\\uD800' + "n" * 300 + '"'
    text = f"---\nmodel-index: [{{results: [{{metrics: [{{type: {name}, value: 1}}]}}]}}]\n---\n"
    try:
        [found] = read_card_metrics(text)
    except Malformed:  # a reader of YAML may refuse halves of surrogate pairs
        return
    assert len(found) == 100
    found.encode()


def test_metrics_and_metadata_are_bounded() -> None:
    metrics = ", ".join(f"{{type: m{number}, value: 1}}" for number in range(MAX_METRICS + 5))
    text = f"---\nmodel-index: [{{results: [{{metrics: [{metrics}]}}]}}]\n---\n"
    assert len(read_card_metrics(text)) == MAX_METRICS
    with pytest.raises(Malformed):
        read_card_metrics(f"---\nmodel-index: []\nx: {'y' * MAX_METADATA}\n---\n")


def test_booleans_and_other_types_are_no_numbers() -> None:
    assert [number_of(value) for value in (True, None, [1], 10**400)] == [None] * 4
    assert [number_of(value) for value in (" 2 ", "2%", 3)] == [2, 2, 3]
