"""Calls of the administration API, below ``/api/admin``; only entrepot hubs offer it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from entrepot.client.calls import JSON, Call, json_as, json_body, nothing, pairs, segment
from entrepot.names import RepoRef, RepoType
from entrepot.wire.accounts.administration import (
    AdminMember,
    AdminOrg,
    AdminRepos,
    AdminToken,
    AdminUser,
    CodeExchange,
    CodeLifetime,
    IssuedAdminToken,
    MemberRole,
    NewOrgByAdmin,
    NewTokenByAdmin,
    NewUsers,
    Removal,
    Removed,
    RemovedFactors,
    SignedIn,
    SignInCode,
    Transfer,
    Transferred,
    UserChanges,
)
from entrepot.wire.accounts.quotas import QuotaChanges, QuotaInfo
from entrepot.wire.audits import AdminJob, AuditEntry, AuditQuery, AuditVerdict, OrgAuditEntry
from entrepot.wire.repos.aliases import AliasFacts, AliasTarget
from entrepot.wire.repos.restrictions import DisableReason, ProtectionChanges, RepoProtections, RepoRestriction

PAGE = 1_000
"""Items on a page of a list, as default; also the most that a hub sends."""

_USERS = "/api/admin/users"
_ORGS = "/api/admin/orgs"
_JOBS = "/api/admin/jobs"
_ALIASES = "/api/admin/aliases"


def list_users(after: str = "", limit: int = PAGE) -> Call[list[AdminUser]]:
    """Build the call that lists users by name; ``after`` is the last name of the previous page."""
    return Call("GET", _USERS, json_as(list[AdminUser]), query=_named(after, limit), subject="the users")


def show_user(name: str) -> Call[AdminUser]:
    """Build the call that describes a user."""
    return Call("GET", f"{_USERS}/{segment(name)}", json_as(AdminUser), subject=f"user {name}")


def create_users(new: NewUsers) -> Call[list[SignInCode]]:
    """Build the call that creates users and returns a sign-in code for each."""
    body, read = json_body(new), json_as(list[SignInCode])
    return Call("POST", _USERS, read, body=body, media_type=JSON, subject="the users")


def change_user(name: str, changes: UserChanges) -> Call[AdminUser]:
    """Build the call that changes whether a user is an administrator, and whether the account is suspended."""
    path, body = f"{_USERS}/{segment(name)}", json_body(changes)
    return Call("PATCH", path, json_as(AdminUser), body=body, media_type=JSON, subject=f"user {name}")


def delete_user(name: str, removal: Removal) -> Call[Removed]:
    """Build the call that deletes a user."""
    path, subject = f"{_USERS}/{segment(name)}", f"user {name}"
    return Call("DELETE", path, json_as(Removed), query=_query(removal), subject=subject, is_repeatable=False)


def reset_factors(name: str) -> Call[RemovedFactors]:
    """Build the call that removes the second factor and the passkeys of a user."""
    path, read = f"{_USERS}/{segment(name)}/second-factor", json_as(RemovedFactors)
    return Call("DELETE", path, read, subject=f"user {name}", is_repeatable=False)


def issue_code(name: str, expires_s: int) -> Call[SignInCode]:
    """Build the call that creates a sign-in code for a user."""
    path, body = f"{_USERS}/{segment(name)}/code", json_body(CodeLifetime(expires_s=expires_s))
    return Call("POST", path, json_as(SignInCode), body=body, media_type=JSON, subject=f"user {name}")


def create_token(user: str, new: NewTokenByAdmin) -> Call[IssuedAdminToken]:
    """Build the call that creates a token for a user, or imports one."""
    path, body = f"{_USERS}/{segment(user)}/tokens", json_body(new)
    read, subject = json_as(IssuedAdminToken), f"user {user}"
    return Call("POST", path, read, body=body, media_type=JSON, subject=subject, is_repeatable=False)


def revoke_token(user: str, token: str) -> Call[AdminToken]:
    """Build the call that makes a token of a user invalid; ``token`` is its id or its name."""
    path, subject = f"{_USERS}/{segment(user)}/tokens/{segment(token)}", f"token {token} of {user}"
    return Call("DELETE", path, json_as(AdminToken), subject=subject, is_repeatable=False)


def list_orgs(after: str = "", limit: int = PAGE) -> Call[list[AdminOrg]]:
    """Build the call that lists organisations by name; ``after`` is the last name of the previous page."""
    return Call("GET", _ORGS, json_as(list[AdminOrg]), query=_named(after, limit), subject="the organisations")


def create_org(new: NewOrgByAdmin) -> Call[AdminOrg]:
    """Build the call that creates an organisation."""
    body, subject = json_body(new), f"organisation {new.name}"
    return Call("POST", _ORGS, json_as(AdminOrg), body=body, media_type=JSON, subject=subject)


def delete_org(name: str, removal: Removal) -> Call[Removed]:
    """Build the call that deletes an organisation."""
    path, subject = f"{_ORGS}/{segment(name)}", f"organisation {name}"
    return Call("DELETE", path, json_as(Removed), query=_query(removal), subject=subject, is_repeatable=False)


def list_members(org: str, after: str = "", limit: int = PAGE) -> Call[list[AdminMember]]:
    """Build the call that lists the members of an organisation by name; ``after`` is the last name before."""
    path, query = f"{_ORGS}/{segment(org)}/members", _named(after, limit)
    return Call("GET", path, json_as(list[AdminMember]), query=query, subject=f"organisation {org}")


def set_member(org: str, user: str, role: str) -> Call[AdminMember]:
    """Build the call that gives a user a role in an organisation."""
    path, body = f"{_ORGS}/{segment(org)}/members/{segment(user)}", json_body(MemberRole(role=role))
    subject = f"user {user} in organisation {org}"
    return Call("PUT", path, json_as(AdminMember), body=body, media_type=JSON, subject=subject)


def remove_member(org: str, user: str) -> Call[None]:
    """Build the call that removes a member from an organisation."""
    path = f"{_ORGS}/{segment(org)}/members/{segment(user)}"
    return Call("DELETE", path, nothing, subject=f"user {user} in organisation {org}", is_repeatable=False)


def list_repos(namespace: str | None = None, after: int = 0) -> Call[AdminRepos]:
    """Build the call that lists the repositories of a namespace, or a page of all repositories."""
    query = pairs(namespace=namespace, after=after or None)
    return Call("GET", "/api/admin/repos", json_as(AdminRepos), query=query, subject="the repositories")


def show_quota(namespace: str) -> Call[QuotaInfo]:
    """Build the call that returns the quota and the usage of a namespace."""
    return Call("GET", _quota(namespace), json_as(QuotaInfo), subject=f"namespace {namespace}")


def set_quota(namespace: str, changes: QuotaChanges) -> Call[QuotaInfo]:
    """Build the call that sets limits of a namespace."""
    body, subject = json_body(changes), f"namespace {namespace}"
    return Call("PATCH", _quota(namespace), json_as(QuotaInfo), body=body, media_type=JSON, subject=subject)


def transfer_all(source: str, target: str) -> Call[Transferred]:
    """Build the call that moves all repositories of a namespace into another one."""
    path, body = f"/api/admin/namespaces/{segment(source)}/transfer", json_body(Transfer(to=target))
    return Call("POST", path, json_as(Transferred), body=body, media_type=JSON, subject=f"repositories of {source}")


def list_audit(wanted: AuditQuery, before: int | None, limit: int) -> Call[list[AuditEntry]]:
    """Build the call that returns a page of the audit log."""
    query = pairs(**msgspec.structs.asdict(wanted), before=before, limit=limit)
    return Call("GET", "/api/admin/audit", json_as(list[AuditEntry]), query=query, subject="the audit log")


def list_org_audit(org: str, wanted: AuditQuery, before: int | None, limit: int) -> Call[list[OrgAuditEntry]]:
    """Build the call that returns a page of the audit log of an organisation."""
    query = pairs(**msgspec.structs.asdict(wanted), before=before, limit=limit)
    path, read = f"/api/organizations/{segment(org)}/audit", json_as(list[OrgAuditEntry])
    return Call("GET", path, read, query=query, subject=f"the audit log of {org}")


def verify_audit(expected: str | None) -> Call[AuditVerdict]:
    """Build the call that checks the chain of the audit log; ``expected`` is a head that was kept elsewhere."""
    path, query = "/api/admin/audit/verify", pairs(expect=expected)
    return Call("GET", path, json_as(AuditVerdict), query=query, subject="the audit log")


def list_jobs(states: Sequence[str], lanes: Sequence[str], before: int | None, limit: int) -> Call[list[AdminJob]]:
    """Build the call that returns a page of the background jobs."""
    query = pairs(state=states, lane=lanes, before=before, limit=limit)
    return Call("GET", _JOBS, json_as(list[AdminJob]), query=query, subject="the jobs")


def retry_job(job_id: int) -> Call[None]:
    """Build the call that makes a dead or waiting job due now."""
    return Call("POST", f"{_JOBS}/{job_id}/retry", nothing, subject=f"job {job_id}")


def cancel_job(job_id: int) -> Call[None]:
    """Build the call that deletes a job that is not running."""
    return Call("DELETE", f"{_JOBS}/{job_id}", nothing, subject=f"job {job_id}", is_repeatable=False)


def list_aliases(kind: RepoType | None, after: str = "", limit: int = PAGE) -> Call[list[AliasFacts]]:
    """Build the call that lists aliases by type and name; ``after`` is ``type/name`` of the last one before."""
    path, query = f"{_ALIASES}/{kind.value}" if kind else _ALIASES, _named(after, limit)
    return Call("GET", path, json_as(list[AliasFacts]), query=query, subject="the aliases")


def put_alias(ref: RepoRef, name: str) -> Call[AliasFacts]:
    """Build the call that makes a name without a namespace resolve to a repository."""
    path, body = f"{_ALIASES}/{ref.type.value}/{segment(name)}", json_body(AliasTarget(repo=str(ref.id)))
    return Call("PUT", path, json_as(AliasFacts), body=body, media_type=JSON, subject=f"alias {name}")


def remove_alias(kind: RepoType, name: str) -> Call[None]:
    """Build the call that deletes an alias."""
    path = f"{_ALIASES}/{kind.value}/{segment(name)}"
    return Call("DELETE", path, nothing, subject=f"alias {name}", is_repeatable=False)


def disable(ref: RepoRef, reason: str) -> Call[RepoRestriction]:
    """Build the call that restricts a repository to administrators of the hub."""
    path, body = f"{_repo(ref)}/disable", json_body(DisableReason(reason=reason))
    return Call("POST", path, json_as(RepoRestriction), body=body, media_type=JSON, subject=str(ref))


def enable(ref: RepoRef) -> Call[RepoRestriction]:
    """Build the call that opens a disabled repository again."""
    return Call("POST", f"{_repo(ref)}/enable", json_as(RepoRestriction), subject=str(ref))


def show_protections(ref: RepoRef) -> Call[RepoProtections]:
    """Build the call that returns what is protected in a repository."""
    return Call("GET", f"{_repo(ref)}/protections", json_as(RepoProtections), subject=str(ref))


def change_protections(ref: RepoRef, changes: ProtectionChanges) -> Call[RepoProtections]:
    """Build the call that changes what is protected in a repository."""
    path, body = f"{_repo(ref)}/protections", json_body(changes)
    return Call("PATCH", path, json_as(RepoProtections), body=body, media_type=JSON, subject=str(ref))


def exchange(code: str, token_name: str | None = None) -> Call[SignedIn]:
    """Build the call that exchanges a sign-in code for a token."""
    body = json_body(CodeExchange(code=code, token_name=token_name))
    read, subject = json_as(SignedIn), "the sign-in code"
    return Call("POST", "/api/sign-in", read, body=body, media_type=JSON, subject=subject, is_authorized=False)


def _repo(ref: RepoRef) -> str:
    return f"/api/admin/repos/{ref.type.value}/{segment(ref.id.namespace)}/{segment(ref.id.name)}"


def _quota(namespace: str) -> str:
    return f"/api/admin/namespaces/{segment(namespace)}/quota"


def _named(after: str, limit: int) -> tuple[tuple[str, str], ...]:
    return pairs(cursor=after or None, limit=limit)


def _query(removal: Removal) -> tuple[tuple[str, str], ...]:
    return pairs(transferTo=removal.transfer_to, purge=True if removal.purge else None)
