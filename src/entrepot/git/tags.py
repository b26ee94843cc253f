"""Tag objects, which give another object a name, a message and a signature.

Source: git, ``tag.c`` and Documentation/git-mktag.adoc.
"""

from __future__ import annotations

import attrs

from entrepot.errors import InvalidName, Malformed
from entrepot.git.commits import Signature, parse_signature, render_signature, split_headers
from entrepot.git.objects import Kind
from entrepot.names import Oid, parse_oid

_WHAT = "tag object"


@attrs.frozen
class Tag:
    """An annotated tag.

    ``name`` is the short name; ``tagger`` is None in tags of git's first
    year; ``message`` is kept verbatim, including a PGP signature at its end.
    """

    target: Oid
    kind: Kind
    name: str
    tagger: Signature | None
    message: str


def parse_tag_object(content: bytes) -> Tag:
    """Parse a tag object; text that is not UTF-8 is replaced, headers of later versions of git are ignored.

    Raises:
        Malformed: ``object``, ``type`` or ``tag`` is missing or out of order,
            or a value is invalid.
    """
    headers, message, codec = split_headers(content, _WHAT)
    if [key for key, _ in headers[:3]] != ["object", "type", "tag"]:
        raise Malformed(_WHAT, "the headers 'object', 'type' and 'tag' must come first, in this order")
    target, kind, name = (value for _, value in headers[:3])
    try:
        oid = parse_oid(target)
    except InvalidName:
        raise Malformed(_WHAT, "the object is no object id") from None
    if kind not in list(Kind):
        raise Malformed(_WHAT, "the type is none of commit, tree, blob and tag")
    tagger = None
    if len(headers) > 3 and headers[3][0] == "tagger":
        tagger = parse_signature(headers[3][1], _WHAT)
    return Tag(oid, Kind(kind), name, tagger, message.decode(codec, "replace"))


def encode_tag_object(tag: Tag) -> bytes:
    """Return the content of a tag object; signature and message are cleaned as in commits.

    Raises:
        Malformed: the name is empty or contains a newline or NUL.
    """
    if not tag.name or "\n" in tag.name or "\0" in tag.name:
        raise Malformed(_WHAT, f"a tag cannot be named {tag.name!r}")
    lines = [f"object {tag.target}", f"type {tag.kind.value}", f"tag {tag.name}"]
    if tag.tagger is not None:
        lines.append(f"tagger {render_signature(tag.tagger)}")
    message = tag.message.replace("\0", "")
    return ("\n".join(lines) + "\n\n" + message).encode("utf-8", "replace")
