from entrepot.client.variables import STAND_INS, variables


def test_ours_win_and_the_winner_is_named() -> None:
    read = variables({"ENTREPOT_ENDPOINT": "https://a", "HF_ENDPOINT": "https://a/", "HF_TOKEN": "t"})
    assert read.values["ENTREPOT_ENDPOINT"] == "https://a"
    assert read.source("ENTREPOT_ENDPOINT") == "ENTREPOT_ENDPOINT"
    assert (read.values["ENTREPOT_TOKEN"], read.source("ENTREPOT_TOKEN")) == ("t", "HF_TOKEN")
    assert read.source("ENTREPOT_HOME") == "ENTREPOT_HOME"


def test_an_empty_variable_of_ours_is_stood_in_for() -> None:
    read = variables({"ENTREPOT_TOKEN": "", "HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "t"})
    assert read.sources == {"ENTREPOT_TOKEN": "HUGGING_FACE_HUB_TOKEN"}


def test_a_token_for_another_hub_is_not_read() -> None:
    elsewhere = {"ENTREPOT_ENDPOINT": "https://a", "HF_ENDPOINT": "https://b", "HF_TOKEN": "t"}
    assert "ENTREPOT_TOKEN" not in variables(elsewhere).values
    assert variables(elsewhere | {"ENTREPOT_TOKEN": "mine"}).values["ENTREPOT_TOKEN"] == "mine"


def test_paths_of_other_clients_are_not_read() -> None:
    assert not {"ENTREPOT_HOME", "ENTREPOT_CACHE", "ENTREPOT_TOKEN_PATH"} & set(STAND_INS)
