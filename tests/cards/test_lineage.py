from __future__ import annotations

import pytest

from entrepot.cards import card_fields, read_card
from entrepot.cards.lineage import LineageInput, MessageLineage, card_inputs, read_message, usual_kind
from entrepot.names import RepoType

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET
ONE, TWO = "1" * 40, "2" * 40


def inputs(block: str, kind: RepoType, relation: str | None = None) -> tuple[LineageInput, ...]:
    card = read_card(f"---\n{block}\n---\n")
    return card_inputs(card, card_fields(card), kind, relation)


def test_the_card_of_a_model_names_base_models_and_training_data() -> None:
    block = "base_model: org/base\ndatasets: [squad, org/data, 'not a name']"
    assert inputs(block, MODEL) == (
        LineageInput("derived_from", MODEL, "org/base"),
        LineageInput("trained_on", DATASET, "squad"),
        LineageInput("trained_on", DATASET, "org/data"),
    )
    assert inputs(block, MODEL, "quantized")[0].kind == "quantised_from"
    assert inputs(block, MODEL, "merge")[0].kind == "merged_from"


def test_the_card_of_a_dataset_names_the_datasets_that_it_derives_from() -> None:
    block = "source_datasets: [original, org/data, 3]\nbase_model: org/base"
    assert inputs(block, DATASET) == (LineageInput("derived_from", DATASET, "org/data"),)
    assert inputs("source_datasets: org/data", DATASET) == ()
    assert inputs(block, RepoType.SPACE) == ()


def test_the_last_paragraph_of_a_message_names_run_and_sources() -> None:
    message = (
        f"Train\n\nEntrepot-Input: datasets/a/not-here@{ONE}\n\nMetaflow-Task: Train/1/start/2\nMetaflow-Attempt: 0\n"
        f"Hub-Read: hub/datasets/a/d@{ONE}\nHub-Read: hub/models/a/m@{TWO}\nHub-Read: hub/models/a/m@{TWO}\n"
        f"Entrepot-Input: evaluated_on datasets/a/e@{ONE}\nEntrepot-Input: a/plain@{ONE}\n"
    )
    assert read_message(message, MODEL) == MessageLineage(
        "Train/1/start/2",
        (
            LineageInput("trained_on", DATASET, "a/d", ONE),
            LineageInput("derived_from", MODEL, "a/m", TWO),
            LineageInput("evaluated_on", DATASET, "a/e", ONE),
            LineageInput("derived_from", MODEL, "a/plain", ONE),
        ),
    )


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Train",
        "Train\n\nHub-Read: ",
        "Train\n\nHub-Read: hub/datasets/a/d",
        f"Train\n\nHub-Read: hub/datasets/../d@{ONE}",
        f"Train\n\nHub-Read: hub/other/a/d@{ONE}",
        f"Train\n\nEntrepot-Input: nonsense datasets/a/d@{ONE}",
        f"Train\n\nHub-Read: hub/datasets/a/d@{ONE}\n\nThe end.",
        "Entrepot-Run: x\nMetaflow-Task: y",
    ],
)
def test_other_messages_say_nothing(message: str) -> None:
    assert read_message(message, MODEL) is None


def test_a_message_names_200_sources_at_most() -> None:
    lines = "\n".join(f"Hub-Read: hub/models/a/m{n}@{ONE}" for n in range(500))
    found = read_message(f"x\n\n{lines}", MODEL)
    assert found is not None
    assert len(found.inputs) == 200


def test_a_dataset_is_training_data_for_a_model_only() -> None:
    assert usual_kind(DATASET, MODEL) == "trained_on"
    assert usual_kind(DATASET, DATASET) == usual_kind(MODEL, MODEL) == "derived_from"
