import pytest

from entrepot.errors import InvalidName
from entrepot.workspace.entities.kinds import DATASETS, LABELS, MODELS, parse_kind


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("datasets", DATASETS),
        ("dataset", DATASETS),
        ("labels", LABELS),
        ("label", LABELS),
        ("models", MODELS),
        ("model", MODELS),
    ],
)
def test_plural_and_singular_are_one_kind(word: str, kind: object) -> None:
    assert parse_kind(word) is kind


def test_another_word_is_refused() -> None:
    with pytest.raises(InvalidName, match="datasets, labels or models"):
        parse_kind("things")
