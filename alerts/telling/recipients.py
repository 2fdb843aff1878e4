"""Telling several people one by one, so that nobody is told again what he has because another could not be told."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from alerts.telling.notifier import Refused, TryLater

log = logging.getLogger(__name__)

REMEMBERED = 200
"""Messages under way of which it is remembered who has them."""


class Recipients:
    """Remembers, while the service runs, who took which message."""

    def __init__(self) -> None:
        self._took: OrderedDict[str, dict[str, str]] = OrderedDict()

    async def each(
        self, key: str, people: Sequence[str], tell: Callable[[str], Awaitable[str | None]]
    ) -> str | None:
        """Tell each of `people` who does not have message `key` yet; return what the channel calls the first.

        Raises `TryLater` when somebody could not be told now, `Refused` when nobody can ever be.
        """

        async def one_by_one(left: Sequence[str]) -> dict[str, Exception]:
            failed: dict[str, Exception] = {}
            for one in left:
                try:
                    took[one] = await tell(one) or ""
                except (Refused, TryLater) as error:
                    failed[one] = error
            return failed

        took = self._took.setdefault(key, {})
        await self.together(key, people, one_by_one)
        return next(iter(took.values()), None) or None

    async def together(
        self,
        key: str,
        people: Sequence[str],
        tell: Callable[[Sequence[str]], Awaitable[dict[str, Exception]]],
    ) -> None:
        """Tell those of `people` who do not have message `key` yet; `tell` returns why some could not be told.

        Raises as `each` does.
        """
        took = self._took.setdefault(key, {})
        failed = await tell([one for one in people if one not in took])
        took.update({one: took.get(one, "") for one in people if one not in failed})
        self._forget()
        _raise(failed, everybody=not took)
        self._took.pop(key, None)

    def _forget(self) -> None:
        while len(self._took) > REMEMBERED:
            self._took.popitem(last=False)


def _raise(failed: dict[str, Exception], *, everybody: bool) -> None:
    """Raise what is worth another attempt, else that nobody can be told; log who never can be."""
    for error in failed.values():
        if isinstance(error, TryLater):
            raise error
    refused = list(failed.values())
    if refused and everybody:
        raise refused[0]
    for refusal in refused:
        log.warning("one recipient of a message was refused", extra={"error": str(refusal)})
