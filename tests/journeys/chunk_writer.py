"""Uploads files in chunks with today's client until a file appears; prints path and sha256 of each that succeeded.

Run by test_killed.py in a process of its own, because hf_xet keeps state of its own.
"""

import contextlib
import hashlib
import os
import sys
from pathlib import Path

from huggingface_hub import HfApi

repo, enough = sys.argv[1], Path(sys.argv[2])
api = HfApi()
number = 0
while not enough.exists():
    number += 1
    content = os.urandom(2_000_000)
    file = Path(f"{number}.bin")
    file.write_bytes(content)
    with contextlib.suppress(Exception):  # the server was killed: the next file begins anew
        api.upload_file(path_or_fileobj=str(file), path_in_repo=f"chunks/{number}.bin", repo_id=repo)
        print(f"chunks/{number}.bin", hashlib.sha256(content).hexdigest(), flush=True)
    file.unlink()
