"""Somebody of one commune learns nothing of another, by no way around: filters, forms, silences, the rota."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from alerts.duty.roster import load_duty
from alerts.incident import Words
from alerts.quiet.silence import read_wish
from monitor.access.permission import Role
from monitor.access.scope import Scope
from monitor.vitals import Problem
from monitor.web.narrow.monitoring import narrowed
from tests.monitor.access.house import ONE, House
from tests.monitor.web.province import CHANNELS

FOREIGN = "18562"
DUTY = f"""
people:
  an: {{name: Nguyễn Văn An, phone: "0911000111", reach: {{zalo: z-an}}}}
  binh: {{name: Trần Bình, phone: "0922000222", reach: {{zalo: z-binh}}}}
  chau: {{name: Lê Châu, phone: "0933000333", reach: {{zalo: z-chau}}}}
rotas:
  noc: {{layers: [{{turns: [an], from: "2026-01-01 07:30"}}]}}
  mine: {{layers: [{{turns: [binh], from: "2026-01-01 07:30"}}]}}
  theirs: {{layers: [{{turns: [chau], from: "2026-01-01 07:30"}}]}}
policies:
  own: {{steps: [{{tell: "rota:mine"}}]}}
  other: {{steps: [{{tell: "rota:theirs"}}]}}
  rest: {{steps: [{{tell: "rota:noc"}}]}}
routes:
  - {{policy: own, where: {{site: ["{ONE}"]}}}}
  - {{policy: other, where: {{site: ["{FOREIGN}"]}}}}
  - {{policy: rest}}
"""


async def test_an_operator_of_one_commune_sees_who_is_on_duty_for_it_and_nobody_else(
    built: House, tmp_path: Path
) -> None:
    file = tmp_path / "duty.yaml"
    file.write_text(DUTY, "utf-8")
    built.town.duty = load_duty(file, list(CHANNELS))
    await built.town.ledger.rota.hand_over("mine", "an", f"chuyện của {FOREIGN}", built.clock())
    one, whole = await built.browser("one"), await built.browser("operator")
    page = await one.text("/duty")
    assert "Trần Bình" in page and "0922000222" in page and "Nguyễn Văn An" in page
    assert "Lê Châu" not in page and "0933000333" not in page and FOREIGN not in page
    assert 'action="/duty/' not in page, "what he may not do is not offered"
    told = await (await one.get("/api/v1/duty")).json()
    assert sorted(told["rotas"]) == ["mine", "noc"]
    assert "Lê Châu" in await whole.text("/duty")
    assert (await one.get("/api/v1/duty/notes?rota=mine")).status == 403
    assert (await (await one.get(f"/api/v1/duty/who?about={ONE}")).json())["policies"] == ["own"]


async def test_a_list_of_incidents_answers_no_question_about_what_is_not_shown(built: House) -> None:
    """The words of a larger outage, the other places it hits, the device it began at: none can be guessed at."""
    await _larger(built)
    one = await built.browser("one")
    for query, found in (
        ("", 1),
        ("text=diện+rộng", 1),
        (f"text={FOREIGN}", 0),
        ("text=cáp", 0),
        (f"site={FOREIGN}", 0),
        (f"device={FOREIGN}/switch", 0),
    ):
        answer = await (await one.get(f"/api/v1/incidents?{query}")).json()
        assert len(answer["incidents"]) == found, query
    whole = await built.browser("viewer")
    assert len((await (await whole.get("/api/v1/incidents?text=cáp")).json())["incidents"]) == 1


async def test_a_larger_outage_does_not_tell_at_which_device_it_began(built: House) -> None:
    number = await _larger(built)
    one = await built.browser("one")
    answer = await one.get(f"/api/v1/incidents/{number}")
    assert answer.status == 200 and FOREIGN not in await answer.text()
    assert FOREIGN not in await one.text("/incidents")


async def _larger(built: House) -> int:
    """A switch elsewhere takes this commune with it; return the incident."""
    opened = await built.town.open("device-down", f"{FOREIGN}/switch", "Đứt cáp", subject=f"to {FOREIGN}")
    whole = msgspec.structs.replace(opened, sites=(ONE, FOREIGN))
    built.town.board.set_incident(whole)
    database = built.town.ledger._database
    body = msgspec.json.encode(whole).decode()
    await database.write(
        lambda db: db.execute("UPDATE incidents SET body = ? WHERE id = ?", (body, whole.id))
    )
    return whole.id


async def test_a_silence_of_several_communes_is_shown_without_the_others(built: House) -> None:
    now = datetime.now(UTC)
    until = (now + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")
    where = {"site": [ONE, FOREIGN], "device": [f"{ONE}/server", f"{FOREIGN}/server", "*/ups"]}
    made = await built.town.quiets.add(
        read_wish({"where": where, "until": until, "reason": "đo lại"}).silence("root", now)
    )
    one = await built.browser("one")
    (shown,) = (await (await one.get("/api/v1/silences")).json())["silences"]
    assert shown["where"] == {"site": [ONE], "device": [f"{ONE}/server", "*/ups"]}
    assert shown["devices"] == 2
    assert FOREIGN not in await one.text("/quiet")
    mine = narrowed(built.town.context(), Scope((ONE,))).quiets
    assert mine.silence(made.id) == mine.silences[0]


async def test_no_form_tells_what_ails_the_monitor_to_somebody_of_one_commune(built: House) -> None:
    words = Words(f"thiết bị {FOREIGN}/server", f"the device {FOREIGN}/server")
    built.town.problems.append(Problem(words, "bindings"))
    one, whole = await built.browser("one"), await built.browser("operator")
    assert FOREIGN not in await one.text(f"/quiet/new?site={ONE}")
    assert FOREIGN in await whole.text(f"/quiet/new?site={ONE}")


async def test_a_silence_of_what_does_not_exist_is_refused_as_one_of_another_commune_is(built: House) -> None:
    client, token = (await built.browser()).client, await built.token("one", Role.OPERATOR)
    until = (datetime.now(UTC) + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")
    device = next(iter(built.town.inventory.sites[FOREIGN].devices)).name

    async def refused(**where: str) -> tuple[int, str]:
        wish = {"where": {"site": ONE, **where}, "until": until, "reason": "thử"}
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.post("/api/v1/silences/preview", json=wish, headers=headers)
        return answer.status, (await answer.json())["detail"]

    foreign = await refused(site=FOREIGN)
    assert foreign == await refused(site="18999") and foreign[0] == 403
    real, none = await refused(device=f"{FOREIGN}/{device}"), await refused(device=f"18999/{device}")
    assert real[0] == none[0] == 400 and real[1].replace(FOREIGN, "18999") == none[1]
    assert FOREIGN not in (await refused(device=f"1856/{device}"))[1]
