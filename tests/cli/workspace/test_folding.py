from entrepot.cli.workspace.folding import MAX_LINES, fold


def test_short_lists_are_shown_whole() -> None:
    rows = [("new: ", f"a/{number}") for number in range(MAX_LINES)]
    assert fold(rows, is_full=False) == [f"new: a/{number}" for number in range(MAX_LINES)]


def test_long_lists_are_folded_to_folders() -> None:
    rows = [("", f"data/train/{number}") for number in range(60)] + [("", "data/one"), ("", "top")]
    assert fold(rows, is_full=False) == ["data/train/ -> 60 FILES", "data/one", "top"]
    assert len(fold(rows, is_full=True)) == 62
