"""Asks a running monitor by its API, and says in one line what is wrong when that fails."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import click
import msgspec

from inventory.document import Invalid
from monitor.settings import load_settings
from probes.core.text import clean

F = TypeVar("F", bound=Callable[..., Any])
SECONDS = 30.0
LONGEST = 64 * 1024 * 1024
"""Bytes of an answer that are read."""


class Client:
    """The API at `url`, with the token in a file if there is one."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the answer of a `GET` below ``/api/v1``. Leaves with exit code 2 and a line when there is none."""
        return asyncio.run(self._ask("GET", path, params=query))

    def post(self, path: str, body: object) -> Any:
        """Return the answer of a `POST`. Leaves as `get` does."""
        return asyncio.run(self._ask("POST", path, json=body))

    async def _ask(self, method: str, path: str, **given: Any) -> Any:
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=SECONDS), headers=self._headers
                ) as session,
                session.request(method, f"{self._url}/api/v1{path}", allow_redirects=False, **given) as reply,
            ):
                if reply.ok:
                    return await reply.json(content_type=None)
                raise _refused(reply.status, await reply.content.read(4096))
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            reason = clean(str(error), 200) or type(error).__name__
            raise Failed(
                f"no monitor answers at {self._url}: {reason}; is it running? --url names another"
            ) from None


class Failed(click.ClickException):
    """It could not be asked; exit code 2."""

    exit_code = 2


def _refused(status: int, body: bytes) -> Failed:
    try:
        detail = clean(str(msgspec.json.decode(body).get("detail", "")), 500)
    except (msgspec.DecodeError, AttributeError):
        detail = ""
    advice = {
        401: "; make a token with `commune-monitor user token` and name its file with --token-file",
        403: "; the token's role or sites do not do",
    }.get(status, "")
    return Failed(f"HTTP {status}: {detail or 'no reason given'}{advice}")


def api_options(command: F) -> F:
    """Add ``--url`` and ``--token-file``; the command gets a `Client` as its first argument."""

    @click.option(
        "--url",
        envvar="COMMUNE_MONITOR_URL",
        help="Address of the monitor; unless given, the settings' own.",
    )
    @click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="COMMUNE_MONITOR_TOKEN_FILE",
        help="File with an API token.",
    )
    @click.pass_obj
    @functools.wraps(command)
    def wrapped(settings: Path, url: str | None, token_file: Path | None, *args: Any, **kwargs: Any) -> Any:
        return command(Client(url or _address(settings), _token(token_file)), *args, **kwargs)

    return wrapped  # type: ignore[return-value]  # click made a Command of it, which F cannot say


def _address(settings: Path) -> str:
    try:
        return load_settings(settings).web.address
    except Invalid as error:
        raise Failed(f"{error.problems[0]}; --url names the monitor without a settings file") from None


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file}: {getattr(error, 'strerror', None) or error}") from None
