"""What is quiet, as somebody has it whose role holds at some sites only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from aiohttp import web
from msgspec.structs import replace as replaced

from alerts.incident import Incident, Words
from alerts.quiet.book import Hidden
from alerts.quiet.quiet import Quiet, devices_meant, literal
from alerts.quiet.silence import Silence
from alerts.rule import RuleBook
from inventory.model import Device, Inventory
from inventory.selector import Selector
from monitor.quiet import Quiets, Reach
from monitor.web.language import N_
from monitor.web.narrow.refusing import Refusing

_NAME_YOURS = N_("your role holds for some sites only: name these sites by their codes")


class NarrowQuiets(Refusing):
    """What readers of some sites use of `Quiets`; they make quiet what names their sites, one by one."""

    def __init__(self, quiets: Quiets, inventory: Callable[[], Inventory]) -> None:
        self._quiets = quiets
        self._inventory = inventory

    @property
    def under_maintenance(self) -> Mapping[str, Hidden]:
        """See `Quiets.under_maintenance`."""
        devices = self._inventory().devices
        return {device: why for device, why in self._quiets.under_maintenance.items() if device in devices}

    @property
    def maintained(self) -> Mapping[str, bool]:
        """See `Quiets.maintained`."""
        sites = self._inventory().sites
        return {site: whole for site, whole in self._quiets.maintained.items() if site in sites}

    @property
    def quiets(self) -> tuple[Quiet, ...]:
        """See `Quiets.quiets`; what means no device of theirs is not shown."""
        return tuple(
            replaced(one, where=self._shown(one.where))
            for one in self._quiets.quiets
            if self._means(one.where)
        )

    @property
    def silences(self) -> Sequence[Silence]:
        """See `Quiets.silences`."""
        return [self._of(one) for one in self._quiets.silences if self._means(one.where)]

    def silence(self, number: int) -> Silence | None:
        """See `Quiets.silence`."""
        known = self._quiets.silence(number)
        return self._of(known) if known and self._means(known.where) else None

    def _means(self, where: Selector) -> bool:
        return next(devices_meant(where, self._inventory()), None) is not None

    def _of(self, silence: Silence) -> Silence:
        return replaced(silence, where=self._shown(silence.where))

    def _shown(self, where: Selector) -> Selector:
        """Return a selector that means a device of theirs without the names of other sites and their devices."""
        inventory = self._inventory()
        site = tuple(one for one in where.site if not literal((one,)) or one in inventory.sites)
        device = tuple(one for one in where.device if _is_theirs(one, inventory))
        return where.model_copy(update={"site": site, "device": device})

    async def reach(self, inventory: Inventory, where: Iterable[Selector]) -> Mapping[Selector, Reach]:
        """See `Quiets.reach`."""
        return await self._quiets.reach(inventory, where)

    def hides(self, incident: Incident, moment: datetime | None = None) -> Hidden | None:
        """See `Quiets.hides`."""
        return self._quiets.hides(incident, moment)

    def of_device(self, device: Device) -> list[Hidden]:
        """See `Quiets.of_device`."""
        return self._quiets.of_device(device)

    def why(self, incident: Incident, moment: datetime) -> Words:
        """See `Quiets.why`."""
        return self._quiets.why(incident, moment)

    async def must_exist(self, wish: Silence, inventory: Inventory, rules: RuleBook) -> None:
        """See `Quiets.must_exist`; whether a site elsewhere exists is not told."""
        if any(literal((site,)) and site not in inventory.sites for site in wish.where.site):
            raise web.HTTPForbidden(text=_NAME_YOURS)
        await self._quiets.must_exist(wish, inventory, rules)

    async def add(self, silence: Silence) -> Silence:
        """See `Quiets.add`."""
        self._must_be_own(silence.where)
        return await self._quiets.add(silence)

    async def extend(self, number: int, until: datetime, who: str) -> Silence | None:
        """See `Quiets.extend`."""
        return await self._quiets.extend(self._own(number), until, who)

    async def end(self, number: int, who: str) -> Silence | None:
        """See `Quiets.end`."""
        return await self._quiets.end(self._own(number), who)

    def _own(self, number: int) -> int:
        known = self._quiets.silence(number)
        if known is not None:
            self._must_be_own(known.where)
        return number

    def _must_be_own(self, where: Selector) -> None:
        """Raise 403 unless `where` names sites, and none but theirs."""
        sites = self._inventory().sites
        if not where.site or not literal(where.site) or any(site not in sites for site in where.site):
            raise web.HTTPForbidden(text=_NAME_YOURS)


def _is_theirs(pattern: str, inventory: Inventory) -> bool:
    """Whether the device that a pattern names, if it names one of a single site, is one of theirs."""
    site = pattern.partition("/")[0]
    return "/" not in pattern or not literal((site,)) or site in inventory.sites
