"""Upload large files through git LFS: whole, or in parts if the hub asks for that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import attrs
from msgspec import UNSET

from entrepot.client.calls import Response, lfs
from entrepot.client.commit_target import CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.hubs import Hub
from entrepot.client.parallel import run_parallel
from entrepot.client.progress import Meter
from entrepot.client.sources import Source
from entrepot.errors import AnswerUnusable, Damaged, Forbidden, Offline, Refused, TlsFailed, Unavailable
from entrepot.names import Sha256
from entrepot.wire.files.lfs import Action, Actions, BatchObject, CompletedPart, LfsObject

T = TypeVar("T")

_THREADS = 8
_HASHING = 4
_MAX_OBJECTS = 256
_MAX_BYTES = 8 << 30
_TRIES = 5
_MAX_S = 20.0


def send(hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests, meter: Meter) -> None:
    """Upload contents to the hub's LFS store; afterwards ``digests`` contains the SHA-256 of each.

    Raises:
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
        Refused: the hub refuses a file.
        HubFailure, HubUnreachable, HubTimeout: the upload failed in five attempts.

    Guarantees: contents that the hub has are not sent; completed files stay in the
    hub even if the rest fails.
    """
    for _ in run_parallel(digests.sha256, sources, _HASHING):
        pass
    for batch in _batches(_distinct(sources, digests)):
        wanted = _missing(hub, target, batch)
        for size in (0 if sha256 in wanted else source.size for sha256, source in batch.items()):
            meter.advance(size)
        uploads = [_Upload(hub, target, sha256, batch[sha256], meter, wanted[sha256]) for sha256 in wanted]
        for _ in run_parallel(_Upload.run, uploads, _THREADS):
            pass


def missing(hub: Hub, target: CommitTarget, sources: Sequence[Source], digests: Digests) -> list[Source]:
    """Return the contents that the hub lacks; the SHA-256 of all must be known.

    Raises:
        HubFailure, HubUnreachable, HubTimeout: the hub could not be asked.
    """
    left: set[Sha256] = set()
    for batch in _batches(_distinct(sources, digests)):
        left.update(_missing(hub, target, batch))
    return [source for source in sources if digests.sha256(source) in left]


def _distinct(sources: Sequence[Source], digests: Digests) -> dict[Sha256, Source]:
    return {digests.sha256(source): source for source in sources}


def _batches(sources: Mapping[Sha256, Source]) -> Iterator[dict[Sha256, Source]]:
    """Split into batches small enough that no upload URL expires before it is used."""
    batch: dict[Sha256, Source] = {}
    length = 0
    for sha256, source in sources.items():
        if batch and (len(batch) >= _MAX_OBJECTS or length + source.size > _MAX_BYTES):
            yield batch
            batch, length = {}, 0
        batch[sha256] = source
        length += source.size
    if batch:
        yield batch


def _missing(hub: Hub, target: CommitTarget, sources: Mapping[Sha256, Source]) -> dict[Sha256, Actions]:
    """Return the upload actions of each object that the hub lacks."""
    branch = None if target.opens_pull else target.revision
    objects = [LfsObject(sha256, source.size) for sha256, source in sources.items()]
    answer = hub.send(lfs.batch(target.repo, objects, branch=branch))
    found = {Sha256(item.oid): item for item in answer.objects if item.oid in sources}
    return {sha256: actions for sha256, item in found.items() if (actions := _actions(item, sources[sha256]))}


def _actions(item: BatchObject, source: Source) -> Actions | None:
    if item.error is not UNSET:
        raise Refused(f"the hub refuses {source.label}: {item.error.message}")
    if item.actions is UNSET or item.actions.upload is UNSET:
        return None
    return item.actions


@attrs.frozen
class _Upload:
    """The upload of one content."""

    hub: Hub
    target: CommitTarget
    sha256: Sha256
    source: Source
    meter: Meter
    actions: Actions = attrs.field(repr=False)

    def run(self) -> None:
        """Upload the content as the hub asked for; if the URL has expired, ask for a new one once."""
        try:
            self._send(self.actions)
        except Forbidden:
            again = _missing(self.hub, self.target, {self.sha256: self.source}).get(self.sha256)
            if again is not None:
                self._send(again)

    def _send(self, actions: Actions) -> None:
        upload = actions.upload
        assert upload is not UNSET
        if "chunk_size" in upload.header:
            self._send_parts(upload)
        else:
            self._put(upload.href, 0, self.source.size, upload.header)
        if actions.verify is not UNSET:
            self.hub.send(lfs.verify(actions.verify.href, LfsObject(self.sha256, self.source.size)))

    def _send_parts(self, upload: Action) -> None:
        length = _number(upload.header["chunk_size"], upload.href)
        urls = [url for _, url in sorted((int(key), url) for key, url in upload.header.items() if key.isdigit())]
        if len(urls) != -(-self.source.size // length):
            raise AnswerUnusable(upload.href.partition("?")[0], "the parts of the upload do not cover the file")

        def put(numbered: tuple[int, str]) -> CompletedPart:
            number, url = numbered
            start = (number - 1) * length
            answer = self._put(url, start, min(length, self.source.size - start), {})
            return CompletedPart(number, answer.headers.get("etag", ""))

        parts = list(run_parallel(put, enumerate(urls, 1), _THREADS // 2))
        self.hub.send(lfs.complete(upload.href, self.sha256, parts))

    def _put(self, url: str, start: int, length: int, headers: Mapping[str, str]) -> Response:
        # The token in the headers is for clients that send none of their own, such as git-lfs.
        extra = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        sent = 0

        def metered() -> Iterator[bytes]:
            nonlocal sent
            for piece in self.source.pieces(start, length):
                yield piece
                sent += len(piece)
                self.meter.advance(len(piece))

        def put() -> Response:
            nonlocal sent
            sent = 0
            try:
                return self.hub.transport.upload(
                    "PUT", url, metered(), size=length, headers=extra, is_authorized=False, subject=self.source.label
                )
            except BaseException:
                self.meter.advance(-sent)
                raise

        return again(put)


def again(send: Callable[[], T]) -> T:
    """Call a repeatable function up to five times, with growing pauses, while the hub is unavailable."""
    for attempt in range(_TRIES - 1):
        try:
            return send()
        except (TlsFailed, Offline, AnswerUnusable):
            raise
        except (Unavailable, Damaged):
            time.sleep(min(_MAX_S, 0.5 * 2.0**attempt) * random.uniform(0.75, 1.25))  # noqa: S311
    return send()


def _number(text: str, href: str) -> int:
    if not text.isdigit() or not int(text):
        raise AnswerUnusable(href.partition("?")[0], "the parts of the upload have no length")
    return int(text)
