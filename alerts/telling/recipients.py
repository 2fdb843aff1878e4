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
        took = self._took.setdefault(key, {})
        later: TryLater | None = None
        refused: list[Refused] = []
        for one in people:
            if one in took:
                continue
            try:
                took[one] = await tell(one) or ""
            except Refused as error:
                refused.append(error)
            except TryLater as error:
                later = later or error
        self._forget()
        if later is not None:
            raise later
        if refused and not took:
            raise refused[0]
        for refusal in refused:
            log.warning("one recipient of a message was refused", extra={"error": str(refusal)})
        self._took.pop(key, None)
        return next(iter(took.values()), None) or None

    def _forget(self) -> None:
        while len(self._took) > REMEMBERED:
            self._took.popitem(last=False)
