"""Real flows of Metaflow in real processes: those of the guide, and one with everything that can go wrong."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

import pytest

import entrepot
from entrepot.cli.main import main
from entrepot.metaflow import runs_of
from entrepot.testing.hubs import RunningHub
from tests.support.metaflow_flows import (
    FlowRun,
    MetaflowEnvironment,
    add_plain_pypi,
    make_environment,
)
from tests.support.relay import Relay

pytestmark = pytest.mark.timeout(300)  # a flow starts a process for every task

PAGE = Path(__file__).parents[2] / "docs/metaflow.md"
FLOWS = [
    text for text in re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S) if "(FlowSpec)" in text
]
TRAIN, SEED_LOADS, SEED_REFERENCE = FLOWS
BERT = {"config.json": b"{}", "tokenizer.json": b"[1]", "pytorch_model.bin": bytes(range(256)) * 400}


@pytest.fixture(scope="module")
def hub(entrepot_hub: RunningHub) -> RunningHub:
    api = entrepot.HubApi(entrepot_hub.url, entrepot_hub.token)
    publish(api, "tester/bert-base-uncased", BERT)
    command = ["admin", "aliases", "add", "bert-base-uncased", "tester/bert-base-uncased"]
    assert main(command, {"ENTREPOT_DATA": str(entrepot_hub.data)}) == 0
    return entrepot_hub


@pytest.fixture(scope="module")
def alone(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> MetaflowEnvironment:
    """Metaflow, the client and our extension."""
    environment = make_environment(tmp_path_factory.mktemp("alone"))
    add_plain_pypi(environment)
    return environment.with_hub(hub)


@pytest.fixture
def stock(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> MetaflowEnvironment:
    """Metaflow, huggingface_hub and metaflow-checkpoint; nothing of ours.

    Every test has a datastore of its own, because the stock decorator caches without the patterns.
    """
    environment = make_environment(tmp_path_factory.mktemp("stock"), checkpoint=True, extension=None, client=False)
    add_plain_pypi(environment)
    return environment.with_hub(hub)


def publish(api: entrepot.HubApi, repo_id: str, files: dict[str, bytes], repo_type: str | None = None) -> str:
    api.create_repo(repo_id, repo_type=repo_type, exist_ok=True)
    adds = [entrepot.CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(repo_id, adds, commit_message="files", repo_type=repo_type).oid


def succeeded(run: FlowRun) -> FlowRun:
    assert run.code == 0, run.text
    return run


def assert_no_secret(run: FlowRun, environment: MetaflowEnvironment, *secrets_: str) -> None:
    """Neither the output nor the datastore has a secret; artifacts are compressed, so they are unpacked."""
    import gzip

    for secret in secrets_:
        assert secret not in run.text
        for file in environment.datastore.rglob("*"):
            # The cache of the client may have a stored token; nothing of Metaflow may.
            if not file.is_file() or "entrepot" in file.relative_to(environment.datastore).parts[:1]:
                continue
            data = file.read_bytes()
            assert secret.encode() not in data, file
            if data[:2] == b"\x1f\x8b":
                assert secret.encode() not in gzip.decompress(data), file


def temporary(environment: MetaflowEnvironment) -> list[str]:
    return [path.name for path in Path(environment.variables["TMPDIR"]).iterdir() if "metaflow_hub" in path.name]


# --- the flows of the guide ------------------------------------------------------


@pytest.mark.parametrize("which", ["alone", "stock"])
def test_a_flow_that_loads_runs_verbatim(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    environment: MetaflowEnvironment = request.getfixturevalue(which)
    run = succeeded(environment.run(SEED_LOADS, folder=tmp_path, top=["--environment=pypi"]))
    contents = run.lines("Contents: ")
    assert len(contents) == 3
    for listed in contents[:2]:
        assert all(repr(name) in listed for name in BERT)
    assert "config.json" in contents[2]
    assert "pytorch_model.bin" not in contents[2]
    assert run.lines("Model loaded at: ")[1] == "./model_directory"
    assert set(BERT) <= {path.name for path in (tmp_path / "model_directory").iterdir()}
    assert temporary(environment) == []


@pytest.mark.parametrize("which", ["alone", "stock"])
def test_a_flow_that_passes_a_reference_on_runs_verbatim(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environment: MetaflowEnvironment = request.getfixturevalue(which)
    run = succeeded(environment.run(SEED_REFERENCE, folder=tmp_path))
    [key], [listed] = run.lines("Model Reference saved with key : "), run.lines("Contents: ")
    assert "config.json" in listed
    assert "pytorch_model.bin" not in listed
    if which == "alone":
        assert re.fullmatch(r"hub/models/tester/bert-base-uncased@[0-9a-f]{40}", key)
        assert ".cache" not in listed


def test_train_push_and_evaluate_by_reference(hub: RunningHub, alone: MetaflowEnvironment, tmp_path: Path) -> None:
    api = entrepot.HubApi(hub.url, hub.token)
    hub.org("demo")
    publish(api, "demo/points", {"points.csv": b"x,y\n0,1\n1,3\n2,5\n"}, "dataset")
    run = succeeded(alone.run(TRAIN, folder=tmp_path))
    assert run.lines("at 10 ") == ["21.0"]
    [commit] = run.lines("commit ")
    [pushed] = runs_of("demo/line", endpoint=hub.url, token=hub.token)
    assert (pushed.commit, pushed.title, pushed.user) == (commit, "trained", "tester")
    assert [key.partition("@")[0] for key in pushed.read] == ["hub/datasets/demo/points"]
    flow, run_id, step, _ = pushed.task.split("/")
    assert (flow, step) == ("Train", "start")
    [tag] = api.list_repo_refs("demo/line").tags
    assert (tag.name, tag.target_commit) == (f"run-{run_id}", commit)
    assert_no_secret(run, alone, hub.token)

    told = json.loads(succeeded(alone.start("-c", LOOK, f"Train/{run_id}", folder=tmp_path)).text.splitlines()[-1])
    assert told["made"] == [f"hub/models/demo/line@{commit}"]
    assert told["read"] == [pushed.read[0], f"hub/models/demo/line@{commit}"]
    assert f"hub:demo/line@{commit[:8]}" in told["tags"]
    assert told["size"] < 1000
    assert told["cards"] == ["hub_references"] * 2
    assert f"/demo/line/tree/{commit}" in told["page"]


LOOK = """
import json, sys
import metaflow
from metaflow import namespace
from metaflow.cards import get_cards
from entrepot.metaflow import lineage

namespace(None)
run = metaflow.Run(sys.argv[1])
found = lineage(sys.argv[1])
cards = [card for step in run for task in step for card in get_cards(task)]
print(json.dumps({
    "read": found.read, "made": found.made, "tags": sorted(run.tags),
    "size": len(json.dumps(run["start"].task.data.model)),
    "cards": [card.type for card in cards], "page": "".join(card.get() for card in cards),
}))
"""


# --- what can go wrong -----------------------------------------------------------

HARD = """
import os
from metaflow import FlowSpec, catch, current, hub, huggingface_hub, model, retry, step

TOKEN = os.environ["SECOND_TOKEN"]

class Hard(FlowSpec):
    @retry(times=1, minutes_between_retries=0)
    @hub(load=["tester/hard"], temp_dir_root=os.environ["TEMPS"])
    @step
    def start(self):
        folder = current.hub.loaded["tester/hard"]
        with open(os.path.join(folder, "config.json"), "a") as file:
            file.write("scribbled")
        self.made = current.hub.push("tester/hard-out", folder)
        if current.retry_count == 0:
            raise ValueError("the first attempt fails")
        self.parts = [1, 2, 3, 4]
        self.next(self.part, foreach="parts")

    @huggingface_hub(load=[{"repo_id": "tester/hard-large", "token": TOKEN}])
    @hub(refs="made", card=False)
    @step
    def part(self):
        files = os.listdir(current.huggingface_hub.loaded["tester/hard-large"])
        print("part", sorted(files), len(open(os.path.join(current.hub.loaded["made"], "config.json")).read()))
        self.next(self.join)

    @hub(refs="made")
    @step
    def join(self, inputs):
        print("joined", sorted(os.listdir(current.hub.loaded["made"])))
        self.made = inputs[0].made
        self.next(self.broken)

    @catch(var="failure")
    @hub(load="tester/hard")
    @step
    def broken(self):
        print("folder", current.hub.loaded["tester/hard"])
        raise RuntimeError("a failure in the step")
        self.next(self.end)

    @model(load=[("made", "./made")])
    @step
    def end(self):
        print("failure", type(self.failure).__name__, current.model.loaded["made"])
        raise RuntimeError("the last step fails too")

if __name__ == "__main__":
    Hard()
"""


def test_retries_a_foreach_a_join_and_failures(hub: RunningHub, alone: MetaflowEnvironment, tmp_path: Path) -> None:
    api, second = entrepot.HubApi(hub.url, hub.token), hub.user("tester", "read").token
    publish(api, "tester/hard", {"config.json": b"{}"})
    publish(api, "tester/hard-large", {"large.bin": secrets.token_bytes(3_000_000)})
    relay = Relay(hub.url)
    try:
        more = {"SECOND_TOKEN": second, "TEMPS": str(tmp_path / "temps")}
        run = alone.run(HARD, folder=tmp_path, ENTREPOT_ENDPOINT=relay.url, HF_ENDPOINT=relay.url, **more)
    finally:
        relay.close()
    assert run.code != 0
    assert "the last step fails too" in run.text
    assert run.lines("part ") == ["['.gitattributes', 'large.bin'] 11"] * 4
    assert run.lines("joined ") == ["['.gitattributes', 'config.json']"]
    [folder] = run.lines("folder ")
    assert not Path(folder).exists()
    assert list((tmp_path / "temps").iterdir()) == []
    assert temporary(alone) == []
    assert run.lines("failure ") == ["MetaflowExceptionWrapper ./made"]
    assert (tmp_path / "made/config.json").read_bytes() == b"{}scribbled"
    # The second attempt pushed the same content: the repository has its first commit and one more.
    assert len(runs_of("tester/hard-out", endpoint=hub.url, token=hub.token)) == 1
    assert relay.count("GET", "large.bin") == 1
    assert_no_secret(run, alone, hub.token, second)
    assert f"Bearer {second}" in {value for asked in relay.seen for value in asked.headers.values()}
    read = json.loads(succeeded(alone.start("-c", LOOK_HARD, folder=tmp_path)).text.splitlines()[-1])
    assert [key.partition("@")[0] for key in read["broken"]] == ["hub/models/tester/hard"]
    assert [key.partition("@")[0] for key in read["end"]] == ["hub/models/tester/hard-out"]


LOOK_HARD = """
import json
import metaflow
from entrepot.metaflow import lineage

run = metaflow.Flow("Hard", _namespace_check=False).latest_run
print(json.dumps({task.task.split("/")[2]: task.read for task in lineage(run.pathspec).tasks}))
"""


RESUMED = """
import os
from metaflow import FlowSpec, Parameter, current, hub, step

class Resumed(FlowSpec):
    source = Parameter("source-id", default="tester/resumed")

    @hub
    @step
    def start(self):
        open("a.txt", "w").close()
        self.made = current.hub.push("tester/resumed", "a.txt")
        self.next(self.end)

    @hub(refs="made", load=[{"repo_id": source, "allow_patterns": "*.txt"}])
    @step
    def end(self):
        print("end", sorted(os.listdir(current.hub.loaded["made"])), os.listdir(current.hub.loaded[self.source]))
        if os.environ.get("FAILS"):
            raise RuntimeError("the first run fails")
        open("b.txt", "w").close()
        current.hub.push("tester/resumed", "b.txt")

if __name__ == "__main__":
    Resumed()
"""

LOOK_RESUMED = """
import json
import metaflow
from entrepot.metaflow import lineage

found = lineage(metaflow.Flow("Resumed", _namespace_check=False).latest_run.pathspec)
print(json.dumps([[task.task.split("/")[2], task.made] for task in found.tasks]))
"""


def test_a_resumed_run_keeps_references_and_lineage(
    hub: RunningHub, alone: MetaflowEnvironment, tmp_path: Path
) -> None:
    assert alone.run(RESUMED, folder=tmp_path, FAILS="1").code != 0
    run = succeeded(alone.run(RESUMED, "resume", folder=tmp_path))
    assert run.lines("end ") == ["['.gitattributes', 'a.txt'] ['a.txt']"]
    second, first = runs_of("tester/resumed", endpoint=hub.url, token=hub.token)
    assert (first.origin_run, second.origin_run) == (None, first.task.split("/")[1])
    assert second.read == (f"hub/models/tester/resumed@{first.commit}",)
    told = json.loads(succeeded(alone.start("-c", LOOK_RESUMED, folder=tmp_path)).text.splitlines()[-1])
    assert told == [
        ["start", [f"hub/models/tester/resumed@{first.commit}"]],
        ["end", [f"hub/models/tester/resumed@{second.commit}"]],
    ]


WRONG = """
from metaflow import FlowSpec, step
from {package} import hub

class Wrong(FlowSpec):
    @hub(load=[{{"repo_id": "tester/x", "token": "hf_verysecretvalue"}}])
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Wrong()
"""


@pytest.mark.parametrize("package", ["metaflow", "entrepot.metaflow"])
def test_mistakes_are_told_before_a_run_exists(package: str, alone: MetaflowEnvironment, tmp_path: Path) -> None:
    run = alone.run(WRONG.format(package=package), folder=tmp_path)
    assert run.code != 0
    assert "@hub of the step start: load[0]: 'tester/x' has a token" in run.text
    assert "entrepot login" in run.text
    assert "hf_verysecretvalue" not in run.text
    assert "Traceback" not in run.text
    assert not (alone.datastore / ".metaflow/Wrong").exists()


# --- the decorator without the extension -----------------------------------------

SECOND_DOOR = """
import os
from metaflow import FlowSpec, Parameter, config_expr, Config, current, step
from entrepot.metaflow import hub

class Second(FlowSpec):
    source = Parameter("source-id", default="tester/second")
    settings = Config("settings", default_value={"pattern": "*.json"}, parser=None)

    @hub(load=[source], temp_dir_root="temps")
    @step
    def start(self):
        folder = current.hub.loaded["tester/second"]
        print("start", sorted(os.listdir(folder)))
        self.made = current.hub.push("tester/second-out", folder)
        self.next(self.end)

    @hub(refs=["made"], load=[{"repo_id": "tester/second", "allow_patterns": config_expr("settings.pattern")}])
    @step
    def end(self):
        print("end", sorted(os.listdir(current.hub.loaded["tester/second"])), current.hub.info["made"]["files"])

if __name__ == "__main__":
    Second()
"""


def test_the_decorator_of_the_client_needs_no_extension(
    hub: RunningHub, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    environment = make_environment(tmp_path_factory.mktemp("client"), extension=None).with_hub(hub)
    publish(entrepot.HubApi(hub.url, hub.token), "tester/second", {"config.json": b"{}", "model.bin": b"1"})
    run = succeeded(environment.run(SECOND_DOOR, folder=tmp_path))
    assert run.lines("start ") == ["['.gitattributes', 'config.json', 'model.bin']"]
    assert run.lines("end ") == ["['config.json'] 3"]
    assert list((tmp_path / "temps").iterdir()) == []
    [pushed] = runs_of("tester/second-out", endpoint=hub.url, token=hub.token)
    found = json.loads(succeeded(environment.start("-c", LOOK_SECOND, folder=tmp_path)).text.splitlines()[-1])
    assert found == [f"hub/models/tester/second-out@{pushed.commit}"]


LOOK_SECOND = """
import json
import metaflow
from entrepot.metaflow import lineage

print(json.dumps(lineage(metaflow.Flow("Second", _namespace_check=False).latest_run.pathspec).made))
"""


@pytest.fixture(autouse=True)
def _caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
