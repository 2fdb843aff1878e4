"""Who asks: a name for the record, a role, and where the role holds."""

from __future__ import annotations

import msgspec

from monitor.access.permission import MAY, Permission, Role
from monitor.access.scope import EVERYWHERE, Scope
from monitor.ledger.sessions import Session
from monitor.ledger.tokens import Token
from monitor.ledger.users import User


class Reader(msgspec.Struct, frozen=True):
    """Whoever a request comes from."""

    name: str
    """As the record of who did what names them."""
    role: Role
    scope: Scope = EVERYWHERE
    user: User | None = None
    """`None` where there is no login."""
    session: Session | None = None
    """`None` without a browser's session."""
    token: Token | None = None
    must_enrol: bool = False
    """Whether a second factor is demanded of them and they have none: they may set one up and nothing else."""

    def may(self, permission: Permission, *, whole: bool = False) -> bool:
        """Whether the role has `permission`; where the `whole` is shown, a role that holds somewhere does not do.

        Who must choose a password or set up a second factor first may do that only; a program has no account of its
        own to look after.
        """
        if self.must_begin and permission is not Permission.PUBLIC:
            return permission is Permission.ACCOUNT
        if permission is Permission.ACCOUNT and self.session is None:
            return False
        return permission in MAY[self.role] and (self.scope.is_everywhere or not whole)

    @property
    def must_begin(self) -> bool:
        """Whether something is to be done before anything else: see `User.must_change`, `must_enrol`."""
        return self.must_enrol or (self.user is not None and self.user.must_change)


def reader_of_session(user: User, session: Session, *, must_enrol: bool = False) -> Reader:
    """Return who asks in a browser that is signed in."""
    return Reader(user.name, user.role, user.scope, user, session, must_enrol=must_enrol)


def reader_of_token(user: User, token: Token) -> Reader:
    """Return who asks with a token: it may do no more than its user, nowhere else."""
    scope = Scope(token.scope.sites, token.scope.provinces, user.scope)
    role = min(user.role, token.role, key=lambda role: len(MAY[role]))
    return Reader(f"{user.name} ({token.title})", role, scope, user, token=token)
