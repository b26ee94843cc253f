"""The page that uploads files: by a form, which works without JavaScript, or by a script that sends chunks.

A body is received into a temporary file, then every file becomes an operation of
one commit: large ones are stored first, as LFS clients do it.
"""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import BranchMoved, EntrepotError, LimitExceeded, Malformed, Refused
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import NamespaceQuota
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs, preuploads
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile, AddLarge, Operation
from entrepot.hub.files.preuploads import Candidate
from entrepot.hub.repos.pulls import pull_refs
from entrepot.hub.repos.pulls.pull_refs import ChangeTarget
from entrepot.names import RepoPath, RepoRef, Sha256, parse_path
from entrepot.server import browser_sessions
from entrepot.server.bodies import receive_into
from entrepot.server.handlers import app_state, call_hub
from entrepot.server.pages.editing import upload_tokens
from entrepot.server.pages.editing.commit_forms import fields_of, record
from entrepot.server.pages.editing.multipart import Part, boundary_of, read_parts
from entrepot.server.pages.editing.multipart import fields_of as text_fields
from entrepot.server.pages.formats import quoted, quoted_segment
from entrepot.server.pages.forms import FRESH, Form, run_form
from entrepot.server.pages.frames import UPLOAD_POLICY, WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.raw_path import split_revision
from entrepot.server.threads import line_of

MAX_UPLOAD = 64 << 20
"""Bytes of one form with files."""

_PIECE = 1 << 20
_SAMPLE = 512


@attrs.frozen(eq=False)
class SentFiles:
    """The files of a form that has arrived."""

    body: mmap.mmap
    parts: Sequence[Part]

    def read(self, part: Part) -> bytes:
        """Return the content of a file."""
        return self.body[part.start : part.end]

    def pieces(self, part: Part) -> Iterator[bytes]:
        """Yield the content of a file in pieces."""
        for start in range(part.start, part.end, _PIECE):
            yield self.body[start : min(start + _PIECE, part.end)]


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        *repo_pages("/upload/{tail:path}", show_upload, has_short=False),
        *repo_pages("/upload/{tail:path}", send_files, ["POST"], has_short=False),
    ]


async def show_upload(request: Request, ref: RepoRef) -> Response:
    """Serve the form that uploads files."""
    revision, folder = _place_of(request)
    return await show_page(request, lambda hub, caller: build_upload(hub, caller, ref, revision, folder, FRESH))


async def send_files(request: Request, ref: RepoRef) -> Response:
    """Commit the files of a form. A form without files requests a token, with which the script of the page uploads.

    Raises:
        NotAllowed: the form was not sent by a page of this hub, or belongs to another session.
        LimitExceeded: the files have more than 64 MiB in all, or are more than 1,000.
        as :func:`build_upload`, before anything is received.
    """
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    revision, folder = _place_of(request)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return await upload_tokens.send_token(request, ref, revision)
    boundary = boundary_of(request.headers.get("content-type", ""))
    await call_hub(request, pull_refs.find_target, ref, revision)
    # The system's folder for temporary files is often a small one in memory.
    with tempfile.TemporaryFile(dir=state.hub.settings.temporary_folder, prefix="form-") as file:
        await _receive(request, file)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            parts = await state.threads.run_transfer(read_parts, body, boundary, line=line_of(request.scope))
            form = Form(text_fields(body, parts))
            browser_sessions.check_form_token(request, state.hub, form.text("csrf"))
            sent = SentFiles(body, [part for part in parts if part.filename])

            def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
                return commit_files(hub, caller, ref, revision, form, sent)

            def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
                return build_upload(hub, caller, ref, revision, folder, form)

            return await run_form(request, form, act, again, is_slow=True)


def build_upload(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, folder: RepoPath, form: Form
) -> WebPage:
    """Return the form that uploads files into a folder.

    Raises:
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: the visitor may not change files.
        RevisionNotFound, Refused: the branch does not exist, or the pull request is closed.
    """
    target = pull_refs.find_target(hub, caller, ref, revision)
    header, _ = describe_header(hub, caller, target.row.ref, revision)
    values = {
        "section": target.row.type.plural,
        "repo": header,
        "tab": "files",
        "folder": folder,
        "crumbs": crumbs(folder),
        "parent": form.text("parent", target.head),
        "quota": quota_of(hub, caller, header.namespace),
        "most": MAX_UPLOAD,
        "ref": target.ref.removeprefix("refs/heads/"),
        "target": fields_of(target, form, "Upload files"),
        "form": form,
    }
    return WebPage("upload.html", f"Upload files · {header.id}", values, policy=UPLOAD_POLICY)


def quota_of(hub: HubContext, caller: MaybeCaller, namespace: str) -> NamespaceQuota | None:
    """Return the quota of a namespace if it has a limit and the visitor belongs to it, else None."""
    if caller is None:
        return None
    try:
        owner = namespace.partition(".")[0]  # of a folder, too
        found = quotas.own(hub, caller) if owner == caller.account.name else quotas.of_org(hub, caller, owner)
    except EntrepotError:
        return None
    return found if found.max_bytes is not None else None


def commit_files(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, form: Form, sent: SentFiles) -> str:
    """Commit files as a form says and return the page to go to.

    Raises:
        Malformed, InvalidPath: there is no file, or one has no possible name.
        QuotaExceeded, LimitExceeded: there is no room for them.
        Refused: others have changed one of the files since the page was opened.
        as :func:`~entrepot.server.pages.editing.commit_forms.record`.
    """
    target = pull_refs.find_target(hub, caller, ref, revision)
    place = form.text("folder").strip().strip("/")
    paths = [parse_path(f"{place}/{part.filename}" if place else part.filename or "") for part in sent.parts]
    if not paths:
        raise Malformed("form", "choose at least one file")
    if len(set(paths)) < len(paths):
        raise Malformed("form", "two files have the same name; upload them one after the other")
    is_pull = form.text("how") == "pull"
    operations = _operations(hub, caller, target, paths, sent, is_pull=is_pull)
    after = f"/{target.row.ref.path}/tree/{quoted_segment(revision)}/{quoted(place)}".rstrip("/")
    suggested = f"Upload {paths[0].rpartition('/')[2]}" if len(paths) == 1 else f"Upload {len(paths):,} files"
    try:
        return record(hub, caller, target, form, operations, suggested, after)
    except BranchMoved as error:
        names = ", ".join(error.changed[:5])
        raise Refused(
            f"others have changed files since you opened this page ({names}): review them, then upload again"
        ) from None


def _operations(
    hub: HubContext,
    caller: MaybeCaller,
    target: ChangeTarget,
    paths: Sequence[RepoPath],
    sent: SentFiles,
    *,
    is_pull: bool,
) -> Iterator[Operation]:
    samples = [sent.body[part.start : min(part.start + _SAMPLE, part.end)] for part in sent.parts]
    wanted = [Candidate(path, part.size, sample) for path, part, sample in zip(paths, sent.parts, samples, strict=True)]
    plan = preuploads.plan(hub, caller, target.row.ref, target.ref, wanted, is_proposal=is_pull)
    for path, part, advice in zip(paths, sent.parts, plan.advice, strict=True):
        if not advice.is_large:
            yield AddFile(path, sent.read(part))
            continue
        branch = None if is_pull else target.ref.removeprefix("refs/heads/")
        yield AddLarge(path, store_large(hub, caller, target.row.ref, branch, sent, part), part.size)


def store_large(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str | None, sent: SentFiles, part: Part
) -> Sha256:
    """Store a large file as LFS clients do it, and return its SHA-256.

    Raises:
        LimitExceeded, QuotaExceeded: there is no room for it.
        as :func:`entrepot.hub.files.lfs.plan_uploads` and ``receive``.
    """
    digest = hashlib.sha256()
    for piece in sent.pieces(part):
        digest.update(piece)
    sha256 = Sha256(digest.hexdigest())
    plans = lfs.plan_uploads(
        hub, caller, ref, [RequestedObject(sha256, part.size)], takes_parts=False, revision=revision
    )
    if plans[0].refusal is not None:
        raise Refused(plans[0].refusal[1])
    link = plans[0].link
    if isinstance(link, SignedUrl):
        receiving = lfs.receive(hub, sha256, link.query)
        try:
            for piece in sent.pieces(part):
                receiving.write(piece)
            receiving.finish()
        finally:
            receiving.discard()
    return sha256


def _place_of(request: Request) -> tuple[str, RepoPath]:
    revision, tail = split_revision(request.path_params["tail"])
    return revision, path_of(tail.strip("/"))


async def _receive(request: Request, file: IO[bytes]) -> None:
    threads, line = app_state(request).threads, line_of(request.scope)
    try:
        size = await receive_into(
            request.receive, file.write, limit=MAX_UPLOAD, expected=None, threads=threads, line=line
        )
    except LimitExceeded:
        cure = "use hf upload, git or a browser with JavaScript for larger files"
        raise LimitExceeded("the size of an upload by a form in bytes", MAX_UPLOAD, cure) from None
    if not size:
        raise Malformed("form", "it is empty")
    await threads.run_transfer(file.flush, line=line)
