"""README cards: find the metadata block, read it safely, say what it means."""

from entrepot.cards.front_matter import parse_metadata, split_card
from entrepot.cards.gates import Field, GateForm, check_answers, read_gate
from entrepot.cards.libraries import content_tags, library_tags
from entrepot.cards.licenses import LICENSES, is_known_license
from entrepot.cards.metadata import Card, CardFields, card_fields, card_tags, read_card
from entrepot.cards.validation import MISSING_METADATA, Findings, validate_card
from entrepot.cards.yaml_values import JsonValue

__all__ = [
    "LICENSES",
    "MISSING_METADATA",
    "Card",
    "CardFields",
    "Field",
    "Findings",
    "GateForm",
    "JsonValue",
    "card_fields",
    "card_tags",
    "check_answers",
    "content_tags",
    "is_known_license",
    "library_tags",
    "parse_metadata",
    "read_card",
    "read_gate",
    "split_card",
    "validate_card",
]
