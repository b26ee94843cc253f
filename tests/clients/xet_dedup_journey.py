"""Uploads a changed copy of a public file that someone else has stored, and fetches it back.

Run by test_xet.py with one of the installed versions and an empty cache, so it uses only names that all have.
"""

import hashlib
import json
import sys
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download

name, source = sys.argv[1:]
api = HfApi()
repo = f"{api.whoami()['name']}/{name}"
api.create_repo(repo)
data = Path(source).read_bytes()
middle = len(data) // 2
changed = data[:middle] + name.encode() + data[middle:]
file = Path(f"{name}.bin")
file.write_bytes(changed)
for path in ("first.bin", "again.bin"):  # the second time, the answers that the client keeps are enough
    api.upload_file(path_or_fileobj=str(file), path_in_repo=path, repo_id=repo)
got = Path(hf_hub_download(repo, "again.bin", cache_dir=f"cache-{name}", force_download=True)).read_bytes()
assert got == changed
print(json.dumps(hashlib.sha256(got).hexdigest()))
