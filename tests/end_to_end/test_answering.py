"""A portal dies, a Telegram chat is told, somebody presses the button; when it is back the message says so itself."""

from __future__ import annotations

from pathlib import Path

from alerts.incident import Status
from monitor.house import monitoring
from tests.end_to_end.site import load, write_service
from tests.patience import eventually
from tests.servers.nginx import nginx
from tests.servers.ports import free_port
from tests.servers.telegram import telegram


async def test_an_incident_is_taken_on_by_the_button_under_its_message(tmp_path: Path) -> None:
    web = free_port()
    checks = {
        "portal": {"probe": "http", "url": f"http://127.0.0.1:{web}/", "interval": "2s", "timeout": "1s"}
    }
    async with telegram("123:abc") as bot:
        chat = {
            "kind": "telegram",
            "token": {"file": "bot"},
            "chat_id": "-100",
            "api": bot.url,
            "replies": True,
        }
        settings = write_service(tmp_path, checks, notifiers={"truc": chat})
        (tmp_path / "secrets" / "bot").write_text("123:abc")
        (tmp_path / "secrets" / "bot").chmod(0o600)
        async with monitoring(load(settings)) as running:
            await eventually(lambda: bot.texts)
            assert "Phường Thành Sen" in bot.texts[0]
            bot.press(bot.button(0), message=1)
            await eventually(lambda: len(bot.texts) == 2)
            assert bot.texts[1].startswith("Nguyễn An (Telegram 7) đã nhận sự cố #1: ")
            (incident,) = running.board.incidents.values()
            assert (incident.status, incident.acknowledged_by) == (
                Status.ACKNOWLEDGED,
                "Nguyễn An (Telegram 7)",
            )
            async with nginx(tmp_path / "nginx", "listen 127.0.0.1:{port}; return 200;", port=web):
                await eventually(lambda: len(bot.texts) == 3)
    (edited,) = bot.edited
    assert edited["message_id"] == 1 and edited["text"].startswith("[ĐÃ KHẮC PHỤC] Phường Thành Sen")
    assert bot.sent[2]["reply_parameters"]["message_id"] == 1
