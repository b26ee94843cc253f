"""Decisions on access requests with every version of the client; prints the results as JSON.

Arguments: the version, a gated repository of the caller's, and the names of
three users who have asked for access to it.
"""

import json
import sys

import huggingface_hub
from huggingface_hub import HfApi
from huggingface_hub.utils import GatedRepoError, HfHubHTTPError

expected, repo, ann, bob, cat = sys.argv[1:6]
assert huggingface_hub.__version__ == expected, huggingface_hub.__version__
api = HfApi()


def names(status: str) -> list[str]:
    listing = getattr(api, f"list_{status}_access_requests")
    return sorted(request.username for request in listing(repo))


assert names("pending") == [ann, bob, cat]
asked = {request.username: request for request in api.list_pending_access_requests(repo)}
assert asked[ann].fields == {"Company": "Acme"}, asked[ann].fields
assert asked[ann].fullname
assert asked[ann].status == "pending"
api.accept_access_request(repo, ann)
api.accept_access_request(repo, bob)
# Early versions could not give a reason.
reason = {} if expected.startswith("0.") else {"rejection_reason": "misuse"}
api.reject_access_request(repo, bob, **reason)
assert (names("pending"), names("accepted"), names("rejected")) == ([cat], [ann], [bob])
api.cancel_access_request(repo, bob)
assert names("pending") == [bob, cat]
api.grant_access(repo, cat)
assert names("accepted") == [ann, cat]
refused = []
for call in (
    lambda: api.accept_access_request(repo, ann),
    lambda: api.accept_access_request(repo, "nobody-at-all"),
    lambda: api.grant_access(repo, ann),
):
    try:
        call()
    except HfHubHTTPError as error:
        refused.append(error.response.status_code)
assert refused == [404, 404, 400], refused

anonymous = HfApi(token=False)
assert anonymous.model_info(repo).gated == "manual"
try:
    anonymous.hf_hub_download(repo, "README.md")
except GatedRepoError as error:
    refused.append(error.response.status_code)
assert refused[3:] == [401], "a gated file was served to an anonymous request"
print(json.dumps({"accepted": names("accepted"), "pending": names("pending")}))
