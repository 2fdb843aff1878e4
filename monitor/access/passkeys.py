"""Passkeys (WebAuthn level 2): a key in the user's own device proves who they are, by finger, face or PIN."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from monitor.access import keys
from monitor.ledger import Ledger, factors
from monitor.ledger.factors import Passkey
from monitor.ledger.users import User

LASTING = timedelta(minutes=5)
MOST = 20_000
"""Questions under way; more would let a flood push out those of people."""
MAX_PASSKEYS = 20
"""Passkeys of one user."""
_CALLED = "Commune Monitor"


class NoPasskey(Exception):
    """What the browser sent proves nothing; the text says why, in English."""


class Place(msgspec.Struct, frozen=True):
    """Where the browser thinks it is: a passkey is good for one name only."""

    host: str
    """Name without the port."""
    origin: str


class _Asked(msgspec.Struct, frozen=True):
    challenge: bytes
    user: int
    """0 where nobody is known yet."""
    until: datetime


class Passkeys:
    """Adds and proves passkeys."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now
        self._asked: OrderedDict[str, _Asked] = OrderedDict()

    def of(self, user: User) -> list[Passkey]:
        """Return the passkeys of somebody, the oldest first."""
        known = self._ledger.access.known.factors.passkeys.values()
        return [passkey for passkey in known if passkey.user == user.id]

    def begin(self, user: User, place: Place) -> dict[str, Any]:
        """Return what a browser needs to make a passkey. Raises `NoPasskey` when there are too many."""
        if len(self.of(user)) >= MAX_PASSKEYS:
            raise NoPasskey(f"there are {MAX_PASSKEYS} passkeys already")
        options = generate_registration_options(
            rp_id=place.host,
            rp_name=_CALLED,
            user_name=user.name,
            user_id=f"user {user.id}".encode(),
            user_display_name=user.title or user.name,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.id)) for passkey in self.of(user)
            ],
        )
        return {"key": self._ask(options.challenge, user.id), "options": json.loads(options_to_json(options))}

    async def add(
        self, user: User, key: str, credential: Mapping[str, Any], title: str, place: Place
    ) -> None:
        """Add the passkey that a browser made. Raises `NoPasskey`."""
        asked = self._answered(key, user.id)
        try:
            made = verify_registration_response(
                credential=dict(credential),
                expected_challenge=asked.challenge,
                expected_rp_id=place.host,
                expected_origin=place.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, LookupError) as error:
            raise NoPasskey(f"the passkey is refused: {error}"[:300]) from error
        number = bytes_to_base64url(made.credential_id)
        if number in self._ledger.access.known.factors.passkeys:
            raise NoPasskey("this passkey is known already")
        add = partial(factors.add_passkey, id=number, user=user, title=title[:100] or "passkey")
        await self._ledger.access.change(
            partial(add, key=made.credential_public_key, count=made.sign_count, at=self._now())
        )

    async def remove(self, user: User, number: str) -> bool:
        """Forget a passkey; return whether the user had it."""
        passkey = self._ledger.access.known.factors.passkeys.get(number)
        if passkey is None or passkey.user != user.id:
            return False
        await self._ledger.access.change(
            partial(factors.remove_passkey, passkey=passkey, user=user, at=self._now())
        )
        return True

    def offer(self, place: Place) -> dict[str, Any]:
        """Return what a browser needs to prove with any passkey it has for us."""
        options = generate_authentication_options(
            rp_id=place.host, user_verification=UserVerificationRequirement.REQUIRED
        )
        return {"key": self._ask(options.challenge, 0), "options": json.loads(options_to_json(options))}

    async def prove(self, key: str, credential: Mapping[str, Any], place: Place) -> User:
        """Return whose passkey it is. Raises `NoPasskey`."""
        asked = self._answered(key, 0)
        passkey = self._ledger.access.known.factors.passkeys.get(str(credential.get("id")))
        user = self._ledger.access.known.users.get(passkey.user) if passkey else None
        if passkey is None or user is None or user.disabled:
            raise NoPasskey("nobody has this passkey here")
        try:
            proof = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=asked.challenge,
                expected_rp_id=place.host,
                expected_origin=place.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, LookupError) as error:
            raise NoPasskey(f"the passkey is refused: {error}"[:300]) from error
        use = partial(factors.use_passkey, id=passkey.id, count=proof.new_sign_count, at=self._now())
        await self._ledger.access.change(use)
        return user

    def _ask(self, challenge: bytes, user: int) -> str:
        key = keys.fresh()
        self._asked[key] = _Asked(challenge, user, self._now() + LASTING)
        if len(self._asked) > MOST:
            self._asked.popitem(last=False)
        return key

    def _answered(self, key: str, user: int) -> _Asked:
        """Return what was asked under `key`, which serves once."""
        asked = self._asked.pop(key, None)
        if asked is None or asked.user != user or self._now() >= asked.until:
            raise NoPasskey("this was not asked, or too long ago")
        return asked
