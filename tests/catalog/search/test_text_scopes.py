from collections.abc import Callable

import pytest

from entrepot.catalog import Catalog, visibility
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.search import text_scopes
from entrepot.catalog.visibility import PUBLIC_ONLY, Visibility
from entrepot.names import RepoType

M = text_scopes.SENTINEL


def test_each_word_gets_the_scope_and_nothing_else_changes() -> None:
    assert text_scopes.within('"whal"* "a_b"', f"{M}7{M}") == f'"{M}7{M}whal"* "{M}7{M}a_{M}7{M}b"'
    assert text_scopes.within("any text", text_scopes.PUBLIC_SCOPE) == "any text"
    kind = text_scopes.kind_word(RepoType.MODEL)
    assert text_scopes.within(kind, f"{M}7{M}") == f"{M}7{M}{kind}"


@pytest.mark.parametrize("text", ["", "2023 whales, Übersetzung\n\n* 东京 a_b", "__", "e\u0331x"])
def test_a_hidden_text_is_shown_as_it_was(text: str) -> None:
    hidden = text_scopes.hidden(text, 12)
    assert text_scopes.shown(hidden) == text_scopes.shown(text) == text
    for length in range(len(hidden)):
        assert text.startswith(text_scopes.shown(hidden[:length]))


def test_a_text_cannot_contain_what_separates() -> None:
    assert text_scopes.clean(f"a{M}12{M}b\x1fc") == "a 12 b c"


def test_a_text_cannot_contain_what_marks_a_found_word_or_cannot_be_stored() -> None:
    assert text_scopes.clean("\x02a\x03b\0c") == " a b c"


def test_the_scopes_of_a_search_are_the_namespaces_in_which_something_is_visible(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = add_account("bob")
    with catalog.read() as tx:
        assert text_scopes.of_searcher(tx, PUBLIC_ONLY) == (text_scopes.PUBLIC_SCOPE,)
        assert text_scopes.of_searcher(tx, None) == (text_scopes.PUBLIC_SCOPE, text_scopes.PRIVATE_SCOPE)
        both = Visibility({alice.id, bob.id}, grantees={alice.id})
        assert text_scopes.of_searcher(tx, both) == ("", f"{M}{alice.id}{M}", f"{M}{bob.id}{M}")
        monkeypatch.setattr(visibility, "MAX_NAMESPACES", 1)
        assert text_scopes.of_searcher(tx, both) == (text_scopes.PUBLIC_SCOPE, text_scopes.PRIVATE_SCOPE)
