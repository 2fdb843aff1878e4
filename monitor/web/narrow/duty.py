"""Who is on duty, as somebody sees it whose role holds at some sites only: the rotas that their sites are told by."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alerts.duty.policy import Policy
from alerts.duty.roster import DutyFile, Roster
from alerts.duty.who import Who
from alerts.quiet.quiet import devices_meant
from alerts.scope import means_site
from inventory.model import Inventory
from inventory.selector import Selector

_ROTA = "rota:"


class NarrowWho:
    """Makes `Who` of the sites in an inventory; what it works out is kept while neither file changes."""

    def __init__(self, who: Callable[[], Who], inventory: Callable[[], Inventory]) -> None:
        self._who = who
        self._inventory = inventory
        self._known: tuple[DutyFile, Inventory, DutyFile] | None = None

    def __call__(self) -> Who:
        """Return who is told of what happens at these sites."""
        whole, inventory = self._who(), self._inventory()
        roster = Roster(self._duty(whole.roster.duty, inventory), lambda: whole.roster.overrides)
        return Who(roster, inventory, whole.channels)

    def _duty(self, duty: DutyFile, inventory: Inventory) -> DutyFile:
        if self._known is None or self._known[0] is not duty or self._known[1] is not inventory:
            self._known = duty, inventory, narrow_duty(duty, inventory)
        return self._known[2]


def narrow_duty(duty: DutyFile, inventory: Inventory) -> DutyFile:
    """Return the routes that something of `inventory` may follow, their policies, and the rotas that those tell.

    The people stay: swaps name them, and no page lists them to somebody of some sites.
    """
    routes = tuple(route for route in duty.routes if _meets(route.where, inventory))
    policies = {
        route.policy: duty.policies[route.policy] for route in routes if route.policy in duty.policies
    }
    told = {name for policy in policies.values() for name in _rotas(policy)}
    rotas = {name: rota for name, rota in duty.rotas.items() if name in told}
    return duty.model_copy(update={"routes": routes, "policies": policies, "rotas": rotas})


def _meets(where: Selector, inventory: Inventory) -> bool:
    """Whether a device or a site as a whole is meant."""
    sites = inventory.sites.values()
    return next(devices_meant(where, inventory), None) is not None or any(
        means_site(where, one) for one in sites
    )


def _rotas(policy: Policy) -> Iterator[str]:
    for stage in policy.steps:
        yield from (target.removeprefix(_ROTA) for target in stage.tell if target.startswith(_ROTA))
