from __future__ import annotations

import collections
import io
import os
import pickle
import random
import struct
import subprocess
import zipfile

import numpy as np
import pytest

from entrepot.errors import Malformed
from entrepot.previews.pickles import PickleImport, judge, scan_pickles
from entrepot.previews.sources import BytesRangeReader


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


class Starts:
    def __reduce__(self) -> tuple[object, tuple[list[str]]]:
        return subprocess.Popen, (["true"],)


def imports_of(data: bytes) -> list[tuple[str, str, str]]:
    return [(item.module, item.name, item.safety) for item in scan_pickles(BytesRangeReader(data)).imports]


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


@pytest.mark.parametrize("protocol", range(6))
def test_code_is_found_in_every_protocol(protocol: int) -> None:
    data = pickle.dumps([collections.OrderedDict(a=1), Runs(), Starts()], protocol)
    found = {(module, name): safety for module, name, safety in imports_of(data)}
    assert found[(os.system.__module__, "system")] == "dangerous"
    # Before protocol 3, modules have their names of Python 2.
    assert found[("subprocess" if protocol > 2 else "commands", "Popen")] == "dangerous"
    assert found[("collections", "OrderedDict")] == "innocuous"
    assert scan_pickles(BytesRangeReader(data)).worst == "dangerous"


def test_arrays_are_innocuous() -> None:
    scan = scan_pickles(BytesRangeReader(pickle.dumps({"w": np.arange(3)})))
    assert scan.worst == "innocuous"
    assert scan.is_complete


def test_objects_in_a_numpy_file_are_found() -> None:
    out = io.BytesIO()
    np.save(out, np.array([Runs()], dtype=object), allow_pickle=True)
    assert scan_pickles(BytesRangeReader(out.getvalue())).worst == "dangerous"


def test_the_pickles_of_a_zip_archive_are_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Runs()))
        archive.writestr("archive/data/0", b"tensor")
    assert (os.system.__module__, "system", "dangerous") in imports_of(out.getvalue())


def test_pickles_in_a_row_are_read() -> None:
    data = pickle.dumps(1) + pickle.dumps("x") + pickle.dumps(Runs()) + b"raw tensors"
    assert (os.system.__module__, "system", "dangerous") in imports_of(data)


@pytest.mark.parametrize(
    "between",
    [
        text("numpy") + text("ndarray") + b"00",  # two texts pushed and popped again
        b"N0",
        b"2",
    ],
)
def test_names_that_other_operations_could_have_swapped_are_computed(between: bytes) -> None:
    data = b"\x80\x04" + text("os") + text("system") + between + b"\x93."
    assert imports_of(data) == [("(computed)", "(computed)", "dangerous")]


def zip_file(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_archives_are_scanned_however_they_are_packed(method: int) -> None:
    scan = scan_pickles(BytesRangeReader(zip_file({"x/data.pkl": pickle.dumps(Runs())}, method)))
    assert (scan.worst, scan.is_complete) == ("dangerous", True)


def test_a_member_that_cannot_be_read_hides_no_other() -> None:
    whole = zip_file({"a.pkl": b"no pickle", "b.pkl": b"b" * 99, "data.pkl": pickle.dumps(Runs())})
    scan = scan_pickles(BytesRangeReader(whole.replace(b"b" * 99, b"c" * 99)))  # its checksum is wrong now
    assert (scan.worst, scan.is_complete) == ("dangerous", False)


def test_an_archive_of_nothing_readable_is_refused() -> None:
    with pytest.raises(Malformed, match="malformed pickle"):
        scan_pickles(BytesRangeReader(zip_file({"data.pkl": b"no pickle"})))


def test_of_very_many_members_the_first_are_scanned() -> None:
    members = {f"{at}.pkl": pickle.dumps(at) for at in range(64)}
    assert scan_pickles(BytesRangeReader(zip_file(members))).is_complete
    assert not scan_pickles(BytesRangeReader(zip_file(members | {"data.pkl": pickle.dumps(Runs())}))).is_complete


def test_objects_among_the_arrays_of_an_archive_are_found() -> None:
    out = io.BytesIO()
    plain = {"b": np.arange(3), "c": np.array(["x"]), "d": np.zeros((2, 3), np.float16), "e": np.array(1.5)}
    np.savez_compressed(out, **plain)  # type: ignore[arg-type]
    scan = scan_pickles(BytesRangeReader(out.getvalue()))
    assert (scan.imports, scan.is_complete) == ((), True)
    out = io.BytesIO()
    np.savez_compressed(out, a=np.array([Runs()], dtype=object), **plain)  # type: ignore[arg-type]
    scan = scan_pickles(BytesRangeReader(out.getvalue()))
    assert (scan.worst, scan.is_complete) == ("dangerous", True)


def test_names_in_the_memo_are_followed() -> None:
    data = b"\x80\x04" + text("os") + b"\x94" + b"0" + text("system") + b"\x94" + b"0" + b"h\0h\1\x93."
    assert imports_of(data) == [("os", "system", "dangerous")]


def test_extensions_of_copyreg_are_dangerous() -> None:
    assert imports_of(b"\x80\x02\x82\x07.") == [("(computed)", "extension 7", "dangerous")]


def test_a_pickle_that_ends_early_is_scanned_but_not_completely() -> None:
    data = pickle.dumps(Runs())[:-1]
    scan = scan_pickles(BytesRangeReader(data))
    assert (scan.worst, scan.is_complete) == ("dangerous", False)


def test_other_files_are_refused() -> None:
    for data in (b"\xff\xfe text", struct.pack("<Q", 10) + b"{}"):
        with pytest.raises(Malformed, match="malformed pickle"):
            scan_pickles(BytesRangeReader(data))


def test_an_empty_file_imports_nothing() -> None:
    assert scan_pickles(BytesRangeReader(b"")).imports == ()


@pytest.mark.parametrize(
    ("module", "name", "safety"),
    [
        ("torch._utils", "_rebuild_tensor_v2", "innocuous"),
        ("torch", "load", "suspicious"),
        ("torch.hub", "load", "dangerous"),
        ("builtins", "eval", "dangerous"),
        ("builtins", "set", "innocuous"),
        ("os.path", "join", "dangerous"),
        ("my.models", "Net", "suspicious"),
    ],
)
def test_imports_are_judged(module: str, name: str, safety: str) -> None:
    assert judge(module, name) == safety
    assert PickleImport(module, name, judge(module, name)).safety == safety


def test_damaged_pickles_are_read_or_refused() -> None:
    chance = random.Random(7)
    whole = pickle.dumps([Runs(), np.arange(3), {"a": [1, 2.5, "x"]}])
    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            scan_pickles(BytesRangeReader(bytes(data)))
        except Malformed:
            continue


def test_a_file_of_very_many_pickles_is_read_in_part() -> None:
    found = scan_pickles(BytesRangeReader(b"\x80\x02N." * 1_000_000))
    assert (found.imports, found.is_complete) == ((), False)


def test_of_very_many_imports_the_dangerous_ones_are_kept() -> None:
    names = b"".join(b"ca%05d\nx\n0" % at for at in range(15_000))
    found = scan_pickles(BytesRangeReader(b"\x80\x02" + names + b"cos\nsystem\n0N."))
    assert (len(found.imports), found.worst, found.is_complete) == (10_000, "dangerous", False)
    more = b"".join(b"cb%05d\nx\n0" % at for at in range(15_000))
    assert not scan_pickles(BytesRangeReader(b"\x80\x02" + names + more + b"N.")).is_complete
