"""Finds sites and devices by what people type: names without tone marks, codes, addresses, roles, people, old names.

Every word that is typed must be found at a site or a device, in whatever order. What was typed exactly comes
first, then what begins so, then what contains it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest

import msgspec

from inventory.communes import Communes
from inventory.model import Contact, Device, Inventory, Role, Site

MAX_TEXT = 100
"""Characters of a question that are looked at."""
MAX_WORDS = 8
_ASIDE = re.compile(r"[^\w./:@-]+")


class Hit(msgspec.Struct, frozen=True):
    """A site or a device that fits."""

    site: Site
    device: Device | None = None
    """`None` when the site itself fits."""
    by: str = ""
    """What fits when neither name, id nor address shows it: a former commune, an alias, a role, a person."""


class Found(msgspec.Struct, frozen=True):
    """What fits, best first, and how many there are in all."""

    hits: tuple[Hit, ...] = ()
    total: int = 0


class _Term(msgspec.Struct, frozen=True, gc=False):
    """By what something is found; equal ones are kept once."""

    plain: str
    """Small letters without marks."""
    shown: str
    """As people write it."""


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """Something that can be found."""

    text: str
    """Every term, in lines."""
    terms: tuple[_Term, ...]
    """The more telling first; the first is its name."""
    site: Site
    device: Device | None


class Index:
    """By what the sites and devices of one inventory are found. Making it takes a second for a nation."""

    def __init__(self, inventory: Inventory, communes: Communes) -> None:
        self._entries = tuple(_Writer(inventory, communes).entries())

    def find(self, text: str, limit: int = 50) -> Found:
        """Return at most `limit` sites and devices in which every word of `text` is found.

        Nothing for fewer than two characters.
        """
        words = _plain(text[:MAX_TEXT]).split()[:MAX_WORDS]
        whole = " ".join(words)
        if len(whole) < 2:
            return Found()
        ranked = [
            (_rank(entry, whole), number)
            for number, entry in enumerate(self._entries)
            if all(word in entry.text for word in words)
        ]
        best = (self._entries[number] for _, number in nsmallest(max(limit, 0), ranked))
        return Found(tuple(_hit(entry, words) for entry in best), len(ranked))


def _plain(text: str) -> str:
    """Return a text as it is compared: small letters without marks; what stands in ids and addresses stays."""
    letters = (
        unicodedata.normalize("NFD", text.lower().replace("đ", "d")) if not text.isascii() else text.lower()
    )
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(_ASIDE.sub(" ", bare).split())


def _rank(entry: _Entry, whole: str) -> tuple[int, bool, int]:
    """Return the order of an entry: how well its best term fits, sites before devices, which term that is."""
    best = (_APART, 0)
    if whole in entry.text:
        for place, term in enumerate(entry.terms):
            if whole in term.plain:
                best = min(best, (_fit(whole, term.plain), place))
    fit, place = best
    return fit, entry.device is not None, place


_APART = 4
"""The words fit, but not as they follow one another."""


def _fit(whole: str, term: str) -> int:
    if term == whole:
        return 0
    if term.startswith(whole):
        return 1
    return 2 if f" {whole}" in term else 3


def _hit(entry: _Entry, words: Sequence[str]) -> Hit:
    """Return the entry with the term that explains it, where its name does not."""
    seen = [entry.terms[0].plain, *((entry.device.id, entry.device.address) if entry.device else ())]
    unseen = [word for word in words if not any(word in text for text in seen)]
    by = next((term.shown for word in unseen for term in entry.terms if word in term.plain), "")
    return Hit(entry.site, entry.device, by)


class _Writer:
    """Writes the entries; what many of them share is folded once."""

    def __init__(self, inventory: Inventory, communes: Communes) -> None:
        self._inventory = inventory
        self._communes = communes
        self._known: dict[str, _Term] = {}

    def entries(self) -> Iterator[_Entry]:
        """Yield each site and, after it, its devices."""
        roles = {name: self._terms(_of_role(role)) for name, role in self._inventory.roles.items()}
        for site in self._inventory.sites.values():
            people = self._terms(_of_person(site.owner))
            name = self._term(site.name)
            yield _entry((name, *self._of_site(site), *people), site, None)
            for device in site.devices:
                title = self._term(device.title)
                called = _Term(f"{title.plain} {name.plain}", title.shown)
                own = self._terms(_of_device(device))
                whose = self._terms(_of_person(device.owner)) if device.owner else people
                yield _entry((called, *own, *roles.get(device.role, ()), *whose), site, device)

    def _of_site(self, site: Site) -> Iterator[_Term]:
        yield from self._terms((site.id, *site.aliases, *site.formerly))
        if site.commune:
            for old in self._communes.former.became(site.commune.code):
                shown = f"{old.name} ({old.code})"
                yield self._term(shown)
                yield _Term(old.code, shown)
            yield self._term(site.commune.province)

    def _terms(self, texts: Iterable[str]) -> tuple[_Term, ...]:
        return tuple(self._term(text) for text in texts if text)

    def _term(self, text: str) -> _Term:
        term = self._known.get(text)
        if term is None:
            term = self._known[text] = _Term(_plain(text), text)
        return term


def _entry(terms: tuple[_Term, ...], site: Site, device: Device | None) -> _Entry:
    return _Entry("\n".join([term.plain for term in terms]), terms, site, device)


def _of_role(role: Role) -> Iterator[str]:
    yield from (role.name, role.title.vi, role.title.en)


def _of_device(device: Device) -> Iterator[str]:
    yield from (device.id, device.address, *device.formerly, *device.tags)


def _of_person(contact: Contact | None) -> Iterator[str]:
    if contact is not None:
        yield from (contact.name, contact.unit, contact.phone, "".join(contact.phone.split()), contact.email)
