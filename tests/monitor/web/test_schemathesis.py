"""Whatever programs send, the API answers as it says it does, and never with 500."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from monitor.access.permission import Role
from monitor.web.app import WebContext, serve
from tests.monitor.access.house import house
from tests.monitor.web.province import province
from tests.monitor.web.scenes import faults

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


class Served:
    """A province served from a thread of its own, for a client that waits."""

    def __init__(self, folder: Path, login: bool = False) -> None:
        self._folder = folder
        self._login = login
        self.tokens: dict[str, str] = {}
        """Where there is a login: of a viewer, and of an operator of one commune."""
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.address = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(20)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            context = await stack.enter_async_context(self._context())
            self.address = await stack.enter_async_context(serve(context, "127.0.0.1", 0))
            self._up.set()
            await self._stop.wait()

    @asynccontextmanager
    async def _context(self) -> AsyncIterator[WebContext]:
        if self._login:
            async with house(self._folder, scene=faults) as built:
                self.tokens["viewer"] = await built.token("viewer", Role.VIEWER)
                self.tokens["one"] = await built.token("one", Role.OPERATOR)
                yield built.town.context(access=built.access, demo=built.town.demo)
            return
        async with province(self._folder) as town:
            await faults(town)
            yield town.context(demo=town.demo)


BOUNDED = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


BRIEF = settings(BOUNDED, max_examples=1)
Good = tuple[str, dict[str, Any], dict[str, Any]]


def test_the_api_does_what_it_says(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        _try_everything(served.address, {}, BOUNDED, GOOD)


def test_the_api_does_what_it_says_to_those_who_may_less(tmp_path: Path) -> None:
    """With tokens: of a viewer, and of an operator of one commune; what they may not is answered as described."""
    with Served(tmp_path, login=True) as served:
        for name, good in (("viewer", GOOD), ("one", THEIRS)):
            bearer = {"Authorization": f"Bearer {served.tokens[name]}"}
            _try_everything(served.address, bearer, BRIEF, good)


GOOD: list[Good] = [
    ("/sites", {}, {"state": "down", "limit": 3}),
    ("/sites/{site}", {"site": "18073"}, {}),
    ("/devices", {}, {"site": "18073"}),
    ("/devices/{site}/{name}", {"site": "18073", "name": "server"}, {}),
    ("/search", {}, {"q": "router"}),
    ("/incidents", {}, {"kind": "finding", "from": "2020-01-01T00:00:00Z", "text": "a"}),
    ("/incidents/{id}", {"id": 1}, {}),
    ("/incidents/{id}/impact", {"id": 1}, {}),
    ("/incidents/{id}/deliveries", {"id": 1}, {}),
    ("/series", {}, {"device": "18073/server", "metric": "system.filesystem.utilization"}),
    ("/duty/who", {}, {"about": "18073"}),
]
"""What is there in the province."""
THEIRS = [one for one in GOOD if "{id}" not in one[0]]
"""What is there for somebody of the commune 18073."""


def _asked_well(schema: Any, headers: dict[str, str], good: list[Good]) -> Iterator[Exception]:
    for path, places, query in good:
        case = schema[f"/api/v1{path}"]["GET"].Case(path_parameters=places, query=query)
        try:
            reply = case.call_and_validate(checks=CHECKS, headers=headers)
            assert reply.status_code == 200, (path, reply.text)
        except Exception as error:  # noqa: BLE001  all of them are told
            yield error


def _try_everything(address: str, headers: dict[str, str], bounds: settings, good: list[Good]) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", headers=headers).exclude(
        path="/api/v1/events"  # it has no end
    )
    wrong = [*_asked_well(schema, headers, good)]
    wrong += [
        error
        for operation in schema.get_all_operations()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for error in _tried(cast(Any, operation).ok(), mode, headers, bounds)
    ]
    if wrong:
        raise ExceptionGroup("the API does not do what it says", wrong)


def _tried(
    operation: Any, mode: GenerationMode, headers: dict[str, str], bounds: settings
) -> Iterator[Exception]:
    @bounds
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers)

    try:
        holds()
    except Unsatisfiable:
        return  # nothing wrong can be sent where nothing is taken
    except Exception as error:  # noqa: BLE001  all of them are told
        yield error
