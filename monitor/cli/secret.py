"""``commune-monitor secret``: values that nobody can print, and where they may be sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from inventory.document import Invalid
from inventory.secrets import MAX_SECRET_BYTES, Secret, SecretName
from inventory.vault import Vault, VaultError
from monitor.cli.common import (
    clear_start,
    json_option,
    load,
    operator,
    print_json,
    print_mistakes,
    print_table,
)
from monitor.cli.secret_confirm import confirm
from monitor.cli.secret_uses import cells, of_settings, uses
from monitor.clock import utc_now
from monitor.ledger import Ledger
from monitor.settings import Settings, load_settings


@click.group
def secret() -> None:
    """Keep the values of credentials: encrypted, never printed, sent only where they belong.

    YAML refers to a value as {secret: NAME}. Values come from a prompt or from standard input, never from the command
    line, where others could read them.
    """


@secret.command
@click.pass_obj
def key(settings: Path) -> None:
    """Make the master key that the store is encrypted with. Do this once, and keep a copy in a safe place."""
    vault = _vault(settings)
    with _explained():
        vault.must_have_no_key()
        with _recorded(settings, "master key made", str(vault.key_path)):
            vault.create_key()
    click.echo(
        f"Made {vault.key_path}. Without it no value opens: keep a copy where backups of the rest do not go."
    )


@secret.command("set")
@click.argument("name")
@click.option("--replace", is_flag=True, help="Put the value in place of the one there is.")
@click.pass_obj
def set_(settings: Path, name: str, replace: bool) -> None:
    """Store a value under NAME, from a prompt without echo or from standard input."""
    _must_be_a_name(name)
    vault = _vault(settings)
    with _explained():
        if name in vault.entries() and not replace:
            raise click.UsageError(
                f"there is a secret {name!r} already; --replace puts another value in its place"
            )
        value = _value(name)
        with _recorded(settings, "secret set", name):
            vault.put(name, value, utc_now())
    click.echo(f"Stored {name}. Refer to it in YAML as {{secret: {name}}}.")


@secret.command("list")
@json_option
@click.pass_obj
def list_(settings: Path, as_json: bool) -> None:
    """List the secrets there are and those that are missing, with what uses them. Never values.

    Exit code 1 when one that is used is missing or cannot be read.
    """
    configuration = load(settings)
    with _explained():
        rows = list(uses(configuration))
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("SECRET", "KEPT IN", "SINCE", "CHANGED", "CREDENTIALS", "DEVICES", ""),
            [cells(row) for row in rows],
        )
    raise SystemExit(any(row.problem in ("missing", "unusable") for row in rows))


@secret.command
@click.argument("name", required=False)
@click.option("--master-key", is_flag=True, help="Encrypt everything anew under a new master key.")
@click.pass_obj
def rotate(settings: Path, name: str | None, master_key: bool) -> None:
    """Give NAME a new value, or with --master-key make a new master key and encrypt everything under it."""
    if master_key == (name is not None):
        raise click.UsageError("name a secret, or say --master-key")
    vault = _vault(settings)
    with _explained():
        if name is None:
            with _recorded(settings, "master key rotated", str(vault.key_path)):
                count = vault.rotate_key()
            click.echo(
                f"{count} secrets are encrypted under a new master key; old copies of the key open nothing."
            )
            return
        if name not in vault.entries():
            raise click.UsageError(
                f"there is no secret {name!r}; `commune-monitor secret set {name}` stores one"
            )
        value = _value(name)
        with _recorded(settings, "secret rotated", name):
            vault.put(name, value, utc_now())
    click.echo(f"{name} has a new value; {_taken_in(settings, name)}.")


secret.add_command(confirm)


@secret.command
@click.argument("name")
@click.option("--force", is_flag=True, help="Even if credentials use it.")
@click.pass_obj
def remove(settings: Path, name: str, force: bool) -> None:
    """Forget the secret NAME."""
    configuration = load(settings)
    with _explained():
        if name not in configuration.vault.entries():
            raise click.UsageError(f"there is no secret {name!r} in the store")
        users = [row for row in uses(configuration) if row.name == name and row.credentials]
        if users and not force:
            raise click.UsageError(
                f"{', '.join(users[0].credentials)} uses {name!r}; --force removes it all the same"
            )
        with _recorded(settings, "secret removed", name):
            configuration.vault.remove(name)
    click.echo(f"Removed {name}.")


def _value(name: str) -> Secret:
    """Ask for a value twice, or read it from standard input less one line end."""
    if sys.stdin.isatty():
        return Secret(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    text = sys.stdin.read(MAX_SECRET_BYTES + 1).removesuffix("\n").removesuffix("\r")
    if not text or len(text) > MAX_SECRET_BYTES or not _is_text(text):
        raise click.UsageError("standard input is empty, too long for a secret, or no UTF-8 text")
    return Secret(text)


def _is_text(text: str) -> bool:
    """Whether it was UTF-8: bytes that are not come in as lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _must_be_a_name(name: str) -> None:
    try:
        TypeAdapter(SecretName).validate_python(name)
    except ValidationError:
        raise click.UsageError(
            "the name of a secret wants letters, digits, '.', '_', '-' (at most 128)"
        ) from None


def _settings(path: Path) -> Settings:
    try:
        return load_settings(path)
    except Invalid as error:
        print_mistakes(path, error)
        raise SystemExit(2) from None


def _vault(path: Path) -> Vault:
    """Return the store without reading the inventory: a secret may be set before anything refers to it."""
    settings = _settings(path)
    return Vault(path.parent / settings.vault, path.parent / settings.master_key)


def _taken_in(path: Path, name: str) -> str:
    """Return when a running service uses a new value: devices when it has read the files, channels when they send."""
    users = [user for user, reference in of_settings(_settings(path)) if reference.secret == name]
    if users:
        return (
            f"a running service uses it the next time that {', '.join(users)} sends (after a refusal at most"
            " 10 minutes from then)"
        )
    return "a running service uses it within seconds"


@contextmanager
def _recorded(path: Path, what: str, subject: str) -> Iterator[None]:
    """Write what the block is about to do to the record, and if it fails: nothing is done that cannot be recorded."""
    _audit(path, what, subject)
    try:
        yield
    except VaultError as error:
        _audit(path, "not done after all", subject, f"{what}: {error}")
        raise


def _audit(path: Path, what: str, subject: str, detail: str = "") -> None:
    async def write() -> None:
        async with Ledger(path.parent / _settings(path).data / "ledger.sqlite") as ledger:
            await ledger.audit.add(utc_now(), operator(), what, subject, detail)

    with clear_start():
        asyncio.run(write())


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except VaultError as error:
        click.echo(f"commune-monitor: {error}", err=True)
        raise SystemExit(2) from None
