"""The switches of the simulated province: what can be broken, what is broken now."""

from __future__ import annotations

import msgspec
from aiohttp import web

from monitor.access.permission import Permission
from monitor.demo.controls import DemoControls, Fault, FaultKind, Received, SimulatorFailed, UnknownFault
from monitor.web import body
from monitor.web.api.watched import answer
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS
from monitor.web.route import Route, context_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch, Params, Values, View

MAX_BODY = 4096
SHOWN = 30


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the API is asked to switch."""

    kind: str
    target: str
    on: bool


class FaultsOut(msgspec.Struct, frozen=True):
    """What can be broken, and what is."""

    kinds: tuple[FaultKind, ...]
    faults: tuple[Fault, ...]


class SwitchedOut(msgspec.Struct, frozen=True):
    """What is broken now."""

    faults: tuple[Fault, ...]


class ReceivedOut(msgspec.Struct, frozen=True):
    """What the phone of whoever is on duty received, the newest first."""

    received: tuple[Received, ...]


def controls(context: WebContext) -> DemoControls:
    """Return the switches. Raises `NoSuch` outside the demo."""
    if context.demo is None:
        raise NoSuch("this is no demo: nothing here is simulated")
    return context.demo


def view(context: WebContext, params: Params) -> View:
    """Return the switches. Raises `NoSuch` outside the demo."""
    demo = controls(context)

    async def values() -> Values:
        kinds, faults = await demo.kinds(), await demo.faults()
        names = {target.id: target.title for kind in kinds for target in kind.targets}
        return {
            "kinds": kinds,
            "faults": faults,
            "kind_titles": {kind.id: kind.title for kind in kinds},
            "target_titles": names,
        }

    return View("demo", frozenset(), values, N_("Demo: switch faults"), lasting=0.0)


def phone_view(context: WebContext, params: Params) -> View:
    """Return the phone of whoever is on duty. Raises `NoSuch` outside the demo."""
    demo = controls(context)

    async def values() -> Values:
        try:
            return {"received": (await demo.received())[:SHOWN]}
        except SimulatorFailed:
            return {"received": None}

    return View("phone", frozenset({INCIDENTS}), values, N_("Demo: the phone on duty"), lasting=0.0)


def routes() -> list[Route]:
    """Return the routes of the switches; outside the demo they answer 404."""
    faults = "/api/v1/demo/faults"
    return [
        Route(
            "GET",
            "/api/v1/demo/received",
            received_by_api,
            Permission.VIEW,
            whole=True,
            summary="What the phone on duty received in the simulation",
            answer=ReceivedOut,
            errors=(404,),
        ),
        Route("POST", "/demo", switch_by_form, Permission.OPERATE, whole=True, max_body=MAX_BODY),
        Route(
            "GET",
            faults,
            faults_by_api,
            Permission.VIEW,
            whole=True,
            summary="Faults of the simulation",
            answer=FaultsOut,
            errors=(404,),
        ),
        Route(
            "POST",
            faults,
            switch_by_api,
            Permission.OPERATE,
            whole=True,
            max_body=MAX_BODY,
            summary="Switch a fault of the simulation on or off",
            body=Switch,
            answer=SwitchedOut,
            errors=(404,),
        ),
    ]


async def switch_by_form(request: web.Request) -> web.Response:
    """Switch what the form says and go back to the page. Raises 403 unless our own page sent it."""
    same_origin(request, required=True)
    form = await request.post()
    wish = Switch(str(form.get("kind", "")), str(form.get("target", "")), form.get("on") == "1")
    await _switch(controls(context_of(request)), wish)
    raise web.HTTPSeeOther("/demo")


async def switch_by_api(request: web.Request) -> web.Response:
    """Switch what the JSON body says. Raises 403, 400, 415."""
    same_origin(request, required=False)
    demo, wish = controls(context_of(request)), await body.decode(request, Switch)
    await _switch(demo, wish)
    return answer(SwitchedOut(await demo.faults()))


async def faults_by_api(request: web.Request) -> web.Response:
    """Return every kind of fault and what is switched on."""
    demo = controls(context_of(request))
    return answer(FaultsOut(await demo.kinds(), await demo.faults()))


async def received_by_api(request: web.Request) -> web.Response:
    """Return what the phone on duty received. Raises 404, 503."""
    demo = controls(context_of(request))
    try:
        return answer(ReceivedOut(tuple((await demo.received())[:SHOWN])))
    except SimulatorFailed as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from error


async def _switch(demo: DemoControls, wish: Switch) -> None:
    try:
        await demo.switch(wish.kind, wish.target, wish.on)
    except UnknownFault as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    except SimulatorFailed as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from error
