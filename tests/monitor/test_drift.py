"""Differences between the inventory and what devices say they are: pure, over plain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Device, Expected, Inventory, Site
from monitor.drift import Drift, What, drift, fits
from monitor.ledger.identities import FIRMWARE, MODEL, SERIAL, Trait

AT = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def device(name: str, **expect: str) -> Device:
    address = f"10.20.1.{len(name)}"
    expected = Expected(**expect) if expect else None
    return Device(
        id=f"18073/{name}",
        name=name,
        site="18073",
        title=name,
        address=address,
        role="router",
        expect=expected,
    )


def inventory(*devices: Device) -> Inventory:
    return Inventory((Site(id="18073", name="X", kind="commune", devices=devices),), {}, {})


def said(value: str, first: str = "") -> Trait:
    return Trait(value, LATER if first else AT, first or value, AT)


def test_what_is_as_expected_or_never_told_is_no_difference() -> None:
    seen = {"18073/a": {MODEL: said("CRS326"), SERIAL: said("ABC 1")}}
    assert list(drift(inventory(device("a", model="crs326", serial="abc  1", firmware="7.1")), seen)) == []
    assert list(drift(inventory(device("a", model="x")), {})) == []


def test_another_model_and_firmware_are_told_with_both_values_and_since_when() -> None:
    seen = {"18073/a": {MODEL: said("CRS328"), FIRMWARE: said("6.49.2")}}
    found = list(drift(inventory(device("a", model="CRS326*", firmware="7.*")), seen))
    assert found == [
        Drift("18073/a", What.MODEL, "CRS326*", "CRS328", AT),
        Drift("18073/a", What.FIRMWARE, "7.*", "6.49.2", AT),
    ]


def test_a_serial_nobody_expects_is_compared_with_the_first_one_until_the_new_one_is_expected() -> None:
    seen = {"18073/a": {SERIAL: said("NEW", first="OLD"), FIRMWARE: said("2", first="1")}}
    (found,) = drift(inventory(device("a")), seen)
    assert found == Drift("18073/a", What.SERIAL, "OLD", "NEW", LATER, by_inventory=False)
    assert list(drift(inventory(device("a", serial="new")), seen)) == []


def test_two_devices_that_changed_places_are_named() -> None:
    seen = {"18073/a": {SERIAL: said("B1", first="A1")}, "18073/bb": {SERIAL: said("A1", first="B1")}}
    found = [one for one in drift(inventory(device("a"), device("bb")), seen) if one.what is What.ADDRESS]
    assert [(one.device, one.expected, one.observed, one.other) for one in found] == [
        ("18073/a", "10.20.1.1", "10.20.1.2", "18073/bb"),
        ("18073/bb", "10.20.1.2", "10.20.1.1", "18073/a"),
    ]


def test_an_expected_serial_that_answers_elsewhere_is_told_though_its_own_place_is_silent() -> None:
    (found,) = drift(inventory(device("a", serial="A1"), device("bb")), {"18073/bb": {SERIAL: said("A1")}})
    assert (found.device, found.what, found.other) == ("18073/a", What.ADDRESS, "18073/bb")


def test_a_serial_that_many_devices_share_identifies_none() -> None:
    seen = {f"18073/{name}": {SERIAL: said("0000")} for name in ("a", "bb", "ccc")}
    assert list(drift(inventory(device("a"), device("bb"), device("ccc")), seen)) == []


@pytest.mark.parametrize(
    ("expected", "observed", "same"),
    [
        ("7.14.*", "7.14.3", True),
        ("7.14.*", "7.15", False),
        ("a[b]?", "A[B]?", True),
        ("a[b]", "ab", False),
        ("*", "", True),
    ],
)
def test_a_star_stands_for_anything_and_nothing_else_is_special(
    expected: str, observed: str, same: bool
) -> None:
    assert fits(expected, observed) is same


@given(st.text(max_size=100))
def test_every_text_fits_itself(text: str) -> None:
    assert fits(text, text)
