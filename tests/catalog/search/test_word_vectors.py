from entrepot.catalog.search import word_vectors


def test_words_are_folded_and_numbered_and_weighted() -> None:
    assert word_vectors.vector([("A", "alice/GPT-2"), ("D", "Über gpt")]) == "'alice':1A 'gpt':2A,5D '2':3A 'uber':4D"


def test_a_query_takes_each_word_as_a_beginning_and_a_composed_one_as_a_phrase() -> None:
    assert word_vectors.query('"Café"* "a_b"*') == "('cafe':*) & ('a' <-> 'b':*)"
    assert word_vectors.query('"_"*') == ""
    assert word_vectors.query('"Café" "a_b"*', "AB") == "('cafe':AB) & ('a':AB <-> 'b':*AB)"
    assert word_vectors.query('"a" "b"', joined=" | ") == "('a') | ('b')"


def test_a_snippet_is_cut_around_the_first_match() -> None:
    body = "one " * 50 + "Wâles, wales " + "two " * 50
    found = word_vectors.snippet(body, '"wal"*', "<", ">")
    assert found == "…" + "one " * 6 + "<Wâles>, <wales> " + "two " * 15 + "two…"


def test_a_snippet_of_a_text_without_a_match_is_its_beginning() -> None:
    assert word_vectors.snippet("one (two) three.", '"x"*', "<", ">") == "one (two) three."
    assert word_vectors.snippet("", '"x"*', "<", ">") == ""


def test_a_word_repeated_without_end_is_bounded() -> None:
    vector = word_vectors.vector([("D", "a " * 100_000 + "b")])
    assert len(vector) < 3_000
    assert vector.endswith("'b':16383D")
