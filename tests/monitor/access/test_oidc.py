"""Single sign-on with a real provider on loopback."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import ValidationError
from yarl import URL

from inventory.secrets import Secret
from monitor.access.oidc import Oidc
from monitor.access.permission import Role
from monitor.access.scope import Scope
from monitor.access.settings import OidcSettings
from tests.monitor.access.house import Browser, House, house
from tests.servers.oidc import CLIENT, SECRET, OidcProvider, oidc_provider

ROLES = [
    {"group": "noc", "role": "operator"},
    {"group": "xa-18073", "role": "operator", "sites": "18073"},
    {"group": "xem", "role": "viewer"},
]


@asynccontextmanager
async def estate(folder: Path) -> AsyncIterator[tuple[House, OidcProvider]]:
    async with oidc_provider() as provider:
        provider.person["groups"] = ["noc"]
        settings = OidcSettings.model_validate(
            {"issuer": provider.url, "client_id": CLIENT, "title": "SSO tỉnh", "roles": ROLES}
        )
        oidc = Oidc(settings, lambda: Secret(SECRET), None, lambda: datetime.now(UTC))
        async with house(folder, oidc=oidc) as built:
            yield built, provider


async def go(browser: Browser, wish: str = "/") -> Any:
    """Follow the button to the provider and back, as a browser does; return our last answer."""
    away = await browser.get(f"/sign-in/oidc?next={wish}")
    if away.status != 303:
        return away
    there = await browser.client.session.get(
        URL(away.headers["Location"], encoded=True), allow_redirects=False
    )
    return await browser.client.session.get(
        URL(there.headers["Location"], encoded=True), allow_redirects=False
    )


async def test_whoever_the_provider_signs_in_has_the_role_of_their_groups(tmp_path: Path) -> None:
    async with estate(tmp_path) as (built, provider):
        browser = await built.browser()
        assert "SSO tỉnh" in await browser.text("/sign-in")
        answer = await go(browser, "/incidents")
        assert answer.status == 303 and answer.headers["Location"] == "/incidents"
        lan = built.access.people.named("lan")
        assert (lan.role, lan.source, lan.subject) == (Role.OPERATOR, "oidc", "4711")
        assert (await browser.get("/api/v1/sites")).status == 200
        assert (await browser.get("/account/password")).status == 404  # the provider keeps it
        provider.person["groups"] = ["xa-18073", "xem"]
        provider.person["preferred_username"] = "lan.moi"  # the subject counts, not the name
        assert (await go(await built.browser())).status == 303
        lan = built.access.people.named("lan")
        assert (lan.role, lan.scope) == (Role.OPERATOR, Scope(("18073",)))
        assert (await browser.get("/api/v1/sites")).status == 401  # another role: sign in again


async def test_who_is_in_no_group_or_disabled_here_is_not_let_in(tmp_path: Path) -> None:
    async with estate(tmp_path) as (built, provider):
        provider.person["groups"] = ["kế toán"]
        assert (await go(await built.browser())).status == 401
        provider.person["groups"] = "xem"  # one group, as some providers write it
        assert (await go(await built.browser())).status == 303
        await built.access.people.set_disabled(built.access.people.named("lan"), True, "test")
        assert (await go(await built.browser())).status == 401
        assert ("oidc", "sign-in refused", "lan") in await built.record()


async def test_a_local_user_is_not_taken_over_by_somebody_of_the_same_name(tmp_path: Path) -> None:
    async with estate(tmp_path) as (built, provider):
        provider.person["preferred_username"] = "admin"
        assert (await go(await built.browser())).status == 303
        admin = built.access.people.named("admin")
        assert (admin.source, admin.role) == ("local", Role.ADMIN)
        assert built.access.people.named("admin.oidc").role is Role.OPERATOR


def _unsigned(provider: OidcProvider, claims: dict[str, Any]) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none"}, claims)
    ]
    return ".".join([*parts, ""])


def _by_secret(provider: OidcProvider, claims: dict[str, Any]) -> str:
    return provider.signed(claims, OctKey.import_key(SECRET), "HS256")


def _by_public_key(provider: OidcProvider, claims: dict[str, Any]) -> str:
    return provider.signed(
        claims, OctKey.import_key(base64.b64encode(b"public key of the provider!!")), "HS256"
    )


def _by_another_key(provider: OidcProvider, claims: dict[str, Any]) -> str:
    return provider.signed(claims, RSAKey.generate_key(2048))


@pytest.mark.parametrize(
    "twist",
    [
        lambda claims: claims | {"aud": "another-client"},
        lambda claims: claims | {"aud": [CLIENT, "another"]},  # several, and azp does not say it is for us
        lambda claims: claims | {"azp": "another"},
        lambda claims: claims | {"nonce": "replayed"},
        lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
        lambda claims: claims | {"iss": "https://evil.example"},
        lambda claims: claims | {"exp": claims["iat"] - 600},
        lambda claims: {name: value for name, value in claims.items() if name != "exp"},
        lambda claims: {name: value for name, value in claims.items() if name != "sub"},
        lambda claims: claims | {"iat": claims["iat"] + 3600},
    ],
)
async def test_claims_that_are_not_for_us_and_now_are_refused(
    tmp_path: Path, twist: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """A53."""
    async with estate(tmp_path) as (built, provider):
        provider.twist = twist
        browser = await built.browser()
        assert (await go(browser)).status == 502
        assert (await browser.get("/api/v1/sites")).status == 401


@pytest.mark.parametrize("sign", [_unsigned, _by_secret, _by_public_key, _by_another_key])
async def test_tokens_that_the_provider_did_not_sign_are_refused(
    tmp_path: Path, sign: Callable[[OidcProvider, dict[str, Any]], str]
) -> None:
    """A53: ``alg: none``, HMAC by what the client knows too, a stranger's key."""
    async with estate(tmp_path) as (built, provider):
        provider.sign = sign
        assert (await go(await built.browser())).status == 502


async def test_groups_count_only_where_they_are_signed(tmp_path: Path) -> None:
    """A53: the address and the answer around the token may say what they like."""
    async with estate(tmp_path) as (built, provider):
        del provider.person["groups"]
        browser = await built.browser()
        away = await browser.get("/sign-in/oidc")
        there = await browser.client.session.get(
            URL(away.headers["Location"], encoded=True), allow_redirects=False
        )
        back = there.headers["Location"] + "&groups=noc"
        assert (
            await browser.client.session.get(URL(back, encoded=True), allow_redirects=False)
        ).status == 401


async def test_a_sign_in_that_another_browser_began_is_refused(tmp_path: Path) -> None:
    async with estate(tmp_path) as (built, _):
        attacker, victim = await built.browser(), await built.browser()
        away = await attacker.get("/sign-in/oidc")
        there = await attacker.client.session.get(
            URL(away.headers["Location"], encoded=True), allow_redirects=False
        )
        back = URL(there.headers["Location"], encoded=True)
        assert (await victim.client.session.get(back, allow_redirects=False)).status == 502
        assert (await victim.get("/sign-in/oidc/callback?code=x&state=")).status == 502
        answers = [await attacker.client.session.get(back, allow_redirects=False) for _ in range(2)]
        assert [answer.status for answer in answers] == [303, 502]  # it serves once


async def test_a_provider_that_changes_its_keys_or_signs_with_curves_is_followed(tmp_path: Path) -> None:
    async with estate(tmp_path) as (built, provider):
        assert (await go(await built.browser())).status == 303
        provider.key = ECKey.generate_key("P-256", {"kid": "2", "use": "sig"})
        assert (await go(await built.browser())).status in (
            303,
            502,
        )  # keys are asked for again, not too often
        built.access.oidc._keys = None  # type: ignore[union-attr]
        assert (await go(await built.browser())).status == 303


async def test_a_provider_that_is_another_or_away_is_said_and_local_users_sign_in(tmp_path: Path) -> None:
    async with estate(tmp_path) as (built, provider):
        provider.issuer = "https://another.example"
        browser = await built.browser()
        answer = await go(browser)
        assert answer.status == 502 and "Đăng nhập" in await answer.text()
        assert (await browser.sign_in("viewer")).status == 303


def test_an_issuer_without_tls_is_refused_unless_it_is_this_machine() -> None:
    given = {"client_id": "x", "roles": ROLES}
    OidcSettings.model_validate(given | {"issuer": "http://127.0.0.1:8080"})
    with pytest.raises(ValidationError, match="https"):
        OidcSettings.model_validate(given | {"issuer": "http://sso.example"})
