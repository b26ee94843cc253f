import msgspec

from entrepot.wire.accounts.accounts import Auth, TokenInfo
from entrepot.wire.accounts.oauth import AccessResponse, OAuthFailure


def test_a_response_has_the_names_of_the_standard() -> None:
    assert msgspec.json.encode(AccessResponse(access_token="a", expires_in=9, refresh_token="r")) == (
        b'{"access_token":"a","token_type":"bearer","expires_in":9,"refresh_token":"r"}'
    )
    assert b"refresh_token" not in msgspec.json.encode(AccessResponse(access_token="a", expires_in=9))
    assert msgspec.json.encode(OAuthFailure("slow_down", "x")) == b'{"error":"slow_down","error_description":"x"}'


def test_a_program_that_was_signed_in_has_no_token_of_its_user() -> None:
    assert msgspec.json.encode(Auth(type="oauth", expires_at="t")) == b'{"type":"oauth","expiresAt":"t"}'
    found = msgspec.json.decode(b'{"type":"oauth"}', type=Auth)
    assert (found.role, found.token_name) == ("write", "browser sign-in")
    own = Auth(TokenInfo("laptop", "read", "t"))
    assert (own.role, own.token_name) == ("read", "laptop")
