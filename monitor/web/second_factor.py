"""The second factor of one's own account: switching one-time codes on and off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import segno
from aiohttp import web

from monitor.access.codes import address, fresh_secret
from monitor.access.permission import Permission
from monitor.access.sign_in import Refused, TooMany
from monitor.access.waiting import Waiting
from monitor.web.account import user_of
from monitor.web.forms import Frame, fields
from monitor.web.language import N_
from monitor.web.route import Route, reader_of
from monitor.web.sign_in import access_of, caller

MAX_BODY = 8192


class SecondFactorPages:
    """The handlers."""

    def __init__(self, frame: Frame, now: Callable[[], datetime]) -> None:
        """`frame` makes whole pages of templates."""
        self._frame = frame
        self._offered = Waiting(now)

    def routes(self) -> list[Route]:
        """Return every route."""
        own, path = Permission.ACCOUNT, "/account/second-factor"
        return [
            Route("GET", path, self.open, own, begins=True),
            Route("POST", path, self.begin, own, max_body=MAX_BODY, begins=True),
            Route("POST", f"{path}/remove", self.remove, own, max_body=MAX_BODY),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """``GET /account/second-factor``: a key to scan, or what is switched on."""
        return await self._page(request)

    async def begin(self, request: web.Request) -> web.Response:
        """``POST /account/second-factor``: ask for codes, if the app shows the right one; show the recovery codes."""
        access, user, form = access_of(request), user_of(request), await fields(request)
        offered = self._offered.of(form.get("key", ""))
        if offered is None or offered.user.id != user.id or access.codes.wants(user):
            return await self._page(request, {"trouble": True}, 422)
        codes = await access.codes.begin(user, offered.method, form.get("code", "").strip())
        if codes is None:
            return await self._page(request, {"trouble": True}, 422)
        self._offered.remove(form["key"])
        return await self._page(request, {"codes": codes})

    async def remove(self, request: web.Request) -> web.Response:
        """``POST /account/second-factor/remove``: with a code, so that an open browser alone does not do."""
        access, user, form = access_of(request), user_of(request), await fields(request)
        try:
            await access.sign_in.prove_code(user, form.get("code", "")[:64], caller(request))
        except Refused:
            return await self._page(request, {"trouble": True}, 422)
        except TooMany as error:
            raise web.HTTPTooManyRequests(text=N_("too many wrong codes; try again later")) from error
        await access.people.remove_factors(user, user.name)
        raise web.HTTPSeeOther("/account")

    async def _page(
        self, request: web.Request, more: Mapping[str, object] | None = None, status: int = 200
    ) -> web.Response:
        access, user = access_of(request), user_of(request)
        on, secret = access.codes.wants(user), fresh_secret()
        values = {
            "page": "account",
            "on": on,
            "must": reader_of(request).must_enrol,
            "left": access.codes.left(user),
            "secret": secret,
            "key": "" if on else self._offered.add(user, secret),
            "qr": segno.make(address(secret, user), error="m").svg_inline(scale=5),
            "codes": (),
            "trouble": False,
            **(more or {}),
        }
        return await self._frame(request, "second_factor", values, status)
