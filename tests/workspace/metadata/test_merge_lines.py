from entrepot.workspace.metadata.merge_lines import merged_in, with_merged


def test_merged_versions_are_named_and_found() -> None:
    assert with_merged("text\n", []) == "text\n"
    assert with_merged("text\n", ["a__x__1", "a__x__2"]) == "text\n\nEntrepot-Merged: a__x__1\nEntrepot-Merged: a__x__2"
    assert merged_in(with_merged("text", ["a__x__1", "a__x__2"])) == ["a__x__1", "a__x__2"]
    assert merged_in("text\n\n Entrepot-Merged: x") == []
