"""JSON Schema (draft 2020-12) of the YAML files, so that editors complete and check while people type.

A schema sees one file and no official list: it accepts what only `commune-monitor check` can judge (commune codes,
roles and credentials of other files), and refuses unknown keys, probes, parameters and kinds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from inventory import duration, roles, yamltree
from inventory.communes import Communes
from inventory.entries import (
    CheckEntry,
    CommuneEntry,
    DefaultsEntry,
    DeviceEntry,
    FileEntry,
    NeedEntry,
    PlaceEntry,
    ProvinceEntry,
    RoleEntry,
    ServiceEntry,
)
from inventory.model import NAME, Contact, Expected, Site, listed
from inventory.problem import Problem
from inventory.secrets import CredentialSpec
from inventory.takes import meanings
from inventory.traits import ProbeTraits
from inventory.words import Words

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

ENTRIES: dict[str, type[BaseModel]] = {
    "file": FileEntry,
    "commune": CommuneEntry,
    "place": PlaceEntry,
    "device": DeviceEntry,
    "check": CheckEntry,
    "role": RoleEntry,
    "need": NeedEntry,
    "service": ServiceEntry,
    "defaults": DefaultsEntry,
    "province": ProvinceEntry,
    "contact": Contact,
    "expect": Expected,
}
"""The kinds of entry by the name that `words.yaml` gives them."""
CREDENTIALS: dict[str, type[BaseModel]] = {
    get_args(spec.model_fields["kind"].annotation)[0]: spec for spec in get_args(get_args(CredentialSpec)[0])
}
"""The models of credentials by kind."""

_SLUG = f"^{NAME.pattern}$"
_NOTHING = {"type": "null"}
_SPAN = {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h|d)$"}


class _Generator(GenerateJsonSchema):
    """Says what may be written in YAML, where that is wider than what the model holds."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """Describe what goes into a validator: spans of time, lists of one; of others anything."""
        function = schema["function"]["function"]
        if function is duration.seconds:
            return dict(_SPAN)
        if function is listed:
            many = super().function_before_schema(schema)
            return {"anyOf": [many["items"], many]}
        return {}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Accept a plain number for a text, as the loader does (decision 10)."""
        text = super().str_schema(schema)
        return text if "pattern" in text else text | {"type": ["string", "number"]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Refuse keys that do not fit the pattern of a key."""
        mapping = super().dict_schema(schema)
        return mapping | {"additionalProperties": False} if "patternProperties" in mapping else mapping

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe each field by the text under it, without titles that only repeat its name."""
        shape = super().model_schema(schema)
        shape.pop("title", None)
        texts = meanings(schema["cls"])
        for name, field in shape.get("properties", {}).items():
            field.pop("title", None)
            if name in texts:
                field["description"] = texts[name]
        return shape


def document_schema(model: type[BaseModel], title: str) -> Schema:
    """Return the schema of a YAML file that is read as `model`."""
    return {"$schema": DIALECT, "title": title} | shape_of(model)


def shape_of(model: type[BaseModel]) -> Schema:
    """Return the schema of a model, as it may be written in YAML."""
    return model.model_json_schema(schema_generator=_Generator)


def inventory_schema(
    probes: Mapping[str, ProbeTraits], english: Mapping[str, Mapping[str, str]], profiles: Collection[str]
) -> Schema:
    """Return the schema of a file of the inventory.

    `english` has for each probe what its parameters mean, and under ``""`` its question; `profiles` are the names
    of the device profiles.
    """
    builder = _Builder(probes, english, profiles)
    return {"$schema": DIALECT, "title": "Commune Monitor: inventory"} | builder.file()


class _Builder:
    """Puts the shapes of the entries together as the loader reads them."""

    def __init__(
        self,
        probes: Mapping[str, ProbeTraits],
        english: Mapping[str, Mapping[str, str]],
        profiles: Collection[str],
    ) -> None:
        self._probes = probes
        self._english = english
        self._profiles = sorted(profiles)
        self._words = Words.load()
        self._built_in = roles.built_in(probes, list[Problem]())
        self._defs: Schema = {}

    def file(self) -> Schema:
        """Return the whole, its parts under ``$defs``."""
        credential = {"anyOf": [self._credential(kind) for kind in CREDENTIALS]}
        root = self._entry("file")
        for name in (
            "contact",
            "expect",
            "check",
            "defaults",
            "province",
            "device",
            "commune",
            "place",
            "role",
            "need",
            "service",
        ):
            self._defs[name] = self._entry(name)
        self._defs |= {f"check.{probe}": self._check(probe) for probe in self._probes}
        self._defs["checks"] = self._checks()
        self._defs["credentials"] = self._assigned()
        self._join(root["properties"], credential)
        return root | {"$defs": dict(sorted(self._defs.items()))}

    def _join(self, file: Schema, credential: Schema) -> None:
        """Point from each mapping to what it holds."""
        built_in = list(self._built_in.entries)
        self._defs["role_name"] = {"anyOf": [{"enum": built_in}, {"type": "string", "pattern": _SLUG}]}
        role = _ref("role_name")
        sites = {r"^[0-9]{5}$": _ref("commune"), rf"^(?![0-9]+$){NAME.pattern}$": _ref("place")}
        _become(file["sites"], {"type": "object", "patternProperties": sites, "additionalProperties": False})
        _become(file["credentials"], _mapping(credential))
        _become(file["roles"], _mapping(_ref("role"), dict.fromkeys(built_in, _ref("role"))))
        _become(file["defaults"], _ref("defaults"))
        _become(file["provinces"], _ref("provinces"))
        self._provinces()
        kinds = dict.fromkeys(get_args(Site.model_fields["kind"].annotation), _mapping(_ref("need")))
        _become(file["coverage"], {"type": "object", "properties": kinds, "additionalProperties": False})
        self._defs["need"].pop("required")
        _become(file["services"], _mapping(_ref("service")))
        _become(self._keys("need")["roles"], {"anyOf": [role, {"type": "array", "items": role}]})
        for name in ("commune", "place"):
            _become(self._keys(name)["devices"], _mapping(_ref("device")))
        _become(self._keys("device")["role"], role)
        _become(self._keys("device")["profile"], {"enum": [*self._profiles, None]})
        _become(self._keys("role")["behind"], {"anyOf": [role, {"type": "array", "items": role}, _NOTHING]})
        for name in ("defaults", "province", "commune", "place", "device", "role"):
            _become(self._keys(name)["checks"], _ref("checks"))
        for name in ("defaults", "province", "commune", "place", "device"):
            _become(self._keys(name)["credentials"], _ref("credentials"))

    def _provinces(self) -> None:
        """Propose the official codes with the names of the provinces."""
        provinces = Communes.load().provinces
        named = {code: {"description": name, **_ref("province")} for code, name in provinces.items()}
        self._defs["provinces"] = {"type": "object", "properties": named, "additionalProperties": False}
        codes = [{"const": code, "description": name} for code, name in provinces.items()]
        self._defs["province_code"] = {"anyOf": [*codes, {"type": "number"}, _NOTHING]}
        _become(self._keys("place")["province"], _ref("province_code"))

    def _keys(self, name: str) -> Schema:
        properties: Schema = self._defs[name]["properties"]
        return properties

    def _entry(self, name: str) -> Schema:
        """Return a kind of entry with its words; shapes it shares with others are left to ``$defs``."""
        shape = shape_of(ENTRIES[name])
        shared = shape.pop("$defs", {})
        self._defs |= {part: shared[part] for part in ("SecretRef", "Text") if part in shared}
        for key, field in shape["properties"].items():
            field["description"] = self._words.of(name, key).both
        if "owner" in shape["properties"]:
            _become(shape["properties"]["owner"], {"anyOf": [_ref("contact"), _NOTHING]})
        if "expect" in shape["properties"]:
            _become(shape["properties"]["expect"], {"anyOf": [_ref("expect"), _NOTHING]})
        return shape

    def _credential(self, kind: str) -> Schema:
        shape = shape_of(CREDENTIALS[kind])
        self._defs |= shape.pop("$defs", {})
        for key, field in shape["properties"].items():
            field["description"] = self._words.of("credential", key).both
        self._defs[f"credential.{kind}"] = shape
        return _ref(f"credential.{kind}")

    def _assigned(self) -> Schema:
        """Return the mapping that says which credential each probe uses."""
        users = [name for name, traits in self._probes.items() if traits.credential_kinds]
        names = {name: {"type": "string", "description": self._question(name)} for name in users}
        return {"type": "object", "properties": names, "additionalProperties": False}

    def _question(self, probe: str) -> str:
        return self._english.get(probe, {}).get("", probe)

    def _check(self, probe: str) -> Schema:
        """Return a check that asks `probe`. Nothing is required: the role may have said it."""
        shape = shape_of(self._probes[probe].params)
        self._defs |= shape.get("$defs", {})
        for key, field in shape.get("properties", {}).items():
            english = self._english.get(probe, {}).get(key, "")
            field["description"] = self._words.parameter(probe, key, english)
        own = self._defs["check"]["properties"]
        named = {"const": probe, "description": self._question(probe)}
        return {
            "type": "object",
            "description": self._question(probe),
            "properties": {**own, "probe": named, **shape.get("properties", {})},
            "additionalProperties": False,
        }

    def _checks(self) -> Schema:
        """Return the checks of a device or role: a known name tells which probe an entry without one asks."""
        asked = {name: {name} for name in self._probes}
        for role in self._built_in.entries.values():
            for name, entry in yamltree.plain(yamltree.child(role, "checks") or role).items():
                asked.setdefault(name, set()).add(entry.get("probe", name))
        every = [_ref(f"check.{probe}") for probe in self._probes]
        known = {name: {"anyOf": self._choices(probes)} for name, probes in sorted(asked.items())}
        return _mapping({"anyOf": every} if every else {}, known)

    def _choices(self, implied: set[str]) -> list[Schema]:
        first = [_ref(f"check.{probe}") for probe in self._probes if probe in implied]
        return first + [
            {**_ref(f"check.{probe}"), "required": ["probe"]}
            for probe in self._probes
            if probe not in implied
        ]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _become(field: Schema, shape: Schema) -> None:
    """Give a key another shape; what it means stays."""
    description = field["description"]
    field.clear()
    field.update({"description": description, **shape})


def _mapping(value: Schema, known: Mapping[str, Schema] | None = None) -> Schema:
    """Return a mapping from slugs to `value`; `known` are names to propose."""
    names = {"properties": dict(known)} if known else {}
    return {"type": "object", **names, "propertyNames": {"pattern": _SLUG}, "additionalProperties": value}
