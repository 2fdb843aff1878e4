"""Asks a running monitor by its API, and says in one line what is wrong when that fails."""

from __future__ import annotations

import asyncio
import functools
import re
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
_TOKEN = re.compile(r"[!-~]{1,200}")
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

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer of another method. Raises `NoSuch` for 404 and 409, leaves as `get` does for the rest."""
        given = {} if body is None else {"json": body}
        return asyncio.run(self._ask(method, path, **given))

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


class NoSuch(Failed):
    """There is no such thing, or it is over."""


def _refused(status: int, body: bytes) -> Failed:
    try:
        detail = clean(str(msgspec.json.decode(body).get("detail", "")), 500)
    except (msgspec.DecodeError, AttributeError):
        detail = ""
    advice = {
        401: "; make a token with `commune-monitor user token` and name its file with --token-file",
        403: "; the token's role or sites do not do, an administrator gives others",
        429: "; try again in a moment",
        503: "; try again in a moment",
    }.get(status, "")
    kind = NoSuch if status in (404, 409) else Failed
    return kind(f"HTTP {status}: {detail or 'no reason given'}{advice}")


def _address_options(help: str) -> Callable[[F], F]:
    def add(command: F) -> F:
        file = click.Path(path_type=Path, dir_okay=False)
        token = click.option(
            "--token-file", type=file, envvar="COMMUNE_MONITOR_TOKEN_FILE", help="File with an API token."
        )
        return click.option("--url", envvar="COMMUNE_MONITOR_URL", help=help)(token(command))

    return add


def remote_options(command: F) -> F:
    """Add ``--url`` and ``--token-file``; the command gets a `Client` as its first argument, `None` without ``--url``.

    For commands that read the files of this machine otherwise; they get the settings' path second.
    """

    @_address_options("Ask the monitor at this address; unless given, the files of this machine.")
    @click.pass_obj
    @functools.wraps(command)
    def wrapped(settings: Path, url: str | None, token_file: Path | None, *args: Any, **kwargs: Any) -> Any:
        client = Client(url, _token(token_file)) if url else None
        return command(client, settings, *args, **kwargs)

    return wrapped  # type: ignore[return-value]  # click made a Command of it, which F cannot say


def api_options(command: F) -> F:
    """Add ``--url`` and ``--token-file``; the command gets a `Client` as its first argument."""

    @_address_options("Address of the monitor; unless given, the settings' own.")
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
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    if not _TOKEN.fullmatch(token):
        raise Failed(f"{file} holds no token, which is one word; `commune-monitor user token` makes one")
    return token
