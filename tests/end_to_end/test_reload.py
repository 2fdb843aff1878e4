"""The inventory is edited while the service runs: it follows within seconds, or says why it does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from alerts.incident import DeviceState, Status
from monitor.app import pages
from monitor.house import Monitoring, monitoring
from monitor.reload import last_good
from probes.core.observation import Outcome
from probes.core.words import say
from tests.end_to_end.site import COMMUNITY, DEVICE, load, write_service
from tests.monitor.test_cli import call
from tests.patience import eventually
from tests.servers.nginx import nginx
from tests.servers.ports import free_port, free_udp_port
from tests.servers.smtp import smtp
from tests.servers.snmpd import snmpd

QUICK = {"interval": "2s", "timeout": "1s"}
PAGE = "listen 127.0.0.1:{port}; return 200;"
OTHER = "18073/other"


def office(folder: Path) -> Path:
    return folder / "inventory" / "office.yaml"


def edit(folder: Path, change: Mapping[str, object]) -> None:
    """Change devices of the office, by name; `None` removes one."""
    written = json.loads(office(folder).read_text())
    devices = written["sites"]["18073"]["devices"] | change
    written["sites"]["18073"]["devices"] = {name: entry for name, entry in devices.items() if entry}
    office(folder).write_text(json.dumps(written))


def page(port: int) -> dict[str, object]:
    return {"probe": "http", "url": f"http://127.0.0.1:{port}/", **QUICK}


def observed(running: Monitoring, check: str) -> object:
    return running.board.last(check)


async def test_an_added_device_is_watched_and_a_removed_one_closes_what_is_open_with_the_reason(
    tmp_path: Path,
) -> None:
    async with smtp() as mailbox, nginx(tmp_path / "nginx", PAGE) as web:
        settings = write_service(tmp_path, {"web": page(web)}, smtp=mailbox.port)
        async with monitoring(load(settings)) as running:
            await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
            since = running.board.status(DEVICE).since
            dead = {"address": "127.0.0.1", "role": "real", "checks": {"web": page(free_port())}}
            edit(tmp_path, {"other": dead})
            await eventually(lambda: observed(running, f"{OTHER}:web"), within=10)
            await eventually(lambda: mailbox.mails)
            (number,) = running.board.incidents
            edit(tmp_path, {"other": None})
            await eventually(lambda: len(mailbox.mails) == 2)
            incident = await running.ledger.incidents.by_id(number)
            assert incident is not None and incident.status is Status.RESOLVED
            assert "removed from the inventory" in say(
                (await running.ledger.incidents.timeline(number))[-1].note, "en"
            )
            assert "18073" in mailbox.mails[1].get_content(), "told as it was named until then"
            assert OTHER not in running.board.inventory.devices
            assert running.board.status(DEVICE).since == since, "the other device was not touched"
            assert [revision.id for revision in await running.ledger.revisions.newest()] == [3, 2, 1]


async def test_a_bad_edit_changes_nothing_and_says_so_until_it_is_mended(tmp_path: Path) -> None:
    async with nginx(tmp_path / "nginx", PAGE) as web:
        settings = write_service(tmp_path, {"web": page(web)})
        async with monitoring(load(settings)) as running:
            await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
            good = office(tmp_path).read_text()
            office(tmp_path).write_text(good.replace('"address"', '"adress"'))
            await eventually(lambda: running.reloader.state.problems, within=10)
            (unknown, missing) = running.reloader.state.problems
            assert "did you mean 'address'?" in f"{unknown} {missing}"
            assert [part.words.en for part in running.vitals().problems if "office.yaml" in part.words.en]
            assert not running.vitals().failing, "the watch goes on"
            assert DEVICE in running.board.inventory.devices
            office(tmp_path).write_text(good)
            await eventually(lambda: not running.reloader.state.problems, within=10)
            assert running.vitals().problems == ()
            assert not running.reloader.state.restart, "the settings are as they were"
            good_settings = settings.read_text()
            settings.write_text(json.dumps(json.loads(good_settings) | {"language": "en"}))
            await eventually(lambda: running.reloader.state.restart, within=10)
            (told,) = running.vitals().problems
            assert told.words.en == "The settings file: the file was changed; restart the service to use it"
            settings.write_text(json.dumps(json.loads(good_settings) | {"rule": "own"}))
            await eventually(lambda: running.reloader.state.unfit, within=10)
            (told,) = running.vitals().problems
            assert "would not start again" in told.words.en and "'rule'" in told.words.en
            assert not running.vitals().failing
            settings.write_text(good_settings)
            await eventually(lambda: not running.vitals().problems, within=10)


async def test_a_refused_edit_shows_in_the_metrics_and_on_every_page(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"tcp": {"port": free_port(), **QUICK}})
    async with browsing(settings) as (running, session):
        assert "commune_monitor_inventory_refused 0.0" in await text(session, "/metrics")
        office(tmp_path).write_text("sites: {18073: {devices: {a: {}}}}")
        await eventually(lambda: running.reloader.state.problems)
        assert "commune_monitor_inventory_mistakes 2.0" in await text(session, "/metrics")
        for page in ("/", "/incidents", "/findings", "/health", "/sites/18073"):
            assert "office.yaml:1:" in await text(session, page), page


@asynccontextmanager
async def browsing(settings: Path) -> AsyncIterator[tuple[Monitoring, aiohttp.ClientSession]]:
    """The service with its pages, and a reader of them."""
    configuration = load(settings)
    async with (
        monitoring(configuration) as running,
        pages(configuration, running) as url,
        aiohttp.ClientSession(url) as session,
    ):
        yield running, session


async def text(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as response:
        assert response.status == 200
        return await response.text()


async def test_a_file_that_is_bad_at_the_start_does_not_stop_the_watch(tmp_path: Path) -> None:
    async with nginx(tmp_path / "nginx", PAGE) as web:
        settings = write_service(tmp_path, {"web": page(web)})
        assert await last_good(settings) is None, "nothing was ever in force"
        async with monitoring(load(settings)) as running:
            await eventually(lambda: running.reloader.state.revision)
        office(tmp_path).write_text("sites: [")
        found = await last_good(settings)
        assert found is not None
        async with monitoring(found[0]) as running:
            await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
            await eventually(lambda: running.reloader.state.problems, within=10)


async def test_a_changed_secret_is_used_from_the_next_question_on(tmp_path: Path) -> None:
    port = free_udp_port()
    settings = write_service(tmp_path, {"snmp": {"port": port, **QUICK}})
    with snmpd(tmp_path / "snmpd", community="khac", port=port):
        async with monitoring(load(settings)) as running:
            await eventually(lambda: observed(running, f"{DEVICE}:snmp"))
            (tmp_path / "secrets" / "community").write_text("khac")
            last = f"{DEVICE}:snmp"
            await eventually(lambda: (seen := running.board.last(last)) and seen.outcome is Outcome.OK)


async def test_a_check_of_a_probe_that_was_not_in_use_is_asked_after_an_edit(tmp_path: Path) -> None:
    async with nginx(tmp_path / "nginx", PAGE) as web:
        settings = write_service(tmp_path, {"web": page(web)})
        async with monitoring(load(settings)) as running:
            checks = {"port": {"probe": "tcp", "port": web, **QUICK}}
            edit(tmp_path, {"server": {"address": "127.0.0.1", "role": "real", "checks": checks}})
            await eventually(lambda: observed(running, f"{DEVICE}:port"), within=10)
            assert [check.name for check in running.board.checks(DEVICE)] == ["web", "port"]


async def test_a_renamed_device_keeps_its_incident_its_state_and_its_series(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"web": page(free_port())})
    renamed = f"{DEVICE}-2"
    async with monitoring(load(settings)) as running:
        await eventually(lambda: running.board.incidents)
        (before,) = running.board.incidents.values()
        state = running.board.status(DEVICE).state
        edit(tmp_path, {"server": None, "server-2": {**_entry(tmp_path), "formerly": ["server"]}})
        await eventually(lambda: renamed in running.board.inventory.devices)
        assert running.board.status(renamed).state is state
        await eventually(lambda: next(iter(running.board.incidents.values())).key.device == renamed)
        assert await running.ledger.incidents.all_open() == list(running.board.incidents.values())
        assert [one.id for one in await running.ledger.incidents.search(device=renamed)] == [before.id]
        await running.store.flush()
        assert {row.key.device for row in await running.store.latest(renamed)} == {renamed}
    async with monitoring(load(settings)) as running:
        (after,) = running.board.incidents.values()
        assert (after.id, after.key, after.status) == (before.id, before.key.of(renamed), Status.OPEN)


async def test_a_device_renamed_while_the_service_was_away_keeps_its_incident(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"web": page(free_port())})
    async with monitoring(load(settings)) as running:
        await eventually(lambda: running.board.incidents)
        (before,) = running.board.incidents.values()
    edit(tmp_path, {"server": None, "server-2": {**_entry(tmp_path), "formerly": ["server"]}})
    async with monitoring(load(settings)) as running:
        (after,) = running.board.incidents.values()
        assert (after.id, after.key.device) == (before.id, f"{DEVICE}-2")


def _entry(folder: Path) -> dict[str, object]:
    entry: dict[str, object] = json.loads(office(folder).read_text())["sites"]["18073"]["devices"]["server"]
    return entry


async def test_a_device_that_is_pointed_elsewhere_gets_no_credential_until_somebody_confirms(
    tmp_path: Path,
) -> None:
    home, elsewhere = free_udp_port(), free_udp_port()
    settings = write_service(tmp_path, {"snmp": {"port": home, **QUICK}})
    thief = Thief()
    with snmpd(tmp_path / "snmpd", community=COMMUNITY, port=home):
        async with monitoring(load(settings)) as running, thief.listening(elsewhere):
            await eventually(lambda: observed_outcome(running) is Outcome.OK)
            office(tmp_path).write_text(
                office(tmp_path).read_text().replace(f'"port": {home}', f'"port": {elsewhere}')
            )
            await eventually(lambda: observed_outcome(running) is Outcome.NOT_READY, within=10)
            assert running.reloader.state.held == (DEVICE,)
            assert "secret confirm" in say((running.board.last(f"{DEVICE}:snmp") or thief).detail, "en")
            await asyncio.sleep(5)
            assert thief.heard == [], "not one datagram went there"
            result = await asyncio.to_thread(call, "-s", settings, "secret", "confirm", DEVICE, "--yes")
            assert result.exit_code == 0, result.output
            await eventually(lambda: thief.heard, within=10)
            assert not running.reloader.state.held
            entry, before, *_ = await running.ledger.audit.newest()
            assert (entry.what, entry.subject) == ("credentials confirmed", DEVICE)
            assert (before.what, before.subject) == ("credentials held back", DEVICE)
            assert str(elsewhere) in before.detail


def observed_outcome(running: Monitoring) -> Outcome | None:
    last = running.board.last(f"{DEVICE}:snmp")
    return last.outcome if last else None


class Thief(asyncio.DatagramProtocol):
    """Somebody else's machine, which keeps what it is sent."""

    detail = ""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.append(data)

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", port))
        try:
            yield
        finally:
            transport.close()
