"""Questions to DuckDB off the event loop: two at a time, a bounded queue, a limit of time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import duckdb

from monitor.store import StoreUnavailable
from monitor.store.hot import Hot

T = TypeVar("T")
Question = Callable[[duckdb.DuckDBPyConnection], T]

TIME_LIMIT = 30.0
QUEUE = 200


class Readers:
    """A small pool of reader threads; every question gets a connection of its own."""

    def __init__(self, hot: Hot, *, time_limit: float = TIME_LIMIT) -> None:
        self._hot = hot
        self._time_limit = time_limit
        self._asked = 0
        self._executor = ThreadPoolExecutor(2, thread_name_prefix="store-reader")

    async def ask(self, question: Question[T]) -> T:
        """Return the answer. Raises `StoreUnavailable` after the time limit, or when too many wait."""
        if self._asked >= QUEUE:
            raise StoreUnavailable(f"{QUEUE} questions to the store are already waiting")
        reading = _Reading(self._hot, question)
        self._asked += 1
        try:
            async with asyncio.timeout(self._time_limit):
                return await asyncio.get_running_loop().run_in_executor(self._executor, reading.run)
        except TimeoutError as error:
            raise StoreUnavailable(f"the store did not answer within {self._time_limit:g} s") from error
        except duckdb.Error as error:
            raise StoreUnavailable(
                f"the store could not answer: {str(error).splitlines()[0][:200]}"
            ) from error
        finally:
            self._asked -= 1
            reading.stop()

    def close(self) -> None:
        """Wait for running questions and end the threads."""
        self._executor.shutdown(cancel_futures=True)


class _Reading(Generic[T]):
    def __init__(self, hot: Hot, question: Question[T]) -> None:
        self._hot = hot
        self._question = question
        self._db: duckdb.DuckDBPyConnection | None = None

    def run(self) -> T:
        with self._hot.cursor() as db:
            self._db = db
            try:
                return self._question(db)
            finally:
                self._db = None

    def stop(self) -> None:
        db = self._db
        if db is not None:
            db.interrupt()
