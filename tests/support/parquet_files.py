"""Tables as files, for tests of the dataset viewer."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def parquet_of(columns: dict[str, Any], *, group: int = 1000) -> bytes:
    """Return a Parquet file of these columns."""
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target, row_group_size=group)
    return target.getvalue()
