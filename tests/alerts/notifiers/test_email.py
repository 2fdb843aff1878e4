"""Mail: a real server, STARTTLS, for now or for good, no headers from a title."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from alerts.telling.notifier import Refused, TryLater
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import (
    CANARY,
    CASES,
    PLAIN_MAIL,
    build,
)
from tests.servers.smtp import smtp


async def test_email_reaches_a_real_server_in_vietnamese(secrets: Path) -> None:
    async with smtp() as server, build("email", secrets, **PLAIN_MAIL, port=server.port) as notifier:
        await notifier.send(message())
        await notifier.send(message())
    first, second = server.mails
    assert first["Subject"] == "[SỰ CỐ] Xã Thạch Hà: mất kết nối"
    assert "Đầu mối: A" in first.get_content()
    assert server.recipients[0] == ["a@example.vn", "b@example.vn"]
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"


async def test_email_logs_in_over_starttls(secrets: Path) -> None:
    pair = certificate(secrets)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(*pair)
    async with smtp(tls=server_side, user="monitor", password=CANARY) as server:
        settings = CASES[2].settings(server.port) | {"ca_file": str(pair[0])}
        async with build("email", secrets, **settings) as notifier:
            await notifier.send(message())
        assert len(server.mails) == 1
        (secrets / "canary").write_text("wrong-" + CANARY)
        async with build("email", secrets, **settings) as notifier:
            with pytest.raises(TryLater, match="user and password: 535") as caught:
                await notifier.send(message())
        assert CANARY not in str(caught.value)
        async with build("email", secrets, **CASES[2].settings(server.port)) as notifier:
            with pytest.raises(TryLater):  # the certificate is not one the system trusts
                await notifier.send(message())


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"reply": "451 busy"}, TryLater),
        ({"reply": "554 spam"}, Refused),
        ({"recipient_reply": "450 greylisted"}, TryLater),
        ({"recipient_reply": "550 no such user"}, Refused),
    ],
)
async def test_email_tells_for_now_from_for_good(
    secrets: Path, behaviour: dict[str, str], error: type[Exception]
) -> None:
    async with (
        smtp(**behaviour) as server,  # type: ignore[arg-type]
        build("email", secrets, **PLAIN_MAIL, port=server.port) as notifier,
    ):
        with pytest.raises(error):
            await notifier.send(message())


async def test_a_subject_cannot_bring_headers_of_its_own(secrets: Path) -> None:
    async with smtp() as server, build("email", secrets, **PLAIN_MAIL, port=server.port) as notifier:
        with pytest.raises(Refused):
            await notifier.send(message(title="x\r\nBcc: thief@example.com"))
    assert server.mails == []


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths
