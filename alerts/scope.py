"""Whether a selector means what an incident is about: a check of a device, a device, a site, several sites."""

from __future__ import annotations

from alerts.incident import Incident
from inventory.model import Inventory, Site
from inventory.selector import Selector


def concerns(where: Selector, incident: Incident, inventory: Inventory) -> bool:
    """Whether `where` means the incident; of several sites, one that is meant is enough."""
    key = incident.key
    device = inventory.devices.get(key.device)
    if device is not None:
        return where.matches(device, key.check)
    names = incident.sites if key.at_large else (key.device.partition("/")[0],)
    sites = [inventory.sites[name] for name in names if name in inventory.sites]
    return any(means_site(where, site) for site in sites) or where == Selector()


def means_site(where: Selector, site: Site) -> bool:
    """Whether `where` means a site as a whole: it names sites only, this one among them, or tags of its devices."""
    if where.role or where.profile or where.device or where.check or where.probe:
        return False
    return any(where.matches_device(device) for device in site.devices) or not (where.site or where.tags)
