"""The interface's two languages: messages by gettext, Vietnamese unless the reader chose English."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from importlib.resources import as_file, files

from aiohttp import web

LANGUAGES = ("vi", "en")
COOKIE = "lang"


def N_(message: str) -> str:
    """Mark `message` for translation where it is not translated yet; gettext's extractors know the name."""
    return message


def load_messages() -> Mapping[str, gettext.NullTranslations]:
    """Return the messages of every language; English is the source and translates to itself."""
    with as_file(files("monitor.web").joinpath("locale")) as folder:
        vietnamese = gettext.translation("messages", folder, ["vi"])
    return {"vi": vietnamese, "en": gettext.NullTranslations()}


def chosen(request: web.Request, default: str) -> str:
    """Return the reader's language: the address says it, or the cookie, or nobody did."""
    for wish in (request.query.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    return default
