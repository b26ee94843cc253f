"""Uploads a folder with the client under test, for tests that kill it: ``folder_uploader.py VERB REPO FOLDER``."""

import sys

from entrepot import HubApi


def main() -> None:
    verb, repo, folder = sys.argv[1:]
    api = HubApi()
    if verb == "large":
        api.upload_large_folder(repo, folder)
    else:
        api.upload_folder(repo_id=repo, folder_path=folder)


main()
