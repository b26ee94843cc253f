from __future__ import annotations

from entrepot.client.calls import Response
from entrepot.client.calls import administration as calls
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.accounts.administration import NewTokenByAdmin, Removal
from entrepot.wire.accounts.quotas import QuotaChanges
from entrepot.wire.audits import AuditQuery
from entrepot.wire.repos.restrictions import ProtectionChanges


def test_names_are_encoded() -> None:
    call = calls.set_member("a/b", "c d", "read")
    assert (call.method, call.path, call.body) == (
        "PUT",
        "/api/admin/orgs/a%2Fb/members/c%20d",
        b'{"role":"read"}',
    )


def test_a_removal_travels_in_the_query_and_is_sent_once() -> None:
    call = calls.delete_user("bob", Removal(transfer_to="carol"))
    assert (call.query, call.is_repeatable) == ((("transferTo", "carol"),), False)
    assert calls.delete_org("acme", Removal(purge=True)).query == (("purge", "true"),)
    assert calls.delete_org("acme", Removal()).query == ()


def test_a_code_is_exchanged_without_a_token() -> None:
    call = calls.exchange("code_x", "laptop")
    assert not call.is_authorized
    assert call.body == b'{"code":"code_x","tokenName":"laptop"}'
    assert "code_x" not in repr(call)


def test_a_page_of_repositories_is_read() -> None:
    call = calls.list_repos("acme", 7)
    assert call.query == (("namespace", "acme"), ("after", "7"))
    page = call.read(Response(200, {}, b'{"repos":[],"after":9}', "http://hub/"))
    assert (list(page.repos), page.after) == ([], 9)


def test_only_limits_that_are_set_are_sent() -> None:
    call = calls.set_quota("acme", QuotaChanges(max_bytes=5, max_repos=None))
    assert (call.method, call.path) == ("PATCH", "/api/admin/namespaces/acme/quota")
    assert call.body == b'{"maxBytes":5,"maxRepos":null}'


def test_a_token_is_named_in_the_path() -> None:
    call = calls.revoke_token("bob", "my laptop")
    assert (call.method, call.path) == ("DELETE", "/api/admin/users/bob/tokens/my%20laptop")
    assert not call.is_repeatable


def test_pages_of_the_audit_log_and_of_jobs_are_asked_for() -> None:
    call = calls.list_audit(AuditQuery(actor="bob"), None, 5)
    assert (call.path, call.query) == ("/api/admin/audit", (("actor", "bob"), ("limit", "5")))
    listed = calls.list_jobs(["dead", "ready"], [], 7, 5)
    assert listed.query == (("state", "dead"), ("state", "ready"), ("before", "7"), ("limit", "5"))
    assert (calls.retry_job(3).path, calls.cancel_job(3).path) == ("/api/admin/jobs/3/retry", "/api/admin/jobs/3")


def test_a_repository_is_named_in_the_path() -> None:
    ref = RepoRef(RepoType.DATASET, RepoId("alice", "data"))
    path = "/api/admin/repos/dataset/alice/data"
    disabled = calls.disable(ref, "reported")
    assert (disabled.path, disabled.body) == (f"{path}/disable", b'{"reason":"reported"}')
    assert (calls.enable(ref).method, calls.enable(ref).path) == ("POST", f"{path}/enable")
    changes = ProtectionChanges(protect=["main"])
    changed, shown = calls.change_protections(ref, changes), calls.show_protections(ref)
    assert (changed.method, changed.path, shown.path) == ("PATCH", f"{path}/protections", f"{path}/protections")
    assert changed.body == b'{"protect":["main"],"unprotect":[],"unprotectAll":false,"tags":null}'


def test_a_token_is_created_once_and_its_secret_stays_out_of_messages() -> None:
    new = NewTokenByAdmin(role="read", name="ci", secret="hf_secret_secret")
    call = calls.create_token("bob", new)
    assert (call.method, call.path, call.is_repeatable) == ("POST", "/api/admin/users/bob/tokens", False)
    assert b"hf_secret_secret" in call.body
    assert "secret_secret" not in repr(call) + repr(new)


def test_the_head_of_the_audit_log_is_sent_to_be_found() -> None:
    call = calls.verify_audit("ab" * 32)
    assert (call.path, call.query) == ("/api/admin/audit/verify", (("expect", "ab" * 32),))
    assert calls.verify_audit(None).query == ()
