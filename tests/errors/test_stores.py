from entrepot.errors import BodyTooSlow, StoreFull, TooManyBodies


def test_a_full_store_says_that_nothing_was_kept_and_the_cure() -> None:
    text = str(StoreFull("/data"))
    assert "nothing was kept" in text
    assert "free some space" in text


def test_a_refused_body_has_a_message_with_the_cure() -> None:
    assert "send the request again" in str(BodyTooSlow())
    assert str(TooManyBodies("in all", 4096)) == (
        "4,096 request bodies in all are unfinished, which is the limit; try again later"
    )
