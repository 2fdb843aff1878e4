"""TLS client settings for probes: one that verifies as a browser does, one that only looks."""

from __future__ import annotations

import asyncio
import ssl

from probes.core.network import Network
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words


def verifying(ca_file: str | None = None) -> ssl.SSLContext:
    """Return settings that check chain, name and dates with the system's authorities and those of `ca_file`.

    Raises `ProbeFailure` (NOT_READY) when `ca_file` cannot be read.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(made, ca_file)
    return made


def lenient(ca_file: str | None = None) -> ssl.SSLContext:
    """Return settings that talk to anything: old versions, weak keys, any certificate; not for credentials.

    The authorities are loaded, so that setting ``verify_mode`` makes it check the chain and nothing else.
    Raises `ProbeFailure` (NOT_READY) when `ca_file` cannot be read.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    made.set_ciphers("ALL:@SECLEVEL=0")
    _load(made, ca_file)
    return made


def _load(made: ssl.SSLContext, ca_file: str | None) -> None:
    try:
        made.load_default_certs()
        if ca_file:
            made.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        text = Words(f"không đọc được tệp CA {ca_file}", f"the CA file {ca_file} cannot be read")
        raise ProbeFailure(Outcome.NOT_READY, text) from error


async def shake_hands(
    network: Network, address: str, port: int, server_name: str, settings: ssl.SSLContext
) -> bytes | None:
    """Complete one TLS handshake and hang up; return the server's certificate (DER), `None` when it has none.

    `address` is one that `Network.resolve` gave.

    Raises `OSError` (of which `ssl.SSLError` is one) when there is no connection or no agreement.
    """
    ours = await network.connect(address, port)
    _, writer = await asyncio.open_connection(sock=ours, ssl=settings, server_hostname=server_name or address)
    try:
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return secured.getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
