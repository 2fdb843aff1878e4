"""The web application: routes, errors that say what to do next, and its start and end."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.ledger import LedgerError
from monitor.part import Part
from monitor.store import StoreUnavailable
from monitor.web import acting, channels, demo, duty, passkeys, profiles, quality, security, take
from monitor.web.account import AccountPages
from monitor.web.api import account as account_api
from monitor.web.api import acting as acting_api
from monitor.web.api import audit as audit_api
from monitor.web.api import present as present_api
from monitor.web.api import rota as rota_api
from monitor.web.api import silences
from monitor.web.api import users as users_api
from monitor.web.api.conditional import api_answers
from monitor.web.api.events import Events
from monitor.web.api.reference import Reference
from monitor.web.api.watched import Api
from monitor.web.assets import Assets
from monitor.web.context import WebContext
from monitor.web.editing import Editing
from monitor.web.guard import GUARD, Guard
from monitor.web.language import N_, load_messages
from monitor.web.live import Feed
from monitor.web.metrics import Metrics
from monitor.web.pages import Pages
from monitor.web.problem import SAID, Mistake, Wrong, problem
from monitor.web.quiet import QuietForms
from monitor.web.route import LARGEST_BODY, TABLE, Route, Table, is_page
from monitor.web.second_factor import SecondFactorPages
from monitor.web.sign_in import SignInPages
from monitor.web.templating import Templates
from monitor.web.users import UserPages
from monitor.web.view import NoSuch
from probes.core.words import Said, say

__all__ = ["WebContext", "create_app", "serve"]

log = logging.getLogger(__name__)
_RETRY_AFTER = "5"
"""Seconds until a reader may ask again what the store or the ledger could not answer."""
_KEPT = ("Retry-After", "WWW-Authenticate")
"""Headers of an error that its explanation keeps."""
_STOP = 3.0
"""Seconds that requests under way get at the end."""


def create_app(context: WebContext) -> web.Application:
    """Return the dashboard and the API."""
    feed = Feed(context.board, context.pace, context.seen, context.summaries)
    templates = Templates(load_messages(), context.now)
    pages = Pages(context, templates, feed)
    app = web.Application(client_max_size=LARGEST_BODY)
    app[TABLE] = table = Table(app)
    app[GUARD] = guard = Guard(context, table)
    app.middlewares.extend(
        [_errors(pages), security.hosts_guard(context.hosts), guard.middleware, api_answers(table)]
    )
    app.on_response_prepare.append(security.add_headers)
    app.cleanup_ctx.append(partial(_follow, feed))
    app.cleanup_ctx.append(partial(_prepare, context, templates))
    app.on_shutdown.append(partial(_close, feed))
    table.add(routes(context, pages))
    return app


def routes(context: WebContext, pages: Pages) -> list[Route]:
    """Return every address: what a newcomer adds belongs to one of these."""
    return [
        *pages.routes(),
        *Api(context).routes(),
        *Assets().routes(),
        *acting.routes(),
        *acting_api.routes(),
        *channels.routes(),
        *demo.routes(),
        *QuietForms(pages.frame).routes(),
        *silences.routes(),
        *duty.routes(),
        *rota_api.routes(),
        *present_api.routes(),
        *Reference(pages.frame).routes(),
        *Events(pages.feed).routes(),
        *quality.routes(),
        *take.routes(pages.frame),
        *Editing(context, pages.frame).routes(),
        *Metrics(context).routes(),
        *SignInPages(context.access, pages.frame).routes(),
        *AccountPages(pages.frame).routes(),
        *SecondFactorPages(pages.frame, context.now).routes(),
        *UserPages(pages.frame).routes(),
        *users_api.routes(),
        *account_api.routes(),
        *audit_api.routes(),
        *profiles.routes(),
        *passkeys.routes(),
    ]


@asynccontextmanager
async def serve(
    context: WebContext, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve while the context is open, and yield the address. Raises `OSError` when the port is taken."""
    runner = web.AppRunner(create_app(context), access_log=None, shutdown_timeout=_STOP)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        where = runner.addresses[0]
        name = f"[{where[0]}]" if ":" in where[0] else where[0]
        yield f"{'https' if tls else 'http'}://{name}:{where[1]}"
    finally:
        await runner.cleanup()


def _errors(pages: Pages) -> Middleware:
    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except NoSuch as error:
            return await _explain(pages, request, 404, str(error))
        except web.HTTPException as error:
            if error.status < 400:
                raise
            mistakes = error.mistakes if isinstance(error, Wrong) else ()
            said = error.get(SAID) or error.text or error.reason
            answer = await _explain(pages, request, error.status, said, mistakes)
            answer.headers.update({name: error.headers[name] for name in _KEPT if name in error.headers})
            return answer
        except ConnectionResetError:
            raise  # the reader left
        except (StoreUnavailable, LedgerError) as error:
            log.warning("a page cannot be answered now", extra={"path": request.path, "error": str(error)})
            answer = await _explain(pages, request, 503, str(error), unread=True)
            answer.headers["Retry-After"] = _RETRY_AFTER
            return answer
        except Exception:
            log.exception("a page failed", extra={"path": request.path})
            return await _explain(pages, request, 500, N_("the monitor failed here; its log says why"))

    return errors


async def _explain(
    pages: Pages,
    request: web.Request,
    status: int,
    detail: Said,
    mistakes: Sequence[Mistake] = (),
    *,
    unread: bool = False,
) -> web.Response:
    """Return an error in the reader's form; `unread` when the monitor could not read its own records."""
    if not is_page(request):
        return problem(status, say(detail, "en"), mistakes)
    return await pages.frame(
        request, "error", {"page": "error", "status_code": status, "detail": detail, "unread": unread}, status
    )


async def _follow(feed: Feed, app: web.Application) -> AsyncIterator[None]:
    async with Part("the feed of the pages", feed.run):
        yield


async def _prepare(context: WebContext, templates: Templates, app: web.Application) -> AsyncIterator[None]:
    """Make meanwhile what the first readers would wait for."""
    preparing = asyncio.create_task(_prepared(context, templates))
    yield
    preparing.cancel()
    await asyncio.gather(preparing, return_exceptions=True)


async def _prepared(context: WebContext, templates: Templates) -> None:
    await context.effects.prepare(context.board.inventory)
    await templates.compile()


async def _close(feed: Feed, app: web.Application) -> None:
    feed.close()
