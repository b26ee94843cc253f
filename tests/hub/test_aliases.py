import pytest

from entrepot.errors import AlreadyExists, InvalidName, LoginRequired, NotAllowed, RepoNotFound, ThingNotFound
from entrepot.hub import aliases, audit
from entrepot.hub.accounts import accounts
from entrepot.hub.audit import AuditFilter
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.worlds import World


def test_an_alias_is_set_replaced_shown_and_removed_and_the_audit_log_says_so(world: World) -> None:
    first, second = world.repo("alice/a"), world.repo("alice/b")
    assert aliases.put(world.hub, "Gpt2", first).name == "gpt2"
    assert aliases.put(world.hub, "gpt2", second, by="alice").repo.ref == second
    assert aliases.get(world.hub, RepoType.MODEL, "GPT2").repo.ref == second
    assert [row.name for row in aliases.search(world.hub)] == ["gpt2"]
    aliases.remove(world.hub, RepoType.MODEL, "gpt2")
    with pytest.raises(ThingNotFound):
        aliases.get(world.hub, RepoType.MODEL, "gpt2")
    with pytest.raises(ThingNotFound):
        aliases.remove(world.hub, RepoType.MODEL, "gpt2")
    actions = [(row.actor, row.action) for row in audit.search(world.hub, AuditFilter())]
    assert actions[:3] == [("(console)", "alias.delete"), ("alice", "alias.set"), ("(console)", "alias.set")]


@pytest.mark.parametrize(
    "name", ["a/b", "", "-x", "a--b", "a..b", "x.git", "tree", "resolve", "datasets", "API", "a b"]
)
def test_a_name_that_is_impossible_or_reserved_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidName):
        aliases.put(world.hub, name, world.repo())


def test_aliases_and_accounts_never_share_a_name(world: World) -> None:
    with pytest.raises(AlreadyExists):
        aliases.put(world.hub, "Alice", world.repo())
    aliases.put(world.hub, "gpt2", world.repo("alice/c"))
    with pytest.raises(AlreadyExists):
        accounts.create_user(world.hub, "GPT2")
    with pytest.raises(AlreadyExists):
        accounts.create_org(world.hub, "gpt2", admin="alice")
    assert aliases.is_account(world.hub, "ALICE")
    assert not aliases.is_account(world.hub, "gpt2")


def test_an_alias_needs_a_repository_and_a_redirect_is_no_alias(world: World) -> None:
    with pytest.raises(RepoNotFound):
        aliases.put(world.hub, "gpt2", RepoRef(RepoType.MODEL, RepoId("alice", "absent")))
    with pytest.raises(ThingNotFound):
        aliases.remove(world.hub, RepoType.MODEL, "alice/moved")


def test_only_administrators_of_the_hub_manage_aliases(world: World) -> None:
    with pytest.raises(LoginRequired):
        aliases.require_admin(None)
    with pytest.raises(NotAllowed):
        aliases.require_admin(world.alice)
