from entrepot.errors import AmbiguousRevision, BranchMoved, CommitCanceled
from entrepot.errors.conflicts import CanceledPath


def test_a_moved_branch_names_at_most_twenty_paths() -> None:
    few = str(BranchMoved("main", ("a.txt", "b.txt")))
    many = str(BranchMoved("main", tuple(f"f{n}" for n in range(23))))
    assert few.endswith("Changed on main since then: a.txt, b.txt.")
    assert many.endswith("f19 and 3 more.")
    assert "Changed" not in str(BranchMoved("main"))


def test_a_canceled_commit_names_at_most_five_paths_with_their_reasons() -> None:
    few = str(CommitCanceled((CanceledPath("a", "unknown", "it is staged"),)))
    many = str(CommitCanceled(tuple(CanceledPath(f"f{n}", "unknown", "staged") for n in range(7))))
    assert few == "Commit canceled for unknown or unimplemented changes: 'a': it is staged"
    assert many.endswith("'f4': staged; and 2 more")


def test_an_ambiguous_beginning_lists_the_candidates() -> None:
    assert str(AmbiguousRevision("a41a", ("a41a0", "a41a1"))) == (
        "Several commits begin with 'a41a': a41a0, a41a1; use more digits"
    )
