"""A secret comes out where it is asked for by name, and nowhere else."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest
from pydantic import ValidationError

from inventory.secrets import (
    MAX_SECRET_BYTES,
    Credential,
    Secret,
    SecretMissing,
    SecretRef,
    Secrets,
    SnmpV2cSpec,
    SnmpV3Spec,
    SshKeySpec,
    permissions_problem,
    resolve,
)

CANARY = "canary-7f3a9c"


def refusal(reference: SecretRef, folder: Secrets) -> str:
    """Return all that a refusal carries: message, causes, and the local variables of every frame."""
    with pytest.raises(SecretMissing) as caught:
        reference.read(folder)
    error = caught.value
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    return f"{told} {error.__cause__!r} {error.__context__!r} {error.args!r}"


@pytest.mark.parametrize(
    "show", [repr, str, ascii, "{}".format, "{:>40}".format, "{!r}".format, lambda s: f"{s}"]
)
def test_no_way_of_printing_shows_it(show: object) -> None:
    assert callable(show)
    for thing in (
        Secret(CANARY),
        [Secret(CANARY)],
        Credential("snmp_v2c", {}, {"community": Secret(CANARY)}),
    ):
        if isinstance(thing, Secret) or show in (repr, str, ascii):
            assert CANARY not in show(thing)


@pytest.mark.parametrize("write", [json.dumps, pickle.dumps, msgspec.json.encode, copy.copy, copy.deepcopy])
def test_no_way_of_writing_takes_it(write: object) -> None:
    assert callable(write)
    with pytest.raises(TypeError) as caught:
        write(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_it_has_no_attributes_to_look_through() -> None:
    with pytest.raises(TypeError):
        vars(Secret(CANARY))


def test_a_traceback_with_local_variables_does_not_show_it() -> None:
    def use(credential: Credential) -> None:
        secret = credential.secrets["community"]
        assert secret.reveal() == CANARY
        raise ZeroDivisionError

    try:
        use(Credential("snmp_v2c", {}, {"community": Secret(CANARY)}))
    except ZeroDivisionError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "secret = Secret(***)" in told
    assert f"'{CANARY}'" not in told


def test_equal_secrets_are_equal() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_values_come_from_files_less_one_line_end(tmp_path: Path) -> None:
    for name, raw in {"auth": b"pass word\n", "priv": b"two\n\n", "windows": b"x\r\n"}.items():
        (tmp_path / name).write_bytes(raw)
    auth, priv = SecretRef(file="auth"), SecretRef(file="priv")
    credential = resolve(
        SnmpV3Spec(kind="snmp_v3", user="u", auth_password=auth, priv_password=priv), Secrets(tmp_path)
    )
    assert credential.secrets["auth_password"].reveal() == "pass word"
    assert credential.secrets["priv_password"].reveal() == "two\n"
    assert credential.settings == {"user": "u", "auth_protocol": "SHA256", "priv_protocol": "AES128"}
    assert credential.user == "u"
    assert SecretRef(file="windows").read(Secrets(tmp_path)) == Secret("x")


def test_an_optional_secret_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    credential = resolve(SshKeySpec(kind="ssh_key", user="u", key=SecretRef(file="key")), Secrets(tmp_path))
    assert list(credential.secrets) == ["key"]


@pytest.mark.parametrize(
    "name",
    ["../x", "..", ".", "a/b", "/etc/shadow", ".hidden", "", "a\n", "a\0", "x" * 129, "phở", CANARY + "!"],
)
def test_a_reference_is_a_plain_name_inside_the_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        SecretRef(file=name)


@pytest.mark.parametrize("raw", [b"", b"\n", CANARY.encode() + b"\xff", CANARY.encode() * MAX_SECRET_BYTES])
def test_what_is_no_value_is_refused_without_telling_it(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "value").write_bytes(raw)
    told = refusal(SecretRef(file="value"), Secrets(tmp_path))
    assert "value" in told
    assert CANARY not in told


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "absent: there is no such file" in refusal(SecretRef(file="absent"), Secrets(tmp_path))


def test_a_folder_a_pipe_and_a_link_out_are_refused_without_waiting(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    (folder / "folder").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (tmp_path / "outside").write_text(CANARY)
    (folder / "out").symlink_to(tmp_path / "outside")
    for name in ("folder", "pipe", "out"):
        assert CANARY not in refusal(SecretRef(file=name), Secrets(folder))


def test_a_link_inside_the_folder_is_how_kubernetes_mounts_secrets(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "value").write_text("x")
    (tmp_path / "value").symlink_to("..data/value")
    assert SecretRef(file="value").read(Secrets(tmp_path)) == Secret("x")


@pytest.mark.parametrize(
    ("mode", "wide"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o660, True)]
)
def test_files_that_others_may_use_are_a_problem(tmp_path: Path, mode: int, wide: bool) -> None:
    path = tmp_path / "value"
    path.write_text(CANARY)
    path.chmod(mode)
    told = permissions_problem(path)
    assert (told is not None) == wide
    assert told is None or (f"mode {mode:04o}" in told and f"chmod 600 {path}" in told)


def test_a_folder_is_told_another_mode_and_a_missing_file_none(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "chmod 700" in (permissions_problem(tmp_path) or "")
    assert permissions_problem(tmp_path / "absent") is None


def test_a_reference_shows_the_name_of_the_file_only() -> None:
    spec = SnmpV2cSpec(kind="snmp_v2c", community=SecretRef(file="snmp-xa"))
    assert "snmp-xa" in repr(spec)
