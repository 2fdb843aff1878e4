"""Gateways to telephones and to other programs: what they get, what their answers mean, what is never sent twice."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.incident import Step
from alerts.notifiers.alertmanager import payload
from alerts.telling.fields import NAMES, fields
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from alerts.telling.template_body import filled, in_header, in_url
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import CANARY, CASES, build, opened, port_of
from tests.patience import eventually
from tests.servers.sms_gateways import esms, speedsms
from tests.servers.webhook import webhook
from tests.servers.zalo import zns

BY_KIND = {case.kind: case for case in CASES}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_text(CANARY)
    return tmp_path


def told() -> Message:
    return replace(message(), place="Xã Thạch Hà", link="http://monitor/incidents/1")


async def test_a_gateway_can_know_a_repeated_message_of_each_person(tmp_path: Path) -> None:
    body = '{"to": "${to}", "requestId": "${key}"}'
    async with webhook() as hook:
        people = {"url": hook.url, "body": body, "to": ["0911111111", "0922222222"]}
        async with build("http", tmp_path, **people) as notifier:
            await notifier.send(message())
            await notifier.send(message())
    keys = [json.loads(request.body)["requestId"] for request in hook.requests]
    assert keys[:2] == keys[2:] and keys[0] != keys[1]
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)


async def test_esms_gets_an_unaccented_text_for_each_number(secrets: Path) -> None:
    async with esms(CANARY) as gateway, opened(BY_KIND["esms"], secrets, port_of(gateway.url)) as notifier:
        assert await notifier.send(told()) == "e1"
    assert [sent["Phone"] for sent in gateway.sent] == ["0912345678", "0987654321"]
    content = gateway.sent[0]["Content"]
    assert content == "Xa Thach Ha: SU CO. mat ket noi. 08:12 23/11 http://monitor/incidents/1"
    assert (gateway.sent[0]["SmsType"], gateway.sent[0]["IsUnicode"]) == ("2", "0")


async def test_esms_charges_a_repeated_message_once(secrets: Path) -> None:
    async with esms(CANARY) as gateway:
        gateway.take_then_fail = True
        for _ in range(3):
            async with opened(BY_KIND["esms"], secrets, port_of(gateway.url)) as notifier:
                if len(gateway.sent) == 2:
                    gateway.take_then_fail = False
                    await notifier.send(told())
                else:
                    with pytest.raises(TryLater):
                        await notifier.send(told())
    assert len(gateway.sent) == 2, "one for each number"
    assert len({sent["RequestId"] for sent in gateway.sent}) == 2


@pytest.mark.parametrize(
    ("code", "error"), [("108", Refused), ("146", Refused), ("103", TryLater), ("999", TryLater)]
)
async def test_esms_tells_a_wrong_number_from_an_empty_account(
    secrets: Path, code: str, error: type[Exception]
) -> None:
    async with esms(CANARY) as gateway, opened(BY_KIND["esms"], secrets, port_of(gateway.url)) as notifier:
        gateway.code = code
        with pytest.raises(error, match=code):
            await notifier.send(told())


async def test_speedsms_gets_a_text_for_one_person(secrets: Path) -> None:
    async with (
        speedsms(CANARY) as gateway,
        opened(BY_KIND["speedsms"], secrets, port_of(gateway.url)) as notifier,
    ):
        assert await notifier.send(replace(told(), to="0987 654 321")) == "1001"
        assert gateway.sent[0]["to"] == ["84987654321"]
        for code, error in (("105", Refused), ("300", TryLater), ("500", TryLater)):
            gateway.code = code
            with pytest.raises(error, match=code):
                await notifier.send(told())
    async with (
        speedsms("another") as gateway,
        opened(BY_KIND["speedsms"], secrets, port_of(gateway.url)) as notifier,
    ):
        with pytest.raises(TryLater, match="401"):
            await notifier.send(told())


async def test_zns_fills_the_template_and_renews_its_token_once(secrets: Path) -> None:
    async with zns(CANARY) as service:
        for _ in range(2):  # the second one after a restart
            async with opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
                assert await notifier.send(told())
    assert service.refreshes == [CANARY]
    first = service.sent[0]
    assert first["phone"] == "84912345678" and first["template_id"] == "7895417"
    assert first["template_data"] == {"noi": "Xã Thạch Hà", "tin": "mất kết nối (nghiêm trọng)"}
    kept = secrets / "state" / "duty.zalo-token"
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_zns_uses_the_next_refresh_token_and_a_new_first_one_when_it_is_given(secrets: Path) -> None:
    async with zns(CANARY) as service:
        service.lives = 1.0  # every token is too old at once
        for _ in range(3):
            async with opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
                await notifier.send(told())
        assert service.refreshes == [CANARY, "refresh-1", "refresh-2"]
        service.refresh = "given-anew"  # Zalo was told to begin again
        async with opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
            with pytest.raises(TryLater, match="put a new refresh token into the secret"):
                await notifier.send(told())
            (secrets / "canary").write_text("given-anew")
            await notifier.send(told())


async def test_zns_renews_a_token_that_zalo_no_longer_takes(secrets: Path) -> None:
    async with zns(CANARY) as service, opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
        await notifier.send(told())
        service.access = "withdrawn"
        await notifier.send(told())
        assert service.refreshes == [CANARY, "refresh-1"] and len(service.sent) == 2


async def test_a_late_message_does_not_lose_the_token_that_is_being_renewed(secrets: Path) -> None:
    async with zns(CANARY) as service:
        service.delay = 0.4
        async with opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await notifier.send(told())
        async with opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
            await notifier.send(told())
    assert service.refreshes == [CANARY] and len(service.sent) == 1


@pytest.mark.parametrize("code", [-118, -132, -133])
async def test_zns_refuses_what_no_repetition_changes(secrets: Path, code: int) -> None:
    async with zns(CANARY) as service, opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
        service.error = code
        with pytest.raises(Refused, match=str(code)):
            await notifier.send(told())
        service.error = -115
        with pytest.raises(TryLater, match="quota or money"):
            await notifier.send(told())


async def test_zns_bounds_each_parameter(secrets: Path) -> None:
    async with zns(CANARY) as service, opened(BY_KIND["zns"], secrets, port_of(service.url)) as notifier:
        await notifier.send(replace(told(), place="x" * 5000))
    assert len(service.sent[0]["template_data"]["noi"]) == 100


async def test_a_gateway_of_its_own_gets_the_request_of_the_settings(secrets: Path) -> None:
    async with webhook() as hook, opened(BY_KIND["http"], secrets, port_of(hook.url)) as notifier:
        await notifier.send(told())
        await notifier.send(replace(told(), to="0987654321"))
    first, second = hook.requests
    assert json.loads(first.body)["to"] == "84912345678" and json.loads(second.body)["to"] == "84987654321"
    assert json.loads(first.body)["content"].startswith("Xa Thach Ha: SU CO.")
    assert first.headers["X-Key"] == CANARY


ANSWERS: list[tuple[dict[str, Any], bytes, type[Exception] | None]] = [
    ({}, b"anything", None),
    ({"path": "code", "equals": ["0"]}, b'{"code": 0}', None),
    ({"path": "data.0.ok", "equals": ["true"]}, b'{"data": [{"ok": true}]}', None),
    ({"path": "code", "equals": ["0"]}, b'{"code": 5}', TryLater),
    ({"path": "code", "equals": ["0"]}, b"[" * 50_000, TryLater),
    ({"contains": "<result>1</result>"}, b"<a><result>1</result></a>", None),
    ({"contains": "<result>1</result>"}, b"<a><result>0</result></a>", TryLater),
    ({"status": [202]}, b"", TryLater),
    ({"path": "code", "equals": ["0"]}, b'{"code": 7}', Refused),
]


@pytest.mark.parametrize(("success", "answer", "error"), ANSWERS, ids=str)
async def test_what_says_that_a_message_was_taken_is_in_the_settings(
    secrets: Path, success: dict[str, Any], answer: bytes, error: type[Exception] | None
) -> None:
    refused = {"path": "code", "equals": ["7"]}
    async with webhook(body=answer) as hook:
        settings = {"url": hook.url, "body": "{}", "success": success, "refused": refused}
        async with build("http", secrets, **settings) as notifier:
            if error is None:
                await notifier.send(told())
            else:
                with pytest.raises(error):
                    await notifier.send(told())


async def test_who_has_the_message_is_not_told_again_when_another_could_not_be(secrets: Path) -> None:
    async with webhook() as hook:
        settings = {"url": hook.url + "/${to}", "method": "GET", "to": ["0911111111", "0922222222"]}
        async with build("http", secrets, **settings) as notifier:
            hook.status = 503
            sending = asyncio.create_task(notifier.send(told()))
            await eventually(lambda: len(hook.requests) == 1 or sending.done())
            with pytest.raises(TryLater):
                await sending
            hook.requests.clear()
            hook.status = 200
            hook.fail_after = 1
            with pytest.raises(TryLater):
                await notifier.send(told())
            await notifier.send(told())
    assert [request.path for request in hook.requests] == ["/84911111111", "/84922222222", "/84922222222"]


TEMPLATES: Mapping[str, str] = {
    "json": '{"a": "${text}", "forged": "no", "b": {"c": "${summary}"}}',
    "xml": '<r a="${text}"><forged>no</forged><b>${summary}</b></r>',
    "form": "a=${text}&forged=no&b=${summary}",
}


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_forges_a_field_of_a_template(one: str, two: str) -> None:
    values = {"text": one, "summary": two}
    body = json.loads(filled(TEMPLATES["json"], values, "json"))
    assert body == {"a": one, "forged": "no", "b": {"c": two}}
    tree = fromstring(filled(TEMPLATES["xml"], values, "xml").encode("utf-8", "replace"))
    assert [child.tag for child in tree] == ["forged", "b"] and tree[0].text == "no"
    form = filled(TEMPLATES["form"], values, "form")
    assert form.count("&") == 2 and form.count("=") == 3
    header = in_header("X ${text}", {"text": one})
    assert header.isascii() and header.isprintable()
    assert in_url("http://h/${text}", {"text": "a/../b?c#d"}) == "http://h/a%2F..%2Fb%3Fc%23d"


@given(st.text(max_size=120))
def test_every_part_but_the_text_is_one_line(hostile: str) -> None:
    one = told()
    wrong = replace(
        one,
        title=hostile,
        place=hostile,
        text=f"Nơi: {hostile}",
        incident=replace(one.incident, evidence=hostile),
    )
    parts = fields(wrong, "vi", "84912345678")
    assert set(parts) == set(NAMES)
    assert all(text.isprintable() or name == "text" for name, text in parts.items())


def test_alertmanager_gets_what_its_own_webhooks_hold() -> None:
    firing = payload(told(), "duty", "vi")
    assert (firing["version"], firing["status"], firing["externalURL"]) == ("4", "firing", "http://monitor")
    assert firing["groupKey"] == '{}:{alertname="device-down", incident="1"}'
    (alert,) = firing["alerts"]
    assert alert["labels"]["site"] == "18562" and alert["endsAt"].year == 1
    assert alert["annotations"]["summary"] == "[SỰ CỐ] Xã Thạch Hà: mất kết nối"
    ended = replace(told().incident, resolved_at=told().incident.opened_at + timedelta(hours=1))
    resolved = payload(replace(told(), step=Step.RESOLVED, incident=ended), "duty", "vi")
    assert resolved["status"] == resolved["alerts"][0]["status"] == "resolved"
    assert resolved["alerts"][0]["fingerprint"] == alert["fingerprint"]
    assert resolved["groupKey"] == firing["groupKey"]


async def test_alertmanager_posts_it(secrets: Path) -> None:
    async with webhook() as hook, opened(BY_KIND["alertmanager"], secrets, port_of(hook.url)) as notifier:
        await notifier.send(told())
    body = json.loads(hook.requests[0].body)
    assert body["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert hook.requests[0].headers["Authorization"] == f"Bearer {CANARY}"
