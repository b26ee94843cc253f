"""Events of discussions as pages show them: comments as safe HTML, the rest as sentences."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.hub.community.discussion_events import (
    AuthorRow,
    Comment,
    CommitAdded,
    DiscussionEvent,
    LockChange,
    PinChange,
    StatusChange,
    TitleChange,
)
from entrepot.server.pages.card_html import CardLinks, relink
from entrepot.server.pages.repo_headers import RepoHeader
from entrepot.server.rendering.markdown import Renderer
from entrepot.wire.texts import legible

GONE = "a deleted account"
_STATUS = {
    "open": "marked this as open",
    "closed": "closed this",
    "merged": "merged this",
    "draft": "made this a draft",
}


@attrs.frozen
class ThreadItem:
    """An event. ``html``: a comment, else empty; ``text``: what happened, else empty.

    ``raw``: the source of a comment, empty if the visitor may not change it;
    ``has_face``: whether the author has a picture.
    """

    uid: str
    author: str
    at_ms: int
    html: str = ""
    raw: str = ""
    is_hidden: bool = False
    is_edited: bool = False
    text: str = ""
    icon: str = "chat"
    commit: str = ""
    has_face: bool = True


def thread_of(
    events: Sequence[DiscussionEvent], links: CardLinks, *, may_write: bool, visitor_id: int | None
) -> list[ThreadItem]:
    """Return the events of one discussion.

    Args:
        links: where links of comments into the repository lead.
        may_write: whether the visitor may change all comments; else only their own.
    """
    renderer = Renderer()
    return [_item(event, renderer, links, may_write, visitor_id) for event in events]


def links_of(header: RepoHeader, root: str) -> CardLinks:
    """Return where links of comments lead that are relative to the repository: to files on main."""
    return CardLinks(f"{root}/{header.path}/blob/main/", f"{root}/{header.path}/resolve/main/", root)


def comment_html(text: str, links: CardLinks) -> str:
    """Return the safe HTML of a comment, to preview it; empty for an empty text."""
    return relink(Renderer().render(legible(text)), attrs.evolve(links, prefix="preview")) if text.strip() else ""


def author_name(author: AuthorRow | None) -> str:
    """Return the name of an author."""
    return GONE if author is None else author.name


def _item(
    event: DiscussionEvent, renderer: Renderer, links: CardLinks, may_write: bool, visitor_id: int | None
) -> ThreadItem:
    item = ThreadItem(event.uid, author_name(event.author), event.created_ms, has_face=event.author is not None)
    match event.what:
        case Comment() as comment:
            if comment.is_hidden:
                return attrs.evolve(item, is_hidden=True)
            raw = legible(comment.latest.raw)
            is_own = event.author is not None and event.author.id == visitor_id
            made = relink(renderer.render(raw), attrs.evolve(links, prefix=f"c{event.uid}"))
            shown = raw if may_write or is_own else ""
            return attrs.evolve(item, html=made, raw=shown, is_edited=comment.edits > 0)
        case StatusChange(status):
            return attrs.evolve(item, text=_STATUS.get(status, status), icon="pull" if status == "merged" else "check")
        case CommitAdded(subject, oid):
            return attrs.evolve(item, text=f"added {oid[:7]} {legible(subject)}", icon="commit", commit=oid)
        case TitleChange(old, new):
            return attrs.evolve(item, text=f"changed the title from “{legible(old)}” to “{legible(new)}”", icon="edit")
        case PinChange(is_pinned):
            return attrs.evolve(item, text="pinned this" if is_pinned else "unpinned this", icon="tag")
        case LockChange(is_locked):
            return attrs.evolve(item, text=f"{'locked' if is_locked else 'unlocked'} the discussion", icon="lock")
