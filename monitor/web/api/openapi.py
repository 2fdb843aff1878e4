"""The description of the API (OpenAPI 3.1), made of the routes and of the models that decode and encode."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from monitor.access.permission import Permission
from monitor.web import cookies
from monitor.web.problem import CONTENT_TYPE, ProblemOut
from monitor.web.route import Route

Schema = dict[str, Any]

PREFIX = "/api/v1/"
REF = "#/components/schemas/{name}"
JSON = "application/json"
_PATH_PARAMETER = re.compile(r"\{(?P<name>\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
_NAME = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
ABOUT = """\
What the pages of Commune Monitor show and do, for programs. Times are RFC 3339; durations are seconds.

Lists are pages: give `next` back as `cursor` until it is null. Read answers carry an `ETag`; sent back as
`If-None-Match` it saves the body (304). Errors are problem+json (RFC 9457) and name each mistake. A token belongs in
`Authorization: Bearer`, never in an address. A role that holds at some sites is shown these sites only.
"""


def document(routes: Iterable[Route], server: str = "/") -> Schema:
    """Return the description of those of `routes` that belong to the API."""
    described = [route for route in routes if is_described(route)]
    components = _components(described)
    paths: dict[str, Schema] = {}
    for route in described:
        paths.setdefault(path_of(route), {})[route.method.lower()] = _operation(route, components)
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "Commune Monitor",
            "version": version("commune-monitor"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }
    return msgspec.json.decode(msgspec.json.encode(made), type=Schema)


def is_described(route: Route) -> bool:
    """Whether a route belongs to the API."""
    return route.path.startswith(PREFIX)


def path_of(route: Route) -> str:
    """Return the path as OpenAPI writes it."""
    return _PATH_PARAMETER.sub(r"{\g<name>}", route.path)


def operation_id(route: Route) -> str:
    """Return the name of an operation: ``"get_sites_site"``."""
    words = re.findall(r"\w+", path_of(route).removeprefix(PREFIX.rstrip("/")))
    return "_".join([route.method.lower(), *words])


_SECURITY: Schema = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `commune-monitor user token`, or of the page of your account.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookies.SESSION,
        "description": "The session of a browser; behind TLS its name begins with `__Host-`.",
    },
}


def _operation(route: Route, components: Schema) -> Schema:
    parameters = [
        *_path_parameters(route), *_query_parameters(route, components), *_header_parameters(route)
    ]  # fmt: skip
    made: Schema = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": _permission(route),
        "tags": [route.path.removeprefix(PREFIX).partition("/")[0]],
        "responses": dict(_answers(route, components)),
    }
    if route.may is Permission.PUBLIC:
        made["security"] = []
    else:
        made["security"] = [{"bearer": []}, {"session": []}]
    if parameters:
        made["parameters"] = parameters
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(route.body, components)}}}
    return made


def _permission(route: Route) -> str:
    where = " for every site" if route.whole else ""
    return f"Wants the permission `{route.may}`{where}."


def _path_parameters(route: Route) -> Iterator[Schema]:
    for found in _PATH_PARAMETER.finditer(route.path):
        schema = _NUMBER if ":" in found[0] else _NAME
        yield {"name": found["name"], "in": "path", "required": True, "schema": schema}


def _query_parameters(route: Route, components: Schema) -> Iterator[Schema]:
    if route.query is None:
        return
    (_,), found = msgspec.json.schema_components([route.query], ref_template=REF)
    model = found.pop(route.query.__name__)
    components.update(found)
    for name, schema in model["properties"].items():
        if schema.get("type") == "object":
            continue  # `label.NAME`, which OpenAPI has no word for; the summary tells
        made = {"name": name, "in": "query", "required": name in model["required"], "schema": schema}
        if about := schema.pop("description", ""):
            made["description"] = about
        yield made


def _header_parameters(route: Route) -> Iterator[Schema]:
    """Yield the headers that say for which state a change is meant."""
    if 412 in route.errors:
        about = "The ETag of the read: the change is made only if that is how it is still"
        yield _header("If-Match", about)
    if 428 in route.errors:
        yield _header("If-None-Match", "`*`: the change is made only if there is nothing yet")


def _header(name: str, about: str) -> Schema:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": about,
        "schema": {"type": "string"},
    }


def _answers(route: Route, components: Schema) -> Iterator[tuple[str, Schema]]:
    title = HTTPStatus(route.status).phrase
    if route.answer is None:
        yield str(route.status), {"description": title}
    else:
        content = {getattr(route.answer, "CONTENT_TYPE", JSON): {"schema": _ref(route.answer, components)}}
        yield str(route.status), {"description": title, "content": content}
    if route.method == "GET":
        yield "304", {"description": "It is as it was: `If-None-Match` named its ETag"}
    schema = {"schema": _ref(ProblemOut, components)}
    for status in sorted(errors_of(route)):
        yield str(status), {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: schema}}


def errors_of(route: Route) -> set[int]:
    """Return every error that a route may answer."""
    found = {400, 421, 503, *route.errors}
    if route.may is not Permission.PUBLIC:
        found |= {401, 403}
    if "{" in route.path:
        found.add(404)
    if route.method != "GET":
        found.add(413)
    if route.body is not None:
        found |= {415, 422}
    return found


def _ref(model: type, components: Mapping[str, Schema]) -> Schema:
    return {"$ref": REF.format(name=_name(model, components))}


def _name(model: type, components: Mapping[str, Schema]) -> str:
    full = f"{model.__module__}.{model.__qualname__}"
    return full if full in components else model.__name__


def _components(routes: Iterable[Route]) -> Schema:
    """Return the schema of every body and answer."""
    models = dict.fromkeys(model for route in routes for model in (route.body, route.answer) if model)
    pydantic = [model for model in models if issubclass(model, BaseModel)]
    structs = [model for model in (*models, ProblemOut) if model not in pydantic]
    _, found = msgspec.json.schema_components(structs, ref_template=REF, schema_hook=_hook)
    _, theirs = models_json_schema(
        [(one, "validation") for one in pydantic], ref_template=REF.format(name="{model}")
    )
    found.update(theirs.get("$defs", {}))
    return dict(sorted(found.items()))


def _hook(model: type) -> Schema:
    if issubclass(model, BaseModel):
        return model.model_json_schema(mode="serialization")
    raise NotImplementedError
