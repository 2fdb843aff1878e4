"""Single sign-on by OpenID Connect: authorization code with PKCE, state, nonce; only what the provider signed counts.

OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3.7; RFC 7636 (PKCE). With one provider RFC 9207 is not needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from inventory.network_policy import is_loopback
from inventory.secrets import Secret, SecretMissing
from monitor.access import keys
from monitor.access.settings import OidcSettings
from monitor.access.vouched import Vouched

ALGORITHMS = ("RS256", "ES256")
"""Signatures that are believed; never ``none``, never one with the shared secret."""
LASTING = timedelta(minutes=10)
LEEWAY = 60
"""Seconds that the provider's clock may differ."""
MOST = 20_000
"""Sign-ins under way; more would let a flood push out those of people."""
MAX_BYTES = 256 * 1024
MAX_GROUPS = 1000
SECONDS = 10.0
FRESH = timedelta(hours=1)
"""How long what the provider says of itself is good."""
AGAIN = timedelta(minutes=1)
"""An unknown key makes us ask for the keys again, so often at most."""


class OidcFailed(Exception):
    """The sign-in did not come about; the text says why, in English, and holds no secret."""


class Attempt(msgspec.Struct, frozen=True):
    """A sign-in under way."""

    nonce: str
    verifier: str
    wish: str
    back: str
    """Our address that the provider sends the browser to."""
    until: datetime


class Provider(msgspec.Struct, frozen=True):
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Oidc:
    """The provider of the settings. Use as ``async with``."""

    def __init__(
        self,
        settings: OidcSettings,
        secret: Callable[[], Secret | None],
        ca_file: Path | None,
        now: Callable[[], datetime],
    ) -> None:
        """`secret` reads the client's secret when it is used. Raises `OSError` for a broken `ca_file`."""
        self.settings = settings
        self._secret = secret
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._now = now
        self._attempts: OrderedDict[str, Attempt] = OrderedDict()
        self._provider: tuple[Provider, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None

    async def begin(self, wish: str, back: str) -> tuple[str, str]:
        """Return where to send the browser, and the state that it must bring back. Raises `OidcFailed`."""
        provider = await self._known()
        state, nonce, verifier = keys.fresh(), keys.fresh(), keys.fresh() + keys.fresh()
        self._attempts[state] = Attempt(nonce, verifier, wish, back, self._now() + LASTING)
        if len(self._attempts) > MOST:
            self._attempts.popitem(last=False)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in provider.authorization_endpoint else "?"
        return f"{provider.authorization_endpoint}{joint}{urlencode(query)}", state

    async def finish(self, state: str, kept: str, code: str) -> tuple[Vouched, str]:
        """Return who signed in and where they wanted to go; `kept` is the state that the browser kept.

        Raises `OidcFailed`.
        """
        attempt = (
            self._attempts.pop(state, None) if hmac.compare_digest(state.encode(), kept.encode()) else None
        )
        if attempt is None or self._now() >= attempt.until:
            raise OidcFailed("this sign-in was not begun in this browser, or too long ago; begin again")
        answer = await self._exchange(code, attempt)
        claims = await self._verified(answer.get("id_token"), attempt.nonce)
        return self._said(claims), attempt.wish

    async def _exchange(self, code: str, attempt: Attempt) -> Mapping[str, Any]:
        provider, client = await self._known(), self.settings.client_id
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.back,
            "code_verifier": attempt.verifier,
        }
        headers, secret = {}, self._client_secret()
        if secret is None:
            form["client_id"] = client
        else:
            pair = f"{quote(client, safe='')}:{quote(secret.reveal(), safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return await self._ask("POST", provider.token_endpoint, data=form, headers=headers)

    def _client_secret(self) -> Secret | None:
        try:
            return self._secret()
        except SecretMissing as error:
            raise OidcFailed(str(error)) from error

    async def _verified(self, token: object, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an id token that is signed, for us, of now, and of this sign-in."""
        if not isinstance(token, str):
            raise OidcFailed("the provider sent no id token")
        try:
            try:
                claims = self._decoded(token, await self._known_keys())
            except (JoseError, ValueError, LookupError):
                claims = self._decoded(
                    token, await self._known_keys(again=True)
                )  # keys are changed now and then
            self._must_be_ours(claims, nonce)
        except (JoseError, ValueError, TypeError, LookupError) as error:
            raise OidcFailed(f"the id token is refused: {type(error).__name__}: {error}"[:300]) from None
        return claims

    def _decoded(self, token: str, known: KeySet) -> dict[str, Any]:
        return dict(jwt.decode(token, known, algorithms=list(ALGORITHMS)).claims)

    def _must_be_ours(self, claims: Mapping[str, Any], nonce: str) -> None:
        client, now = self.settings.client_id, int(self._now().timestamp())
        wanted = jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": client},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        wanted.validate(dict(claims))
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if (several or "azp" in claims) and claims.get("azp") != client:
            raise ValueError("azp is not this client")

    def _said(self, claims: Mapping[str, Any]) -> Vouched:
        groups = claims.get(self.settings.groups, [])
        groups = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        name = claims.get("preferred_username") or claims.get("email") or ""
        return Vouched(
            "oidc",
            str(claims["sub"])[:500],
            str(name),
            str(claims.get("name", "")),
            frozenset(group for group in groups[:MAX_GROUPS] if isinstance(group, str)),
        )

    async def _known(self) -> Provider:
        if self._provider is None or self._now() - self._provider[1] > FRESH:
            found = await self._ask("GET", f"{self.settings.issuer}/.well-known/openid-configuration")
            try:
                provider = msgspec.convert(found, Provider)
            except msgspec.ValidationError as error:
                raise OidcFailed(f"the provider does not say what it must: {error}") from None
            if provider.issuer.rstrip("/") != self.settings.issuer:
                raise OidcFailed(
                    f"the provider calls itself {provider.issuer[:200]}, not {self.settings.issuer}"
                )
            self._provider = provider, self._now()
        return self._provider[0]

    async def _known_keys(self, *, again: bool = False) -> KeySet:
        age = self._now() - self._keys[1] if self._keys else None
        if self._keys is None or age is None or age > FRESH or (again and age > AGAIN):
            found = await self._ask("GET", (await self._known()).jwks_uri)
            self._keys = KeySet.import_key_set({"keys": list(found.get("keys", []))}), self._now()
        return self._keys[0]

    async def _ask(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        """Return a JSON object that the provider answers. Raises `OidcFailed`."""
        if not url.startswith("https://") and not is_loopback(urlsplit(url).hostname or ""):
            raise OidcFailed(f"{url[:200]} is not https")
        try:
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            connector = aiohttp.TCPConnector(ssl=self._tls)
            async with (
                aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
                session.request(method, url, allow_redirects=False, **more) as answer,
            ):
                raw = await _bounded(answer)
                if answer.status != 200:
                    raise OidcFailed(f"{url[:200]} answered {answer.status}")
                return msgspec.json.decode(raw, type=dict[str, Any])
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise OidcFailed(f"{url[:200]} does not answer: {type(error).__name__}") from error
        except msgspec.DecodeError as error:
            raise OidcFailed(f"{url[:200]} does not answer with JSON") from error


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(16 * 1024):
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise OidcFailed(f"{str(answer.url)[:200]} answers with too much")
    return bytes(raw)
