"""Access request forms of gated repositories, as defined in the metadata of a card.

Source: the public hub's documentation of gated models, "Customize requested
information"; docs/protocols/hf_api.md, section 1B.4.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

import attrs

from entrepot.cards.yaml_values import JsonValue
from entrepot.errors import Malformed, shown

TEXT, CHECKBOX, SELECT, DATE, COUNTRY, ADDRESS = "text", "checkbox", "select", "date_picker", "country", "ip_location"
KINDS = (TEXT, CHECKBOX, SELECT, DATE, COUNTRY, ADDRESS)

MAX_FIELDS = 50
MAX_OPTIONS = 200
MAX_ANSWER = 2_000
"""The maximum length of an answer, in characters."""

_MAX_LABEL = 500
_MAX_PROMPT = 20_000
_YES = frozenset({"true", "on", "1", "yes"})


@attrs.frozen
class Option:
    """A choice of a select field: the label, and the stored value."""

    label: str
    value: str


@attrs.frozen
class Field:
    """A field of the form: its text, which is also its name, and its kind; only selects have ``options``."""

    name: str
    kind: str
    options: tuple[Option, ...] = ()


@attrs.frozen
class GateForm:
    """The texts and fields that a user sees when requesting access."""

    fields: tuple[Field, ...] = ()
    prompt: str | None = None
    heading: str | None = None
    button: str | None = None


def read_gate(data: Mapping[str, JsonValue]) -> GateForm:
    """Return the form that a card's metadata define; a field of an unknown kind becomes a text field.

    At most 50 fields with at most 200 options each are read; the rest is ignored.
    """
    fields = data.get("extra_gated_fields")
    found = tuple(_fields(fields)) if isinstance(fields, dict) else ()
    return GateForm(
        found,
        _text(data.get("extra_gated_prompt"), _MAX_PROMPT),
        _text(data.get("extra_gated_heading"), _MAX_LABEL),
        _text(data.get("extra_gated_button_content"), _MAX_LABEL),
    )


def check_answers(form: GateForm, answers: Mapping[str, object]) -> dict[str, str | bool]:
    """Return the answers to a form, validated by the kind of each field; extra answers are ignored.

    Checkboxes must be ticked. Every other field must be filled, except a
    location, which users do not enter.

    Raises:
        Malformed: an answer is missing, or not valid for its field.
    """
    kept: dict[str, str | bool] = {}
    for field in form.fields:
        answer = answers.get(field.name)
        if field.kind == CHECKBOX:
            if not (answer is True or (isinstance(answer, str) and answer.lower() in _YES)):
                raise _unanswered(field, "it must be ticked")
            kept[field.name] = True
        elif field.kind != ADDRESS:
            kept[field.name] = _answer(field, answer)
    return kept


def _answer(field: Field, answer: object) -> str:
    text = answer.strip() if isinstance(answer, str) else ""
    if not text:
        raise _unanswered(field, "it is empty")
    if len(text) > MAX_ANSWER:
        raise _unanswered(field, f"it has more than {MAX_ANSWER:,} characters")
    if field.kind == SELECT and text not in {option.value for option in field.options}:
        raise _unanswered(field, "it is none of the options")
    if field.kind == DATE:
        try:
            return datetime.date.fromisoformat(text[:10]).isoformat()
        except ValueError:
            raise _unanswered(field, "write a date as 2030-01-31") from None
    return text


def _unanswered(field: Field, why: str) -> Malformed:
    return Malformed(f"answer to {shown(field.name)}", why)


def _fields(described: Mapping[str, JsonValue]) -> Iterator[Field]:
    for number, (name, shape) in enumerate(described.items()):
        if number == MAX_FIELDS:
            return
        kind, options = (shape.get("type"), shape.get("options")) if isinstance(shape, dict) else (shape, None)
        found = tuple(_options(options)) if kind == SELECT else ()
        # A select without options could not be answered.
        known = str(kind) if kind in KINDS and (kind != SELECT or found) else TEXT
        yield Field(str(name)[:_MAX_LABEL], known, found)


def _options(described: JsonValue) -> Iterator[Option]:
    for option in described[:MAX_OPTIONS] if isinstance(described, list) else ():
        if isinstance(option, dict):
            label = _text(option.get("label"), _MAX_LABEL)
            value = _text(option.get("value"), MAX_ANSWER) or label
            if value:
                yield Option(label or value, value)
        elif (text := _text(option, _MAX_LABEL)) is not None:
            yield Option(text, text)


def _text(value: JsonValue, most: int) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value).strip()[:most] or None
