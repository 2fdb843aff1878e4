"""Texts that have a form: where one has not, people read what is wanted, not a pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Form:
    """In ``Annotated[str, Form(…)]``: the whole text matches a pattern, or `ValueError` says what is wanted."""

    pattern: str
    wants: str
    """``"a number such as 7895417"``."""

    def checked(self, text: str) -> str:
        """Return `text`. Raises `ValueError`."""
        if re.fullmatch(self.pattern, text) is None:
            shown = text if len(text) <= 60 else text[:59] + "…"
            raise ValueError(f"wants {self.wants}; found the text {shown!r}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the text was found to be one."""
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Tell editors the pattern."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}
