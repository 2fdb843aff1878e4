"""A selector means exactly the devices and checks that fit all its keys."""

from __future__ import annotations

import pytest

from inventory.model import Device
from inventory.selector import Selector

ROUTER = Device(
    id="18073/router",
    name="router",
    site="18073",
    title="Bộ định tuyến",
    address="192.0.2.1",
    role="router",
    profile="cisco-ios",
    tags=("wan", "tslcd"),
)


def selector(**where: object) -> Selector:
    return Selector.model_validate_json(__import__("json").dumps(where), strict=True)


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"role": "router"},
        {"role": ["switch", "router"]},
        {"site": "18*"},
        {"site": "18?73"},
        {"tags": "tslcd"},
        {"tags": ["x", "w*"]},
        {"profile": "cisco-*"},
        {"device": "router"},
        {"device": "18073/*"},
        {"check": "icmp"},
        {"probe": ["icmp", "tcp"]},
        {"role": "router", "site": "18073", "tags": "wan", "check": "ic*", "probe": "icmp"},
    ],
)
def test_it_means_what_fits_every_key(where: dict[str, object]) -> None:
    assert selector(**where).matches(ROUTER, "icmp", "icmp")


@pytest.mark.parametrize(
    "where",
    [
        {"role": "switch"},
        {"role": "rout"},
        {"role": "Router"},
        {"site": ["18074", "ttdl"]},
        {"tags": "x"},
        {"profile": "linux"},
        {"device": "18073"},
        {"check": "snmp"},
        {"probe": "tcp"},
        {"role": "router", "check": "snmp"},
    ],
)
def test_it_does_not_mean_what_fails_one_key(where: dict[str, object]) -> None:
    assert not selector(**where).matches(ROUTER, "icmp", "icmp")


def test_a_selector_of_checks_does_not_mean_the_device_itself() -> None:
    assert not selector(check="*").matches(ROUTER)
    assert selector(check="icmp", role="router").matches_device(ROUTER)


def test_a_device_without_profile_or_tags_fits_no_pattern_of_them() -> None:
    bare = ROUTER.model_copy(update={"profile": None, "tags": ()})
    assert not selector(profile="*").matches(bare)
    assert not selector(tags="*").matches(bare)


@pytest.mark.parametrize(
    "where", [{"rol": "x"}, {"role": 5}, {"role": ""}, {"role": "[a-z]*"}, {"role": ["x"] * 1001}]
)
def test_other_selectors_are_refused(where: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        selector(**where)
