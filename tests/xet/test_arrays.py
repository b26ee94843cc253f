from __future__ import annotations

import subprocess
import sys

import numpy

from entrepot.xet.arrays import np


def test_codecs_import_numpy_when_they_first_compute() -> None:
    program = (
        "import sys, entrepot.xet as xet; print('numpy' in sys.modules)\n"
        "xet.pack_ranges([(0, 5)]), xet.ChunkSet; print('numpy' in sys.modules)\n"
        "xet.ChunkSet.everything(); print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert done.stdout.split() == ["False", "False", "True"], done.stderr


def test_what_was_looked_up_once_is_kept() -> None:
    assert np.cumsum is numpy.cumsum
    assert vars(np)["cumsum"] is numpy.cumsum
