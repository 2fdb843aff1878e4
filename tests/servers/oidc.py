"""A small OpenID Connect provider on loopback: it signs in whom a test says, and can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT = "commune-monitor"
SECRET = "client secret:%"  # what must be escaped in a header


@dataclass
class OidcProvider:
    """What a test sees and sets."""

    person: dict[str, Any] = field(default_factory=lambda: {"sub": "4711", "preferred_username": "lan"})
    """Claims of whoever signs in."""
    twist: Callable[[dict[str, Any]], Any] = lambda claims: claims
    """Changes the claims before they are signed."""
    sign: Callable[[OidcProvider, dict[str, Any]], str] | None = None
    """Signs instead of the provider."""
    key: RSAKey | ECKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))
    url: str = ""
    issuer: str = ""
    """What it calls itself, when that is not `url`."""
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def algorithm(self) -> str:
        return "RS256" if isinstance(self.key, RSAKey) else "ES256"

    async def _discovery(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.json_response(
            {
                "issuer": self.issuer or self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/me",
            }
        )

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        assert query["response_type"] == "code" and query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256" and len(query["nonce"]) > 30
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        target = f"{query['redirect_uri']}?code={code}&state={query['state']}"
        return web.Response(status=302, headers={"Location": target})

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        form = await request.post()
        begun = self._codes.pop(str(form["code"]), None)
        auth = BasicAuth.decode(request.headers["Authorization"])
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        right = begun is not None and challenge == begun["code_challenge"]
        if not right or begun is None or auth.password != "client%20secret%3A%25":
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer or self.url,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": begun["nonce"],
            **self.person,
        }
        claims = self.twist(claims)
        token = self.sign(self, claims) if self.sign else self.signed(claims)
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def signed(self, claims: dict[str, Any], key: Any = None, algorithm: str = "") -> str:
        """Return an id token."""
        header = {"alg": algorithm or self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, key or self.key, algorithms=[algorithm or self.algorithm])

    async def _keys(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.json_response(KeySet([self.key]).as_dict(private=False))


@asynccontextmanager
async def oidc_provider() -> AsyncIterator[OidcProvider]:
    """Run a provider while the context is open."""
    provider, app = OidcProvider(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider._discovery)
    app.router.add_get("/authorize", provider._authorize)
    app.router.add_post("/token", provider._token)
    app.router.add_get("/keys", provider._keys)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("")).rstrip("/")
        yield provider
