"""What administrators of a hub see and send in JSON: this hub's own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class AdminToken(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A token without its secret."""

    id: str
    user: str
    name: str
    role: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class AdminUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user."""

    name: str
    fullname: str
    email: str | None
    is_admin: bool
    is_suspended: bool
    created_at: str
    tokens: Sequence[AdminToken] = ()


class AdminOrg(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation; ``default_visibility`` None: the hub's setting."""

    name: str
    fullname: str
    default_visibility: str | None
    created_at: str


class AdminMember(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user's role in an organisation."""

    org: str
    user: str
    role: str


class AdminRepo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A repository."""

    repo: str
    type: str
    private: bool
    gated: str
    disabled: bool
    created_at: str
    updated_at: str


class AdminRepos(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Some repositories; ``after`` is what asks for the next ones, None at the end."""

    repos: Sequence[AdminRepo]
    after: int | None


class NewUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user to create; ``fullname`` None is the name."""

    name: str
    fullname: str | None = None
    email: str | None = None
    is_admin: bool = False


class NewUsers(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Users to create, all or none; ``expires_s``: how long their sign-in codes can be used."""

    users: Sequence[NewUser]
    expires_s: int = 7 * 86_400


class NewOrgByAdmin(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation to create for a user, who becomes its administrator."""

    name: str
    admin: str
    fullname: str | None = None
    default_visibility: str | None = None


class SignInCode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code that a user exchanges once for a token."""

    user: str
    code: str
    expires_at: str


class CodeLifetime(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How long a new sign-in code can be used."""

    expires_s: int = 7 * 86_400


class UserChanges(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to change of a user; None leaves it as it is."""

    is_admin: bool | None = None
    is_suspended: bool | None = None


class MemberRole(msgspec.Struct, frozen=True, kw_only=True):
    """The role to give to a member."""

    role: str


class Removal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happens to the repositories of an account that is deleted."""

    transfer_to: str | None = None
    purge: bool = False


class Removed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An account that was deleted, and its repositories: moved (their new names) or deleted."""

    deleted: str
    moved: Sequence[str] = ()
    purged: Sequence[str] = ()


class Transfer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The namespace that gets all repositories of another one."""

    to: str


class Transferred(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The new names of repositories that were moved."""

    moved: Sequence[str]


class CodeExchange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sign-in code to exchange; ``token_name`` None: the hub chooses one."""

    code: str
    token_name: str | None = None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who exchanged a code, and the secret of the new token, this once."""

    user: str
    token: str
