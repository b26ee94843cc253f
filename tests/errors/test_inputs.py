from entrepot.errors import LimitExceeded, NotMergeable


def test_a_limit_names_its_size_and_the_cure() -> None:
    assert str(LimitExceeded("a file", 1000)) == "a file exceeds the limit of 1,000"
    assert str(LimitExceeded("a file", 1000, "use LFS")).endswith("; use LFS")


def test_a_merge_that_fails_names_at_most_twenty_paths() -> None:
    many = str(NotMergeable(3, "it is in conflict with main", tuple(f"f{n}" for n in range(23))))
    assert many.startswith("pull request 3 cannot be merged: it is in conflict with main in f0, f1,")
    assert "f19 and 3 more; merge the branch into refs/pr/3" in many
    assert str(NotMergeable(3, "it is a draft")) == "pull request 3 cannot be merged: it is a draft"
