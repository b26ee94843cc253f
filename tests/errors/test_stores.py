from entrepot.errors import StoreFull


def test_a_full_store_says_that_nothing_was_kept_and_the_cure() -> None:
    text = str(StoreFull("/data"))
    assert "nothing was kept" in text
    assert "free some room" in text
