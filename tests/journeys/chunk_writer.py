"""Uploads files in chunks with the current client until a file appears; prints path and sha256 of each success.

Run by test_killed.py in a separate process, because hf_xet keeps process-wide state.
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
    with contextlib.suppress(Exception):  # the server was killed: start over with the next file
        api.upload_file(path_or_fileobj=str(file), path_in_repo=f"chunks/{number}.bin", repo_id=repo)
        print(f"chunks/{number}.bin", hashlib.sha256(content).hexdigest(), flush=True)
    file.unlink()
