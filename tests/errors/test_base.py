import contextlib
import copy
import gc
import pickle
from collections.abc import Iterator

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot import errors
from entrepot.errors import (
    BranchMoved,
    Conflict,
    EntrepotError,
    InvalidName,
    InvalidPath,
    ThingNotFound,
    shown,
)
from entrepot.errors.conflicts import CanceledPath

gc.collect()  # attrs makes every class twice; the first of each pair may still hang around
OWN = {thing for thing in vars(errors).values() if isinstance(thing, type)}
FAMILIES = [family for family in EntrepotError.__subclasses__() if family in OWN]
LEAVES = sorted(OWN - {EntrepotError, *FAMILIES}, key=lambda leaf: leaf.__name__)
SAMPLES: dict[object, object] = {
    "str": "x",
    "int": 7,
    "bool": True,
    "str | None": None,
    "tuple[str, ...]": ("a", "b"),
    "Mapping[str, object]": {"status": "unready"},
    "tuple[CanceledPath, ...]": (CanceledPath("a", "unknown", "it is staged"),),
}
ASCII = {chr(code) for code in range(0x20, 0x7F)}


def sample(leaf: type[EntrepotError]) -> EntrepotError:
    return leaf(*(SAMPLES[field.type] for field in attrs.fields(leaf)))


def test_the_tree_has_the_families_that_the_module_draws() -> None:
    assert errors.__doc__ is not None
    drawn = [line.split()[1] for line in errors.__doc__.splitlines() if "──" in line]
    assert drawn == [family.__name__ for family in FAMILIES]


def test_every_class_of_the_module_is_in_the_tree() -> None:
    assert all(issubclass(leaf, tuple(FAMILIES)) for leaf in LEAVES)


def test_every_leaf_has_a_message_of_one_line() -> None:
    for error in map(sample, LEAVES):
        assert str(error), type(error)
        assert "\n" not in str(error), type(error)
        assert str(error) == error.message


def test_every_leaf_survives_pickling_and_copying() -> None:
    for error in map(sample, LEAVES):
        for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(twin) is type(error)
            assert attrs.asdict(twin) == attrs.asdict(error)
            assert str(twin) == str(error)


def test_every_leaf_passes_through_a_context_manager() -> None:
    @contextlib.contextmanager
    def room() -> Iterator[None]:
        yield

    for error in map(sample, LEAVES):
        with pytest.raises(type(error)) as caught, room():
            raise error
        assert caught.value is error
        assert error.__traceback__ is not None


def test_an_error_can_be_chained_and_caught_by_its_family() -> None:
    cause = KeyError("x")
    with pytest.raises(Conflict) as caught:
        raise BranchMoved("main") from cause
    assert caught.value.__cause__ is cause


@given(st.text(st.characters()))
def test_untrusted_text_is_shown_as_short_printable_ascii(text: str) -> None:
    for line in (
        shown(text),
        shown(text, quote=False),
        str(InvalidName("branch name", text, "rule")),
        str(InvalidPath(text, "rule")),
        str(ThingNotFound("token", text)),
        str(BranchMoved(text, (text,))),
    ):
        assert set(line) <= ASCII
        assert len(line) < 900


def test_lone_surrogates_and_control_characters_are_shown_escaped() -> None:
    assert shown("a\ud800\n\x7fé") == r"'a\ud800\x0a\x7f\xe9'"


def test_a_megabyte_of_text_is_cut_to_a_line_with_its_length() -> None:
    line = shown("é" * 1_000_000)
    assert len(line) <= 200
    assert line.endswith("...(1000000 characters)'")
    assert shown("a" * 200) == f"'{'a' * 200}'"
