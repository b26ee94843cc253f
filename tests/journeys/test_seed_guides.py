"""The code of two guides of huggingface_hub, with ``entrepot`` instead, as scripts of a user ``username``.

Each script has the setup that the guide assumes, then its lines, then checks of the results.
Source of the patterns: the guides "Upload files" and "Integrate any ML framework" of huggingface_hub 0.21.4.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.testing.hubs import RunningHub

HAS_TORCH = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("safetensors") is not None

Run = Callable[[str], str]

BEGINNING = """
import os
from pathlib import Path

import entrepot
from entrepot import *

def write(**files):
    for name, content in files.items():
        path = Path(name.replace("__", "/").replace("_dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

def files_of(repo_id, repo_type=None):
    return sorted(set(HfApi().list_repo_files(repo_id, repo_type=repo_type)) - {".gitattributes"})

"""

UPLOADS: dict[str, str] = {
    "login": """
from entrepot import login
token = os.environ.pop("ENTREPOT_TOKEN")
login(token=token)
assert entrepot.whoami()["name"] == "username"
""",
    "upload a file": """
write(path__to__local__folder__README_dot_md=b"# Data")
from entrepot import HfApi
api = HfApi()
api.create_repo("username/test-dataset", repo_type="dataset")

api.upload_file(
    path_or_fileobj="path/to/local/folder/README.md",
    path_in_repo="README.md",
    repo_id="username/test-dataset",
    repo_type="dataset",
)

assert files_of("username/test-dataset", "dataset") == ["README.md"]
""",
    "upload a folder": """
write(space__app_dot_py=b"print()", space__sub__page_dot_html=b"<p>", space__git__config=b"not here")
Path("space/git").rename("space/.git")
api = HfApi()
api.create_repo("username/my-cool-space", repo_type="space", space_sdk="static")

api.upload_folder(
    folder_path="space",
    repo_id="username/my-cool-space",
    repo_type="space",
)

assert set(files_of("username/my-cool-space", "space")) >= {"app.py", "sub/page.html"}
assert not [name for name in files_of("username/my-cool-space", "space") if ".git/" in name]
""",
    "upload a folder with patterns": """
write(folder__a_dot_csv=b"1", folder__run__logs__one_dot_txt=b"log", folder__run__logs__one_dot_csv=b"2")
api = HfApi()
api.create_repo("username/patterns", repo_type="dataset")

api.upload_folder(
    folder_path="folder",
    path_in_repo="my-dataset/train",
    repo_id="username/patterns",
    repo_type="dataset",
    ignore_patterns="**/logs/*.txt",
)

assert files_of("username/patterns", "dataset") == ["my-dataset/train/a.csv", "my-dataset/train/run/logs/one.csv"]
""",
    "replace the logs in one commit": """
api = HfApi()
api.create_repo("username/trained-model")
api.create_commit(
    "username/trained-model",
    [CommitOperationAdd(f"experiment/logs/{name}", b"old") for name in ("old.txt", "old.csv")],
    commit_message="old",
)
before = len(api.list_repo_commits("username/trained-model"))
write(folder__logs__new_dot_txt=b"new", folder__logs__new_dot_csv=b"new")

api.upload_folder(
    folder_path="folder/logs",
    repo_id="username/trained-model",
    path_in_repo="experiment/logs/",
    allow_patterns="*.txt",
    delete_patterns="*.txt",
)

assert files_of("username/trained-model") == ["experiment/logs/new.txt", "experiment/logs/old.csv"]
assert len(api.list_repo_commits("username/trained-model")) == before + 1
""",
    "upload from the command line": """
import subprocess, sys

def cli(*args):
    done = subprocess.run([sys.executable, "-m", "entrepot", *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

write(models__weights_dot_h5=b"1", data__train__a_dot_csv=b"2")
write(**{"my-cool-model__config_dot_json": b"{}", "logs__a_dot_txt": b"3"})
cli("upload", "username/my-cool-model", "./models", ".")
cli("upload", "username/my-cool-model", "./data/train", "/data/train")
cli("upload", "my-cool-model")
cli("upload", "username/my-cool-model", "./models/weights.h5")
cli("upload", "username/my-cool-model", "./logs", "logs", "--token", os.environ["ENTREPOT_TOKEN"])
assert files_of("username/my-cool-model") == ["config.json", "data/train/a.csv", "logs/a.txt", "weights.h5"]
cli(
    "upload", "username/my-cool-model", ".", ".", "--exclude", "logs/*", "--delete", "*",
    "--commit-message", "Sync local folder with the hub",
)
assert "logs/a.txt" not in files_of("username/my-cool-model")
assert HfApi().list_repo_commits("username/my-cool-model")[0].title == "Sync local folder with the hub"
""",
    "in the background": """
write(**{"checkpoints-001__model_dot_bin": b"1"})
api = HfApi()
api.create_repo("username/my-model")

future = api.upload_folder(
    repo_id="username/my-model",
    folder_path="checkpoints-001",
    run_as_future=True,
)
future.done()
assert future.result().oid

api.run_as_future(api.create_repo, "username/my-other-model", exist_ok=True)
api.upload_file(
    repo_id="username/my-other-model",
    path_in_repo="file.txt",
    path_or_fileobj=b"file content",
    run_as_future=True,
).result()
assert files_of("username/my-other-model") == ["file.txt"]
""",
    "a scheduler": """
import json
import uuid

feedback_file = Path("user_feedback/") / f"data_{uuid.uuid4()}.json"
feedback_folder = feedback_file.parent

scheduler = CommitScheduler(
    repo_id="report-translation-feedback",
    repo_type="dataset",
    folder_path=feedback_folder,
    path_in_repo="data",
    every=10,
)

def save_feedback(input_text, output_1, output_2, user_choice):
    with scheduler.lock:
        with feedback_file.open("a") as f:
            f.write(json.dumps({"input": input_text, "outputs": [output_1, output_2], "choice": user_choice}))
            f.write("\\n")

save_feedback("Hallo", "Hello", "Hi", 1)
scheduler.trigger().result()
assert files_of("username/report-translation-feedback", "dataset") == [f"data/{feedback_file.name}"]
""",
    "a scheduler of one's own": """
import tempfile
import zipfile

class ZipScheduler(CommitScheduler):
    def push_to_hub(self):
        png_files = list(self.folder_path.glob("*.png"))
        if len(png_files) == 0:
            return None
        with tempfile.TemporaryDirectory() as tmpdir:
            archive_path = Path(tmpdir) / "train.zip"
            with zipfile.ZipFile(archive_path, "w", zipfile.ZIP_DEFLATED) as zip:
                for png_file in png_files:
                    zip.write(filename=png_file, arcname=png_file.name)
            self.api.upload_file(
                path_or_fileobj=archive_path,
                path_in_repo=f"{self.path_in_repo}/train.zip",
                repo_id=self.repo_id,
                repo_type=self.repo_type,
                revision=self.revision,
            )
        for png_file in png_files:
            png_file.unlink()

write(images__a_dot_png=b"a", images__b_dot_png=b"b")
scheduler = ZipScheduler(
    repo_id="username/images", repo_type="dataset", folder_path="images", path_in_repo="zips", every=100
)
scheduler.trigger().result()
assert scheduler.trigger().result() is None
assert list(Path("images").iterdir()) == []
archive = hf_hub_download("username/images", "zips/train.zip", repo_type="dataset")
assert sorted(zipfile.ZipFile(archive).namelist()) == ["a.png", "b.png"]
""",
    "operations": """
home = Path.home() / "repo"
home.mkdir()
(home / "LICENSE.md").write_text("MIT")
(home / "weights-final.h5").write_bytes(bytes(1_000_000))
api = HfApi()
api.create_repo("username/test-model")
api.create_commit(
    "username/test-model",
    [CommitOperationAdd(name, b"old") for name in ("old-weights.h5", "logs/a.txt", "logs/deep/b.txt", "image.png")],
    commit_message="before",
)

operations = [
    CommitOperationAdd(path_in_repo="LICENSE.md", path_or_fileobj="~/repo/LICENSE.md"),
    CommitOperationAdd(path_in_repo="weights.h5", path_or_fileobj="~/repo/weights-final.h5"),
    CommitOperationDelete(path_in_repo="old-weights.h5"),
    CommitOperationDelete(path_in_repo="logs/"),
    CommitOperationCopy(src_path_in_repo="image.png", path_in_repo="duplicate_image.png"),
]
api.create_commit(
    repo_id="username/test-model",
    operations=operations,
    commit_message="Upload my model weights and license",
)

assert files_of("username/test-model") == ["LICENSE.md", "duplicate_image.png", "image.png", "weights.h5"]

api.delete_file("image.png", repo_id="username/test-model")
api.upload_file(path_or_fileobj=b"1", path_in_repo="d/1", repo_id="username/test-model")
api.delete_folder("d", repo_id="username/test-model")
entrepot.metadata_update("username/test-model", {"license": "mit"})
assert files_of("username/test-model") == ["LICENSE.md", "README.md", "duplicate_image.png", "weights.h5"]
""",
    "large files ahead of the commit": """
from entrepot import CommitOperationAdd, preupload_lfs_files, create_commit, create_repo

repo_id = create_repo("test_preupload").repo_id

operations = []
for i in range(5):
    content = bytes([i]) * 100_000
    addition = CommitOperationAdd(path_in_repo=f"shard_{i}_of_5.bin", path_or_fileobj=content)
    preupload_lfs_files(repo_id, additions=[addition])
    operations.append(addition)

create_commit(repo_id, operations=operations, commit_message="Commit all shards")
assert files_of("username/test_preupload") == [f"shard_{i}_of_5.bin" for i in range(5)]
assert Path(hf_hub_download(repo_id, "shard_4_of_5.bin")).read_bytes() == bytes([4]) * 100_000
""",
}

PULL_REQUESTS: dict[str, str] = {
    "several commits": """
write(**{f"checkpoints__{i}_dot_bin": bytes([i]) * 1000 for i in range(60)})
api = HfApi()
api.create_repo("username/my_dataset", repo_type="dataset")

url = api.upload_folder(
    folder_path="checkpoints",
    repo_id="username/my_dataset",
    repo_type="dataset",
    multi_commits=True,
    multi_commits_verbose=True,
)

assert len(files_of("username/my_dataset", "dataset")) == 60
[pull] = api.get_repo_discussions("username/my_dataset", repo_type="dataset")
assert (pull.is_pull_request, pull.status, pull.url) == (True, "merged", url)
""",
    "several commits, to be looked at": """
write(**{f"checkpoints__{i}_dot_bin": bytes([i]) * 1000 for i in range(3)})
api = HfApi()
api.create_repo("username/reviewed", repo_type="dataset")
again = dict(
    folder_path="checkpoints", repo_id="username/reviewed", repo_type="dataset", multi_commits=True, create_pr=True
)
assert api.upload_folder(**again) == api.upload_folder(**again)
assert files_of("username/reviewed", "dataset") == []
[pull] = api.get_repo_discussions("username/reviewed", repo_type="dataset")
found = api.list_repo_files("username/reviewed", repo_type="dataset", revision=pull.git_reference)
assert {"0.bin", "1.bin", "2.bin"} <= set(found)
assert pull.status == "open"
""",
    "the two steps of several commits": """
from entrepot import plan_multi_commits
write(**{f"files__{i}_dot_txt": bytes([i]) for i in range(5)})
api = HfApi()
api.create_repo("username/by-steps")
api.upload_file(path_or_fileobj=b"old", path_in_repo="old.txt", repo_id="username/by-steps")
operations = [CommitOperationAdd(path.name, path) for path in sorted(Path("files").iterdir())]
addition_commits, deletion_commits = plan_multi_commits(
    [*operations, CommitOperationDelete("old.txt")], max_operations_per_commit=2
)
assert [len(step) for step in addition_commits] == [2, 2, 1]
api.create_commits_on_pr(
    repo_id="username/by-steps",
    addition_commits=addition_commits,
    deletion_commits=deletion_commits,
    commit_message="Five files",
    merge_pr=True,
)
assert files_of("username/by-steps") == [f"{i}.txt" for i in range(5)]
""",
    "a proposal": """
api = HfApi()
api.create_repo("username/proposed")
made = api.upload_file(
    path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="username/proposed", create_pr=True
)
assert (made.pr_num, made.pr_revision) == (1, "refs/pr/1")
assert files_of("username/proposed") == []
api.merge_pull_request("username/proposed", made.pr_num)
assert files_of("username/proposed") == ["config.json"]
""",
}

CLONES: dict[str, str] = {
    "a clone, and its commit": """
import json
from entrepot import Repository
entrepot.create_repo("text-files")

with Repository(local_dir="text-files", clone_from="username/text-files").commit(commit_message="My first file :)"):
    with open("file.txt", "w+") as f:
        f.write(json.dumps({"hey": 8}))

assert files_of("username/text-files") == ["file.txt"]

repo = Repository(local_dir="text-files")
with repo.commit(commit_message="My cool model :)", blocking=False):
    Path("model.pt").write_bytes(bytes(range(256)) * 100)
last_command = repo.command_queue[-1]
last_command.status
repo.wait_for_commands()
assert last_command.is_done and not last_command.failed and last_command.status == 0
print(last_command.stderr)
assert files_of("username/text-files") == [".gitattributes", "file.txt", "model.pt"][1:]
""",
    "a clone, step by step": """
from entrepot import Repository
entrepot.create_repo("steps")
entrepot.upload_file(path_or_fileobj=b"1", path_in_repo="one.txt", repo_id="username/steps")
Repository(local_dir="path/to/local/repo", clone_from="username/steps", token=True)

repo = Repository(local_dir="path/to/local/repo")
repo.git_pull()
Path("path/to/local/repo/awesome.txt").write_text("awesome")
repo.push_to_hub(commit_message="Commit my-awesome-file to the Hub")

Path("path/to/local/repo/config.json").write_text("{}")
repo.git_add("config.json")
repo.git_commit(commit_message="add my first model config file :)")
repo.git_push()

assert files_of("username/steps") == ["awesome.txt", "config.json", "one.txt"]
""",
    "files of many gigabytes": """
import subprocess, sys
from entrepot import Repository
entrepot.create_repo("huge")
Repository(local_dir="huge", clone_from="username/huge")
subprocess.run([sys.executable, "-m", "entrepot", "lfs-enable-largefiles", "huge"], check=True)
""",
}

FRAMEWORKS: dict[str, str] = {
    "two functions": """
from tempfile import TemporaryDirectory
from entrepot import HfApi, ModelCard, ModelCardData, hf_hub_download

def push_to_hub(model, repo_name):
    api = HfApi()
    repo_id = api.create_repo(repo_name, exist_ok=True)
    with TemporaryDirectory() as tmpdir:
        tmpdir = Path(tmpdir)
        (tmpdir / "model.pkl").write_bytes(model)
        card = ModelCard.from_template(ModelCardData(license="mit", library_name="fastai"), model_id=repo_name)
        (tmpdir / "README.md").write_text(str(card))
        return api.upload_folder(repo_id=repo_id, folder_path=tmpdir)

def from_pretrained(model_id):
    cached_model = hf_hub_download(
        repo_id=model_id,
        filename="model.pkl",
        library_name="fastai",
        library_version="2.7",
    )
    return Path(cached_model).read_bytes()

push_to_hub(b"weights", "my-model-by-functions")
assert from_pretrained("username/my-model-by-functions") == b"weights"
assert ModelCard.load("username/my-model-by-functions").data.license == "mit"
""",
    "a mixin": """
from dataclasses import dataclass
from entrepot import ModelCard, ModelCardData, ModelHubMixin, hf_hub_download

@dataclass
class Config:
    hidden_size: int = 512
    vocab_size: int = 30000
    output_size: int = 4

class MyModelHubMixin(ModelHubMixin):
    def _save_pretrained(self, save_directory):
        model_card = ModelCard.from_template(card_data=ModelCardData(license="mit", library_name="mine"))
        (save_directory / "README.md").write_text(str(model_card))
        (save_directory / "model.bin").write_bytes(self.weights)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id,
        revision,
        cache_dir,
        force_download,
        proxies,
        resume_download,
        local_files_only,
        token,
        map_location="cpu",
        strict=False,
        **model_kwargs,
    ):
        if os.path.isdir(model_id):
            model_file = os.path.join(model_id, "model.bin")
        else:
            model_file = hf_hub_download(
                repo_id=model_id,
                filename="model.bin",
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                proxies=proxies,
                resume_download=resume_download,
                token=token,
                local_files_only=local_files_only,
            )
        model = cls(**model_kwargs)
        model.weights = Path(model_file).read_bytes()
        return model

class MyModel(MyModelHubMixin):
    def __init__(self, config: Config):
        self.weights = bytes(config.hidden_size)

model = MyModel(Config(hidden_size=128))
model.save_pretrained("path/to/my-awesome-model")
model.push_to_hub("my-awesome-model")
model = MyModel.from_pretrained("username/my-awesome-model", map_location="cpu")
assert model.config == Config(hidden_size=128, vocab_size=30000, output_size=4)
assert model.weights == bytes(128)
assert MyModel.from_pretrained("path/to/my-awesome-model").config.hidden_size == 128
assert files_of("username/my-awesome-model") == ["README.md", "config.json", "model.bin"]
""",
}

TORCH = """
from dataclasses import dataclass
import torch
import torch.nn as nn
from entrepot import PyTorchModelHubMixin

@dataclass
class Config:
    hidden_size: int = 512
    vocab_size: int = 3000
    output_size: int = 4

class MyModel(nn.Module, PyTorchModelHubMixin):
    def __init__(self, config: Config):
        super().__init__()
        self.param = nn.Parameter(torch.rand(config.hidden_size, config.vocab_size))
        self.linear = nn.Linear(config.output_size, config.vocab_size)

    def forward(self, x):
        return self.linear(x + self.param)

model = MyModel(Config(hidden_size=128))
model.save_pretrained("path/to/my-awesome-model")
model.push_to_hub("my-awesome-torch-model")
model = MyModel.from_pretrained("username/my-awesome-torch-model")
assert model.config == Config(hidden_size=128, vocab_size=3000, output_size=4)
"""


@pytest.fixture
def run(entrepot_hub: RunningHub, tmp_path: Path) -> Run:
    """Return a function that runs a script as ``username`` in an empty folder and home, and returns its output."""

    def call(script: str) -> str:
        file, work, home = tmp_path / "script.py", tmp_path / "work", tmp_path / "home"
        file.write_text(BEGINNING + script, encoding="utf-8")
        work.mkdir()
        home.mkdir()
        environ = dict(os.environ) | entrepot_hub.environ(entrepot_hub.user("username"))
        environ |= {"HOME": str(home), "ENTREPOT_HOME": str(home / "entrepot"), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            [sys.executable, str(file)], cwd=work, env=environ, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.mark.parametrize("name", UPLOADS)
def test_the_guide_to_uploads(name: str, run: Run) -> None:
    run(UPLOADS[name])


@pytest.mark.parametrize("name", PULL_REQUESTS)
def test_the_guide_to_uploads_with_pull_requests(name: str, run: Run) -> None:
    run(PULL_REQUESTS[name])


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
@pytest.mark.parametrize("name", CLONES)
def test_the_guide_to_uploads_on_clones(name: str, run: Run) -> None:
    run(CLONES[name])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_guide_to_frameworks(name: str, run: Run) -> None:
    run(FRAMEWORKS[name])


@pytest.mark.skipif(not HAS_TORCH, reason="torch or safetensors is not installed")
def test_the_guide_to_frameworks_with_torch(run: Run) -> None:
    run(TORCH)
