"""What every answer carries and every request must satisfy: headers, host names, same origin."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from inventory.network_policy import is_loopback
from monitor.web.language import N_

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give the answer the headers; a signal, so that streams and errors have them too."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    lasting = request.path.startswith("/static/") and "v" in request.query
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-store"
    response.headers["Server"] = "commune-monitor"
    if request.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"


def own_hosts(host: str, base_url: str) -> frozenset[str] | None:
    """Return the names a browser may call the monitor by when it listens at `host`; `None` for any.

    On a loopback address, which only names of this machine and a proxy's reach, everything else is a page of
    the internet whose name was turned to 127.0.0.1 to read ours (DNS rebinding).
    """
    if not is_loopback(host):
        return None
    public = urlsplit(base_url).hostname if base_url else None
    return frozenset({"localhost", "127.0.0.1", "::1", host.lower()} | ({public} if public else set()))


def hosts_guard(hosts: frozenset[str] | None) -> Middleware:
    """Return a middleware that answers 421 to a host name that is not ours, which stops DNS rebinding.

    The port does not count: a tunnel (``ssh -L``) has another, and a rebound name is strange at any port.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if hosts is not None and _name(request.host) not in hosts:
            raise web.HTTPMisdirectedRequest(
                text="this host name is not one of the monitor's; web.base_url in the settings adds one"
            )
        return await handler(request)

    return guard


def _name(host: str) -> str:
    """Return the name in a ``Host`` header, lower case; ``""`` when there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def same_origin(request: web.Request, *, required: bool) -> None:
    """Raise 403 unless the request comes from our own pages.

    Browsers send ``Origin`` with every POST. A request without one comes from a program, which is let through
    where it is not `required`: there the JSON content type already keeps pages of other origins out.
    """
    origin = request.headers.get("Origin")
    if origin is None and not required and "Sec-Fetch-Site" not in request.headers:
        return
    if origin is None or urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text=N_("only the monitor's own pages may do this"))
