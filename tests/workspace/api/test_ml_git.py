import json
from pathlib import Path

import pytest

from entrepot.errors import EntityMissing, InvalidArgument, LockedByMutability
from entrepot.workspace import MLGitAPI
from tests.support.machines import Team


def api(team: Team, name: str) -> MLGitAPI:
    made = MLGitAPI(str(team.place / name))
    made.init("repository")
    made.storage_add(team.storage[1], bucket_type=team.storage[0])
    for word in ("datasets", "labels", "models"):
        made.remote_add(word, str(team.remote(word)))
        made.init(word)
    return made


def test_the_script_of_a_user_of_the_old_program(team: Team) -> None:
    made = api(team, "p")
    made.create("datasets", "x", "vision, images", "strict", bucket_name=team.storage[1], storage_type=team.storage[0])
    for name in ("a", "b", "c", "d"):
        (team.place / "p/datasets/x/data" / name).write_text(name)
    made.add("datasets", "x")
    made.commit("datasets", "x", commit_message="first")
    made.push("datasets", "x", retries=2, clear_on_fail=True)
    made.create("models", "m", ["vision"], "mutable", version=3)
    (team.place / "p/models/m/data/w").write_text("w")
    made.add("models", "m", metric=[("accuracy", 10)])
    made.commit("models", "m", related_dataset="x")
    made.push("models", "m")
    other = api(team, "q")
    assert other.checkout("datasets", "vision__images__x__1") == str(team.place / "q/datasets/x")
    assert other.checkout("models", "m", dataset=True, version=3) == str(team.place / "q/models/m")
    found = other.get_models_metrics("m", export_path=str(team.place / "out"))
    assert found == json.loads((team.place / "out/m-metrics.json").read_text())
    assert found["tags_metrics"][0]["metrics"] == {"accuracy": 10.0}


def test_samples(team: Team) -> None:
    made = api(team, "p")
    made.create("datasets", "x", ["c"], "strict")
    for number in range(10):
        (team.place / "p/datasets/x/data" / str(number)).write_text(str(number))
    made.add("datasets", "x")
    made.commit("datasets", "x")
    made.push("datasets", "x")
    other = api(team, "q")
    path = Path(other.checkout("datasets", "x", sampling={"group": "1:5", "seed": "3"}))
    assert len(list((path / "data").iterdir())) == 2
    for sampling in ({"seed": 1}, {"group": "1:5", "range": "0:1"}):
        with pytest.raises(InvalidArgument):
            other.checkout("datasets", "x", sampling=sampling)


def test_failures_are_raised(team: Team) -> None:
    made = api(team, "p")
    with pytest.raises(EntityMissing):
        made.push("datasets", "none")
    made.create("datasets", "x", ["c"], "strict")
    place = team.place / "p/datasets/x/data/f"
    place.write_text("one")
    made.add("datasets", "x")
    made.commit("datasets", "x")
    place.chmod(0o644)
    place.write_text("two")
    with pytest.raises(LockedByMutability, match="data/f"):
        made.add("datasets", "x")
    made.create("models", "m", ["c"], "mutable")
    (team.place / "p/models/m/data/w").write_text("w")
    made.add("models", "m", metric={"a": "1"})
    made.commit("models", "m")
    with pytest.raises(InvalidArgument, match="csv or json"):
        made.get_models_metrics("m", export_path="x", export_type="xml")
