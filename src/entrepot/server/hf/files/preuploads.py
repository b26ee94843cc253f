"""Preuploads: the request before an upload that asks which files go through LFS and which are ignored.

Source: docs/protocols/hf_api.md, sections 1A.5, 2.6 and 4.2.
"""

from __future__ import annotations

import base64

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import LimitExceeded, Malformed, shown
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import preuploads
from entrepot.hub.files.preuploads import MAX_FILES, Candidate, UploadAdvicePage
from entrepot.hub.repos import commits
from entrepot.hub.repos.pulls import openings
from entrepot.names import RepoRef, parse_path
from entrepot.server.handlers import call_hub, json_response, query_flag, read_json
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.files.preuploads import PreuploadAdvice, PreuploadFile, PreuploadRequest, PreuploadResponse

_MAX_RULES = 1 << 20
_SAMPLE = 512


def routes() -> list[BaseRoute]:
    """Return the route of preuploads for all types of repositories."""
    return repo_routes("POST", "preupload/{tail:path}", preupload)


async def preupload(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST preupload/{branch}``: return the upload mode of each file, in order."""
    revision, body = tail_of(request), await read_json(request, PreuploadRequest)
    plan = await call_hub(request, _Preupload(ref, revision, body, is_proposal=query_flag(request, "create_pr")).run)
    files = [
        PreuploadAdvice(
            path=advice.path,
            upload_mode="lfs" if advice.is_large else "regular",
            should_ignore=advice.is_ignored,
            oid=advice.etag,
        )
        for advice in plan.advice
    ]
    return json_response(PreuploadResponse(files=files, commit_oid=plan.commit))


@attrs.frozen
class _Preupload:
    """A preupload request, run in a thread."""

    ref: RepoRef
    revision: str
    body: PreuploadRequest
    is_proposal: bool = attrs.field(kw_only=True)

    def run(self, hub: HubContext, caller: MaybeCaller) -> UploadAdvicePage:
        """Return the advice; a caller who may not write there gets only that error."""
        body = self.body
        check = openings.check_open if self.is_proposal and not self._is_pull else commits.check_target
        check(hub, caller, self.ref, self.revision)
        for name, text in (("gitIgnore", body.git_ignore), ("gitAttributes", body.git_attributes)):
            if text is not None and len(text) > _MAX_RULES:
                raise LimitExceeded(f"the length of {name}", _MAX_RULES)
        if len(body.files) > MAX_FILES:
            raise LimitExceeded("the number of files in one preupload call", MAX_FILES, "send several smaller requests")
        return preuploads.plan(
            hub,
            caller,
            self.ref,
            self.revision,
            [_candidate(file) for file in body.files],
            attributes=body.git_attributes,
            ignores=body.git_ignore,
            is_proposal=self.is_proposal and not self._is_pull,
        )

    @property
    def _is_pull(self) -> bool:
        """Whether the files are for an existing pull request; ``create_pr`` is then irrelevant."""
        return self.revision.startswith("refs/pr/")


def _candidate(file: PreuploadFile) -> Candidate:
    path = parse_path(file.path)
    text = file.sample.strip()
    try:
        sample = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Malformed("preupload", f"the sample of {shown(file.path)} is not valid base64") from None
    return Candidate(path, file.size, sample[:_SAMPLE])
