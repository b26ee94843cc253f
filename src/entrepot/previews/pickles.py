"""The imports of pickles: the classes and functions that loading one would call. Nothing is loaded.

Source: Python, ``pickletools``; PEP 3154. Pickles are found raw (several in a row, as older
versions of PyTorch write), compressed (joblib), as members ``*.pkl`` and ``*.npy`` of a zip
archive (PyTorch, NumPy), and behind the header of a NumPy file.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterable, Iterator
from typing import Literal

import attrs

from entrepot.errors import Malformed
from entrepot.previews import archives
from entrepot.previews.compressed_pickles import unpack_beginning
from entrepot.previews.files import MAX_READ
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import timed

MAX_PICKLE = 64 << 20
"""Bytes of one pickle that are read; data behind it is tensors in practice."""

_MAX_MEMBERS, _MAX_STEPS, _MAX_IMPORTS, _MAX_PICKLES = 64, 20_000_000, 10_000, 1_000
_UNKNOWN = "(computed)"
MEMBERS = (".pkl", ".npy")
"""Ends of the names of members of zip archives that may be pickles."""

# As NumPy writes it. Any other header may be that of objects, which are pickled.
_PLAIN_ARRAY = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)\{'descr': '[<>|=][biufcSU][0-9]+', 'fortran_order': (?:True|False), "
    rb"'shape': \([0-9, ]*\), \} *\n",
    re.DOTALL,
)

_MEMOIZING = frozenset({"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})
_RECALLING = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TEXTS = frozenset(
    {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"}
)

Safety = Literal["innocuous", "suspicious", "dangerous"]


@attrs.frozen(order=True)
class PickleImport:
    """A class or function that a pickle imports; ``(computed)`` where it cannot be read off.

    ``safety``: ``innocuous`` if it is on the list of what frameworks use for weights, ``dangerous``
    if it runs code, files or the network, else ``suspicious``.
    """

    module: str
    name: str
    safety: Safety


@attrs.frozen
class PickleScan:
    """The imports of all pickles of a file, sorted. ``is_complete``: False if a part was not read."""

    imports: tuple[PickleImport, ...]
    is_complete: bool

    @property
    def worst(self) -> Safety:
        """The least safe import; ``innocuous`` if there is none."""
        found = {item.safety for item in self.imports}
        for safety in ("dangerous", "suspicious"):
            if safety in found:
                return "dangerous" if safety == "dangerous" else "suspicious"
        return "innocuous"


# Module: names that are innocuous; "*" for all of them.
_INNOCUOUS: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "collections": "OrderedDict defaultdict Counter deque",
        "builtins": "set frozenset dict list tuple int float complex bool bytes bytearray str slice range object",
        "__builtin__": "set frozenset dict list tuple int float complex bool bytearray str slice object unicode long",
        "copyreg": "_reconstructor",
        "copy_reg": "_reconstructor",
        "_codecs": "encode",
        "datetime": "datetime date time timedelta timezone",
        "decimal": "Decimal",
        "fractions": "Fraction",
        "uuid": "UUID",
        "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
        "numpy": "ndarray dtype float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_ str_",
        "numpy.core.multiarray": "_reconstruct scalar",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy.core.numeric": "_frombuffer",
        "numpy._core.numeric": "_frombuffer",
        "numpy.random._pickle": "__randomstate_ctor __bit_generator_ctor __generator_ctor",
        "torch": """FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage
            CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage
            UntypedStorage Size Tensor device dtype float16 float32 float64 bfloat16 int8 int16
            int32 int64 uint8 bool""",
        "torch._utils": """_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter
            _rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor _rebuild_device_tensor_from_numpy
            _rebuild_meta_tensor_no_storage""",
        "torch._tensor": "_rebuild_from_type_v2",
        "torch.nn.parameter": "Parameter Buffer UninitializedParameter",
        "torch.storage": "TypedStorage UntypedStorage",
        "torch.serialization": "_get_layout",
    }.items()
}
_DANGEROUS_MODULES = frozenset(
    """os posix nt posixpath ntpath subprocess sys commands popen2 pty socket ssl http urllib urllib2 requests
    httpx aiohttp ftplib smtplib telnetlib shutil tempfile glob runpy code codeop ctypes importlib imp
    pkgutil zipimport pickle cPickle _pickle dill cloudpickle joblib marshal shelve asyncio multiprocessing
    threading signal pdb bdb timeit trace profile cProfile webbrowser builtins __builtin__ operator
    functools types inspect gc platform pip setuptools distutils torch.hub torch.jit
    torch.utils._config_module""".split()  # noqa: SIM905
)
_MAX_PARTS = max(module.count(".") + 1 for module in _DANGEROUS_MODULES)


def scan_pickles(source: RangeReader, *, most: int = MAX_PICKLE, most_directory: int = MAX_READ) -> PickleScan:
    """Return the imports of a file that may hold pickles.

    Compressed pickles are unpacked; of those that cannot be, nothing is read, so the scan is incomplete.

    Args:
        most: bytes of one pickle that are read; what an archive says of its members does not count.
        most_directory: bytes of the directory of a zip archive that are read.

    Raises:
        Malformed: it is neither a pickle nor a zip archive, or no member of the archive can be read.
    """
    if source.read_at(0, 4) == b"PK\3\4":
        return _scan_archive(source, most, most_directory)
    data = source.read_at(0, most + 1)
    try:
        unpacked = unpack_beginning(data, most + 1)
    except Malformed:
        unpacked = None  # a pickle may begin like a compressed file
    content, is_whole = unpacked or (data, True)
    return _merge([_scan(_pickled(content), most)], is_complete=is_whole)


def _scan_archive(source: RangeReader, most: int, most_directory: int) -> PickleScan:
    """Return the imports of all members; with one that cannot be read, the scan is incomplete, but not over."""
    members = archives.read_members(
        source, MEMBERS, most=_MAX_MEMBERS + 1, most_bytes=most + 1, most_directory=most_directory
    )
    scans, reason = list[PickleScan](), ""
    is_complete = True
    for number, member in enumerate(members):
        if number == _MAX_MEMBERS:
            is_complete = False
        elif not member.is_readable:
            is_complete, reason = False, reason or f"the member {member.name[:100]!r} cannot be unpacked"
        elif not _PLAIN_ARRAY.match(member.data):
            try:
                scans.append(_scan(_pickled(member.data), most))
            except Malformed as error:
                is_complete, reason = False, reason or error.reason
    if reason and not scans:
        raise Malformed("pickle", reason)
    return _merge(scans, is_complete=is_complete)


def _pickled(data: bytes) -> bytes:
    """Return the bytes of a file behind the header of NumPy, if it has one."""
    if data[:6] != b"\x93NUMPY":
        return data
    start = 12 if data[6:7] != b"\1" else 10
    return data[start + int.from_bytes(data[8:start], "little") :]


def judge(module: str, name: str) -> Safety:
    """Return how safe an import is."""
    if name in _INNOCUOUS.get(module, ()):
        return "innocuous"
    parts = module.split(".", _MAX_PARTS)
    prefixes = (".".join(parts[:end]) for end in range(1, _MAX_PARTS + 1))
    if _UNKNOWN in (module, name) or any(prefix in _DANGEROUS_MODULES for prefix in prefixes):
        return "dangerous"
    return "suspicious"


def _merge(scans: Iterable[PickleScan], *, is_complete: bool) -> PickleScan:
    found: set[PickleImport] = set()
    for scan in scans:
        found.update(scan.imports)
        is_complete = is_complete and scan.is_complete
    return PickleScan(tuple(sorted(found)), is_complete)


def _scan(data: bytes, most: int) -> PickleScan:
    """Return the imports of the pickles at the start of some bytes, one after the other."""
    found: set[tuple[str, str]] = set()
    is_complete = len(data) <= most
    at, steps, count = 0, _MAX_STEPS, 0
    while at < len(data):
        if count == _MAX_PICKLES:
            return _result(found, is_complete=False)
        try:
            length, used = _read_one(data[at:], found, steps)
        except _Unreadable as error:
            if count == 0 and error.at == 0:
                raise Malformed("pickle", error.reason) from error
            # What follows a pickle may be raw tensors; what ends within one could hide imports.
            return _result(found, is_complete=is_complete and error.at == 0)
        at, steps, count = at + length, steps - used, count + 1
        if data[at : at + 1] != b"\x80":
            break
    return _result(found, is_complete=is_complete)


def _result(found: set[tuple[str, str]], *, is_complete: bool) -> PickleScan:
    imports = [PickleImport(module, name, judge(module, name)) for module, name in sorted(found)]
    if len(imports) > _MAX_IMPORTS:
        worst = sorted(imports, key=lambda item: item.safety != "dangerous")[:_MAX_IMPORTS]
        return PickleScan(tuple(sorted(worst)), is_complete=False)
    return PickleScan(tuple(imports), is_complete)


@attrs.frozen
class _Unreadable(Exception):
    """The bytes are no pickle from an operation on; ``at``: the operations read before."""

    reason: str
    at: int


def _read_one(data: bytes, found: set[tuple[str, str]], most: int) -> tuple[int, int]:
    """Add the imports of one pickle; return its length in bytes and in operations."""
    recent: list[str] = []  # texts pushed by the operations right before this one
    memo: dict[int, str] = {}
    count = 0
    for count, (operation, argument, position) in enumerate(_operations(data)):
        if count > most:
            raise _Unreadable("it has too many operations", count)
        name = operation.name
        if name in _MEMOIZING:
            key = argument if isinstance(argument, int) else len(memo)
            memo[key] = recent[-1] if recent else _UNKNOWN
        elif name in _RECALLING:
            recent.append(memo.get(argument if isinstance(argument, int) else -1, _UNKNOWN))
        elif name in _TEXTS and isinstance(argument, str):
            recent.append(argument)
        elif name == "STOP":
            return position + 1, count
        elif name != "FRAME":
            _note_import(name, argument, recent, found)
            recent = []
            if len(found) > 2 * _MAX_IMPORTS:
                raise _Unreadable("it has too many imports", count + 1)
    raise _Unreadable("it ends before its STOP", count + 1)


def _note_import(name: str, argument: object, recent: list[str], found: set[tuple[str, str]]) -> None:
    """Add the import of an operation, if it is one.

    The names of STACK_GLOBAL count only if the two operations before pushed them: others could swap them.
    """
    if name in ("GLOBAL", "INST"):
        module, _, attribute = str(argument).partition(" ")
        found.add((module, attribute))
    elif name == "STACK_GLOBAL":
        found.add((recent[-2], recent[-1]) if len(recent) > 1 else (_UNKNOWN, _UNKNOWN))
    elif name.startswith("EXT"):
        found.add((_UNKNOWN, f"extension {argument}"))


def _operations(data: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, object, int]]:
    count = 0
    try:
        for operation, argument, position in timed(pickletools.genops(data), "pickle"):
            yield operation, argument, position or 0
            count += 1
    except Malformed as error:  # what was found until now counts
        raise _Unreadable(error.reason, max(count, 1)) from error
    except (ValueError, UnicodeError, OverflowError, IndexError, TypeError) as error:
        raise _Unreadable(str(error)[:200], count) from error
