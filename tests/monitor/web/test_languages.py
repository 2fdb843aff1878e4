"""Each page in one language: in a quiet hour, with faults and in a mass outage nothing of the other is left on it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

import alerts
import monitor
import monitor.traps
import probes
from alerts.incident import Words
from inventory.communes import Communes
from inventory.model import Inventory
from monitor.vitals import Problem
from monitor.web import titles
from monitor.web.app import create_app
from monitor.web.collation import bare_name
from tests.monitor.web.foreign import foreign, texts
from tests.monitor.web.province import Province, province
from tests.monitor.web.scenes import SCENES
from tests.monitor.web.test_pages import ADDRESSES

MORE = (
    "/devices/18073/router",
    "/incidents/2",
    "/incidents/5",
    "/nothing",
    "/account",
    "/quiet/new?device=18073/ups",
)
AS_IT_IS = {
    "Gateway": "the words of a web server",
    "đang xử lý": "a person's note",
    "Lê Văn C": "a person",
    "Nguyễn Văn An": "a person",
    "Tiếng Việt": "the way into the other language says so in that language",
    "English": "the way into the other language says so in that language",
    "Linux mc 6.1.0-28-amd64 #1 SMP Debian": "the words of a device",
    "channels": "the target of a policy, as it is written in the duty file",
    "ping": "a word of the field",
    "token": "a word of the field",
    "[SỰ CỐ] mất kết nối": "a message as it was sent",
    "Nơi: <Xã>": "a message as it was sent",
}
"""What is the same on every page, and why."""


def data(inventory: Inventory) -> Iterator[str]:
    """Yield names that people gave, and those of the places of the country."""
    yield from AS_IT_IS
    for commune in Communes.load():
        yield from (commune.name, bare_name(commune.name), commune.province)
    for site in inventory.sites.values():
        owners = [owner for owner in (site.owner, *(device.owner for device in site.devices)) if owner]
        yield from (site.name, bare_name(site.name), *(device.title for device in site.devices))
        yield from (text for owner in owners for text in (owner.name, owner.unit))


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("scene", ["faults", "outage"])
async def test_no_page_says_anything_in_the_other_language(tmp_path: Path, scene: str, language: str) -> None:
    async with province(tmp_path) as town:
        await SCENES[scene](town)
        town.problems.append(Problem(Words("Xử lý kết quả đo: đã dừng", "Judging has ended"), "pipeline"))
        await _steps(town)
        known = tuple(data(town.inventory))
        async with TestClient(TestServer(create_app(town.context(demo=town.demo)))) as client:
            wrong = [
                f"{address}: {text}"
                for address in (*ADDRESSES, *MORE)
                for text in foreign(await _page(client, address, language), language, known)
            ]
    assert wrong == []


async def _steps(town: Province) -> None:
    """Let a person and the monitor say something about the first incidents."""
    now = datetime.now(UTC)
    await town.ledger.false_alarms.mark(2, "Lê Văn C", "", now, false=True)


async def _page(client: TestClient, address: str, language: str) -> str:  # type: ignore[type-arg]
    joint = "&" if "?" in address else "?"
    async with client.get(f"{address}{joint}lang={language}", headers={"Accept": "text/html"}) as answer:
        html = await answer.text()
    assert "Words(" not in html, "a text in both languages was not put into one"
    return html


@pytest.mark.parametrize(
    ("html", "language", "found"),
    [
        ("<p>Bằng chứng: snmp: no answer: blocked, or away</p>", "vi", True),
        ("<p>Bằng chứng: snmp: không trả lời</p>", "vi", False),
        ("<p>goes on as incident 2</p>", "vi", True),
        ('<button aria-label="Take it on">✓</button>', "vi", True),
        ("<p>báo cho: An</p>", "en", True),
        ("<p>ssh.weak_kex = diffie-hellman-group1-sha1, router-18073 (10.1.2.3)</p>", "vi", False),
        ('<p lang="vi">Tiếng Việt</p><script>const said = "tiếng"</script>', "en", False),
    ],
)
def test_the_look_finds_what_is_in_the_other_language(html: str, language: str, found: bool) -> None:
    assert bool(list(foreign(html, language))) is found, texts(html)


def test_everything_that_probes_say_has_a_title() -> None:
    folders = [Path(str(package.__file__)).parent for package in (probes, monitor.traps)]
    source = "\n".join(path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    named = {kind: set(re.findall(rf'\b{kind}\(\s*"([a-z0-9_.]+)"', source)) for kind in ("Sample", "Fact")}
    assert min(map(len, named.values())) > 10
    assert named["Sample"] - titles.METRICS.keys() == set()
    assert named["Fact"] - titles.FACTS.keys() == set()


def test_everything_that_the_record_says_was_done_is_translated() -> None:
    folder = Path(str(monitor.__path__[0]))
    source = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    named = set(re.findall(r'audit\.add\(\s*db, at, [\w.]+, "([^"]+)"', source))
    assert len(named) > 10
    assert named - set(titles.AUDITED) == set()


def sentences() -> Iterator[tuple[str, str, str]]:
    """Yield every ``Words(vi, en)`` of the code with its place; what is filled in is left out."""
    for package in (alerts, monitor, probes):
        for path in Path(str(package.__path__[0])).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and getattr(node.func, "id", "") == "Words"
                    and len(node.args) == 2
                ):
                    vi, en = (_literal(arg) for arg in node.args)
                    yield f"{path.name}:{node.lineno}", vi, en


def _literal(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "…".join(
        one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)
    )


def test_every_sentence_in_the_code_is_in_both_languages() -> None:
    found = list(sentences())
    assert len(found) > 200
    wrong = [
        f"{place}: {text}"
        for place, vi, en in found
        for text in (
            *foreign(f"<p>{escape(vi)}</p>", "vi", AS_IT_IS),
            *foreign(f"<p>{escape(en)}</p>", "en", AS_IT_IS),
        )
    ]
    assert wrong == []
