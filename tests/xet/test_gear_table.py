from __future__ import annotations

import hashlib
import struct
from typing import Any

from entrepot.xet.gear_table import GEAR


def test_the_table_is_the_one_of_all_clients(vectors: dict[str, Any]) -> None:
    known = vectors["constants"]
    assert [f"0x{number:016x}" for number in GEAR[:4]] == known["gear_table_first4"]
    digest = hashlib.sha256(struct.pack("<256Q", *GEAR)).hexdigest()
    assert digest == known["gear_table_sha256_of_256_le_u64"]
