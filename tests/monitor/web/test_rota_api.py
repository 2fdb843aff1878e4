"""Programs swap shifts, take that back, and leave notes, as people do on the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient

from alerts.duty.roster import load_duty
from tests.monitor.web.province import CHANNELS, Province
from tests.monitor.web.test_duty import DUTY

Client = TestClient[Any, Any]


async def test_a_swap_is_made_and_taken_back(client: Client, town: Province, tmp_path: Path) -> None:
    (tmp_path / "duty.yaml").write_text(DUTY, "utf-8")
    town.duty = load_duty(tmp_path / "duty.yaml", list(CHANNELS))
    start = datetime.now(UTC) + timedelta(hours=1)
    span = {"from": start.isoformat(), "until": (start + timedelta(hours=8)).isoformat()}
    swap = {"rota": "truc", "people": ["binh"], **span}
    async with client.post("/api/v1/duty/swaps", json=swap) as answer:
        assert answer.status == 201, await answer.text()
        number = (await answer.json())["id"]
    assert (await client.post("/api/v1/duty/swaps", json={**swap, "people": ["nobody"]})).status == 422
    rotas = (await (await client.get("/api/v1/duty")).json())["rotas"]
    assert [one["id"] for one in rotas["truc"]["changes"]] == [number]
    assert (await client.delete(f"/api/v1/duty/swaps/{number}")).status == 204
    assert (await client.delete(f"/api/v1/duty/swaps/{number}")).status == 404
    note = {"rota": "truc", "text": "UPS 18073 chờ thay ắc quy"}
    assert (await client.post("/api/v1/duty/notes", json=note)).status == 204
    notes = (await (await client.get("/api/v1/duty/notes?rota=truc")).json())["notes"]
    assert [one["text"] for one in notes] == [note["text"]]
    assert (await client.get("/api/v1/duty/notes?rota=none")).status == 404
