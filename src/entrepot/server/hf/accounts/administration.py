"""Accounts and repositories of the whole hub, for its administrators: routes below ``/api/admin``."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import administration, factor_resets, sign_ins
from entrepot.hub.repos import account_removal
from entrepot.server.handlers import call_hub, json_response, query_flag, query_int, read_json
from entrepot.server.hf.pages import link_to_name, name_after
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.administration import (
    CodeExchange,
    CodeLifetime,
    MemberRole,
    NewOrgByAdmin,
    NewTokenByAdmin,
    NewUsers,
    Removal,
    Transfer,
    UserChanges,
)
from entrepot.wire.accounts.quotas import QuotaChanges

_SECRET = {"cache-control": "no-store"}
_LAST = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/users", list_users),
        Route("/api/admin/users", create_users, methods=["POST"]),
        Route("/api/admin/users/{account}", show_user, methods=["GET"]),
        Route("/api/admin/users/{account}", change_user, methods=["PATCH"]),
        Route("/api/admin/users/{account}", delete_user, methods=["DELETE"]),
        Route("/api/admin/users/{account}/second-factor", reset_factors, methods=["DELETE"]),
        Route("/api/admin/users/{account}/code", issue_code, methods=["POST"]),
        Route("/api/admin/users/{account}/tokens", create_token, methods=["POST"]),
        Route("/api/admin/users/{account}/tokens/{token}", revoke_token, methods=["DELETE"]),
        Route("/api/admin/orgs", list_orgs),
        Route("/api/admin/orgs", create_org, methods=["POST"]),
        Route("/api/admin/orgs/{account}", delete_org, methods=["DELETE"]),
        Route("/api/admin/orgs/{account}/members", list_members),
        Route("/api/admin/orgs/{account}/members/{user}", set_member, methods=["PUT"]),
        Route("/api/admin/orgs/{account}/members/{user}", remove_member, methods=["DELETE"]),
        Route("/api/admin/repos", list_repos),
        Route("/api/admin/namespaces/{account}/quota", show_quota),
        Route("/api/admin/namespaces/{account}/quota", set_quota, methods=["PATCH"]),
        Route("/api/admin/namespaces/{account}/transfer", transfer_all, methods=["POST"]),
        Route("/api/sign-in", sign_in, methods=["POST"]),
    ]


async def list_users(request: Request) -> Response:
    """Serve a page of the users with their tokens, without secrets, by name."""
    after, limit = name_after(request), _limit(request)
    users = await call_hub(request, administration.list_users, after, limit)
    return json_response(users, headers=_next_page(request, [user.name for user in users], limit))


async def show_user(request: Request) -> Response:
    """Serve a user with their tokens, without secrets."""
    return json_response(await call_hub(request, administration.show_user, _segment(request, "account")))


async def create_users(request: Request) -> Response:
    """Create users, all or none; the response has a sign-in code for each, which is not shown again."""
    body = await read_json(request, NewUsers)
    return json_response(await call_hub(request, sign_ins.create_users, body), headers=_SECRET)


async def change_user(request: Request) -> Response:
    """Grant or remove administrator rights of a user, or suspend or reactivate an account."""
    body = await read_json(request, UserChanges)
    return json_response(await call_hub(request, administration.change_user, _segment(request, "account"), body))


async def delete_user(request: Request) -> Response:
    """Delete a user; ``transferTo`` or ``purge=true`` decides about their repositories."""
    return json_response(
        await call_hub(request, account_removal.delete_user, _segment(request, "account"), _removal(request))
    )


async def reset_factors(request: Request) -> Response:
    """Remove the second factor, the recovery codes and the passkeys of a user who has lost them."""
    return json_response(await call_hub(request, factor_resets.reset, _segment(request, "account")))


async def issue_code(request: Request) -> Response:
    """Create a new sign-in code for a user; it is not shown again."""
    body = await read_json(request, CodeLifetime)
    code = await call_hub(request, sign_ins.issue_code, _segment(request, "account"), body.expires_s)
    return json_response(code, headers=_SECRET)


async def create_token(request: Request) -> Response:
    """Create a token for a user, or import one; its secret is in this response only."""
    body = await read_json(request, NewTokenByAdmin)
    made = await call_hub(request, administration.create_token, _segment(request, "account"), body)
    return json_response(made, headers=_SECRET)


async def revoke_token(request: Request) -> Response:
    """Make a token of a user invalid immediately; the path has its id or its name."""
    user, token = _segment(request, "account"), _segment(request, "token")
    return json_response(await call_hub(request, administration.revoke, user, token))


async def list_orgs(request: Request) -> Response:
    """Serve a page of the organisations, by name."""
    after, limit = name_after(request), _limit(request)
    orgs = await call_hub(request, administration.list_orgs, after, limit)
    return json_response(orgs, headers=_next_page(request, [org.name for org in orgs], limit))


async def create_org(request: Request) -> Response:
    """Create an organisation for a user."""
    body = await read_json(request, NewOrgByAdmin)
    return json_response(await call_hub(request, administration.create_org, body))


async def delete_org(request: Request) -> Response:
    """Delete an organisation; ``transferTo`` or ``purge=true`` decides about its repositories."""
    return json_response(
        await call_hub(request, account_removal.delete_org, _segment(request, "account"), _removal(request))
    )


async def list_members(request: Request) -> Response:
    """Serve a page of the members of an organisation with their roles, by name."""
    after, limit = name_after(request), _limit(request)
    found = await call_hub(request, administration.list_members, _segment(request, "account"), after, limit)
    return json_response(found, headers=_next_page(request, [member.user for member in found], limit))


async def set_member(request: Request) -> Response:
    """Give a user a role in an organisation."""
    body = await read_json(request, MemberRole)
    org, user = _segment(request, "account"), _segment(request, "user")
    return json_response(await call_hub(request, administration.set_member, org, user, body.role))


async def remove_member(request: Request) -> Response:
    """Remove a user from an organisation."""
    await call_hub(request, administration.remove_member, _segment(request, "account"), _segment(request, "user"))
    return json_response({})


async def list_repos(request: Request) -> Response:
    """Serve a page of the repositories of one ``namespace`` or of the hub; ``after`` selects the next page."""
    after = query_int(request, "after", 0, low=0, high=_LAST)
    namespace = request.query_params.get("namespace") or None
    return json_response(await call_hub(request, administration.list_repos, namespace, after))


async def show_quota(request: Request) -> Response:
    """Serve the quota and the usage of a namespace."""
    return json_response(await call_hub(request, administration.show_quota, _segment(request, "account")))


async def set_quota(request: Request) -> Response:
    """Set limits of a namespace; fields that are left out stay."""
    body = await read_json(request, QuotaChanges)
    return json_response(await call_hub(request, administration.set_quota, _segment(request, "account"), body))


async def transfer_all(request: Request) -> Response:
    """Move all repositories of a namespace into another one."""
    body = await read_json(request, Transfer)
    return json_response(await call_hub(request, account_removal.transfer_all, _segment(request, "account"), body.to))


async def sign_in(request: Request) -> Response:
    """Exchange a one-time sign-in code for a token."""
    body = await read_json(request, CodeExchange)
    return json_response(await call_hub(request, sign_ins.exchange, body), headers=_SECRET)


def _limit(request: Request) -> int:
    return query_int(request, "limit", administration.PAGE, low=1, high=administration.PAGE)


def _next_page(request: Request, names: Sequence[str], limit: int) -> dict[str, str] | None:
    """Return the headers that lead from a page of a list by name to the next one."""
    return link_to_name(request, names[-1] if len(names) == limit else None)


def _segment(request: Request, name: str) -> str:
    return decode_segment(request.path_params[name])


def _removal(request: Request) -> Removal:
    return Removal(transfer_to=request.query_params.get("transferTo") or None, purge=query_flag(request, "purge"))
