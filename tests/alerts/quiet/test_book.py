"""What hides an incident: of a device, a site, several sites, the monitor itself; and quickly in a nation."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Words
from alerts.judging.sight import MONITOR
from alerts.quiet.book import Book
from alerts.quiet.preview import effect
from alerts.quiet.quiet import Quiet, QuietKind
from alerts.quiet.silence import Wish, read_wish
from alerts.quiet.window import Window
from inventory.model import Device, Inventory, Site
from inventory.selector import Selector
from tests.alerts.province import check, device, inventory

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def quiet(
    name: str = "1", *, rules: tuple[str, ...] = (), hours: float = 1, begun: float = 1, **where: object
) -> Quiet:
    window = Window(NOW - begun * HOUR, NOW + hours * HOUR)
    selector = Selector.model_validate(where)
    return Quiet(name, QuietKind.MAINTENANCE, selector, rules, "Thay pin", "Sở", (window,))


def incident(rule: str, about: str, name: str = "", sites: tuple[str, ...] = ()) -> Incident:
    key = IncidentKey(rule, about, name)
    words = Words("hỏng", "broken")
    return Incident(1, key, Kind.INCIDENT, Severity.CRITICAL, Status.OPEN, words, "", NOW, NOW, sites=sites)


DEVICES = inventory(
    device("router"),
    device("backup"),
    device("server", "router", checks=(check("icmp"), check("web", "http"))),
    device("router", site="18073"),
    device("server", "router", site="18073"),
)


def hidden(one: Incident, *quiets: Quiet, at: datetime = NOW) -> str | None:
    found = Book(quiets, DEVICES).hides(one, at)
    return found.quiet.id if found else None


@pytest.mark.parametrize(
    ("where", "rules", "expected"),
    [
        ({"site": "18562"}, (), True),
        ({"site": "1856?"}, (), True),
        ({"site": "18073"}, (), False),
        ({"device": "18562/server"}, (), True),
        ({"device": "router"}, (), False),
        ({"role": "server"}, ("service-*",), True),
        ({"role": "server"}, ("device-down",), False),
        ({"check": "web"}, (), True),
        ({"probe": "http"}, (), True),
        ({"probe": "icmp"}, (), False),
        ({}, ("service-failed",), True),
    ],
)
def test_a_check_of_a_device(where: dict[str, Any], rules: tuple[str, ...], expected: bool) -> None:
    found = hidden(incident("service-failed", "18562/server", "web"), quiet(rules=rules, **where))
    assert (found is not None) is expected


def test_a_silence_of_a_check_does_not_hide_that_the_device_is_down() -> None:
    down = incident("device-down", "18562/server")
    assert hidden(down, quiet(device="server", check="web")) is None
    assert hidden(down, quiet(device="server")) == "1"


def test_before_and_after_its_window_nothing_is_hidden() -> None:
    down = incident("device-down", "18562/server")
    assert hidden(down, quiet(site="18562"), at=NOW - 2 * HOUR) is None
    assert hidden(down, quiet(site="18562"), at=NOW + HOUR) is None


def test_of_two_the_one_that_lasts_longer_says_until_when() -> None:
    down = incident("device-down", "18562/server")
    found = Book([quiet("1", hours=3, site="18562"), quiet("2", hours=9, role="server")], DEVICES).hides(
        down, NOW
    )
    assert found is not None and (found.quiet.id, found.until) == ("2", NOW + 9 * HOUR)


def test_a_site_is_hidden_when_every_way_into_it_is() -> None:
    """The commune 18562 has two: the router and the line behind which there is nothing."""
    whole = incident("site-down", "18562", sites=("18562",))
    assert hidden(whole, quiet(site="18562")) == "1"
    assert hidden(whole, quiet(site="18562", device="router")) is None
    assert hidden(whole, quiet("1", site="18562", device="router"), quiet("2", device="backup")) is not None
    assert hidden(whole, quiet(site="18562", role="server")) is None
    assert hidden(whole, quiet(site="18562", rules=("device-down",))) is None


def test_several_sites_are_hidden_only_when_all_are_and_until_the_first_is_over() -> None:
    several = incident("common-cause", "@carrier", sites=("18562", "18073"))
    one, other = quiet("1", hours=2, site="18562"), quiet("2", hours=5, site="18073")
    assert hidden(several, one) is None
    assert hidden(several, other) is None
    found = Book([one, other], DEVICES).hides(several, NOW)
    assert found is not None and (found.quiet.id, found.until) == ("1", NOW + 2 * HOUR)
    assert (
        hidden(incident("common-cause", "@carrier", sites=("18562", "gone")), one, quiet("3", site="*"))
        is None
    )


def test_the_monitor_itself_is_hidden_only_by_its_own_rule() -> None:
    blind = incident("monitor-blind", MONITOR)
    assert hidden(blind, quiet(site="*")) is None
    assert hidden(blind, quiet(site="*", rules=("monitor-blind",))) is None
    assert hidden(blind, quiet(rules=("monitor-*",))) == "1"


def test_the_words_say_until_when_why_and_who_on_one_line() -> None:
    evil = Quiet("7", QuietKind.SILENCE, Selector(), ("x",), "a\nĐÃ KHẮC PHỤC\u202e", "b\r", ())
    words = evil.words(NOW)
    assert words.vi == "tạm dừng cảnh báo 7 tới 26/11/2026 15:00: a ĐÃ KHẮC PHỤC\ufffd (b)"
    assert words.en.startswith("silence 7 until 26/11/2026 15:00: ")


def test_what_is_under_maintenance_is_known_by_device() -> None:
    silence = Quiet("2", QuietKind.SILENCE, Selector(site=("18073",)), (), "x", "y", quiet().windows)
    found = Book([quiet(site="18562", role="ser*"), silence], DEVICES).under_maintenance(NOW)
    assert list(found) == ["18562/server"]


def test_an_effect_counts_devices_sites_what_is_open_and_what_opened_within_its_hours() -> None:
    down, other = incident("device-down", "18562/server"), incident("device-down", "18073/server")
    planned = quiet("night", site="18562")
    early = Incident(
        9,
        down.key,
        down.kind,
        down.severity,
        Status.RESOLVED,
        down.summary,
        "",
        NOW - 5 * HOUR,
        NOW - 4 * HOUR,
    )
    found = effect(planned, DEVICES, [down, other], [down, early, other])
    assert found.devices == ("18562/router", "18562/backup", "18562/server")
    assert (found.sites, found.open, found.past) == (("18562",), (down,), (down,))
    assert effect(quiet("0", site="18562"), DEVICES, [], [down, early, other]).past == (down, early)


def wish(**changes: object) -> Wish:
    asked = {"where": {"site": "18562"}, "until": "2026-11-26 18:00", "reason": "Cắt điện"}
    return read_wish(asked | changes)


def test_a_wish_becomes_a_silence_from_now_or_from_a_time() -> None:
    made = wish().silence("An", NOW)
    assert (made.start, made.until.astimezone(UTC), made.who) == (NOW, NOW + 3 * HOUR, "An")
    later = wish(**{"from": "2026-11-26 16:00"}).silence("An", NOW)
    assert later.quiet.window(NOW + 30 * timedelta(minutes=1)) is None
    assert later.quiet.window(NOW + HOUR) is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"until": "2026-11-26 14:59"}, "is over"),
        ({"until": "2027-02-25 15:00"}, "at most 90 days"),
        ({"from": "2026-11-26 19:00"}, "not after the beginning"),
        ({"from": "2028-11-26 19:00", "until": "2028-11-26 20:00"}, "may begin within 366 days"),
        ({"where": {}}, "the site \\* is everything"),
        ({"until": "tomorrow"}, "until: wants a time of Viet Nam"),
        ({"until": "2026-02-30 10:00"}, "no such day"),
        ({"reason": ""}, "reason: must have at least 3"),
        ({"reason": "x" * 301}, "reason: must have at most 300"),
        ({"where": {"sites": "18562"}}, "where: unknown key 'sites'; did you mean 'site'"),
        ({"where": {"site": 18562}}, "where.site"),
        ({"where": {"site": "[a-z]"}}, "where.site"),
        ({"kind": "holiday"}, "kind"),
        ({"who": "root"}, "unknown key 'who'"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wish(**changes).silence("An", NOW)


def nation(sites: int = 3321, each: int = 20) -> Inventory:
    names = [f"d{number}" for number in range(each)]
    made = tuple(
        Site(
            id=f"{site:05}",
            name=f"Xã {site}",
            kind="commune",
            devices=tuple(
                Device(
                    id=f"{site:05}/{name}", name=name, site=f"{site:05}", title=name, address="192.0.2.1",
                    role="ups", parents=(f"{site:05}/d0",) if name != "d0" else (),
                )
                for name in names
            ),
        )
        for site in range(sites)
    )  # fmt: skip
    return Inventory(made, {}, {})


def test_66420_devices_and_a_thousand_silences_take_microseconds_an_incident() -> None:
    everything = nation()
    assert len(everything.devices) == 66_420
    own = [quiet(str(number), site=f"{number:05}") for number in range(1000)]
    wide = [quiet(f"wide-{number}", role="nobody*") for number in range(20)]
    before = time.process_time()
    book = Book([*own, *wide], everything)
    asked = [incident("device-down", f"{site:05}/d7") for site in range(3321)]
    found = [book.hides(one, NOW) for one in asked]
    everywhere = incident("common-cause", "@carrier", sites=tuple(everything.sites))
    assert book.hides(everywhere, NOW) is None
    assert time.process_time() - before < 1.5
    assert sum(one is not None for one in found) == 1000
