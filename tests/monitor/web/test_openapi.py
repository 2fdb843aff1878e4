"""The description of the API is valid, complete, and what the application does."""

from __future__ import annotations

from html import unescape
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from monitor.cli import main
from monitor.web.api.openapi import document, is_described, operation_id
from monitor.web.app import create_app
from monitor.web.route import TABLE, Route
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]


@pytest.fixture
def routes(town: Province) -> list[Route]:
    """Every route of the API."""
    app = create_app(town.context(demo=town.demo))
    return [one for one in app[TABLE].routes if is_described(one)]


def test_the_description_is_valid_openapi(routes: list[Route]) -> None:
    OpenAPIV31SpecValidator(document(routes)).validate()


def test_every_operation_says_what_it_does_takes_and_answers(routes: list[Route]) -> None:
    assert len(routes) > 40
    bare = [one.path for one in routes if not one.summary]
    assert not bare, f"give these a summary: {bare}"
    bare = [one.path for one in routes if one.answer is None and one.status != 204]
    assert not bare, f"give these a model of what they answer: {bare}"
    bare = [one.path for one in routes if one.method in ("POST", "PATCH") and one.body is None]
    assert [path for path in bare if not path.endswith("/reset")] == []
    loose = [
        one.path for one in routes if one.query and not one.query.__struct_config__.forbid_unknown_fields
    ]
    assert not loose, f"these take any parameter: {loose}"


def test_operations_have_names_of_their_own(routes: list[Route]) -> None:
    names = [operation_id(one) for one in routes]
    assert len(names) == len(set(names))


async def test_the_service_and_the_command_line_give_the_same_description(client: Client) -> None:
    async with client.get("/api/v1/openapi.json") as answer:
        served = await answer.json()
    printed = CliRunner().invoke(main, ["schema", "--openapi"])
    assert msgspec.json.decode(printed.stdout) == served


async def test_a_page_lists_the_operations(client: Client, routes: list[Route]) -> None:
    async with client.get("/api?lang=en") as answer:
        text = unescape(await answer.text())
    assert answer.status == 200
    assert all(one.summary in text for one in routes)
