from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import refs, staged
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.repos.staged import ADD, CLEAR, DELETE, Area, StagedRow
from entrepot.names import MAIN, Oid, RefName, RepoPath, Sha256

P = RepoPath
OID, SHA = Oid("ab" * 20), Sha256("cd" * 32)


def change(path: str, op: str = ADD, size: int = 0) -> StagedRow:
    oid, sha256 = (OID, SHA) if op == ADD else (None, None)
    return StagedRow(0, P(path), op, oid, sha256, size, 0, None)


def put(catalog: Catalog, area: Area, *rows: StagedRow, now_ms: int = 7) -> None:
    with catalog.write() as tx:
        staged.put(tx, area, rows, now_ms)


def listed(catalog: Catalog, area: Area) -> list[tuple[str, str]]:
    with catalog.read() as tx:
        return [(row.path, row.op) for row in staged.everything(tx, area)]


def test_changes_read_back_in_the_order_of_staging(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    area = Area(repo.id, MAIN, alice.id)
    put(catalog, area, change("b", size=3), change("a", DELETE), change("", CLEAR))
    with catalog.read() as tx:
        first, *rest = staged.everything(tx, area)
        assert first == StagedRow(first.id, P("b"), ADD, OID, SHA, 3, 7, "alice")
        assert [(row.path, row.op, row.oid) for row in rest] == [("a", DELETE, None), ("", CLEAR, None)]
        assert staged.ids(tx, area) == [first.id, *(row.id for row in rest)]
        assert set(staged.paths(tx, area)) == {("b", ADD), ("a", DELETE), ("", CLEAR)}
        assert staged.count(tx, area) == 3


def test_a_path_has_one_change_and_another_id_when_it_is_staged_again(
    catalog: Catalog, repo: RepoRow, alice: Account
) -> None:
    area = Area(repo.id, MAIN, alice.id)
    put(catalog, area, change("a"), change("b"))
    with catalog.read() as tx:
        before = staged.ids(tx, area)
    put(catalog, area, change("a", DELETE))
    with catalog.read() as tx:
        assert staged.ids(tx, area) != before
    assert listed(catalog, area) == [("b", ADD), ("a", DELETE)]


def test_a_folder_may_be_deleted_and_a_file_added_in_its_place(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    area = Area(repo.id, MAIN, alice.id)
    put(catalog, area, change("a", CLEAR), change("a"))
    assert listed(catalog, area) == [("a", CLEAR), ("a", ADD)]
    with catalog.write() as tx:
        staged.remove(tx, area, [(P("a"), DELETE)])
    assert listed(catalog, area) == [("a", CLEAR)]


def test_additions_alone_can_be_dropped(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    area = Area(repo.id, MAIN, alice.id)
    put(catalog, area, change("a"), change("b", DELETE), change("c"))
    with catalog.write() as tx:
        staged.remove_added(tx, area, [P("a"), P("b")])
    assert listed(catalog, area) == [("b", DELETE), ("c", ADD)]


def test_users_branches_and_repositories_do_not_mix(
    catalog: Catalog,
    repo: RepoRow,
    alice: Account,
    add_account: Callable[..., Account],
    add_repo: Callable[..., RepoRow],
) -> None:
    mine = Area(repo.id, MAIN, alice.id)
    others = [
        attrs.evolve(mine, user_id=add_account("bob").id),
        attrs.evolve(mine, ref=RefName("refs/heads/dev")),
        attrs.evolve(mine, repo_id=add_repo("other").id),
    ]
    for area in (mine, *others):
        put(catalog, area, change("a"))
    with catalog.write() as tx:
        assert staged.drop(tx, mine) == 1
        assert staged.drop(tx, mine) == 0
    assert [listed(catalog, area) for area in (mine, *others)] == [[], *[[("a", ADD)]] * 3]


def test_those_who_drop_for_all_drop_one_branch(
    catalog: Catalog, repo: RepoRow, alice: Account, add_account: Callable[..., Account]
) -> None:
    mine = Area(repo.id, MAIN, alice.id)
    bob, dev = attrs.evolve(mine, user_id=add_account("bob").id), attrs.evolve(mine, ref=RefName("refs/heads/dev"))
    for area in (mine, bob, dev):
        put(catalog, area, change("a"))
    with catalog.write() as tx:
        assert staged.drop(tx, mine, of_all=True) == 2
    assert [listed(catalog, area) for area in (mine, bob, dev)] == [[], [], [("a", ADD)]]


def test_pages_have_no_gaps_and_may_be_of_all_users(
    catalog: Catalog, repo: RepoRow, alice: Account, add_account: Callable[..., Account]
) -> None:
    mine = Area(repo.id, MAIN, alice.id)
    put(catalog, mine, *(change(f"f{n}") for n in range(3)))
    put(catalog, attrs.evolve(mine, user_id=add_account("bob").id), change("g"))
    seen: list[StagedRow] = []
    with catalog.read() as tx:
        while rows := staged.page(tx, mine, of_all=True, after=seen[-1].id if seen else 0, limit=2):
            seen += rows
        assert [(row.path, row.user) for row in seen] == [*((f"f{n}", "alice") for n in range(3)), ("g", "bob")]
        assert len(staged.page(tx, mine, of_all=False, after=0, limit=9)) == 3


def test_changes_end_with_time(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    area = Area(repo.id, MAIN, alice.id)
    put(catalog, area, change("old", size=3), now_ms=10)
    put(catalog, area, change("new", size=4), now_ms=20)
    assert listed(catalog, attrs.evolve(area, since_ms=15)) == [("new", ADD)]
    with catalog.write() as tx:
        assert staged.ended(tx, 15) == [(repo.id, 1)]
        staged.drop_ended(tx, repo.id, 15)
        assert staged.ended(tx, 15) == []
    assert listed(catalog, area) == [("new", ADD)]


def test_ended_changes_of_one_area_are_dropped(
    catalog: Catalog, repo: RepoRow, alice: Account, add_account: Callable[..., Account]
) -> None:
    area = Area(repo.id, MAIN, alice.id, since_ms=15)
    bob = attrs.evolve(area, user_id=add_account("bob").id, since_ms=0)
    put(catalog, area, change("old"), now_ms=10)
    put(catalog, area, change("new"), now_ms=20)
    put(catalog, bob, change("old"), now_ms=10)
    with catalog.write() as tx:
        staged.drop_old(tx, area)
        assert (staged.count(tx, area), staged.count(tx, bob)) == (1, 1)


def test_changes_end_with_their_branch(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    dev = RefName("refs/heads/dev")
    for ref in (MAIN, dev):
        put(catalog, Area(repo.id, ref, alice.id), change("a"))
    with catalog.write() as tx:
        refs.swap(tx, repo.id, dev, None, OID, 1)
        refs.swap(tx, repo.id, dev, Oid("ff" * 20), None, 2)
    assert listed(catalog, Area(repo.id, dev, alice.id)) == [("a", ADD)]
    with catalog.write() as tx:
        refs.swap(tx, repo.id, dev, OID, None, 3)
    assert listed(catalog, Area(repo.id, dev, alice.id)) == []
    assert listed(catalog, Area(repo.id, MAIN, alice.id)) == [("a", ADD)]


def test_additions_hold_their_file_objects(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    put(catalog, Area(repo.id, MAIN, alice.id), change("a"), change("b", DELETE))
    with catalog.read() as tx:
        assert list(staged.held(tx, repo.id)) == [(OID, MAIN, "a")]
