from entrepot.errors import EntryNotFound, RepoNotFound


def test_the_message_for_an_anonymous_caller_suggests_logging_in() -> None:
    assert str(RepoNotFound()) != str(RepoNotFound(anonymous=True))


def test_an_absent_entry_can_say_its_reason() -> None:
    assert str(EntryNotFound("a", reason="gone")) == "gone"
