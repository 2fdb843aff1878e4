"""A real OpenLDAP server on loopback with some people and groups, with and without TLS from the start."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Pair
from tests.servers.debian import require
from tests.servers.ports import free_port, wait_for_port

BASE = "dc=tinh,dc=vn"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "reader's password"
PASSWORD = "mật khẩu của Lan"

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSProtocolMin 3.3
security simple_bind=128
database mdb
suffix "{base}"
directory {folder}/db
maxsize 10485760
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""

_PEOPLE = """dn: {base}
objectClass: dcObject
objectClass: organization
o: Tinh
dc: tinh

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {reader_password}

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: uid=lan,ou=people,{base}
objectClass: inetOrgPerson
uid: lan
cn:: VHLhuqduIFRo4buLIExhbg==
sn: Lan
userPassword: {password}
memberOf: cn=noc,ou=groups,{base}

dn: uid=hoa,ou=people,{base}
objectClass: inetOrgPerson
uid: hoa
cn: Hoa
sn: Hoa
userPassword: {password}
memberOf: cn=ke-toan,ou=groups,{base}

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: cn=noc,ou=groups,{base}
objectClass: groupOfNames
cn: noc
member: uid=lan,ou=people,{base}

dn: cn=ke-toan,ou=groups,{base}
objectClass: groupOfNames
cn: ke-toan
member: uid=hoa,ou=people,{base}
"""


@dataclass
class Slapd:
    """Where it listens."""

    ldaps: str
    ldap: str
    """Speaks StartTLS, and refuses passwords without."""


@asynccontextmanager
async def slapd(folder: Path, pair: Pair) -> AsyncIterator[Slapd]:
    """Run the server while the context is open; `pair` is its certificate for ``localhost``."""
    binary = require("slapd", package="slapd")
    config = await asyncio.to_thread(_prepare, binary, folder, pair)
    ports = free_port(), free_port()
    served = Slapd(f"ldaps://localhost:{ports[0]}", f"ldap://localhost:{ports[1]}")
    urls = f"ldaps://127.0.0.1:{ports[0]} ldap://127.0.0.1:{ports[1]}"
    process = await asyncio.create_subprocess_exec(
        binary,
        "-d",
        "0",
        "-f",
        str(config),
        "-h",
        urls,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        for port in ports:
            await wait_for_port(port, process)
        yield served
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _prepare(binary: str, folder: Path, pair: Pair) -> Path:
    (folder / "db").mkdir(parents=True)
    config, people = folder / "slapd.conf", folder / "people.ldif"
    config.write_text(_CONFIG.format(folder=folder, base=BASE, certificate=pair.certificate, key=pair.key))
    people.write_text(
        _PEOPLE.format(base=BASE, reader=READER, reader_password=READER_PASSWORD, password=PASSWORD)
    )
    adding = [str(Path(binary).with_name("slapadd")), "-f", str(config), "-l", str(people)]
    subprocess.run(adding, check=True, capture_output=True)
    return config
