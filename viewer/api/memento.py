"""TimeGate and TimeMaps of archived URLs (RFC 7089), by which Memento clients find captures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sijill.archive.capture.target import parse_target
from sijill.archive.catalog.captures import Memento, mementos
from sijill.archive.errors import BadTarget
from sijill.provenance.attest.timestamps import parse_timestamp
from sijill.viewer.api.problems import ApiRoute
from sijill.viewer.errors import BadRequest, NotHere
from sijill.viewer.replay.addresses import ReplayLinks
from sijill.viewer.replay.memento import LINK_FORMAT, http_date, link, memento_links, parse_http_date
from sijill.viewer.source import ArchiveSource

PAGE: Final = 1_000
"""Mementos in a page of a TimeMap."""
_MOST: Final = 100_000
"""Captures of one URL that a TimeGate chooses from."""
_LEAF: Final = re.compile(r"([1-9][0-9]{0,5})/(?=https?:/)")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A URL that is asked for, and what the catalog may have it as."""

    url: str
    """As requests are made from it."""
    leaf: int
    """Which page of a TimeMap."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """The same by HTTP and by HTTPS: clients ask for what stands in old links."""
        scheme, _, rest = self.url.partition(":")
        return (self.url, f"{'http' if scheme == 'https' else 'https'}:{rest}")


class MementoRoutes:
    """Answers Memento clients out of the catalog."""

    def __init__(self, source: ArchiveSource, links: ReplayLinks, viewer: str) -> None:
        """`viewer` is the origin by which the site is reached."""
        self._source = source
        self._links = links
        self._viewer = viewer

    def router(self) -> APIRouter:
        """Their addresses; what follows them is a URL as it is, its query being that of the request."""
        router = APIRouter(route_class=ApiRoute, include_in_schema=False)
        router.add_api_route("/timegate/{url:path}", self.timegate, methods=["GET"])
        router.add_api_route("/timemap/link/{url:path}", self.timemap, methods=["GET"])
        router.add_api_route("/timemap/json/{url:path}", self.timemap_json, methods=["GET"])
        return router

    def timegate(self, request: Request) -> Response:
        """302 to the memento nearest to Accept-Datetime; to the newest one without it (RFC 7089 §4.1.1)."""
        asked = _asked(request, "/timegate/")
        wanted = request.headers.get("accept-datetime")
        moment = None if wanted is None else parse_http_date(wanted)
        if wanted is not None and moment is None:
            raise BadRequest("Accept-Datetime: not a date as HTTP writes it")
        with self._source.catalog() as catalog:
            found = mementos(catalog, asked.spellings, offset=0, limit=_MOST)
        if not found:
            raise NotHere(f"no capture of {asked.url}")
        chosen = found[-1] if moment is None else min(found, key=lambda one: abs(_captured(one) - moment))
        headers = {
            "Location": self._address(chosen),
            "Vary": "accept-datetime",
            "Link": memento_links(
                self._viewer,
                asked.url,
                [self._link(found[0], "first memento"), self._link(found[-1], "last memento")],
            ),
            "Cache-Control": "no-cache",
        }
        return Response(status_code=HTTPStatus.FOUND, headers=headers)

    def timemap(self, request: Request) -> Response:
        """The mementos of a URL in the link format (RFC 7089 §5), the oldest first."""
        asked, found, more = self._leaf(request, "/timemap/link/")
        own = f"{self._viewer}/timemap/link/"
        lines = [
            link(asked.url, rel="original"),
            link(f"{self._viewer}/timegate/{asked.url}", rel="timegate"),
            link(
                f"{own}{asked.leaf}/{asked.url}" if asked.leaf > 1 else own + asked.url,
                rel="self",
                type=LINK_FORMAT,
                **{"from": http_date(_captured(found[0])), "until": http_date(_captured(found[-1]))},
            ),
        ]
        if more:
            lines.append(link(f"{own}{asked.leaf + 1}/{asked.url}", rel="timemap", type=LINK_FORMAT))
        if asked.leaf > 1:
            before = f"{own}{asked.leaf - 1}/{asked.url}" if asked.leaf > 2 else own + asked.url
            lines.append(link(before, rel="timemap", type=LINK_FORMAT))
        for place, one in enumerate(found):
            first = asked.leaf == 1 and place == 0
            last = not more and place == len(found) - 1
            words = [*(["first"] if first else []), *(["last"] if last else []), "memento"]
            lines.append(self._link(one, " ".join(words)))
        return Response(",\n".join(lines) + "\n", media_type=LINK_FORMAT)

    def timemap_json(self, request: Request) -> Response:
        """The same in JSON, as Memento aggregators have it."""
        asked, found, more = self._leaf(request, "/timemap/json/")
        listed = [{"datetime": one.captured, "uri": self._address(one)} for one in found]
        content: dict[str, Any] = {
            "original_uri": asked.url,
            "timegate_uri": f"{self._viewer}/timegate/{asked.url}",
            "timemap_uri": {
                "link_format": f"{self._viewer}/timemap/link/{asked.url}",
                "json_format": f"{self._viewer}/timemap/json/{asked.url}",
            },
            "mementos": {"first": listed[0], "last": listed[-1], "list": listed},
        }
        if more:
            content["next"] = f"{self._viewer}/timemap/json/{asked.leaf + 1}/{asked.url}"
        return JSONResponse(content)

    def _leaf(self, request: Request, before: str) -> tuple[_Asked, tuple[Memento, ...], bool]:
        asked = _asked(request, before)
        with self._source.catalog() as catalog:
            found = mementos(catalog, asked.spellings, offset=(asked.leaf - 1) * PAGE, limit=PAGE + 1)
        if not found:
            raise NotHere(f"no capture of {asked.url}")
        return asked, found[:PAGE], len(found) > PAGE

    def _address(self, memento: Memento) -> str:
        return self._links.lasting(memento.capture_id, _captured(memento), memento.url)

    def _link(self, memento: Memento, relation: str) -> str:
        return link(self._address(memento), rel=relation, datetime=http_date(_captured(memento)))


def _captured(memento: Memento) -> datetime:
    return parse_timestamp(memento.captured)


def _asked(request: Request, before: str) -> _Asked:
    """What the address holds behind `before`, with percent-encoding as it was sent."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode("ascii")
    text = raw.decode("latin-1").partition(before)[2]
    leaf = _LEAF.match(text) if before != "/timegate/" else None
    url = text[leaf.end() :] if leaf else text
    # Proxies fold two slashes within a path into one.
    scheme, colon, rest = url.partition(":")
    url = f"{scheme}{colon}//{rest.lstrip('/')}" if colon else f"http://{url}"
    query = request.scope["query_string"].decode("latin-1")
    try:
        found = parse_target(url + (f"?{query}" if query else ""))
    except BadTarget as err:
        raise BadRequest(str(err)) from err
    return _Asked(str(found), int(leaf[1]) if leaf else 1)
