"""Errors of the API in one form (RFC 9457): `application/problem+json` with `type`, `title`, `status` and `detail`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from sijill.archive.errors import CatalogUnusable
from sijill.viewer.errors import BadRequest, Refused, Removed, ViewerError

MEDIA_TYPE: Final = "application/problem+json"
_SHOWN: Final = (BadRequest, Refused, Removed)
"""The errors whose words are fit to be shown."""
_LONGEST: Final = 500


class Problem(BaseModel):
    """What went wrong (RFC 9457 §3)."""

    type: str = Field(default="about:blank", description="always about:blank: the status says what it is")
    title: str
    status: int
    detail: str | None = None


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "What went wrong",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""What every operation may answer beside what it should."""


def problem(status: HTTPStatus, detail: str | None = None) -> JSONResponse:
    """An error as the API tells it."""
    made = Problem(title=status.phrase, status=status.value, detail=detail[:_LONGEST] if detail else None)
    headers = {"Retry-After": "30"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(made.model_dump(exclude_none=True), status, headers, media_type=MEDIA_TYPE)


class ApiRoute(APIRoute):
    """A route that tells its errors as problems."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as err:
                return problem(HTTPStatus.BAD_REQUEST, _said(err))
            except CatalogUnusable:
                return problem(HTTPStatus.SERVICE_UNAVAILABLE)
            except ViewerError as err:
                return problem(err.status, str(err) if isinstance(err, _SHOWN) else None)

        return handler


def _said(error: RequestValidationError) -> str:
    """What is wrong with which parameter, without what was sent."""
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors()[:5])
