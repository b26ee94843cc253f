from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cards.gates import (
    MAX_ANSWER,
    MAX_FIELDS,
    Field,
    GateForm,
    Option,
    check_answers,
    read_gate,
)
from entrepot.errors import Malformed

CARD: dict[str, Any] = {
    "extra_gated_heading": "Who are you?",
    "extra_gated_prompt": "Promise.",
    "extra_gated_button_content": "Send",
    "extra_gated_fields": {
        "Company": "text",
        "Country": "country",
        "Born": "date_picker",
        "Use": {"type": "select", "options": ["Research", {"label": "Something else", "value": "other"}]},
        "Where": "ip_location",
        "I agree": "checkbox",
    },
}
ANSWERS = {"Company": " Acme ", "Country": "FR", "Born": "1999-12-31", "Use": "other", "I agree": True}


def test_a_form_is_read_with_its_words_and_fields() -> None:
    form = read_gate(CARD)
    assert (form.heading, form.prompt, form.button) == ("Who are you?", "Promise.", "Send")
    options = (Option("Research", "Research"), Option("Something else", "other"))
    assert form.fields == (
        Field("Company", "text"),
        Field("Country", "country"),
        Field("Born", "date_picker"),
        Field("Use", "select", options),
        Field("Where", "ip_location"),
        Field("I agree", "checkbox"),
    )


def test_answers_are_kept_as_their_fields_want_them() -> None:
    kept = check_answers(read_gate(CARD), ANSWERS | {"Where": "1.2.3.4", "not asked": "x"})
    assert kept == {"Company": "Acme", "Country": "FR", "Born": "1999-12-31", "Use": "other", "I agree": True}


@pytest.mark.parametrize("ticked", [True, "on", "true", "1"])
def test_a_checkbox_is_ticked_in_json_or_form_encoding(ticked: object) -> None:
    form = GateForm((Field("I agree", "checkbox"),))
    assert check_answers(form, {"I agree": ticked}) == {"I agree": True}


@pytest.mark.parametrize(
    ("field", "answer", "why"),
    [
        ("Company", "", "empty"),
        ("Company", None, "empty"),
        ("Company", "x" * (MAX_ANSWER + 1), "more than"),
        ("Company", ["Acme"], "empty"),
        ("Use", "Sabotage", "none of the options"),
        ("Use", "Something else", "none of the options"),
        ("Born", "yesterday", "write a date"),
        ("I agree", False, "must be ticked"),
        ("I agree", "off", "must be ticked"),
        ("I agree", 1, "must be ticked"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_name(field: str, answer: object, why: str) -> None:
    with pytest.raises(Malformed, match=f"'{field}'.*{why}"):
        check_answers(read_gate(CARD), ANSWERS | {field: answer})


def test_a_missing_answer_is_refused() -> None:
    with pytest.raises(Malformed, match="'Company'"):
        check_answers(read_gate(CARD), {})


def test_a_card_that_asks_nothing_has_an_empty_form() -> None:
    assert read_gate({}) == GateForm()
    assert check_answers(read_gate({"extra_gated_fields": ["text"]}), {"a": "b"}) == {}


@pytest.mark.parametrize(
    "shape", ["riddle", None, 7, {"type": "select"}, {"type": "select", "options": [{}, [], None]}]
)
def test_a_field_that_cannot_be_understood_is_a_line_of_text(shape: Any) -> None:
    [field] = read_gate({"extra_gated_fields": {"Odd": shape}}).fields
    assert field.kind == "text"
    assert check_answers(GateForm((field,)), {"Odd": "anything"}) == {"Odd": "anything"}


def test_a_form_has_an_end() -> None:
    many: dict[str, Any] = {str(number): "text" for number in range(MAX_FIELDS + 10)}
    assert len(read_gate({"extra_gated_fields": many}).fields) == MAX_FIELDS


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "options", "a"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), anything, max_size=3), anything)
def test_no_card_and_no_answer_does_anything_but_fit_or_be_refused(fields: dict[str, Any], answer: Any) -> None:
    form = read_gate({"extra_gated_fields": fields, "extra_gated_prompt": answer})
    try:
        kept = check_answers(form, dict.fromkeys(fields, answer))
    except Malformed:
        return
    assert all(isinstance(value, str | bool) for value in kept.values())
