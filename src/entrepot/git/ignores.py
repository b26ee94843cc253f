"""The rules of ``.gitignore``.

Source: git, Documentation/gitignore.adoc, and ``dir.c``.
"""

from __future__ import annotations

import attrs

from entrepot.git.patterns import MAX_RULE_BYTES, MAX_TEXT, NO_RULES, MatchingWork, PathPattern, PatternBudget, RuleSet
from entrepot.names import RepoPath


@attrs.frozen
class _Rule:
    pattern: PathPattern
    ignored: bool


@attrs.frozen
class Ignores:
    """The rules of a ``.gitignore`` in the root folder."""

    _rules: tuple[_Rule, ...]  # in reverse order: the last match wins
    size: RuleSet = NO_RULES

    @classmethod
    def parse(cls, text: str) -> Ignores:
        """Parse a ``.gitignore``. Lines that git cannot use are skipped, as git does.

        Limits: 2,000 rules in the first 256 Ki characters, lines of 4,096 bytes,
        and 32 KiB of patterns with wildcards other than ``*.suffix``. Anything
        beyond them is ignored.
        """
        rules: list[_Rule] = []
        budget = PatternBudget()
        for line in text[:MAX_TEXT].removeprefix("\ufeff").split("\n"):
            raw = _trimmed(line.removesuffix("\r").encode("utf-8", "surrogatepass"))
            if not raw or raw.startswith(b"#") or len(raw) > MAX_RULE_BYTES:
                continue
            body = raw.removeprefix(b"!")
            pattern = budget.compile(body) if body.strip(b"/") else None
            if pattern is not None:
                rules.append(_Rule(pattern, ignored=not raw.startswith(b"!")))
        return cls(tuple(reversed(rules)), RuleSet(len(rules), budget.wildcard_bytes, min(len(text), MAX_TEXT)))

    def matches(self, path: RepoPath, work: MatchingWork | None = None) -> bool:
        """Return whether the file at a path is ignored.

        Later rules cannot include a file below an ignored folder, because git does
        not descend into such a folder.

        Args:
            work: counts the comparisons; None for rules and paths that are trusted.

        Raises:
            LimitExceeded: ``work`` has no more left.
        """
        if not self._rules:
            return False
        whole = path.encode("utf-8", "surrogatepass")
        end = whole.find(b"/")
        while end >= 0:
            if work is not None:
                work.add(self.size.matching_work(end))
            if self._decide(whole[:end], is_folder=True):
                return True
            end = whole.find(b"/", end + 1)
        if work is not None:
            work.add(self.size.matching_work(len(whole)))
        return self._decide(whole, is_folder=False)

    def _decide(self, path: bytes, *, is_folder: bool) -> bool:
        name = path[path.rfind(b"/") + 1 :]
        for rule in self._rules:
            if rule.pattern.folders_only and not is_folder:
                continue
            if rule.pattern.matches(path, name):
                return rule.ignored
        return False


def _trimmed(line: bytes) -> bytes:
    """Return the line without trailing spaces; a space after a backslash stays."""
    kept = line.rstrip(b" ")
    if kept == line:
        return line
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if backslashes % 2 else kept
