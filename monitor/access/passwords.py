"""Passwords: argon2id in a few threads with a short queue, so that a flood of sign-ins costs no page anything."""

from __future__ import annotations

import secrets
from functools import cached_property, partial
from typing import Self

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from monitor.access.pool import Pool

THREADS = 2
WAITING = 16
"""Passwords that may wait for a thread: at 50 ms each the last waits less than half a second."""
SHORTEST = 12
LONGEST = 256
_ONE_TIME = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters that nobody mistakes for others when reading them aloud."""


class Weak(ValueError):
    """A password that may not be used; the text says why, in English."""


class Passwords:
    """Use as a context. The parameters are OWASP's for argon2id: 19 MiB, two passes, one lane."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._pool = Pool("passwords", threads, waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.__exit__()

    async def digest(self, password: str) -> str:
        """Return what to keep of `password`. Raises `Busy`."""
        return await self._pool.run(partial(self._hasher.hash, password))

    async def fits(self, digest: str, password: str) -> bool:
        """Whether `digest` is one of `password`; an empty one fits none and takes as long. Raises `Busy`."""
        return await self._pool.run(partial(self._verify, digest, password[:LONGEST]))

    def is_old(self, digest: str) -> bool:
        """Whether `digest` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(digest)

    def _verify(self, digest: str, password: str) -> bool:
        try:
            return self._hasher.verify(digest or self._nobodys, password) and bool(digest)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobodys(self) -> str:
        """A digest that takes as long as that of a user who exists."""
        return self._hasher.hash(secrets.token_hex())


def one_time() -> str:
    """Return a password for one use: 80 bits in four groups that can be read aloud."""
    letters = [secrets.choice(_ONE_TIME) for _ in range(16)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 16, 4))


def must_be_strong(password: str, name: str) -> None:
    """Raise `Weak` unless `password` is long and not what everybody tries first (NIST SP 800-63B, 3.1.1.2)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Weak(f"a password has {SHORTEST} to {LONGEST} characters; a sentence is easy to keep in mind")
    if len(set(password)) < 5 or name in password.lower():
        raise Weak("this password is easy to guess: it repeats itself or contains the name")
