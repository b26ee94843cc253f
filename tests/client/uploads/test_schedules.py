import subprocess
import sys
import threading
from pathlib import Path

from entrepot.client.folders import LeftOut
from entrepot.client.uploads.schedules import AppendedFiles, Schedule


def test_the_function_is_called_immediately_and_at_every_interval() -> None:
    beats = threading.Semaphore(0)
    schedule = Schedule(0.001, beats.release, lambda: None)
    schedule.start()
    assert all(beats.acquire(timeout=240) for _ in range(5))
    assert not schedule.is_stopped
    schedule.stop()
    assert schedule.is_stopped


def test_a_long_interval_does_not_delay_its_end() -> None:
    begun = threading.Event()
    schedule = Schedule(1e6, begun.set, lambda: None)
    schedule.start()
    assert begun.wait(60)
    schedule.stop()
    schedule._thread.join(60)
    assert not schedule._thread.is_alive()


def test_the_last_call_is_made_at_exit_unless_stopped() -> None:
    program = (
        "from entrepot.client.uploads.schedules import Schedule\n"
        "one, two = (Schedule(1000, lambda: None, lambda n=n: print(n)) for n in (1, 2))\n"
        "one.start(); two.start(); two.stop(); print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert (done.stdout, done.stderr) == ("end\n1\n", "")


def test_only_appended_files_are_found(tmp_path: Path) -> None:
    appended = AppendedFiles(tmp_path, ignore="*.tmp")
    assert appended.find(print) == []
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b.tmp").write_bytes(b"1")
    found = appended.find(print)
    assert [item.path for item in found] == ["a"]
    assert [item.path for item in appended.find(print)] == ["a"]  # it has not been uploaded yet
    with (tmp_path / "a").open("ab") as out:
        out.write(b"2")
    assert found[0].source.read() == b"1"
    appended.mark_uploaded(found)
    (again,) = appended.find(print)
    assert again.source.read() == b"12"
    appended.mark_uploaded([again])
    assert appended.find(print) == []


def test_an_entry_that_cannot_be_uploaded_is_reported_once(tmp_path: Path) -> None:
    appended = AppendedFiles(tmp_path)
    said: list[LeftOut] = []
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "link").symlink_to("nowhere")
    for _ in range(2):
        assert [item.path for item in appended.find(said.append)] == ["a"]
    assert [item.path for item in said] == ["link"]
