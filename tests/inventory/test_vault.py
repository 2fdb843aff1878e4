"""The encrypted store: what goes in comes out, and nothing else does."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import files
from inventory.secrets import Secret, SecretMissing, SecretRef, Secrets
from inventory.vault import Vault, VaultError
from tests.permissions import not_ours

AT = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC)
CANARY = "canary-7f3a"


@pytest.fixture
def store(tmp_path: Path) -> Vault:
    made = Vault(tmp_path / "data" / "secrets.vault", tmp_path / "keys" / "master.key")
    made.create_key()
    return made


def damaged(store: Vault, change: dict[str, object]) -> None:
    """Change fields of the entry ``a`` in the file."""
    written = json.loads(store.path.read_text())
    written["entries"]["a"] |= change
    store.path.write_text(json.dumps(written))


def test_a_value_is_read_by_its_reference(store: Vault, tmp_path: Path) -> None:
    store.put("snmp", Secret(CANARY), AT)
    assert SecretRef(secret="snmp").read(Secrets(tmp_path, store)) == Secret(CANARY)


def test_neither_file_shows_a_value_and_only_the_owner_reads_them(store: Vault) -> None:
    store.put("snmp", Secret(CANARY), AT)
    assert CANARY not in store.path.read_text() + store.key_path.read_text()
    for path in (store.path, store.key_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_times_are_those_of_the_first_and_the_last_value(store: Vault) -> None:
    store.put("a", Secret("1"), AT)
    later = AT.replace(day=26)
    store.put("a", Secret("2"), later)
    assert (store.entries()["a"].created, store.entries()["a"].changed) == (AT, later)
    assert store.read("a") == Secret("2")


def test_a_removed_value_is_gone(store: Vault) -> None:
    store.put("a", Secret("1"), AT)
    store.remove("a")
    assert store.entries() == {}
    with pytest.raises(SecretMissing, match="secret set a"):
        store.read("a")


def test_a_second_master_key_is_not_made(store: Vault) -> None:
    before = store.key_path.read_bytes()
    with pytest.raises(VaultError, match="there is a master key already"):
        store.create_key()
    assert store.key_path.read_bytes() == before


def test_without_the_master_key_nothing_opens_and_the_text_says_what_to_do(store: Vault) -> None:
    store.put("a", Secret(CANARY), AT)
    store.key_path.unlink()
    with pytest.raises(SecretMissing, match="secret key"):
        store.read("a")
    assert list(store.entries()) == ["a"], "names are seen without it"


@pytest.mark.parametrize("content", [b"", b"short\n", b"!" * 44, b"A" * 4097, b"\xff\xfe"])
def test_what_is_no_master_key_is_said(store: Vault, content: bytes) -> None:
    store.put("a", Secret(CANARY), AT)
    store.key_path.write_bytes(content)
    with pytest.raises(SecretMissing, match="master key"):
        store.read("a")


def test_another_master_key_opens_nothing(store: Vault) -> None:
    store.put("a", Secret(CANARY), AT)
    store.key_path.unlink()
    store.create_key()
    with pytest.raises(SecretMissing, match="under another master key"):
        store.read("a")


def test_a_value_under_another_name_does_not_open(store: Vault) -> None:
    store.put("a", Secret("harmless"), AT)
    store.put("b", Secret(CANARY), AT)
    written = json.loads(store.path.read_text())
    damaged(store, written["entries"]["b"])
    with pytest.raises(SecretMissing, match="damaged"):
        store.read("a")


def test_rotating_the_key_keeps_every_value_and_the_old_key_opens_none(store: Vault) -> None:
    for name in ("a", "b"):
        store.put(name, Secret(name * 3), AT)
    old = store.key_path.read_bytes()
    assert store.rotate_key() == 2
    assert [store.read(name) for name in ("a", "b")] == [Secret("aaa"), Secret("bbb")]
    assert len(store.key_path.read_bytes().split()) == 1
    store.key_path.write_bytes(old)
    with pytest.raises(SecretMissing):
        store.read("a")


@pytest.mark.parametrize("crash_at", [1, 2, 3])
def test_a_crash_while_the_key_is_rotated_loses_nothing(
    store: Vault, crash_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three writes are replaced by ones that die, because a power cut at the right moment is not to be had."""
    store.put("a", Secret(CANARY), AT)
    real, writes = files.replace, []

    def dying(path: Path, content: bytes, mode: int) -> None:
        writes.append(path)
        if len(writes) == crash_at:
            raise KeyboardInterrupt
        real(path, content, mode)

    monkeypatch.setattr(files, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        store.rotate_key()
    assert store.read("a") == Secret(CANARY)


@settings(max_examples=60, deadline=None)
@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True),
    value=st.text(min_size=1, max_size=200),
)
def test_whatever_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    folder = tmp_path_factory.mktemp("vault")
    made = Vault(folder / "secrets.vault", folder / "master.key")
    made.create_key()
    made.put(name, Secret(value), AT)
    assert made.read(name).reveal() == value


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_in_words_and_never_gives_another_value(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("vault")
    made = Vault(folder / "secrets.vault", folder / "master.key")
    made.create_key()
    made.put("a", Secret(CANARY), AT)
    raw = bytearray(made.path.read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    made.path.write_bytes(raw)
    try:
        assert made.read("a") == Secret(CANARY), "only what does not matter was changed"
    except SecretMissing as error:
        assert CANARY not in str(error)


def test_a_store_that_cannot_be_written_is_said(store: Vault) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(VaultError):
        store.put("a", Secret("x"), AT)
    assert not list(store.path.parent.glob(".*"))


def test_two_processes_that_set_and_rotate_at_once_lose_nothing(store: Vault) -> None:
    """Threads with a store each: the lock is the file's, so they stand for processes."""

    def put(number: int) -> None:
        Vault(store.path, store.key_path).put(f"s{number}", Secret(str(number)), AT)

    def rotate(_: int) -> None:
        Vault(store.path, store.key_path).rotate_key()

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(rotate if number % 3 == 0 else put, number) for number in range(60)]
        for job in jobs:
            job.result()
    assert {name: store.read(name).reveal() for name in store.entries()} == {
        f"s{number}": str(number) for number in range(60) if number % 3
    }


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_time_that_no_zone_can_show_is_damage(store: Vault, year: str) -> None:
    store.put("a", Secret(CANARY), AT)
    damaged(store, {"changed": f"{year}-01-01T00:00:00Z"})
    with pytest.raises(VaultError, match="damaged"):
        store.entries()


def test_what_keeps_values_from_opening_is_said_in_one_line(store: Vault) -> None:
    key = store.key_path.read_bytes()
    store.key_path.unlink()
    assert store.problem() == "", "nothing is stored, so nothing is missing"
    store.create_key()
    store.put("a", Secret(CANARY), AT)
    assert store.problem() == ""
    store.key_path.write_bytes(key)
    assert "1 of 1 secrets are sealed under another key" in store.problem()
    store.key_path.unlink()
    assert "secret key" in store.problem()


@pytest.mark.parametrize("tidying", [Vault.tidy, lambda store: store.put("b", Secret(CANARY), AT)])
def test_what_a_killed_process_left_is_swept_and_nothing_else(
    store: Vault, tidying: Callable[[Vault], None]
) -> None:
    store.put("a", Secret(CANARY), AT)
    left = [path.parent / f".{path.name}.a1b2c3d4.unfinished" for path in (store.path, store.key_path)]
    copies = [
        path.parent / f".{path.name}.{end}"
        for path in (store.path, store.key_path)
        for end in ("20261126", "original", "unfinished")
    ]
    for path in (*left, *copies):
        path.write_bytes(b"x")
    elsewhere = store.path.parent / f".{store.path.name}.linklink.unfinished"
    elsewhere.symlink_to(copies[0])
    tidying(store)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in (*copies, elsewhere))
    assert "a" in store.entries()


def test_a_killed_writer_leaves_what_the_next_start_sweeps(store: Vault) -> None:
    store.put("a", Secret(CANARY), AT)
    program = (
        "import os, signal, sys; from pathlib import Path; from inventory import files\n"
        "files._flush = lambda stream: (stream.flush(), os.kill(os.getpid(), signal.SIGKILL))\n"
        "files.replace(Path(sys.argv[1]), b'x', 0o600)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(store.key_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(store.key_path.parent.iterdir())) == 2
    store.tidy()
    assert list(store.key_path.parent.iterdir()) == [store.key_path]
    assert store.read("a") == Secret(CANARY)


def test_tidying_waits_for_nobody_and_leaves_what_is_being_written(store: Vault) -> None:
    writing = store.path.parent / f".{store.path.name}.a1b2c3d4.unfinished"
    store.put("a", Secret(CANARY), AT)
    writing.write_bytes(b"x")
    folder = os.open(store.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        store.tidy()
    finally:
        os.close(folder)
    assert writing.exists()


def test_folders_that_are_not_ours_to_read_are_said_in_one_line(store: Vault) -> None:
    store.put("a", Secret(CANARY), AT)
    with not_ours(store.path.parent, store.key_path.parent):
        assert f"the store of secrets {store.path}: cannot be read: Permission denied; it" in store.problem()
        with pytest.raises(SecretMissing, match="Permission denied"):
            store.read("a")
        for change in (store.rotate_key, store.must_have_no_key, store.create_key):
            with pytest.raises(VaultError, match="Permission denied"):
                change()
        store.tidy()


def test_a_key_where_no_file_can_be_is_said_in_one_line(store: Vault) -> None:
    store.put("a", Secret(CANARY), AT)
    for key in (store.path / "master.key", store.path.parent):
        other = Vault(store.path, key)
        assert str(key) in other.problem()
        for change in (other.rotate_key, other.create_key, other.must_have_no_key):
            with pytest.raises(VaultError, match=str(key)):
                change()
    assert store.read("a") == Secret(CANARY)
