"""The parameters of a probe for people: read from its model and the texts under the model's fields."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.takes import default_of, meanings, takes
from probes.core.probe import Params


@dataclass(frozen=True)
class Parameter:
    """One key that a check of this probe takes."""

    name: str
    kind: str
    """What it accepts, for people: ``"whole number, 1 to 65535"``."""
    default: str
    """As written in YAML; ``"required"`` when there is none."""
    meaning: str


def parameters(model: type[Params]) -> tuple[Parameter, ...]:
    """Return the parameters of a probe, in the order of their declaration."""
    schema = model.model_json_schema()
    texts = meanings(model)
    return tuple(
        Parameter(
            name, takes(schema["properties"][name], schema), default_of(schema, name), texts.get(name, "")
        )
        for name in model.model_fields
    )
