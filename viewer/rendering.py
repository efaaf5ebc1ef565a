"""Turning templates into pages: escaping is on everywhere, and an unknown name in a template is an error."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sijill.viewer.gate import policy
from sijill.viewer.source import ArchiveSource
from sijill.viewer.wording import COOKIE, LANGUAGES, wording_of

_YEAR: Final = 365 * 86_400
STATIC_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# What has no width or turns the direction of what follows; ZWNJ and ZWJ stay, which Arabic and Persian need.
_INVISIBLE: Final = re.compile(
    "[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]"
)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages load."""

    content: bytes
    media_type: str
    version: str
    """Changes with its bytes."""


def static_files() -> dict[str, StaticFile]:
    """The files that pages load, by name."""
    found = {}
    for entry in files("sijill.viewer").joinpath("static").iterdir():
        ending = entry.name[entry.name.rfind(".") :]
        if ending in STATIC_TYPES:
            content = entry.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            found[entry.name] = StaticFile(content, STATIC_TYPES[ending], version)
    return found


class Renderer:
    """Makes the pages of one archive."""

    def __init__(self, source: ArchiveSource, static: Mapping[str, StaticFile], features: frozenset[str]) -> None:
        """`features` are the names of what the site has beside its own pages: `verify`, `token`."""
        self._source = source
        self._environment = Environment(
            loader=PackageLoader("sijill.viewer"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            moment=moment, day=day, size=size, shown=shown, address=address, number=number, short=short
        )
        self._environment.globals.update(
            static=lambda name: f"/static/{name}?v={static[name].version}",
            with_query=with_query,
            LANGUAGES=LANGUAGES,
            features=features,
        )

    def page(
        self, request: Request, template: str, *, status: int = 200, frames: str | None = None, **values: Any
    ) -> HTMLResponse:
        """A page in the language that the request asks for."""
        wording = wording_of(request)
        html = self._environment.get_template(template).render(
            t=wording,
            request=request,
            archive=self._source.name,
            origin=self._source.origin,
            state=self._source.catalog_state(),
            **values,
        )
        response = HTMLResponse(html, status, headers={"Content-Security-Policy": policy(frames=frames)})
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, wording.language, max_age=_YEAR, httponly=True, samesite="lax")
        return response


def moment(value: datetime | str | None) -> Markup:
    """A time to the second, in UTC, for people and machines."""
    if value is None:
        return Markup("")
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    return Markup('<time datetime="{}" dir="ltr">{} UTC</time>').format(
        f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M:%S}"
    )


def day(value: datetime | str | None) -> Markup:
    """The day of a time, in UTC."""
    if value is None:
        return Markup("")
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    return Markup('<time datetime="{0}" dir="ltr">{0}</time>').format(f"{at:%Y-%m-%d}")


def size(value: int) -> str:
    """Bytes for people."""
    if value < 1_000:
        return f"{value} B"
    step = min(3, (len(f"{value}") - 1) // 3)
    return f"{value / 1_000**step:.1f} {('kB', 'MB', 'GB')[step - 1]}"


def number(value: int) -> str:
    """A number with its thousands parted."""
    return f"{value:,}"


def short(digest: str) -> Markup:
    """The beginning of a digest; all of it is in the title."""
    return Markup('<code class="digest" title="{}" dir="ltr">{}…</code>').format(digest, digest[:12])


def shown(text: str) -> str:
    """Text out of the archive as a person may read it: what is invisible or turns directions is left out."""
    return _INVISIBLE.sub("", text)


def address(url: str) -> Markup:
    """A URL for people: its letters decoded where they are letters, and never as a link to the live page."""
    try:
        text = unquote(url, errors="strict")
    except UnicodeDecodeError:
        text = url
    return Markup('<bdi class="url" dir="ltr">{}</bdi>').format(shown(text))


def with_query(request: Request, **values: Any) -> str:
    """The address of the same page with some parameters set, or left out if None."""
    kept = {name: value for name, value in request.query_params.multi_items() if name not in values}
    query = urlencode([*kept.items(), *((name, value) for name, value in values.items() if value is not None)])
    path = quote(request.url.path)
    return f"{path}?{query}" if query else path


def plain(text: str, *, status: int = 200) -> Response:
    """A line of plain text."""
    return Response(f"{text}\n", status, media_type="text/plain")


Endpoint = Callable[[Request], Response]
