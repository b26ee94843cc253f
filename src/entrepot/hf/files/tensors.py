"""Metadata of a model's weights, read without downloading the weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from entrepot.client.hubs import Hub
from entrepot.client.tensor_headers import header_of, index_of
from entrepot.errors import EntryNotFound, TensorsMissing
from entrepot.hf.base import Base
from entrepot.hf.shapes.tensors import SafetensorsFileMetadata, SafetensorsRepoMetadata, file_of, model_in
from entrepot.names import RepoRef

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_THREADS = 8


class Tensors(Base):
    """Methods for safetensors files."""

    def parse_safetensors_file_metadata(
        self,
        repo_id: str,
        filename: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        timeout: float | None = None,
    ) -> SafetensorsFileMetadata:
        """Return the tensors of a safetensors file; only its header is downloaded.

        Args:
            timeout: accepted for compatibility; set ``ENTREPOT_DOWNLOAD_TIMEOUT`` instead.

        Raises:
            TensorsUnreadable: the file is not a safetensors file.
            EntryNotFound, RepoNotFound, RevisionNotFound: the file does not exist.
            GatedRepo: the caller has no access to the content.
        """
        ref = self._repo_to_read(repo_id, repo_type)
        return file_of(header_of(self._hub(token), ref, revision or "main", filename))

    def get_safetensors_metadata(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        timeout: float | None = None,
    ) -> SafetensorsRepoMetadata:
        """Return the tensors of a model, stored in one safetensors file or in several with an index.

        Args:
            timeout: as for :meth:`parse_safetensors_file_metadata`.

        Raises:
            TensorsMissing: the repository has neither ``model.safetensors`` nor an index of several files.
            TensorsUnreadable: a file is not a safetensors file.
            RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
            GatedRepo: the caller has no access to the content.
        """
        ref, hub, at = self._repo_to_read(repo_id, repo_type), self._hub(token), revision or "main"
        try:
            return model_in({SINGLE: file_of(header_of(hub, ref, at, SINGLE))}, None)
        except EntryNotFound:
            return _sharded(hub, ref, at)


def _sharded(hub: Hub, ref: RepoRef, revision: str) -> SafetensorsRepoMetadata:
    try:
        index = index_of(hub, ref, revision, INDEX)
    except EntryNotFound as error:
        raise TensorsMissing(str(ref), revision) from error
    paths = sorted(set(index.weight_map.values()))
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda path: file_of(header_of(hub, ref, revision, path)), paths)
        return model_in(dict(zip(paths, found, strict=True)), index)
