"""Devices from NetBox, by its REST API through pynetbox. Read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pynetbox
import requests

from inventory.secrets import Secret
from monitor.exchange.record import Record, Value

TIMEOUT = 20.0
"""Seconds of one request."""
MAX_DEVICES = 200_000
PAGE = 200


class NetBoxFailed(Exception):
    """NetBox did not answer as it should; the text says why and holds no token."""


class FieldMap(msgspec.Struct, frozen=True):
    """How NetBox's fields become ours."""

    site_field: str = "facility"
    """Field of a site that has the commune's code: ``"facility"``, ``"slug"``, ``"custom_fields.commune_code"``."""
    roles: Mapping[str, str] = {}
    """Our role by the slug of NetBox's; one without an entry is taken by its own name."""


class _Session(requests.Session):  # type: ignore[misc]  # requests ships no types
    """Bounded in time, and never sent elsewhere with the token."""

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", TIMEOUT)
        kwargs["allow_redirects"] = False
        response = super().request(method, url, *args, **kwargs)
        if response.is_redirect:
            raise NetBoxFailed(
                f"NetBox sends on to {response.headers.get('Location', '?')[:200]}: name that address"
            )
        return response


def records(url: str, token: Secret, mapping: FieldMap) -> Iterator[Record]:
    """Yield every device of NetBox. Raises `NetBoxFailed`."""
    api = pynetbox.api(url, token=token.reveal())
    api.http_session = _Session()
    try:
        sites = {site.id: site for site in api.dcim.sites.all(limit=PAGE)}
        for number, device in enumerate(api.dcim.devices.all(limit=PAGE)):
            if number >= MAX_DEVICES:
                raise NetBoxFailed(f"more than {MAX_DEVICES} devices")
            yield _record(device, sites.get(getattr(device.site, "id", None)), mapping)
    except NetBoxFailed:
        raise
    except pynetbox.RequestError as error:
        status = getattr(error.req, "status_code", "?")
        advice = "; is the token right, and may it read devices and sites?" if status in (401, 403) else ""
        raise NetBoxFailed(f"NetBox answered {status}{advice}") from None
    except (
        requests.RequestException,
        pynetbox.ContentError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
    ) as error:
        raise NetBoxFailed(
            f"NetBox at {url} does not answer as NetBox does ({type(error).__name__})"
        ) from None


def _record(device: Any, site: Any, mapping: FieldMap) -> Record:
    place = f"NetBox device {device.id} ({str(device.name)[:60]})"
    role = getattr(device, "role", None) or getattr(device, "device_role", None)  # before and since NetBox 4
    slug = str(getattr(role, "slug", "") or "")
    address = str(getattr(device.primary_ip, "address", device.primary_ip) or "").partition("/")[0]
    texts = {
        "site": str(_field(site, mapping.site_field) or "") if site is not None else "",
        "site_name": str(getattr(site, "name", "") or ""),
        "device": str(device.name or "").lower(),
        "title": str(getattr(device, "display", "") or ""),
        "address": address,
        "role": mapping.roles.get(slug, slug),
        "tags": ",".join(str(getattr(tag, "slug", tag)) for tag in device.tags or ()),
    }
    return Record(place, {key: Value(text[:1000], place) for key, text in texts.items() if text})


def _field(site: Any, path: str) -> object:
    first, _, rest = path.partition(".")
    value = getattr(site, first, None)
    return value.get(rest) if rest and isinstance(value, dict) else value
