"""README cards: find the metadata block, read it safely, say what it means."""

from entrepot.cards.front_matter import parse_metadata, split_card
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
    "Findings",
    "JsonValue",
    "card_fields",
    "card_tags",
    "content_tags",
    "is_known_license",
    "library_tags",
    "parse_metadata",
    "read_card",
    "split_card",
    "validate_card",
]
