"""What keeps the viewer from showing something. Each is answered with a page that says so, and with one status."""

from __future__ import annotations

from http import HTTPStatus


class ViewerError(Exception):
    """Anything that is answered with a page of its own. `str()` is for the operator's log, never for a client."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class NotHere(ViewerError):
    """There is no such thing in the archive."""

    status = HTTPStatus.NOT_FOUND


class Removed(ViewerError):
    """What the capture held was removed, and a tombstone says why. `str()` is its sentence, fit to be shown."""

    status = HTTPStatus.GONE


class NotSealedYet(ViewerError):
    """The capture is stored, and not in the log yet: there is no proof, and so no package."""

    status = HTTPStatus.CONFLICT


class Refused(ViewerError):
    """What is stored is missing, altered, or not what it must be. `str()` says what, and is fit to be shown."""

    status = HTTPStatus.CONFLICT


class BadRequest(ViewerError):
    """What was asked is out of bounds or makes no sense. `str()` is fit to be shown."""

    status = HTTPStatus.BAD_REQUEST


class Unavailable(ViewerError):
    """The store or the catalog is out of reach for now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class Busy(ViewerError):
    """As many costly answers are being worked out as are allowed at one time."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
