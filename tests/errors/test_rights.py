from entrepot.errors import InvalidCredentials


def test_wrong_credentials_are_answered_in_the_words_that_clients_look_for() -> None:
    assert str(InvalidCredentials()) == "Invalid credentials in Authorization header"
