"""The process that scans one file for the imports of pickles: it reads nothing but the bytes that the hub sends.

The frames are those of ``hub/tables/child_pipes.py``; ``A`` ends the process.
``hub/scanning/pickle_scans.py`` is the other side.
"""

from __future__ import annotations

import json

from entrepot.hub.tables.child_pipes import ChildPipe, RemoteFile, confine, limit_work, seal_limits

CPU_S = 60
"""Processor time of one scan."""

_MAX_MEMORY = 2 << 30
_SHOWN_IMPORTS = 200


def main() -> None:
    """Scan one file."""
    pipe = ChildPipe.take_standard()
    try:
        size = int(pipe.request()["size"])
        _warm()
        limit_work(CPU_S, _MAX_MEMORY)
        seal_limits()
        confine()
        pipe.send(b"A", json.dumps(_scan(RemoteFile(pipe, 0, size))).encode())
    except (EOFError, OSError):  # the hub has ended the exchange
        return


def _scan(file: RemoteFile) -> dict[str, object]:
    from entrepot.errors import Malformed
    from entrepot.previews.pickles import scan_pickles

    try:
        scan = scan_pickles(file)
    except Malformed as error:
        return {"malformed": error.message[:300]}
    worst_first = sorted(scan.imports, key=lambda item: ("dangerous", "suspicious", "innocuous").index(item.safety))
    imports = [[item.module[:200], item.name[:200], item.safety] for item in worst_first[:_SHOWN_IMPORTS]]
    return {"imports": imports, "count": len(scan.imports), "worst": scan.worst, "whole": scan.is_complete}


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
