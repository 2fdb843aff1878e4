"""Hands the outbox's batches to InfluxDB, one at a time, oldest first, and decides what each answer means."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import partial

import aiohttp
import msgspec
from influxdb_client import WritePrecision
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException

from inventory.secrets import SecretMissing
from monitor.store.outbox import Batch, Outbox
from monitor.thread import Thread
from probes.core.text import clean

MAX_WAIT = 300.0
"""Seconds; a server that asks for more is asked again all the same."""

log = logging.getLogger(__name__)


class Fate(Enum):
    """What becomes of a batch after one attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    SPLIT = "split"
    REFUSED = "refused"


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one attempt."""

    fate: Fate
    problem: str = ""
    wait: float = 0.0
    """Seconds the server asked us to wait."""
    lost: int | None = None
    """Lines the server says it dropped of a refused batch; `None`: all."""


Write = Callable[[bytes], Awaitable[Verdict]]


class Writer:
    """Writes line protocol through influxdb-client; every answer and every failure becomes a `Verdict`."""

    def __init__(
        self, client: InfluxDBClientAsync, org: str, bucket: str, bearer: Callable[[], str | None]
    ) -> None:
        """`bearer` returns the token as it is now; it is called in a thread and raises `SecretMissing`."""
        self._client = client
        self._bearer = bearer
        self._api = client.write_api()
        self._org = org
        self._bucket = bucket

    async def write(self, payload: bytes) -> Verdict:
        """Send `payload` once."""
        try:
            if (token := await asyncio.to_thread(self._bearer)) is not None:
                self._client.api_client.set_default_header("Authorization", f"Token {token}")
            await self._api.write(
                bucket=self._bucket, org=self._org, record=payload, write_precision=WritePrecision.MS
            )
        except ApiException as error:
            return judge(error.status or 0, dict(error.headers or {}), str(error.body or error.reason or ""))
        except SecretMissing as error:
            return Verdict(Fate.RETRY, str(error))
        except TimeoutError:
            return Verdict(Fate.RETRY, "InfluxDB did not answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return Verdict(
                Fate.RETRY, f"InfluxDB cannot be reached: {clean(str(error) or type(error).__name__)}"
            )
        return Verdict(Fate.DELIVERED)


def judge(status: int, headers: dict[str, str], body: str) -> Verdict:
    """Return what an HTTP error means (https://docs.influxdata.com/influxdb/v2/write-data/troubleshoot/)."""
    problem = f"InfluxDB answered {status}: {_message(body)}"
    if status == 413:
        return Verdict(Fate.SPLIT, problem)
    if status in (400, 422):
        found = re.search(r"dropped=(\d{1,9})", body)
        return Verdict(Fate.REFUSED, problem, lost=int(found[1]) if found else None)
    if status in (401, 403):
        return Verdict(Fate.RETRY, f"InfluxDB does not accept our token or user ({status}): {_message(body)}")
    return Verdict(Fate.RETRY, problem, wait=retry_after(headers, datetime.now(UTC)))


def retry_after(headers: dict[str, str], now: datetime) -> float:
    """Return the seconds of a Retry-After header (a number or a date), 0 without a sensible one."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    try:
        numeric = text.isascii() and text.isdigit()
        seconds = float(text) if numeric else (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), MAX_WAIT)


def _message(body: str) -> str:
    try:
        found = json.loads(body[:65536])
        text = found.get("message") or found.get("error") or body
    except (ValueError, AttributeError, RecursionError):
        text = body
    return clean(str(text), 200)


class Sender:
    """The sending loop."""

    def __init__(self, outbox: Outbox, thread: Thread, write: Write, *, backoff: float = 1.0) -> None:
        self._outbox = outbox
        self._thread = thread
        self._write = write
        self._backoff = backoff
        self._failures = 0
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self.problem = ""

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    def stop(self) -> None:
        """End `run` when the outbox is empty or the next attempt fails."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Send until stopped."""
        while True:
            self._wake.clear()
            try:
                pause = await self._step()
            except sqlite3.Error as error:
                pause = self._fail(f"the outbox cannot be used: {error}", 0.0)
            if self._stopping.is_set() and pause is not None:
                return
            if pause is not None:
                await self._rest(pause)

    async def _rest(self, pause: float) -> None:
        waiting = self._stopping if pause else self._wake
        try:
            await asyncio.wait_for(waiting.wait(), pause or None)
        except TimeoutError:
            return

    async def _step(self) -> float | None:
        """Try one batch; return `None` to go on at once, 0 when nothing waits, else seconds to wait."""
        batch = await self._thread.run(self._outbox.oldest)
        if batch is None:
            self._succeed()
            return 0.0
        verdict = await self._write(batch.payload)
        if verdict.fate is Fate.RETRY:
            return self._fail(verdict.problem, verdict.wait)
        await self._settle(batch, verdict)
        return None

    async def _settle(self, batch: Batch, verdict: Verdict) -> None:
        if verdict.fate is Fate.DELIVERED:
            await self._thread.run(partial(self._outbox.delivered, batch))
            self._succeed()
        elif verdict.fate is not Fate.SPLIT or not await self._thread.run(partial(self._outbox.split, batch)):
            lost = batch.samples if verdict.lost is None else min(verdict.lost, batch.samples)
            await self._thread.run(partial(self._outbox.refuse, batch, verdict.problem, lost))
            log.error(
                "InfluxDB refused samples for good", extra={"samples": lost, "problem": verdict.problem}
            )

    def _succeed(self) -> None:
        if self.problem:
            log.info("writing to InfluxDB works again", extra={"failures": self._failures})
        self._failures, self.problem = 0, ""

    def _fail(self, problem: str, wait: float) -> float:
        if not self.problem:
            log.error("writing to InfluxDB fails", extra={"problem": problem})
        self.problem = problem
        self._failures += 1
        backoff = min(self._backoff * 2.0 ** min(self._failures - 1, 10), 60.0)
        return max(wait, backoff * random.uniform(0.5, 1.0))  # noqa: S311 — spreads load, hides nothing
