"""Questions in InfluxQL over HTTP ``/query``, which InfluxDB 1.x, 2.x (DBRP) and 3.x all answer.

InfluxQL has no bound parameters in every version, so names and values are quoted here and nowhere else (A38).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import aiohttp
import msgspec

from inventory.secrets import SecretMissing
from monitor.store import StoreUnavailable
from monitor.store.lines import Wire
from monitor.store.slices import Window
from probes.core.observation import Labels
from probes.core.text import clean

MAX_ANSWER = 64 * 1024 * 1024
MAX_QUESTION = 6000
"""Bytes of statements in one URL; nginx takes 8 KB."""

_LATEST = 'SELECT last({field}) FROM {source} WHERE "device" = {device} AND time > now() - 7d GROUP BY *'
"""No further back: every old file would be opened."""
_BUCKETS = (
    "SELECT count({field}), min({field}), mean({field}), max({field}) FROM {source}"
    " WHERE {period}{tags} GROUP BY time({width}ms, {offset}ms), * fill(none)"
)
_ROWS = "SELECT {field} FROM {source} WHERE {period} GROUP BY *"
_ENDS = "SELECT {by}({field}) FROM {source} WHERE {period}"
_AGGREGATE = "SELECT {by}({field}) FROM {source} WHERE {period} GROUP BY *"

Value = float | None


class TooMuch(StoreUnavailable):
    """An answer is larger than what is taken at once."""


class Series(msgspec.Struct, frozen=True):
    """One series of an answer."""

    name: str = ""
    tags: dict[str, str] = {}
    values: list[list[Value]] = []

    @property
    def labels(self) -> Labels:
        """Its tags sorted, without the empty ones that stand for absent."""
        return tuple(sorted((name, value) for name, value in self.tags.items() if value))


class _Result(msgspec.Struct, frozen=True):
    statement_id: int = 0
    series: list[Series] = []
    error: str = ""


class _Answer(msgspec.Struct, frozen=True):
    results: list[_Result] = []
    error: str = ""


def identifier(name: str) -> str:
    """Quote a measurement, field or tag name."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def string(value: str) -> str:
    """Quote a tag value."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def latest(wire: Wire, device: str) -> str:
    """Ask for the newest value of a field of a device, one series for every set of tags."""
    return _LATEST.format(
        field=identifier(wire.field), source=identifier(wire.measurement), device=string(device)
    )


def buckets(wire: Wire, window: Window) -> str:
    """Ask for count, minimum, mean and maximum of one series in slices."""
    return _BUCKETS.format(
        field=identifier(wire.field),
        source=identifier(wire.measurement),
        period=_period(window),
        tags="".join(f" AND {identifier(name)} = {string(value)}" for name, value in wire.tags),
        width=window.width,
        offset=window.start % window.width,
    )


def aggregate(wire: Wire, window: Window, by: Literal["mean", "max"]) -> str:
    """Ask for the mean or maximum of a field of every series."""
    field, source = identifier(wire.field), identifier(wire.measurement)
    return _AGGREGATE.format(by=by, field=field, source=source, period=_period(window))


def rows(wire: Wire, window: Window) -> str:
    """Ask for every value of a field, one series for every set of tags."""
    return _ROWS.format(
        field=identifier(wire.field), source=identifier(wire.measurement), period=_period(window)
    )


def ends(wire: Wire, window: Window) -> list[str]:
    """Ask for the first and the last value of a field, whatever the tags."""
    names = {"field": identifier(wire.field), "source": identifier(wire.measurement)}
    return [_ENDS.format(by=by, period=_period(window), **names) for by in ("first", "last")]


def _period(window: Window) -> str:
    return f"time >= {window.start}ms AND time < {window.end}ms"


class InfluxQL:
    """Asks one server about one database. `bucket` is ``database`` or ``database/retention-policy``."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, bucket: str, headers: Callable[[], Mapping[str, str]]
    ) -> None:
        """`headers` say who asks, as it is now; it is called in a thread and raises `SecretMissing`."""
        self._session = session
        self._headers = headers
        self._url = f"{url.rstrip('/')}/query"
        database, _, policy = bucket.partition("/")
        self._params = {"db": database, "epoch": "ms"} | ({"rp": policy} if policy else {})

    async def ask(self, statements: Sequence[str]) -> list[list[Series]]:
        """Return the series of every statement, in order. Raises `StoreUnavailable`."""
        found: list[list[Series]] = []
        for chunk in _chunks(statements):
            by_number = dict(await self._send(";".join(chunk)))
            found.extend(by_number.get(number, []) for number in range(len(chunk)))
        return found

    async def _send(self, question: str) -> list[tuple[int, list[Series]]]:
        try:
            async with self._session.get(
                self._url,
                params=self._params | {"q": question},
                headers=await asyncio.to_thread(self._headers),
                allow_redirects=False,
            ) as response:
                body = await _read(response)
                answer = msgspec.json.decode(body, type=_Answer)
        except SecretMissing as error:
            raise StoreUnavailable(str(error)) from None
        except TimeoutError as error:
            raise StoreUnavailable("InfluxDB did not answer a query in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise StoreUnavailable(f"InfluxDB cannot be asked: {clean(str(error))}") from error
        except msgspec.DecodeError as error:
            raise StoreUnavailable(f"InfluxDB answered {response.status} and no JSON we know") from error
        problem = answer.error or next((result.error for result in answer.results if result.error), "")
        if problem or response.status != 200:
            raise StoreUnavailable(f"InfluxDB answered {response.status}: {clean(problem)}")
        return [(result.statement_id, result.series) for result in answer.results]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise TooMuch(f"InfluxDB answered with more than {MAX_ANSWER} bytes")
    return bytes(body)


def _chunks(statements: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for statement in statements:
        length = len(statement.encode()) * 3 // 2
        if chunk and size + length > MAX_QUESTION:
            yield chunk
            chunk, size = [], 0
        chunk.append(statement)
        size += length
    if chunk:
        yield chunk
