"""Uploads above a quota with every version of the client; prints its messages as JSON.

Arguments: the version, and a repository.
"""

import json
import os
import sys

import huggingface_hub
from huggingface_hub import HfApi

expected, repo = sys.argv[1:3]
assert huggingface_hub.__version__ == expected, huggingface_hub.__version__
api = HfApi()
seen = {}
for kind, path, content in (("regular", "a.txt", b"x" * 200_000), ("large", "w.bin", os.urandom(200_000))):
    try:
        api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo)
    except Exception as error:  # noqa: BLE001 - whatever a client makes of it, people read its text
        seen[kind] = str(error)
assert api.list_repo_files(repo) == [".gitattributes"]
api.upload_file(path_or_fileobj=os.urandom(20_000), path_in_repo="w.bin", repo_id=repo)
print(json.dumps(seen))
