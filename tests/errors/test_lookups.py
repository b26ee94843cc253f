from entrepot.errors import EntryNotFound, GrantNotFound, RepoNotFound


def test_the_message_for_an_anonymous_caller_suggests_logging_in() -> None:
    assert str(RepoNotFound()) != str(RepoNotFound(anonymous=True))


def test_an_absent_entry_can_say_its_reason() -> None:
    assert str(EntryNotFound("a", reason="gone")) == "gone"


def test_an_absent_grant_names_the_folder_and_the_subject() -> None:
    assert str(GrantNotFound("alice.llm", "bob")) == "no grant 'alice.llm to bob' here"
