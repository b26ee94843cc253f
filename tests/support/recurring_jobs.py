"""The kinds of jobs that schedule their own next run, which tests of other jobs leave out."""

from __future__ import annotations

from entrepot.hub.community import discussion_notices

RECURRING = frozenset({"scrub", "trends", "forget-deliveries", discussion_notices.FORGETTING, "reverify", "rescan"})
