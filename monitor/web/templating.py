"""Jinja templates, one environment per language, with the filters that say things in it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from monitor.web.filters import filters
from monitor.web.formats import Formats


class Templates:
    """Renders templates in a language. Everything is escaped unless a template of ours made it."""

    def __init__(self, messages: Mapping[str, NullTranslations], now: Callable[[], datetime]) -> None:
        self.mark = secrets.token_hex(16)
        """Stands in what is rendered where the key of a reader's forms belongs."""
        self._by_language = {
            language: _environment(language, some, now, self.mark) for language, some in messages.items()
        }

    def render(self, name: str, language: str, values: Mapping[str, Any]) -> str:
        """Render ``templates/NAME.html``."""
        return self._by_language[language].get_template(f"{name}.html").render(values)

    async def compile(self) -> None:
        """Compile every template, one between two turns of the loop: else the first reader of each waits for it."""
        for environment in self._by_language.values():
            for name in environment.list_templates():
                environment.get_template(name)
                await asyncio.sleep(0)

    def keyed(self, html: str, key: str) -> str:
        """Return HTML whose forms carry `key`, the reader's own: what was rendered is shared by many readers."""
        return html.replace(self.mark, key)


@cache
def static_url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so it may be cached for ever."""
    content = files("monitor.web").joinpath("static", *name.split("/")).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def _environment(
    language: str, messages: NullTranslations, now: Callable[[], datetime], mark: str
) -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        bytecode_cache=_compiled(),
        optimized=False,  # it would work filters out while compiling, in one of the languages
        auto_reload=False,  # a running service keeps the templates of its own version
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    formats = Formats(language, messages, now)
    translate = messages.gettext
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the i18n extension
        translate, messages.ngettext, newstyle=True
    )
    environment.globals.update(language=language, static=static_url, now=now, csrf=lambda: _csrf(mark))
    environment.filters.update(filters(language, formats, translate))
    return environment


class _Compiled(BytecodeCache):
    """Compiled templates in memory: the languages differ in what the templates call, not in their code."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill `bucket` when its template was compiled before."""
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key] = bucket.bytecode_to_string()


@cache
def _compiled() -> _Compiled:
    return _Compiled()


def _csrf(mark: str) -> Markup:
    """Every form that posts holds this; the guard refuses one without it."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(mark)
