"""From what boto3 raises to this layer's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from sijill.storage.errors import (
    ClockSkewed,
    NotFound,
    StorageError,
    StoreDenied,
    StoreFull,
    StoreUnavailable,
    WrongRegion,
)

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion"})
_FULL = frozenset(
    {
        "EntityTooLarge",
        "InsufficientCapacity",
        "InsufficientStorage",
        "QuotaExceeded",
        "XMinioAdminBucketQuotaExceeded",
        "XMinioStorageFull",
    }
)
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_REGION = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"})
_DENIED = frozenset({"AccountProblem", "ExpiredToken", "InvalidToken", "NotSignedUp"})


class Taken(Exception):
    """The server refused a put because the key holds something, or someone is putting it right now."""


@contextmanager
def s3_failures(where: str) -> Iterator[None]:
    """Raise what boto3 raises in the body as an error of this layer about `where`, a key or a store's URL."""
    try:
        yield
    except ClientError as err:
        raise _refusal(where, err) from err
    except _NO_CREDENTIALS as err:
        raise StoreDenied(where, f"no credentials: {err}") from err
    except ResponseParserError as err:
        raise StoreUnavailable(where, "the answer is not one of S3: is the endpoint that of an S3 server?") from err
    except BotoCoreError as err:
        raise StoreUnavailable(where, str(err)) from err


def code_of(err: ClientError) -> str:
    """The code of a server's refusal, or its HTTP status where there is no body to hold a code."""
    return err.response.get("Error", {}).get("Code", "")


def is_taken(err: ClientError) -> bool:
    """Whether the server refused because of `If-None-Match` or `If-Match`."""
    return code_of(err) in {"PreconditionFailed", "ConditionalRequestConflict", "412"}


def _refusal(where: str, err: ClientError) -> StorageError:
    code, metadata = code_of(err), err.response["ResponseMetadata"]
    status, headers = metadata.get("HTTPStatusCode", 0), metadata.get("HTTPHeaders", {})
    reason = " ".join(
        filter(None, [f"{err.operation_name} refused:", code, err.response["Error"].get("Message"), f"({status})"])
    )
    if code in _MISSING:
        return NotFound(where)
    if code in _FULL or status == HTTPStatus.INSUFFICIENT_STORAGE:
        return StoreFull(where, reason)
    if code in _SKEWED:
        return ClockSkewed(where, f"{reason}; {_difference(headers)}")
    if code in _REGION:
        region = headers.get("x-amz-bucket-region") or err.response["Error"].get("Region")
        return WrongRegion(where, f"{reason}; {f'its region is {region}' if region else 'no region was named'}")
    if code in _DENIED or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return StoreDenied(where, reason)
    return StoreUnavailable(where, reason)


def _difference(headers: dict[str, str]) -> str:
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return "the server does not say what time it has"
    seconds = (datetime.now(UTC) - theirs.astimezone(UTC)).total_seconds()
    return f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the server's"
