"""Branches, tags and commit histories."""

from __future__ import annotations

from entrepot.client.calls import refs
from entrepot.errors import Conflict, Forbidden
from entrepot.hf.base import Base
from entrepot.hf.shapes.refs import GitCommitInfo, GitRefs, commit_of, refs_of


class References(Base):
    """Methods for branches, tags and histories."""

    def list_repo_refs(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        include_pull_requests: bool = False,
        token: str | bool | None = None,
    ) -> GitRefs:
        """List the branches and tags of a repository.

        Args:
            include_pull_requests: also list the refs of pull requests.

        Raises:
            RepoNotFound: the repository does not exist.
        """
        call = refs.listing(self._repo_to_read(repo_id, repo_type), include_pulls=include_pull_requests)
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
        """List the commits of a revision, newest first.

        Args:
            revision: branch, tag or commit; None is main.
            formatted: add titles and messages as HTML.

        Raises:
            RepoNotFound, RevisionNotFound: the repository or the revision does not exist.
        """
        call = refs.log(self._repo_to_read(repo_id, repo_type), revision or "main", limit=1000, formatted=formatted)
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
        """Create a branch.

        Args:
            revision: the branch, tag or commit to start from; None is the head of main.
            exist_ok: do not raise if the branch exists.

        Raises:
            Conflict: the branch exists, and ``exist_ok`` is False.
            RevisionNotFound: ``revision`` does not exist.
            InvalidName: the name breaks a rule.
            Forbidden: the token has no write access.
        """
        ref, hub = self._repo_to_change(repo_id, repo_type, token), self._hub(token)
        try:
            hub.send(refs.create_branch(ref, branch, start=revision))
        except Conflict:
            if not exist_ok:
                raise
        except Forbidden:
            # A caller without write access can still use an existing branch.
            if not exist_ok or all(found.name != branch for found in hub.send(refs.listing(ref)).branches):
                raise

    def delete_branch(
        self, repo_id: str, *, branch: str, token: str | bool | None = None, repo_type: str | None = None
    ) -> None:
        """Delete a branch.

        Raises:
            RevisionNotFound: the branch does not exist.
            Forbidden: the branch is main or protected, or the token has no write access.
        """
        self._hub(token).send(refs.delete_branch(self._repo_to_change(repo_id, repo_type, token), branch))

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
        """Create a tag.

        Args:
            tag_message: the message of an annotated tag; None creates a lightweight tag.
            revision: the branch, tag or commit to tag; None is the head of main.
            exist_ok: do not raise if the tag exists.

        Raises:
            Conflict: the tag exists, and ``exist_ok`` is False.
            RevisionNotFound: ``revision`` does not exist.
        """
        call = refs.create_tag(
            self._repo_to_change(repo_id, repo_type, token),
            tag,
            revision=revision or "main",
            message=tag_message or None,
        )
        try:
            self._hub(token).send(call)
        except Conflict:
            if not exist_ok:
                raise

    def delete_tag(
        self, repo_id: str, *, tag: str, token: str | bool | None = None, repo_type: str | None = None
    ) -> None:
        """Delete a tag.

        Raises:
            RevisionNotFound: the tag does not exist.
        """
        self._hub(token).send(refs.delete_tag(self._repo_to_change(repo_id, repo_type, token), tag))

    def super_squash_history(
        self,
        repo_id: str,
        *,
        branch: str | None = None,
        commit_message: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Replace the history of a branch (None: main) by one commit with the same files; this cannot be undone.

        Raises:
            RevisionNotFound: the branch does not exist.
            Forbidden: the branch is protected, or the token has no write access.
        """
        name = branch or "main"
        message = commit_message or f"Super-squash branch '{name}'"
        self._hub(token).send(refs.squash(self._repo_to_change(repo_id, repo_type, token), name, message=message))
