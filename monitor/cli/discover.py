"""``commune-monitor discover NETWORK…``: who is there that nobody has entered?"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import click
import msgspec

from inventory.communes import Communes
from inventory.document import Invalid
from inventory.loader import load_tree
from inventory.model import NAME, Site
from inventory.secrets import Credential, SecretMissing
from monitor.cli.common import clear_start, json_option, load, print_json, print_problems, print_table
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.discovery.credentials import NoCredential, chosen_credentials, usual_credential
from monitor.discovery.doors import doors
from monitor.discovery.guess import guess, load_signs
from monitor.discovery.known import Known, addresses_of
from monitor.discovery.proposal import Sighting, proposal
from monitor.discovery.scope import OutOfScope, scope
from monitor.discovery.sweep import Found, Pace, Sweep
from monitor.house import open_probes
from monitor.ledger import Ledger
from monitor.plan import traits
from probes.core.hostkeys import NoHostKeys
from probes.core.network import Network


@click.command
@click.argument("networks", metavar="NETWORK...", nargs=-1, required=True)
@click.option(
    "--site", default="", help="Commune code or short name of the place the found devices are proposed for."
)
@click.option(
    "--credential", "names", multiple=True, help="SNMP credential of the inventory to try; may be repeated."
)
@click.option("--no-snmp", is_flag=True, help="Send no SNMP credential.")
@click.option(
    "--rate",
    type=click.FloatRange(1, 1000),
    default=100.0,
    show_default=True,
    help="Questions a second, over all addresses.",
)
@json_option
@click.option("--yaml", "as_yaml", is_flag=True, help="Print entries for the inventory instead of a table.")
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), help="Write those entries to a new file."
)
@click.pass_obj
def discover(
    settings: Path,
    networks: tuple[str, ...],
    site: str,
    names: tuple[str, ...],
    no_snmp: bool,
    rate: float,
    as_json: bool,
    as_yaml: bool,
    write: Path | None,
) -> None:
    """Sweep NETWORKs gently, say what answers and what it may be, and propose entries for the inventory.

    Only networks inside `discover: {networks: […]}` of the settings file are swept. SNMP is asked with the credential
    that `defaults:` names, or those given; no other secret is sent. Nothing is written but the file of --write.
    Ctrl+C ends the sweep and prints what was found so far.
    """
    configuration = load(settings)
    place = _place(configuration, site, wanted=as_yaml or write is not None)
    usual = usual_credential(configuration, site)
    tried = () if no_snmp else names or ((usual,) if usual else ())
    permitted = configuration.settings.discover.networks
    try:
        addresses = scope(networks, permitted, configuration.settings.network, random.SystemRandom())
        credentials = chosen_credentials(configuration, tried)
    except (OutOfScope, NoCredential, SecretMissing) as error:
        raise click.UsageError(str(error)) from None
    found, whole = _sweep(configuration, addresses, credentials, rate)
    sightings = _sightings(configuration, found)
    text = proposal(site, sightings, usual, place, Communes.load()) if site else ""
    if write is not None:
        _write(configuration, write, text)
    if as_json:
        print_json(
            {"complete": whole, "found": [msgspec.to_builtins(one, enc_hook=str) for one in sightings]}
        )
    elif as_yaml:
        click.echo(text, nl=False)
    else:
        _print(sightings)
    raise SystemExit(0 if whole else 1)


def _place(configuration: Configuration, site: str, *, wanted: bool) -> Site | None:
    """Return the site as the inventory has it, `None` when it has not. Leaves with exit code 2 for no name of one."""
    if wanted and not site:
        raise click.UsageError("name the place the devices are proposed for: --site CODE, or --site NAME")
    if site and Communes.load().get(site) is None and (not NAME.fullmatch(site) or site.isdigit()):
        raise click.UsageError(f"--site wants an official commune code or a short name, found {site!r}")
    return configuration.inventory.sites.get(site)


def _sweep(
    configuration: Configuration, addresses: Sequence[str], credentials: Mapping[str, Credential], rate: float
) -> tuple[list[Found], bool]:
    """Visit the addresses; return what was found, and whether all were visited."""
    found: list[Found] = []
    label = f"{len(addresses)} addresses"
    with click.progressbar(length=len(addresses), label=label, file=sys.stderr) as bar:

        def visited(one: Found | None) -> None:
            found.extend([one] if one else [])
            bar.update(1)

        async def run() -> None:
            async with AsyncExitStack() as stack:
                state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                probes = await open_probes(configuration, NoHostKeys(), state, stack)
                questions = doors(configuration.inventory)
                await Sweep(probes, questions, credentials, Pace(rate), utc_now).run(addresses, visited)

        try:
            with clear_start():
                asyncio.run(run())
        except KeyboardInterrupt:
            click.echo(f"\nInterrupted after {bar.pos} of {len(addresses)} addresses.", err=True)
            return found, False
    return found, True


def _sightings(configuration: Configuration, found: Sequence[Found]) -> list[Sighting]:
    inventory, signs = configuration.inventory, load_signs()
    known = asyncio.run(_known(configuration))
    ordered = sorted(found, key=lambda one: tuple(map(_numbers, one.address.split("."))))
    return [Sighting(one, guess(one, signs, inventory.roles), known.note(one)) for one in ordered]


async def _known(configuration: Configuration) -> Known:
    """Return what tells the inventory's devices, with what a service saw of them if one ever ran."""
    addresses = await addresses_of(configuration.inventory, Network(configuration.settings.network))
    path = configuration.data / "ledger.sqlite"
    if not await asyncio.to_thread(path.exists):
        return Known(configuration.inventory, addresses, {})
    async with Ledger(path) as ledger:
        return Known(configuration.inventory, addresses, ledger.identities.traits)


def _numbers(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() else (0, part)


def _write(configuration: Configuration, path: Path, text: str) -> None:
    """Write a new file. Leaves with exit code 2 when it exists, or would make the inventory invalid."""
    root = configuration.tree.root.resolve()
    if root.is_dir() and path.resolve().is_relative_to(root):
        name = path.resolve().relative_to(root).as_posix()
        try:
            tree = configuration.tree.altered({name: text.encode()})
            load_tree(
                tree, traits(configuration.probes), configuration.profiles, configuration.settings.network
            )
        except Invalid as error:
            print_problems(error.problems)
            hint = "a site that is in the inventory gets its new devices by hand: print them with --yaml"
            raise click.UsageError(
                f"{path} was not written, for the inventory would be wrong; {hint}"
            ) from None
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.UsageError(f"{path} was not written: {error.strerror}") from None
    click.echo(f"Written to {path}: look through it.", err=True)


def _print(sightings: Sequence[Sighting]) -> None:
    rows = [
        (
            one.found.address,
            one.guess.role or "?",
            one.note.words or "new",
            one.what[:50],
            one.evidence[:90],
        )
        for one in sightings
    ]
    print_table(("ADDRESS", "ROLE", "INVENTORY", "WHAT", "BECAUSE"), rows)
    fresh = sum(not one.note.device for one in sightings)
    click.echo(f"{len(sightings)} answer, {fresh} of them not in the inventory", err=True)
