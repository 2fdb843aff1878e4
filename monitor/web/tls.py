"""The pages' own certificate: followed when its files are renewed, never given up for a broken one."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

LOOK_EVERY = 5.0
"""Seconds between two looks whether the files are other ones."""

log = logging.getLogger(__name__)

Look = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate chain and its key, PEM files; `context` is what a server wants."""

    def __init__(self, certificate: Path, key: Path, look_every: float = LOOK_EVERY) -> None:
        """Read the files. Raises `OSError` with the name of the file and what is wrong."""
        self._files = (certificate, key)
        self._look_every = look_every
        self._seen = self._look()
        self.context = self._fresh()
        self.problem = ""
        """Why the files are not those in force, one line; empty when they are."""

    async def run(self) -> None:
        """Follow the files until cancelled; new connections get the new certificate."""
        while True:
            await asyncio.sleep(self._look_every)
            await self.follow()

    async def follow(self) -> None:
        """Take the files in if they are other ones and fit each other; renewals may write one before the other."""
        try:
            seen = await asyncio.to_thread(self._look)
            if seen == self._seen and not self.problem:
                return
            await asyncio.to_thread(
                self._fresh
            )  # a trial: a pair that does not fit must not be half in force
            await asyncio.to_thread(self._load, self.context)
        except OSError as error:
            self._tell(str(error))
            return
        if seen != self._seen:
            log.info("the certificate of the pages was renewed", extra={"file": str(self._files[0])})
        self._seen, self.problem = seen, ""

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            log.error("the certificate of the pages cannot be renewed", extra={"error": problem})
        self.problem = problem

    def _look(self) -> Look:
        try:
            found = [path.stat() for path in self._files]
        except OSError as error:
            raise OSError(f"web.tls: {error.filename} cannot be read: {error.strerror}") from error
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)

    def _fresh(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except ssl.SSLError as error:
            raise OSError(
                f"web.tls: {certificate} and {key} are no certificate and its key: {error}"
            ) from error
        except OSError as error:
            if error.errno is None:
                raise
            raise OSError(f"web.tls: {certificate} or {key} cannot be read: {error.strerror}") from error


def _no_password() -> str:
    """Refuse to ask at the terminal for the password of a key."""
    raise OSError("web.tls: the key must not be encrypted; the file's mode protects it")
