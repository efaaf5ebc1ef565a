"""The viewer as one ASGI application: the pages, what they load, the API beside them, and the gate before all."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sijill.archive.catalog.changes import changes
from sijill.archive.catalog.figures import figures_of
from sijill.archive.errors import CatalogUnusable
from sijill.viewer.access import COOKIE, Access
from sijill.viewer.errors import ViewerError
from sijill.viewer.gate import LOGIN, App, Gate, Receive, Scope, Send
from sijill.viewer.kept import Kept
from sijill.viewer.pages import captures, home, log, statements
from sijill.viewer.rendering import Renderer, StaticFile, static_files
from sijill.viewer.replay.addresses import ReplayLinks
from sijill.viewer.source import ArchiveSource
from sijill.viewer.viewer import Viewer

_YEAR: Final = 365 * 86_400
_POLICY: Final = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]{1,4000})">')
_TOLD: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
)
"""The faults whose words are fit to be shown."""
_API: Final = ("/api/", "/timegate/", "/timemap/", "/feed.atom")
_MOST_CHANGES: Final = 1_000
"""Changes that are listed, the newest."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a site is reached, and what it has beside its pages."""

    hosts: frozenset[str]
    """The values of the field Host that are answered, in lower case, with the port where it is not 80."""
    access: Access | None = None
    replay: ReplayLinks | None = None
    verify_page: bytes | None = None
    """The page that verifies packages in the browser, if it is there."""
    routers: Sequence[APIRouter] = ()
    secure: bool = False
    """Whether it is reached by HTTPS only, so that cookies can be kept from everything else."""


def make_app(source: ArchiveSource, options: Options) -> App:
    """The application that shows the archive of `source`."""
    static = static_files()
    beside = {"verify": options.verify_page, "token": options.access, "api": options.routers or None}
    features = frozenset(name for name, there in beside.items() if there is not None)
    viewer = Viewer(
        source=source,
        pages=Renderer(source, static, features),
        figures=Kept(source.catalog, figures_of),
        changes=Kept(source.catalog, lambda catalog: changes(catalog, source, limit=_MOST_CHANGES)),
        access=options.access,
        replay=options.replay,
        verify_page=options.verify_page,
    )
    threading.Thread(target=_warm, args=(viewer,), name="figures", daemon=True).start()
    own = _Own(viewer, static, secure=options.secure)
    app = FastAPI(
        title="sijill",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        routes=[
            *own.routes(),
            *(route for pages in (home, statements, captures, log) for route in pages.routes(viewer)),
        ],
    )
    app.add_exception_handler(ViewerError, own.viewer_error)
    app.add_exception_handler(CatalogUnusable, own.catalog_error)
    app.add_exception_handler(HTTPException, own.http_error)
    app.add_exception_handler(Exception, own.fault)
    for router in options.routers:
        app.include_router(router)
    return Gate(cast(App, app), hosts=options.hosts, access=options.access, refuse=own.refusal)


class _Own:
    """Pages that are about the site itself."""

    def __init__(self, viewer: Viewer, static: dict[str, StaticFile], *, secure: bool) -> None:
        self._viewer = viewer
        self._static = static
        self._secure = secure

    def routes(self) -> Sequence[BaseRoute]:
        """Their addresses."""
        login = [Route(LOGIN, self.login, methods=["GET", "POST"])] if self._viewer.access is not None else []
        return (
            *login,
            Route("/static/{name}", self.static),
            Route("/favicon.ico", lambda _: RedirectResponse("/static/seal.svg")),
            Route("/robots.txt", lambda _: Response("User-agent: *\nDisallow: /\n", media_type="text/plain")),
            Route("/verify", self.verify),
            Route("/about", lambda request: self._viewer.pages.page(request, "about.html")),
        )

    def static(self, request: Request) -> Response:
        """A file that pages load."""
        found = self._static.get(request.path_params["name"])
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        kept = request.query_params.get("v") == found.version
        return Response(
            found.content,
            media_type=found.media_type,
            headers={"Cache-Control": f"public, max-age={_YEAR}, immutable" if kept else "no-cache"},
        )

    def verify(self, request: Request) -> Response:
        """The page that verifies a package in the browser, under the policy that it states itself."""
        page = self._viewer.verify_page
        if page is None:
            return self._viewer.pages.page(request, "verify.html", status=HTTPStatus.NOT_FOUND)
        stated = _POLICY.search(page)
        policy = stated[1].decode("ascii", "replace") if stated else "default-src 'none'"
        return Response(
            page,
            media_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"},
        )

    async def login(self, request: Request) -> Response:
        """The form that takes the token, and gives a cookie for it."""
        access = self._viewer.access
        wrong, following = False, _local(request.query_params.get("next", "/"))
        if request.method == "POST" and access is not None:
            form = parse_qs((await request.body()).decode("utf-8", "replace"))
            following = _local(form.get("next", ["/"])[0])
            if access.is_token(form.get("token", [""])[0].strip()):
                response = RedirectResponse(following, HTTPStatus.SEE_OTHER)
                response.set_cookie(COOKIE, access.cookie, httponly=True, samesite="strict", secure=self._secure)
                return response
            wrong = True
        return self._viewer.pages.page(
            request,
            "login.html",
            status=HTTPStatus.FORBIDDEN if wrong else HTTPStatus.OK,
            wrong=wrong,
            next=following,
        )

    def viewer_error(self, request: Request, error: Exception) -> Response:
        """The answer to a fault that the viewer knows."""
        status = error.status if isinstance(error, ViewerError) else HTTPStatus.INTERNAL_SERVER_ERROR
        return self._fault(request, status, str(error) if status in _TOLD else "")

    def catalog_error(self, request: Request, _: Exception) -> Response:
        """The answer if the catalog cannot be read."""
        return self._fault(request, HTTPStatus.SERVICE_UNAVAILABLE)

    def http_error(self, request: Request, error: Exception) -> Response:
        """The answer to a request that leads nowhere."""
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        return self._fault(request, HTTPStatus(status))

    def fault(self, request: Request, _: Exception) -> Response:
        """The answer to a fault of the program; what it was goes to the operator's log, not to the client."""
        return self._fault(request, HTTPStatus.INTERNAL_SERVER_ERROR)

    def refusal(self, scope: Scope, status: HTTPStatus) -> App:
        """The answer to a request that does not pass the gate."""
        request = Request(scope)
        response: Response
        if status is HTTPStatus.MISDIRECTED_REQUEST:
            # Whoever asks by another name is told nothing of the archive.
            response = Response("this site does not answer to that name\n", status, media_type="text/plain")
        elif status is HTTPStatus.UNAUTHORIZED and not scope["path"].startswith(_API):
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            response = RedirectResponse(f"{LOGIN}?{urlencode({'next': scope['path'] + query})}", HTTPStatus.SEE_OTHER)
        else:
            response = self._fault(request, status)
        if status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = "GET, HEAD"

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await response(scope, receive, send)

        return answer

    def _fault(self, request: Request, status: HTTPStatus, detail: str = "") -> Response:
        if request.url.path.startswith(_API):
            problem = {"type": "about:blank", "title": status.phrase, "status": status.value}
            return JSONResponse(
                problem | ({"detail": detail} if detail else {}), status, media_type="application/problem+json"
            )
        return self._viewer.fault(request, status, detail)


def _warm(viewer: Viewer) -> None:
    """Work out what the first visitor would have to wait for."""
    with suppress(ViewerError, CatalogUnusable), viewer.source.catalog() as catalog:
        viewer.figures.get(catalog)
        viewer.changes.get(catalog)


def _local(address: str) -> str:
    """The address within this site, or its front page if it would lead elsewhere."""
    parts = urlsplit(address)
    local = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return address if local and address.isprintable() else "/"
