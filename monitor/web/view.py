"""A view is the live part of a page: a template, the values it shows, and the topics that change them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.incident import Words
from monitor.access.permission import MAY, Role
from monitor.access.reader import Reader
from monitor.access.scope import Scope
from monitor.vitals import Problem
from monitor.web.context import WebContext
from monitor.web.live import Feed
from monitor.web.rendered import Rendered
from monitor.web.templating import Templates

MAX_CACHED = 512
MAX_AGE = 10.0
"""Seconds until a view is rendered again though nothing changed: relative times, deliveries, vitals."""

Params = Mapping[str, str]
Place = tuple[str, str, str, Role, Scope]
Values = Mapping[str, Any]


class NoSuch(LookupError):
    """There is nothing with this name; the text says what is missing, in English."""


@dataclass(frozen=True)
class View:
    """One live region, independent of the language."""

    template: str
    topics: frozenset[str]
    values: Callable[[], Awaitable[Values]]
    title: str
    """Message id of the page's title."""
    subject: str = ""
    """What the page is about, in front of the title; not translated."""
    lasting: float = MAX_AGE
    """Seconds one rendering may be shown while no topic changes."""


ViewFactory = Callable[[WebContext, Params], View]


class Fragments:
    """Renders views to HTML once per change and language, however many viewers wait for it."""

    def __init__(self, context: WebContext, templates: Templates, feed: Feed) -> None:
        self._context = context
        self._templates = templates
        self._feed = feed
        self._turn = asyncio.Lock()
        self._cache: OrderedDict[Place, tuple[int, float, asyncio.Task[Rendered]]] = OrderedDict()

    async def render(
        self, view: View, key: str, language: str, reader: Reader, topics: frozenset[str]
    ) -> Rendered:
        """Return `view` rendered; `key` names it with its parameters, `topics` are those that change it for the reader.

        Readers of one role and scope share it, so it never says who reads.
        """
        place = (view.template, key, language, reader.role, reader.scope)
        version, now = self._feed.version(topics), asyncio.get_running_loop().time()
        known = self._cache.get(place)
        if known is None or known[0] != version or now - known[1] >= view.lasting or _failed(known[2]):
            known = (version, now, asyncio.create_task(self._fresh(view, language, reader)))
            self._cache[place] = known
            self._cache.move_to_end(place)
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        return await asyncio.shield(known[2])

    async def _fresh(self, view: View, language: str, reader: Reader) -> Rendered:
        # One after the other, the loop turning in between: thirty at once would hold it.
        async with self._turn:
            await asyncio.sleep(0)
        own = {
            "page": view.template,
            "problems": told_to(reader, self._context.vitals().problems),
            "may": MAY[reader.role],
            "whole": reader.scope.is_everywhere,
        }
        html = self._templates.render("live", language, own | dict(await view.values()))
        return Rendered(html, self._templates.mark)


def _failed(task: asyncio.Task[Rendered]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def told_to(reader: Reader, problems: Sequence[Problem]) -> Sequence[Problem]:
    """Return what ails the monitor; to whom some sites are shown only that something does: words name any device."""
    if reader.scope.is_everywhere:
        return problems
    return [Problem(_AILING, "", grave=any(one.grave for one in problems))] if problems else []


_AILING = Words("quản trị hệ thống biết chi tiết", "the administrators of the monitor know which")
