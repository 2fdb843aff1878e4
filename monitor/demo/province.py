"""The simulated province as the service sees it: a folder, a running simulator, and its switches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import asyncssh
import msgspec

from inventory.communes import Communes
from monitor.demo import wire
from monitor.demo.controls import Fault, FaultKind, Received, SimulatorFailed
from monitor.demo.faults import Switches, kinds, struck
from monitor.demo.folder import DemoFolder
from monitor.demo.layout import PHONE_PORT, SSH_PORT, Layout, claim_network, lay_out
from probes.core.hostkeys import HostKeys

HA_TINH = "42"
START_SECONDS = 60.0
STOP_SECONDS = 5.0
ORDER_SECONDS = 10.0
log = logging.getLogger(__name__)


class Province:
    """Use as ``async with Province(folder) as province``; implements `monitor.demo.controls.DemoControls`.

    Entering takes seconds; `progress` is told each step in one line. Linux only.
    """

    def __init__(
        self, folder: Path, *, port: int = 8080, progress: Callable[[str], None] = lambda line: None
    ) -> None:
        """`port` is the dashboard's, for the settings file."""
        self._folder = DemoFolder(folder)
        self._port = port
        self._progress = progress
        self._switches = Switches()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._number = 0

    @property
    def settings(self) -> Path:
        """The settings file of the service over this province."""
        return self._folder.settings

    @property
    def inventory_folder(self) -> Path:
        """Its inventory."""
        return self._folder.inventory

    @property
    def secrets_folder(self) -> Path:
        """Its secrets."""
        return self._folder.secrets

    @property
    def layout(self) -> Layout:
        """Its devices and where they answer."""
        return self._layout

    async def __aenter__(self) -> Self:
        """Write the folder and start the simulator. Raises `SimulatorFailed`, `OSError`."""
        network, self._claim = claim_network()
        try:
            await self._start_in(network)
        except BaseException:
            self._claim.close()
            raise
        return self

    async def _start_in(self, network: str) -> None:
        self._layout = lay_out(Communes.load().province(HA_TINH), network)
        for name in self._folder.prepare(self._layout, self._port):
            self._progress(f"{name} was changed by somebody and is kept")
        self._start = self._folder.start(self._layout)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor.demo.simulator", "--folder", str(self._folder.simulator)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: the simulator is needed while the service drains
        )
        try:
            await self._until_ready()
        except BaseException:
            await self._stop()
            raise
        self._listening = asyncio.create_task(self._listen(), name="simulator")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the simulator."""
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        await self._stop()
        self._claim.close()

    def approve_into(self, host_keys: HostKeys) -> Iterator[tuple[str, str]]:
        """Report the simulated servers' keys to `host_keys`; yield device and fingerprint of each new one."""
        addresses = {place.id: place.address for place in self._layout.places}
        for device, private in self._start.host_keys.items():
            key = asyncssh.import_private_key(private)
            line = " ".join(key.export_public_key().decode().split()[:2])
            if line in host_keys.approved(device, addresses[device], SSH_PORT):
                continue
            host_keys.report(device, addresses[device], SSH_PORT, line)
            yield device, key.get_fingerprint()

    async def kinds(self) -> tuple[FaultKind, ...]:
        """Every kind of fault."""
        return kinds(self._layout)

    async def faults(self) -> tuple[Fault, ...]:
        """What is switched on now, oldest first."""
        return self._switches.faults

    async def received(self) -> tuple[Received, ...]:
        """The last messages on the phone of whoever is on duty. Raises `SimulatorFailed`."""
        url = f"http://{self._layout.phone}:{PHONE_PORT}/messages"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ORDER_SECONDS)) as session,
                session.get(url) as reply,
            ):
                return msgspec.json.decode(await reply.read(), type=tuple[Received, ...])
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise SimulatorFailed("the simulated phone does not answer") from error

    async def switch(self, kind: str, target: str, on: bool) -> None:
        """Switch a fault on or off. Raises `UnknownFault`, `SimulatorFailed`."""
        struck(self._layout, kind, target)
        self._number += 1
        done = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        try:
            self._send(wire.Order(self._number, kind, target, on))
            async with asyncio.timeout(ORDER_SECONDS):
                await done
        except (TimeoutError, ConnectionError) as error:
            raise SimulatorFailed("the simulated province does not answer any more") from error
        finally:
            del self._waiting[self._number]
        self._switches.set(kind, target, datetime.now(UTC), on=on)

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        if self._process.stdin.is_closing() or self._process.returncode is not None:
            raise ConnectionResetError("the simulator has ended")
        self._process.stdin.write(wire.line(message).encode())

    async def _until_ready(self) -> None:
        devices = sum(1 for _ in self._layout.places)
        self._progress(f"starting {devices} simulated devices in {len(self._layout.sites)} places")
        self._send(self._start)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not isinstance(news := await self._news(), wire.Ready):
                    if isinstance(news, wire.Progress):
                        self._progress(f"{news.done} of {news.of} devices answer")
        except TimeoutError as error:
            raise SimulatorFailed(f"the simulator was not ready in {START_SECONDS:.0f} s") from error
        self._progress(f"all {news.devices} devices answer")

    async def _news(self) -> wire.News:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        text = await self._process.stdout.readline()
        if not text:
            raise SimulatorFailed("the simulator has ended; what it said is on standard error")
        return wire.news(text)

    async def _listen(self) -> None:
        try:
            while True:
                news = await self._news()
                done = self._waiting.get(news.number) if isinstance(news, wire.Done) else None
                if done and not done.done():  # one that was given up is told too late
                    done.set_result(None)
        except SimulatorFailed:
            log.error("the simulated province is gone: every device will be seen as down")

    async def _stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
