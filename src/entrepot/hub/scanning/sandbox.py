"""The process that reads pickles: it gets ranges of one file from its parent, and opens nothing itself.

Nothing is loaded or unpickled; the limits are for hostile input that makes a reader run long or
take memory. ``hub/scanning/pickle_scans.py`` is the other side.

Frames: from here ``R`` with an offset and a length, and ``A`` with the length of the result, which ends the process. To
here: the size of the file first; then a length and the bytes of each range.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import BinaryIO

RANGE = struct.Struct(">QI")
LENGTH = struct.Struct(">I")
SIZE = struct.Struct(">Q")

CPU_S = 60
"""Processor time of one scan."""

_MOST_MEMORY = 2 << 30
_SHOWN_IMPORTS = 200


class PipeReader:
    """The file, as a source of previews."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source, self._target = source, target
        (self.size,) = SIZE.unpack(self._exactly(SIZE.size))

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        wanted = max(0, min(length, self.size - offset))
        if not wanted:
            return b""
        self._target.write(b"R" + RANGE.pack(offset, wanted))
        self._target.flush()
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size))
        return self._exactly(size)

    def finish(self, result: object) -> None:
        """Send the result."""
        data = json.dumps(result).encode()
        self._target.write(b"A" + LENGTH.pack(len(data)) + data)
        self._target.flush()

    def _exactly(self, length: int) -> bytes:
        data = self._source.read(length)
        if len(data) < length:
            raise EOFError
        return data


def main() -> None:
    """Scan one file."""
    from entrepot.errors import Malformed
    from entrepot.previews.pickles import scan_pickles

    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints gets between the frames
    reader = PipeReader(sys.stdin.buffer, target)
    _warm()
    confine(CPU_S)
    try:
        scan = scan_pickles(reader)
    except Malformed as error:
        reader.finish({"malformed": error.message[:300]})
        return
    except EOFError:
        return
    worst_first = sorted(scan.imports, key=lambda item: ("dangerous", "suspicious", "innocuous").index(item.safety))
    imports = [[item.module[:200], item.name[:200], item.safety] for item in worst_first[:_SHOWN_IMPORTS]]
    reader.finish({"imports": imports, "count": len(scan.imports), "worst": scan.worst, "whole": scan.is_complete})


def _warm() -> None:
    """Load what readers of archives load late, while files can still be opened."""
    import contextlib
    import io
    import pickle
    import zipfile

    from entrepot.errors import Malformed
    from entrepot.previews.pickles import scan_pickles
    from entrepot.previews.sources import BytesRangeReader

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number, method in enumerate(
            (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        ):
            archive.writestr(f"{number}.pkl", pickle.dumps(print), compress_type=method)
        archive.writestr("\u00e9.pkl", b"?")  # names have one of two encodings
    for data in (made.getvalue(), made.getvalue()[:-1], b"PK\3\4", b"\x93NUMPY\1\0\1\0", b"?"):
        with contextlib.suppress(Malformed):
            scan_pickles(BytesRangeReader(data))


def confine(cpu_s: int) -> None:
    """Give up opening anything, writing files, and more than some memory and processor time."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
