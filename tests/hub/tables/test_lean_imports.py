from __future__ import annotations

import subprocess
import sys

IMPORTS = """
from entrepot.hub.tables.lean_imports import leave_out_numpy
leave_out_numpy()
leave_out_numpy()
import sys
import pyarrow.dataset
import duckdb
for name in ("numpy", "pandas"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error)
print(len([finder for finder in sys.meta_path if type(finder).__module__ == leave_out_numpy.__module__]))
"""


def test_neither_numpy_nor_pandas_is_imported_and_other_packages_are() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["numpy", "pandas", "1"]
