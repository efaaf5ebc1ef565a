"""What all pages share."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse

from sijill.archive.catalog.changes import Change
from sijill.archive.catalog.figures import Figures
from sijill.viewer.access import Access
from sijill.viewer.kept import Kept
from sijill.viewer.rendering import Renderer
from sijill.viewer.replay.addresses import ReplayLinks
from sijill.viewer.source import ArchiveSource


@dataclass(frozen=True, slots=True)
class Viewer:
    """An archive with what its pages are made with."""

    source: ArchiveSource
    pages: Renderer
    figures: Kept[Figures]
    changes: Kept[tuple[Change, ...]]
    access: Access | None
    replay: ReplayLinks | None
    verify_page: bytes | None

    def fault(self, request: Request, status: HTTPStatus, detail: str = "") -> HTMLResponse:
        """The page that says why there is no other; `detail` must be fit to be shown."""
        return self.pages.page(request, "fault.html", status=status, code=status, detail=detail)
