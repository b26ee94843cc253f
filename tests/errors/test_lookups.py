from entrepot.errors import EntryNotFound, RepoNotFound


def test_an_anonymous_caller_is_told_that_logging_in_may_help() -> None:
    assert str(RepoNotFound()) != str(RepoNotFound(anonymous=True))


def test_an_absent_entry_can_say_its_reason() -> None:
    assert str(EntryNotFound("a", reason="gone")) == "gone"
