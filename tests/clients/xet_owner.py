"""Uploads a folder to a private repository, and then one of its files to a public one. Run by test_xet.py."""

import json
import sys
from pathlib import Path

from huggingface_hub import HfApi

folder = Path(sys.argv[1])
api = HfApi()
api.upload_folder(folder_path=str(folder), repo_id="tester/hidden")
api.upload_file(path_or_fileobj=str(folder / "public.bin"), path_in_repo="public.bin", repo_id="tester/shown")
print(json.dumps("done"))
