from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_everything_comes_into_the_cache(at_hub: Run, made: str) -> None:
    done = at_hub("download", made)
    folder = Path(done.out.strip())
    assert (folder / "a.txt").read_text() == "one\n"
    assert (folder / "sub/b.txt").read_text() == "two\n"
    assert at_hub("download", made).out == done.out


def test_one_file_and_some_files(at_hub: Run, made: str) -> None:
    one = at_hub("download", made, "sub/b.txt", "--json")
    assert Path(one.json["path"]).read_text() == "two\n"
    at_hub("download", made, "a.txt", ".gitattributes", "--local-dir", "some")
    assert sorted(path.name for path in Path("some").iterdir() if path.is_file()) == [".gitattributes", "a.txt"]
    refused = at_hub("download", made, "a.txt", "absent.txt")
    assert (refused.code, "'absent.txt'" in refused.err) == (1, True)
    assert at_hub("download", made, "absent.txt").code == 1


def test_names_are_not_patterns_and_patterns_are(at_hub: Run, made: str) -> None:
    assert "'*.txt'" in at_hub("download", made, "*.txt", "a.txt").err
    at_hub("download", made, "--include", "*.txt", "--exclude", "sub/*", "--local-dir", "out")
    assert [path.name for path in Path("out").glob("**/*.txt")] == ["a.txt"]
    assert "not both" in at_hub("download", made, "a.txt", "--include", "*").err


def test_a_name_with_a_slash_at_its_end_is_a_folder(at_hub: Run, made: str) -> None:
    assert at_hub("download", made, "sub/", "--local-dir", "one").code == 0
    assert [path.name for path in Path("one").glob("**/*.txt")] == ["b.txt"]
    assert at_hub("download", made, "sub/", "a.txt", "--local-dir", "two").code == 0
    assert sorted(path.name for path in Path("two").glob("**/*.txt")) == ["a.txt", "b.txt"]
    assert [row["file"] for row in at_hub("download", made, "sub/", "--dry-run", "--json").json] == ["sub/b.txt"]
    for rest in ([], ["a.txt"], ["--dry-run"]):
        refused = at_hub("download", made, "absent/", *rest)
        assert (refused.code, "'absent/' not found" in refused.err) == (1, True)


def test_a_name_that_is_no_file_is_refused_with_the_cure(at_hub: Run, made: str) -> None:
    for rest in ([], ["a.txt"], ["--dry-run"]):
        assert "write 'sub/' for all files in it" in at_hub("download", made, "sub", *rest).err
        assert "write --include 'sub/*.txt'" in at_hub("download", made, "sub/*.txt", *rest).err
        assert "'entrepot repo files" in at_hub("download", made, "absent.txt", *rest).err


def test_the_path_of_a_file_system_names_a_file_or_a_folder(at_hub: Run, made: str) -> None:
    assert Path(at_hub("download", f"hf://{made}@main/sub/b.txt").out.strip()).read_text() == "two\n"
    at_hub("download", f"entrepot://{made}/sub/", "--local-dir", "out")
    assert [path.name for path in Path("out").glob("**/*.txt")] == ["b.txt"]


def test_a_rehearsal_fetches_nothing(at_hub: Run, made: str) -> None:
    rows = at_hub("download", made, "--dry-run", "--json").json
    assert {row["file"] for row in rows} == {".gitattributes", "a.txt", "sub/b.txt"}
    assert all(row["will_download"] for row in rows)
    assert [repo["files"] for repo in at_hub("cache", "scan", "--json").json["repos"]] == [0]
    at_hub("download", made)
    assert "yes" not in at_hub("download", made, "--dry-run").out


def test_a_repository_that_is_not_there_is_one_sentence(at_hub: Run, fresh_name: str) -> None:
    refused = at_hub("download", fresh_name)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert refused.err.startswith("error: ")
