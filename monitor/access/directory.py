"""Sign-in with a directory (LDAP): the password is tried there, over TLS; groups are read as the person or a reader.

A sign-in that fails asks as much whoever is meant (abuse case A49): a search and a bind, of a name that is nobody's if
need be; groups are read afterwards. RFC 4511, RFC 4513 (5.1.2: a bind without a password proves nothing), RFC 4515
(escapes of filters).
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, parse_dn

from inventory.secrets import Secret, SecretMissing
from monitor.access.people import NAME
from monitor.access.pool import Pool
from monitor.access.settings import LdapSettings
from monitor.access.vouched import DirectoryAway, Vouched

SECONDS = 5
"""To connect, and to wait for an answer."""
MAX_GROUPS = 1000
_IDS = ("entryUUID", "objectGUID")
"""Attributes with what never changes about a person."""

_Entry = tuple[str, dict[str, list[bytes]]]
"""Name and attributes, by their lower case names, of what is found."""


class Directory:
    """The directory of the settings. `pool` runs what blocks."""

    def __init__(
        self,
        settings: LdapSettings,
        secret: Callable[[], Secret | None],
        ca_file: Path | None,
        pool: Pool,
    ) -> None:
        """`secret` reads the password of `search_as` when it is used."""
        self.settings = settings
        self._secret = secret
        self._tls = ldap3.Tls(
            validate=ssl.CERT_REQUIRED,
            version=ssl.PROTOCOL_TLS_CLIENT,
            ca_certs_file=str(ca_file) if ca_file else None,
        )
        self._pool = pool

    async def prove(self, name: str, password: str) -> Vouched | None:
        """Return who it is; `None` for a wrong name or password. Raises `DirectoryAway`, `pool.Busy`."""
        if not password or not NAME.fullmatch(name):
            return None
        return await self._pool.run(partial(self._prove, name, password))

    async def refuse(self, name: str, password: str) -> None:
        """Do the work of `prove` for somebody the directory does not know, who gets no word of a local password.

        Raises `DirectoryAway`, `pool.Busy`.
        """
        if password and NAME.fullmatch(name):
            await self.prove(secrets.token_hex(8), secrets.token_hex())

    def _prove(self, name: str, password: str) -> Vouched | None:
        problem = ""
        for server in self.settings.servers:
            try:
                return self._ask(server, name, password)
            except (LDAPException, OSError, SecretMissing) as error:
                problem = f"{server}: {type(error).__name__}: {error}"[:300]
        raise DirectoryAway(problem)

    def _ask(self, server: str, name: str, password: str) -> Vouched | None:
        if self.settings.bind_as:
            asked = self.settings.bind_as.replace("{name}", escape_rdn(name))
            with self._connection(server, asked, password) as own:
                return self._read(own, name, self._find(own, name)) if own.bind() else None
        secret = self._secret()
        with self._connection(server, self.settings.search_as, secret.reveal() if secret else "") as reader:
            if not reader.bind():
                raise LDAPException("search_as cannot sign in: see search_password")
            found = self._find(reader, name)
            dn = found[0] if found else f"cn={secrets.token_hex(8)},{self.settings.base}"
            with self._connection(server, dn, password) as own:
                proven = own.bind()
            return self._read(reader, name, found) if proven else None

    @contextmanager
    def _connection(self, server: str, user: str, password: str) -> Iterator[ldap3.Connection]:
        """Yield an encrypted connection that has not signed in yet."""
        secure = server.startswith("ldaps://")
        target = ldap3.Server(
            server, use_ssl=secure, tls=self._tls, get_info=ldap3.NONE, connect_timeout=SECONDS
        )
        connection = ldap3.Connection(
            target,
            user=user,
            password=password,
            receive_timeout=SECONDS,
            auto_referrals=False,
            check_names=False,
            read_only=True,
        )
        try:
            connection.open()
            if not secure and not connection.start_tls():
                raise LDAPException("the server does not speak StartTLS")
            yield connection
        finally:
            with suppress(LDAPException, OSError):
                connection.unbind()
            if connection.socket is not None:
                connection.socket.close()  # the library leaves it open when TLS fails

    def _find(self, connection: ldap3.Connection, name: str) -> _Entry | None:
        """Return the one person of that name; `None` for nobody, or several."""
        settings = self.settings
        wanted = settings.filter.replace("{name}", escape_filter_chars(name))
        found = _search(connection, settings.base, wanted, [settings.title, settings.groups, *_IDS])
        return found[0] if len(found) == 1 else None

    def _read(self, connection: ldap3.Connection, name: str, found: _Entry | None) -> Vouched | None:
        """Return what is said of a person that was found, with the groups."""
        if found is None:
            return None
        settings, (dn, attributes) = self.settings, found
        groups = [*attributes.get(settings.groups.lower(), ())]
        if settings.group_base:
            member = settings.group_filter.replace("{dn}", escape_filter_chars(dn))
            member = member.replace("{name}", escape_filter_chars(name))
            groups += [group for group, _ in _search(connection, settings.group_base, member, ["cn"])]
        ids = (attributes[key.lower()][0] for key in _IDS if attributes.get(key.lower()))
        title = next(iter(attributes.get(settings.title.lower(), ())), b"")
        named = frozenset(_names(map(_text, groups[:MAX_GROUPS])))
        return Vouched("ldap", _id(next(ids, dn.lower())), name, _text(title), named)


def _search(connection: ldap3.Connection, base: str, wanted: str, attributes: list[str]) -> list[_Entry]:
    """Return name and attributes, by their lower case names, of what is found; referrals are left out."""
    connection.search(base, wanted, attributes=attributes, size_limit=MAX_GROUPS, time_limit=SECONDS)
    found: list[dict[str, Any]] = [
        one for one in connection.response or () if one.get("type") == "searchResEntry"
    ]
    return [
        (one["dn"], {name.lower(): list(values) for name, values in one["raw_attributes"].items()})
        for one in found
    ]


def _names(groups: Iterable[str]) -> Iterable[str]:
    """Yield each group by its whole name, and by the short name in front of it."""
    for group in groups:
        yield group
        try:
            yield parse_dn(group)[0][1]
        except (LDAPException, IndexError):
            continue


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def _id(raw: bytes | str) -> str:
    """Return an id as text: GUIDs of Active Directory are bytes."""
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        return raw.hex()
