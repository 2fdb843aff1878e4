"""The cookies of a session: for this host and this site only, out of reach of scripts."""

from __future__ import annotations

from aiohttp import web

from monitor.access.sessions import Begun
from monitor.web.peer import Peer

SESSION = "session"
BROWSER = "browser"
STATE = "oidc"
_YEAR = 365 * 86400


def read(request: web.Request, name: str, peer: Peer) -> str:
    """Return a cookie of ours; ``""`` when there is none."""
    value = request.cookies.get(_name(name, peer), "")[:200]
    return value if value.isascii() else ""


def give(response: web.StreamResponse, begun: Begun, peer: Peer) -> None:
    """Give the browser its session, and what it is known by at the next sign-in."""
    _set(response, SESSION, begun.key, peer, None)
    _set(response, BROWSER, begun.browser, peer, _YEAR)


def keep_state(response: web.StreamResponse, state: str, peer: Peer) -> None:
    """Have the browser keep the state of a single sign-on until it comes back."""
    _set(response, STATE, state, peer, 600)


def take(response: web.StreamResponse, peer: Peer) -> None:
    """Take the session away."""
    name = _name(SESSION, peer)
    response.del_cookie(name, path="/", secure=peer.secure, httponly=True, samesite="Lax")


def _name(name: str, peer: Peer) -> str:
    """Over TLS the browser itself sees to it that no other host and no plain page has set it (RFC 6265bis)."""
    return f"__Host-{name}" if peer.secure else name


def _set(response: web.StreamResponse, name: str, value: str, peer: Peer, age: int | None) -> None:
    response.set_cookie(
        _name(name, peer),
        value,
        max_age=age,
        path="/",
        secure=peer.secure,
        httponly=True,
        samesite="Lax",
    )
