from entrepot.errors import BranchMoved


def test_a_moved_branch_names_at_most_twenty_paths() -> None:
    few = str(BranchMoved("main", ("a.txt", "b.txt")))
    many = str(BranchMoved("main", tuple(f"f{n}" for n in range(23))))
    assert few.endswith("Changed on main since then: a.txt, b.txt.")
    assert many.endswith("f19 and 3 more.")
    assert "Changed" not in str(BranchMoved("main"))
