"""What may be done, and which role may do it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    """What a route asks of whoever calls it."""

    PUBLIC = "public"
    """Nothing: the sign-in, the looks of the pages, whether the service lives."""
    ACCOUNT = "account"
    """To be signed in: one's own password, sessions, tokens."""
    VIEW = "view"
    """See the present and the record."""
    OPERATE = "operate"
    """Acknowledge, note, silence, hand over."""
    ADMIN = "admin"
    """Change what is watched, who may do what, and read who did what."""


class Role(StrEnum):
    """What somebody is; each may do all that the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_VIEWER = frozenset({Permission.PUBLIC, Permission.ACCOUNT, Permission.VIEW})

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _VIEWER | {Permission.OPERATE},
    Role.ADMIN: frozenset(Permission),
}
