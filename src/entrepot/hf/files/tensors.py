"""What is in a model's weights, without fetching them."""

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
    """Methods about safetensors files."""

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
        """The tensors of a file: only its header is fetched.

        Args:
            timeout: taken for compatibility; ``ENTREPOT_DOWNLOAD_TIMEOUT`` says how long a hub may be silent.

        Raises:
            TensorsUnreadable: the file is not of this format.
            EntryNotFound, RepoNotFound, RevisionNotFound, GatedRepo: as usual.
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
        """The tensors of a model, whose weights are in one file or in several with an index.

        Args:
            timeout: as :meth:`parse_safetensors_file_metadata`.

        Raises:
            TensorsMissing: the repository has neither ``model.safetensors`` nor an index of several files.
            TensorsUnreadable: a file is not of this format.
            RepoNotFound, RevisionNotFound, GatedRepo: as usual.
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
