"""Branches, tags and histories."""

from __future__ import annotations

from entrepot.client.calls import refs
from entrepot.errors import Conflict, Forbidden
from entrepot.hf.base import Base
from entrepot.hf.shapes.refs import GitCommitInfo, GitRefs, commit_of, refs_of


class References(Base):
    """Methods about refs and what they lead to."""

    def list_repo_refs(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        include_pull_requests: bool = False,
        token: str | bool | None = None,
    ) -> GitRefs:
        """All branches and tags; the heads of pull requests when asked for.

        Raises:
            RepoNotFound: as usual.
        """
        call = refs.listing(self._wanted(repo_id, repo_type), include_pulls=include_pull_requests)
        return refs_of(self._hub(token).send(call))

    def list_repo_commits(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        formatted: bool = False,
    ) -> list[GitCommitInfo]:
        """The commits that a revision (None: main) leads to, newest first; ``formatted`` adds HTML.

        Raises:
            RepoNotFound, RevisionNotFound: as usual.
        """
        call = refs.log(self._wanted(repo_id, repo_type), revision or "main", limit=1000, formatted=formatted)
        return [commit_of(entry) for entry in self._hub(token).pages(call)]

    def create_branch(
        self,
        repo_id: str,
        *,
        branch: str,
        revision: str | None = None,
        token: str | bool | None = None,
        repo_type: str | None = None,
        exist_ok: bool = False,
    ) -> None:
        """Begin a branch at a revision (None: the head of main).

        Raises:
            Conflict: it exists already, and not ``exist_ok``.
            RevisionNotFound: there is no such beginning.
            InvalidName, Forbidden: as usual.
        """
        ref, hub = self._changed(repo_id, repo_type, token), self._hub(token)
        try:
            hub.send(refs.create_branch(ref, branch, start=revision))
        except Conflict:
            if not exist_ok:
                raise
        except Forbidden:
            # Who may not make it may still be content with the one that is there.
            if not exist_ok or all(found.name != branch for found in hub.send(refs.listing(ref)).branches):
                raise

    def delete_branch(
        self, repo_id: str, *, branch: str, token: str | bool | None = None, repo_type: str | None = None
    ) -> None:
        """Remove a branch.

        Raises:
            RevisionNotFound: there is none.
            Forbidden: it is main, it is protected, or the token may not.
        """
        self._hub(token).send(refs.delete_branch(self._changed(repo_id, repo_type, token), branch))

    def create_tag(
        self,
        repo_id: str,
        *,
        tag: str,
        tag_message: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        repo_type: str | None = None,
        exist_ok: bool = False,
    ) -> None:
        """Name a revision (None: the head of main).

        Raises:
            Conflict: the tag exists already, and not ``exist_ok``.
            RevisionNotFound: there is no such revision.
        """
        call = refs.create_tag(
            self._changed(repo_id, repo_type, token), tag, revision=revision or "main", message=tag_message or None
        )
        try:
            self._hub(token).send(call)
        except Conflict:
            if not exist_ok:
                raise

    def delete_tag(
        self, repo_id: str, *, tag: str, token: str | bool | None = None, repo_type: str | None = None
    ) -> None:
        """Remove a tag.

        Raises:
            RevisionNotFound: there is none.
        """
        self._hub(token).send(refs.delete_tag(self._changed(repo_id, repo_type, token), tag))

    def super_squash_history(
        self,
        repo_id: str,
        *,
        branch: str | None = None,
        commit_message: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Replace the history of a branch (None: main) by one commit with the same files; it cannot be undone.

        Raises:
            RevisionNotFound: there is no such branch.
            Forbidden: it is protected, or the token may not.
        """
        name = branch or "main"
        message = commit_message or f"Super-squash branch '{name}'"
        self._hub(token).send(refs.squash(self._changed(repo_id, repo_type, token), name, message=message))
