from __future__ import annotations

import pytest

from entrepot.cards import templates
from entrepot.cards.metadata import read_card
from entrepot.cards.rendering import render_template

TEMPLATES = [templates.MODEL_CARD, templates.DATASET_CARD, templates.MIXIN_CARD]


@pytest.mark.parametrize("template", TEMPLATES, ids=["model", "dataset", "mixin"])
def test_an_empty_card_is_a_card(template: str) -> None:
    text = render_template(template, {"card_data": "license: mit"})
    assert read_card(text).data == {"license": "mit"}
    assert "{{" not in text


def test_known_facts_stand_in_the_card_and_the_rest_is_due() -> None:
    values = {
        "card_data": "{}",
        "model_id": "My model",
        "language": ["en", "fr"],
        "license": "mit",
        "model_description": "It adds.",
    }
    text = render_template(templates.MODEL_CARD, values)
    assert "# Model Card for My model\n" in text
    assert "- **Language:** en, fr\n" in text
    assert "- **License:** mit\n" in text
    assert "- **Made from:** -\n" in text
    assert "\nIt adds.\n" in text
    assert text.count("*Not written yet.*") > 10
