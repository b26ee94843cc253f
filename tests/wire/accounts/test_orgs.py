import msgspec
import pytest

from entrepot.wire.accounts.orgs import InvitationInfo, NewInvitation, NewOrganization, OrgSettings


def test_names_are_those_of_the_public_hub() -> None:
    org = OrgSettings(uid="a" * 24, name="acme", fullname="Acme", details=None, default_visibility="private")
    assert msgspec.to_builtins(org) == {
        "_id": "a" * 24,
        "name": "acme",
        "fullname": "Acme",
        "details": None,
        "defaultVisibility": "private",
    }
    sent = InvitationInfo(id="b", org="acme", user="bob", role="read", invited_by="ann", created_at="x", expires_at="y")
    assert set(msgspec.to_builtins(sent)) == {"id", "org", "user", "role", "invitedBy", "createdAt", "expiresAt"}


def test_absent_fields_have_defaults() -> None:
    assert msgspec.convert({"user": "bob"}, NewInvitation) == NewInvitation("bob", "read")
    assert msgspec.convert({"name": "acme"}, NewOrganization) == NewOrganization("acme", None, None)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": 7}, NewOrganization)
