"""One-time codes of an app on the phone (TOTP, RFC 6238), and recovery codes for the day the phone is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from hmac import compare_digest

import pyotp

from monitor.access import keys
from monitor.access.passwords import one_time
from monitor.access.seal import Seal, Unsealable
from monitor.ledger import Ledger, factors
from monitor.ledger.users import User

ISSUER = "Commune Monitor"
RECOVERY_CODES = 10
STEP = 30
"""Seconds that a code holds; the ones before and after it are taken too, for clocks go wrong."""


class Codes:
    """Second factors of users by one-time codes."""

    def __init__(self, ledger: Ledger, seal: Seal, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._seal = seal
        self._now = now

    def wants(self, user: User) -> bool:
        """Whether `user` signs in with a code too."""
        return user.id in self._ledger.access.known.factors.totp

    def left(self, user: User) -> int:
        """Return how many recovery codes `user` has."""
        return self._ledger.access.known.factors.codes.get(user.id, 0)

    async def begin(self, user: User, secret: str, code: str) -> list[str] | None:
        """Want codes of `user` from now on; return the recovery codes, `None` when `code` is not of `secret`."""
        if _step(secret, code, self._now()) is None:
            return None
        codes = [one_time() for _ in range(RECOVERY_CODES)]
        sealed = await asyncio.to_thread(self._seal.seal, secret, _bound(user))
        digests = [keys.digest(code) for code in codes]
        await self._ledger.access.change(
            partial(factors.set_totp, user=user, sealed=sealed, codes=digests, at=self._now())
        )
        return codes

    async def fits(self, user: User, code: str) -> bool:
        """Whether `code` is good for `user`, and use it up. Raises `seal.Unsealable`."""
        code = code.strip().lower().replace(" ", "")
        if len(code) > 6:
            use = partial(factors.use_code, user=user, digest=keys.digest(code), at=self._now())
            return await self._ledger.access.change(use)
        sealed = self._ledger.access.known.factors.totp.get(user.id, "")
        secret = await asyncio.to_thread(self._seal.open, sealed, _bound(user))
        step = _step(secret, code, self._now())
        if step is None:
            return False
        return await self._ledger.access.change(partial(factors.use_step, user=user, step=step))


def fresh_secret() -> str:
    """Return a new key of 160 bits, base32."""
    return pyotp.random_base32()


def address(secret: str, user: User) -> str:
    """Return what the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=ISSUER)


def _bound(user: User) -> str:
    return f"totp of {user.id}"


def _step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code it is; `None` when it is none of now."""
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // STEP
    fits = (one for one in (step, step - 1, step + 1) if compare_digest(totp.generate_otp(one), code))
    return next(fits, None) if code.isascii() else None


__all__ = ["Codes", "Unsealable", "address", "fresh_secret"]
