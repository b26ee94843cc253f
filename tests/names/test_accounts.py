import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidName, LimitExceeded, Malformed
from entrepot.names.accounts import RESERVED, parse_account, parse_details, parse_fullname


@pytest.mark.parametrize("text", ["ab", "Alice", "a1", "42", "_x", "x_", "__", "a-b", "a_-_b", "x" * 42])
def test_a_good_account_name_is_kept_as_written(text: str) -> None:
    assert parse_account(text) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "2 to 42"),
        ("a", "2 to 42"),
        ("x" * 43, "2 to 42"),
        ("alice.llm", "a dot"),
        ("a b", "2 to 42"),
        ("a/b", "2 to 42"),
        ("..", "a dot"),
        ("alice\n", "2 to 42"),
        ("аlice", "2 to 42"),  # the first letter is Cyrillic
        ("al\u0131ce", "2 to 42"),
        ("\ud800x", "2 to 42"),
        ("-a", "start or end"),
        ("a-", "start or end"),
        ("a--b", "contain '--'"),
        ("--", "start or end"),
        ("api", "reserved"),
        ("MODELS", "reserved"),
        ("_lfs", "reserved"),
        ("_xet", "reserved"),
    ],
)
def test_a_bad_account_name_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(InvalidName, match=rule) as refusal:
        parse_account(text)
    assert refusal.value.value == text


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_no_account_shadows_a_route_of_the_hub(word: str) -> None:
    with pytest.raises(InvalidName):
        parse_account(word.title())


@given(st.text(st.sampled_from("abZ09_-. é/\n"), max_size=45))
def test_an_account_name_needs_no_escaping_and_no_dot(text: str) -> None:
    try:
        name = parse_account(text)
    except InvalidName:
        return
    assert name == text
    assert name.isascii()
    assert name.replace("_", "").replace("-", "").isalnum() or set(name) <= set("_-")
    assert "." not in name


def test_a_full_name_is_a_line_of_printable_text() -> None:
    assert parse_fullname("  Ålice A. 🚀 ") == "Ålice A. 🚀"
    for text in ("", "  ", "a\nb", "\u202e", "x" * 101, "\udcff"):
        with pytest.raises(InvalidName):
            parse_fullname(text)


def test_details_may_have_lines_but_no_control_characters() -> None:
    assert parse_details(" We train\nmodels. ") == "We train\nmodels."
    assert parse_details(" ") is None
    with pytest.raises(Malformed):
        parse_details("\x1b[2J")
    with pytest.raises(LimitExceeded):
        parse_details("x" * 1001)


@pytest.mark.parametrize(
    "name", ["new", "New-Dataset", "search", "settings", "login", "papers", "pricing", "admin", "tree"]
)
def test_names_of_pages_are_reserved(name: str) -> None:
    with pytest.raises(InvalidName, match="reserved"):
        parse_account(name)


@pytest.mark.parametrize(("name", "proposal"), [("john.doe", "john-doe"), ("a..b", "a-b"), (".jo.", "jo")])
def test_a_name_with_a_dot_is_refused_with_the_reason_and_a_proposal(name: str, proposal: str) -> None:
    with pytest.raises(InvalidName, match=f"separates folders.*'{proposal}'"):
        parse_account(name)
