"""Who asks: a name for the record, a role, and where the role holds."""

from __future__ import annotations

import msgspec

from monitor.access.permission import MAY, Permission, Role
from monitor.access.scope import EVERYWHERE, Scope


class Reader(msgspec.Struct, frozen=True):
    """Whoever a request comes from."""

    name: str
    """As the record of who did what names them."""
    role: Role
    scope: Scope = EVERYWHERE

    def may(self, permission: Permission, *, whole: bool = False) -> bool:
        """Whether the role has `permission`; where the `whole` is shown, a role that holds somewhere does not do."""
        return permission in MAY[self.role] and (self.scope.is_everywhere or not whole)
