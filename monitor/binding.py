"""Binds credentials to the place they are for: a device that moves elsewhere gets none until a person confirms it.

Otherwise whoever may edit the inventory could point a device at a machine of their own and collect its passwords
(abuse case A45). SSH needs no binding: nothing is sent there before the host key of that address is approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit

import msgspec

from monitor.configuration import Configuration
from monitor.ledger.bindings import Holder, Places
from monitor.plan import Plan
from probes.core.probe import Check
from probes.core.words import Words

_PINNED = frozenset({"ssh_key", "ssh_password"})
"""Kinds of credential that an approved host key protects already."""


class Bound(msgspec.Struct, frozen=True):
    """A plan in which no credential goes where it is not bound to."""

    plan: Plan
    fresh: Places
    """Places of devices that had no binding yet: to be attached."""
    held: Places
    """Where credentials would go if they were confirmed: all places of each holder that has a new one."""


def bind(plan: Plan, known: Places) -> Bound:
    """Return `plan` with every check held back whose credential is bound to another place than it would go to."""
    wanted: dict[Holder, set[str]] = {}
    for check in plan:
        if _is_bound(check):
            wanted.setdefault((check.device, check.probe), set()).add(place(check))
    allowed = _allowed(wanted, known)
    held = {
        holder: frozenset(places)
        for holder, places in wanted.items()
        if holder in allowed and not all(_covered(place, allowed[holder]) for place in places)
    }
    fresh = {
        holder: frozenset(places)
        for holder, places in wanted.items()
        if holder not in known and holder not in held
    }
    devices = {device for device, _ in held}
    by_device = {
        device: _guarded(checks, allowed) if device in devices else checks
        for device, checks in plan.by_device.items()
    }
    if not held:
        return Bound(plan, fresh, held)
    others = {id: device for id, device in plan.devices.items() if id not in devices}
    return Bound(Plan(by_device, others, plan.credentials), fresh, held)


def _allowed(wanted: Iterable[Holder], known: Places) -> Places:
    """Return where each holder's credential may go; a holder that is not in it is of a device seen for the first time.

    A probe that is new to a known device may send where the device was before, and nowhere else: otherwise another
    probe would carry the same credential to a new place.
    """
    of_device: dict[str, set[str]] = {}
    for (device, _), places in known.items():
        of_device.setdefault(device, set()).update(places)
    return {
        holder: known.get(holder, frozenset(of_device.get(holder[0], ())))
        for holder in wanted
        if holder[0] in of_device
    }


def bound(configuration: Configuration, known: Places) -> tuple[Configuration, Bound]:
    """Return `configuration` with its plan bound, and what that found."""
    found = bind(configuration.plan, carried(known, configuration.inventory.moved))
    return msgspec.structs.replace(configuration, plan=found.plan), found


def carried(known: Places, moved: Mapping[str, str]) -> Places:
    """Return `known` with the places of former ids of devices under their present ones: a new name frees nothing."""
    renamed = {(moved[name], probe): places for (name, probe), places in known.items() if name in moved}
    return {**renamed, **known} if renamed else known


def place(check: Check) -> str:
    """Return where the credential of a check goes: ``"192.0.2.1:161"``, or scheme, host and port of an address."""
    target = check.target.address
    url = getattr(check.params, "url", "")
    if url:
        parts = urlsplit(url.replace("{address}", f"[{target}]" if ":" in target else target))
        return f"{target} {parts.scheme}://{parts.netloc}{_name(check.params)}{_trust(check.params)}"
    port = getattr(check.params, "port", None)
    return f"{target}:{port}" if port else target


_BY = " (certificate "
_UNVERIFIED = f"{_BY}not verified)"


def _name(params: object) -> str:
    """Return the name a web server is asked by, where that is not the host of its address: it names the certificate."""
    name = getattr(params, "server_name", "")
    return f" as {quote(name)}" if name else ""  # quoted: a name must not read like what follows it


def _trust(params: object) -> str:
    """Return what vouches for a web server, where that is not the system alone."""
    if not getattr(params, "verify", True):
        return _UNVERIFIED
    authority = getattr(params, "ca_file", None)
    return f"{_BY}of {authority})" if authority else ""


def _covered(place: str, allowed: frozenset[str]) -> bool:
    """Whether a credential that may go to `allowed` may go to `place`: one of them, or one with a stricter proof.

    Nothing vouches where nothing is verified, and a file of authorities only adds to the system's.
    """
    if place in allowed or place.endswith(_UNVERIFIED):
        return place in allowed
    server, by, _ = place.partition(_BY)
    return server + _UNVERIFIED in allowed if by else any(one.startswith(server + _BY) for one in allowed)


def _is_bound(check: Check) -> bool:
    credential = check.target.credential
    return credential is not None and credential.kind not in _PINNED


def _guarded(checks: Iterable[Check], known: Mapping[Holder, frozenset[str]]) -> tuple[Check, ...]:
    return tuple(_held(check, known.get((check.device, check.probe), frozenset())) for check in checks)


def _held(check: Check, places: frozenset[str]) -> Check:
    if not _is_bound(check) or _covered(place(check), places):
        return check
    was, here = ", ".join(sorted(places)[:3]), place(check)
    confirm = f"`commune-monitor secret confirm {check.device}`"
    reason = Words(
        f"tài khoản này dành cho {was}, còn đây là {here}: tạm giữ lại tới khi có người xác nhận; {confirm}",
        f"the credential is for {was}, and this is {here}: it is held back until somebody confirms; {confirm}",
    )
    target = msgspec.structs.replace(check.target, credential=None)
    return msgspec.structs.replace(check, target=target, blocked=reason)
