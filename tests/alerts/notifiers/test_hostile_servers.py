"""Whatever the server at the other end does, a channel says so in time, in bounded memory, without its secrets.

Every notifier meets every server; a kind that is added is found and meets them too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from alerts.telling.backoff import Backoff
from alerts.telling.notifier import Notifier, Refused, TryLater
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import CANARY, CASES, Case, build, opened
from tests.servers import hostile, rude_http
from tests.servers.certificates import Authority
from tests.servers.hostile import TcpBehaviour
from tests.servers.smtp import smtp
from tests.servers.webhook import webhook

every_notifier = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
OVER_HTTP = [case for case in CASES if case.kind != "email"]
over_http = pytest.mark.parametrize("case", OVER_HTTP, ids=lambda case: case.kind)
BY_STATUS = ("webhook", "alertmanager", "http")
"""Their status says that the message was taken; what comes behind it does not matter."""
DEADLINE = 3.0
ROOM = 100_000
"""KiB by which the whole process may grow while one answer is read: a bomb of ours unpacks into more."""


async def sent(notifier: Notifier[Any], deadline: float = DEADLINE) -> str:
    """Send as the dispatcher does; return what it would note, ``""`` when the message was taken."""
    try:
        async with asyncio.timeout(deadline):
            await notifier.send(message())
    except (Refused, TryLater) as error:
        assert CANARY not in str(error) + repr(error.__cause__)
        return f"{type(error).__name__}: {error}"
    except TimeoutError:
        return "TimeoutError"
    return ""


@contextlib.asynccontextmanager
async def facing(case: Case, secrets: Path, behaviour: TcpBehaviour) -> AsyncIterator[Notifier[Any]]:
    async with hostile.tcp(behaviour) as server, opened(case, secrets, server.port) as notifier:
        yield notifier


@over_http
@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("7", 7),
        ("0", 0),
        ("600", 600),
        ("86400", 3600),
        ("99999999999999999999", 0),
        ("-5", 0),
        ("1e9", 0),
        ("soon", 0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 0),
        ("\xff\xfe", 0),
    ],
    ids=repr,
)
async def test_a_busy_channel_is_left_alone_as_long_as_it_asks_but_never_for_long(
    case: Case, secrets: Path, asked: str, pause: float
) -> None:
    async with facing(case, secrets, rude_http.too_many(asked)) as notifier:
        with pytest.raises(TryLater) as caught:
            await notifier.send(message())
    wait = Backoff(first=1.0).seconds(1, caught.value.retry_after)
    assert wait <= 3600 and (case.kind == "apprise" or wait == pytest.approx(max(pause, 1.0), abs=0.25))


@over_http
async def test_a_request_that_was_taken_and_cut_is_repeated_with_the_same_words(
    case: Case, secrets: Path
) -> None:
    async with facing(case, secrets, rude_http.taken_and_cut) as notifier:
        assert (await sent(notifier)).startswith("TryLater")


@over_http
async def test_an_answer_that_breaks_off_is_taken_for_what_its_status_says(case: Case, secrets: Path) -> None:
    async with facing(case, secrets, rude_http.answered_and_cut) as notifier:
        said = await sent(notifier)
    assert said == "" if case.kind in BY_STATUS else said.startswith("TryLater")


@over_http
async def test_no_channel_follows_a_redirect(case: Case, secrets: Path) -> None:
    async with webhook() as elsewhere:
        async with facing(case, secrets, rude_http.redirects(elsewhere.url)) as notifier:
            assert (await sent(notifier)).startswith("TryLater")
        assert elsewhere.requests == []


@over_http
async def test_ten_gigabytes_that_come_slowly_are_not_waited_for(case: Case, secrets: Path) -> None:
    slowly = rude_http.Slowly()
    async with facing(case, secrets, slowly.behaviour) as notifier:
        said = await sent(notifier, 1.0)
        assert (said == "") == (case.kind in (*BY_STATUS, "apprise"))
        await asyncio.sleep(0.1)
        before = slowly.sent
        await asyncio.sleep(0.1)
    assert slowly.sent == before < 4 * 1024 * 1024, "nobody reads on"


@over_http
async def test_an_answer_that_unpacks_into_gigabytes_stays_small(case: Case, secrets: Path) -> None:
    behaviour = rude_http.answers(rude_http.bomb())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with facing(case, secrets, behaviour) as notifier:
        await sent(notifier, 10.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown < ROOM


@every_notifier
async def test_a_server_that_hangs_holds_nothing_for_ever(case: Case, secrets: Path) -> None:
    async with facing(case, secrets, hostile.silent) as notifier:
        for _ in range(3):  # Apprise has two threads
            assert await sent(notifier, 0.1) == "TimeoutError"
            await asyncio.sleep(0.05)


@every_notifier
async def test_a_server_that_talks_without_end_is_left_and_its_words_are_not_kept(
    case: Case, secrets: Path
) -> None:
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with facing(case, secrets, hostile.endless(b"", b"220-more\r\n" * 6000)) as notifier:
        assert await sent(notifier, 2.0) != ""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown < ROOM


@every_notifier
@pytest.mark.parametrize("fault", ["another name", "expired", "its own authority"])
async def test_a_certificate_that_is_not_right_ends_it(case: Case, secrets: Path, fault: str) -> None:
    authority = Authority(secrets / "authority")
    pair = {
        "another name": lambda: authority.issue("other", ("other.example.vn",)),
        "expired": lambda: authority.issue("old", days=(-30, -1)),
        "its own authority": lambda: authority.issue("own", own=True),
    }[fault]()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    async with hostile.tcp(hostile.silent, tls=context) as server:
        settings = encrypted(case, secrets, server.port, authority.root)
        async with build(case.kind, secrets, **settings) as notifier:
            assert (await sent(notifier)).startswith("TryLater")


def encrypted(case: Case, secrets: Path, port: int, root: Path) -> dict[str, Any]:
    """The settings of a case with TLS from the first byte."""
    (secrets / f"canary-{port}").write_text(f"jsons://monitor:{CANARY}@127.0.0.1:{port}/{CANARY}")
    text = json.dumps(case.settings(port)).replace("http://", "https://")
    own = {"security": "tls", "ca_file": str(root)} if case.kind == "email" else {}
    return {**json.loads(text), **own}


@every_notifier
async def test_a_name_that_leads_nowhere_is_said(case: Case, secrets: Path) -> None:
    (secrets / "canary-9").write_text(f"json://monitor:{CANARY}@nowhere.invalid:9/{CANARY}")
    settings = json.loads(json.dumps(case.settings(9)).replace("127.0.0.1", "nowhere.invalid"))
    async with build(case.kind, secrets, **settings) as notifier:
        assert (await sent(notifier, 10.0)).startswith("TryLater")


# -- e-mail ------------------------------------------------------------------------------------------------

MAIL = {"host": "127.0.0.1", "security": "none", "sender": "a@example.vn", "to": ["b@example.vn"]}


GREETINGS = (b"421 too busy\r\n", b"554 go away\r\n", b"220-\r\n" * 3, b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize("greeting", GREETINGS, ids=repr)
async def test_a_mail_server_that_does_not_want_to_talk_is_tried_later(
    secrets: Path, greeting: bytes
) -> None:
    async with (
        hostile.tcp(hostile.says(greeting)) as server,
        build("email", secrets, **MAIL, port=server.port) as notifier,
    ):
        assert (await sent(notifier, 0.5)).startswith(("TryLater", "TimeoutError"))


async def test_whom_a_mail_server_took_is_not_told_again_when_another_has_to_wait(secrets: Path) -> None:
    people = {"to": ["a@example.vn", "b@example.vn", "c@example.vn"]}
    async with smtp() as server, build("email", secrets, **{**MAIL, **people}, port=server.port) as notifier:
        server.refused = {"b@example.vn": "450 greylisted", "c@example.vn": "550 no such user"}
        assert "450" in await sent(notifier)
        server.refused = {"c@example.vn": "550 no such user"}
        assert await sent(notifier) == ""
    assert server.recipients == [["a@example.vn"], ["b@example.vn"]]


async def test_a_mail_that_was_taken_and_not_confirmed_is_repeated_with_the_same_message_id(
    secrets: Path,
) -> None:
    async with smtp(delay=0.5) as server, build("email", secrets, **MAIL, port=server.port) as notifier:
        assert await sent(notifier, 0.3) == "TimeoutError"
        await asyncio.sleep(0.4)
        server.delay = 0.0
        assert await sent(notifier) == ""
    assert len(server.mails) == 2
    assert len({mail["Message-ID"] for mail in server.mails}) == 1


# -- apprise -----------------------------------------------------------------------------------------------


async def test_apprise_mails_through_a_real_server(secrets: Path) -> None:
    async with smtp() as server:
        url = f"mailto://127.0.0.1:{server.port}/?from=a@example.vn&to=b@example.vn&mode=insecure"
        (secrets / "mail").write_text(url)
        async with build("apprise", secrets, url={"file": "mail"}) as notifier:
            assert await sent(notifier) == ""
    assert server.recipients == [["b@example.vn"]]


async def test_apprise_is_cut_off_when_a_mail_server_talks_without_end(secrets: Path) -> None:
    async with hostile.tcp(hostile.endless(b"", b"220-more\r\n" * 6000)) as server:
        url = f"mailto://127.0.0.1:{server.port}/?from=a@example.vn&to=b@example.vn&mode=insecure"
        (secrets / "mail").write_text(url)
        async with build("apprise", secrets, url={"file": "mail"}) as notifier:
            assert "sent more than 1024 KiB" in await sent(notifier)
