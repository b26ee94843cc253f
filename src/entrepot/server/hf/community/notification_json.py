"""Notifications as JSON and as sentences, which pages show too."""

from __future__ import annotations

from entrepot.hub import notifications as kinds
from entrepot.hub.community import discussion_notices
from entrepot.hub.community.notification_lists import Notification
from entrepot.wire.community.notifications import NotificationInfo, NotifiedDiscussion, NotifiedRepo
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_GONE = "A deleted account"
_DID = {
    "opened": "opened this",
    "comment": "commented",
    "open": "reopened this",
    "closed": "closed this",
    "merged": "merged this",
}


def render(item: Notification) -> NotificationInfo:
    """Return the JSON value of a notification."""
    row, repo, discussion = item.row, item.repo, item.discussion
    return NotificationInfo(
        id=row.uid,
        kind=row.kind,
        reason=row.reason,
        text=sentence(item),
        path=path_of(item),
        actor=None if item.actor is None else item.actor.name,
        repo=None if repo is None else NotifiedRepo(type=repo.type.value, name=str(repo.ref.id)),
        discussion=None
        if discussion is None
        else NotifiedDiscussion(
            num=discussion.num,
            title=legible(discussion.title),
            status=discussion.status,
            is_pull_request=discussion.is_pull,
        ),
        organization=None if item.org is None else item.org.name,
        read=row.is_read,
        updated_at=format_ms(row.happened_ms),
    )


def sentence(item: Notification) -> str:
    """Return a sentence about the event, without the repository that it is about."""
    row, data = item.row, item.row.data
    actor = _GONE if item.actor is None else item.actor.name
    org = "an organisation" if item.org is None else item.org.name
    match row.kind:
        case kinds.DISCUSSION:
            is_mention = row.reason == discussion_notices.MENTIONED and data["what"] in ("opened", "comment")
            return f"{actor} mentioned you" if is_mention else f"{actor} {_DID.get(data['what'], 'changed this')}"
        case kinds.ACCESS_REQUEST:
            return f"{actor} asks for access"
        case kinds.ACCESS_DECISION:
            return "You have access now" if data["status"] == "accepted" else "Your request for access was rejected"
        case kinds.INVITATION:
            return f"{actor} invites you to {org}, with the role '{data['role']}'"
        case kinds.INVITATION_ANSWER:
            return f"{actor} {data['answer']} the invitation to {org}"
        case kinds.MEMBERSHIP:
            return f"You are no longer a member of {org}" if data["role"] is None else _role(org, data["role"])
        case kinds.FOLDER_GRANT:
            return _grant(item, actor)
        case _:
            return f"A delivery to {data.get('host', '')} failed too often and was given up"


def path_of(item: Notification) -> str:
    """Return the path of the page about a notification, below the hub's."""
    row, repo = item.row, item.repo
    if repo is not None and item.discussion is not None:
        return f"/{repo.ref.path}/discussions/{item.discussion.num}#{row.data.get('event', '')}"
    if repo is not None:
        return f"/{repo.ref.path}/settings/access" if row.kind == kinds.ACCESS_REQUEST else f"/{repo.ref.path}"
    if row.kind == kinds.WEBHOOK:
        return f"/settings/webhooks/{row.data.get('webhook', '')}"
    if row.kind == kinds.FOLDER_GRANT:
        return "/notifications" if item.folder is None else f"/{item.folder.namespace}"
    if row.kind == kinds.INVITATION or item.org is None:
        return "/settings/account"
    return f"/{item.org.name}"


def _grant(item: Notification, actor: str) -> str:
    receiver = "you" if item.row.org_id is None else "an organisation" if item.org is None else item.org.name
    if item.folder is None:
        return f"{actor} shared a folder with {receiver} that you can no longer see"
    rights = "see and change" if item.row.data["role"] == "edit" else "see"
    shared = f"{actor} shared the folder {item.folder.namespace} with {receiver}"
    return f"{shared}: you may {rights} its {item.folder.type.plural}"


def _role(org: str, role: str) -> str:
    return f"Your role in {org} is '{role}' now"
