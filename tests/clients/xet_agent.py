"""A transfer agent of git-lfs for uploads through Xet with hf_xet, modelled on git-xet.

Source: git-lfs, docs/custom-transfers.md; xet-core, ``git_xet/src/app/xet_agent.rs``: endpoint, token and expiry are in
the headers of the action; its URL issues new tokens for the credentials of git.
"""

import base64
import json
import os
import sys
import urllib.request

import hf_xet


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def refresh(address: str) -> tuple[str, int]:
    """Return a new token and its expiry."""
    credentials = base64.b64encode(f"any:{os.environ['HF_TOKEN']}".encode()).decode()
    request = urllib.request.Request(address, headers={"Authorization": f"Basic {credentials}"})
    with urllib.request.urlopen(request) as answer:
        fields = json.load(answer)
    return fields["accessToken"], fields["exp"]


started = json.loads(sys.stdin.readline())
assert (started["event"], started["operation"]) == ("init", "upload"), started
say()
for line in sys.stdin:
    message = json.loads(line)
    if message["event"] == "terminate":
        break
    action, oid, size = message["action"], message["oid"], message["size"]
    given = {name.lower(): value for name, value in action["header"].items()}
    say(event="progress", oid=oid, bytesSoFar=1, bytesSinceLast=1)
    # The given token is treated as expired, to also test the request for a new one.
    pass_, ends = refresh(action["href"])
    assert abs(int(given["x-xet-token-expiration"]) - ends) < 600
    assert given["x-xet-access-token"]
    assert given["x-xet-session-id"]
    hf_xet.upload_files(
        [message["path"]],
        given["x-xet-cas-url"],
        (given["x-xet-access-token"], 1),
        lambda address=action["href"]: refresh(address),
        None,
        "model",
        sha256s=[oid],
    )
    say(event="progress", oid=oid, bytesSoFar=size, bytesSinceLast=size - 1)
    say(event="complete", oid=oid)
