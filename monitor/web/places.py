"""Places of readers that stay: so many streams are open at most, and one whose reader is gone holds none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web


class Places:
    """The streams of one kind that are open."""

    def __init__(self, most: int, refusal: str) -> None:
        """`refusal` is said to who finds no place."""
        self._most = most
        self._refusal = refusal
        self._taken: dict[object, web.BaseRequest] = {}

    @contextmanager
    def taken(self, request: web.BaseRequest) -> Iterator[None]:
        """Hold a place while the context is open. Raises 503 when there is none."""
        if len(self._taken) >= self._most and sum(map(_is_there, self._taken.values())) >= self._most:
            raise web.HTTPServiceUnavailable(text=self._refusal, headers={"Retry-After": "30"})
        place = object()
        self._taken[place] = request
        try:
            yield
        finally:
            del self._taken[place]


def _is_there(request: web.BaseRequest) -> bool:
    """Whether the connection stands; a stream notices that only when it has something to say."""
    return request.transport is not None and not request.transport.is_closing()
