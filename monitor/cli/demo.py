"""``commune-monitor demo``: the ordinary service over a simulated province, and its switches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import click

from monitor.app import service, stop_signals
from monitor.cli.common import clear_start, json_option, load, print_json, print_table
from monitor.clock import utc_now
from monitor.demo.province import Province
from monitor.ledger import Ledger


@click.group(invoke_without_command=True)
@click.option("--port", default=8080, show_default=True, help="Port of the dashboard on 127.0.0.1.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data"),
    show_default=True,
    help="Where the simulated province and its data live.",
)
@click.pass_context
def demo(context: click.Context, port: int, folder: Path) -> None:
    """Watch a simulated province: Hà Tĩnh's 69 communes, served by real protocol servers on this machine."""
    if context.invoked_subcommand is None:
        with clear_start():
            asyncio.run(_demo(folder, port))
    else:
        context.obj = f"http://127.0.0.1:{port}"


@demo.command
@json_option
@click.pass_obj
def faults(url: str, as_json: bool) -> None:
    """List the faults that can be switched, and those that are on."""
    state = asyncio.run(_request("GET", f"{url}/api/v1/demo/faults"))
    if as_json:
        print_json(state)
        return
    print_table(
        ("FAULT", "WHAT IT DOES", "EXAMPLE TARGET"),
        [(kind["id"], kind["effect"]["en"], kind["targets"][0]["id"]) for kind in state["kinds"]],
    )
    for fault in state["faults"]:
        click.secho(f"on: {fault['kind']} {fault['target']} since {fault['since']}", fg="red")


@demo.command
@click.argument("kind")
@click.argument("target")
@click.argument("state", type=click.Choice(["on", "off"]))
@click.pass_obj
def switch(url: str, kind: str, target: str, state: str) -> None:
    """Switch the fault KIND on TARGET (a commune's code, or SITE/DEVICE) on or off."""
    body = {"kind": kind, "target": target, "on": state == "on"}
    asyncio.run(_request("POST", f"{url}/api/v1/demo/faults", body))
    click.echo(f"{kind} on {target} is {state}.")


async def _demo(folder: Path, port: int) -> None:
    stop = stop_signals()
    say = lambda line: click.echo(f"    {line}", err=True)  # noqa: E731
    async with Province(folder, port=port, progress=say) as province:
        configuration = load(province.settings)
        configuration.data.mkdir(parents=True, exist_ok=True)
        async with Ledger(configuration.data / "ledger.sqlite") as ledger:
            for device, fingerprint in province.approve_into(ledger.host_keys):
                await ledger.host_keys.approve(device, fingerprint, "demo", utc_now())
        async with service(configuration, demo=province) as url:
            click.secho(f"Dashboard: {url}   faults: {url}/demo", err=True, bold=True)
            await stop.wait()


async def _request(method: str, url: str, body: object = None) -> dict[str, Any]:
    """Ask the running demo. Leaves with exit code 1 and a clear line when it does not answer or refuses."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.request(method, url, json=body) as response,
        ):
            answer = await response.json(content_type=None)
            if response.ok:
                return dict(answer)
            raise click.ClickException(str(answer.get("detail", response.status)))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise click.ClickException(
            f"no demo answers at {url}: start it with `commune-monitor demo`"
        ) from error
