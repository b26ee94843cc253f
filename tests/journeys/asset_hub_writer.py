"""A process that commits to a branch through ``entrepot.ah`` until it is killed: ``asset_hub_writer PATH FOLDER``."""

import pathlib
import sys

from entrepot import ah

path, folder = sys.argv[1], pathlib.Path(sys.argv[2])
number = 0
while True:
    number += 1
    for name in ("a", "b"):
        (folder / name).write_bytes(b"%d" % number * 2000)
    ah.commit(path, f"pair {number}", add={str(folder / "a"): "pair/a", str(folder / "b"): "pair/b"}, force=True)
    print(number, flush=True)
