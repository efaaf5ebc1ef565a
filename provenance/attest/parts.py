"""What members of statements of all kinds are made of: numbers, texts, times, digests, with their bounds."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sijill.provenance.attest.canonical import LARGEST_INTEGER
from sijill.provenance.attest.timestamps import CAPTURE_ID, parse_timestamp
from sijill.provenance.errors import Malformed

MAX_LINE = 65_536
"""Characters of a URL, a media type or another line that a server may have chosen."""
MAX_TEXT = 1_000
"""Characters of a title, a reason, a failure's detail."""

T = TypeVar("T")


def _moment(value: Any) -> datetime:
    # pydantic turns a ValueError, and only that, into a finding with the path of the member.
    try:
        return parse_timestamp(str(value))
    except Malformed as err:
        raise ValueError(err.reason) from err


def _address(value: str) -> str:
    ipaddress.ip_address(value)
    return value


Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Line = Annotated[str, Field(min_length=1, max_length=MAX_LINE)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Hex = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
Timestamp = Annotated[datetime, BeforeValidator(_moment)]
Address = Annotated[str, Field(max_length=64), AfterValidator(_address)]
CaptureId = Annotated[str, Field(pattern=rf"\A{CAPTURE_ID.pattern}\z")]
RecordId = Annotated[str, Field(pattern=r"\Aurn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z")]
TokenName = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9-]{0,63}\z")]
SubjectName = Annotated[str, Field(pattern=r"\A[a-z0-9][a-z0-9._-]{0,99}\z")]
# A JSON array is a list and an enum member a string: these two conversions are let in, no others.
Lines = Annotated[tuple[T, ...], Field(strict=False, max_length=1_000)]


class Part(BaseModel):
    """A JSON object with exactly the members named: none missing, none more, none converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class Digests(Part):
    """Both digests of some bytes, lowercase hexadecimal."""

    sha256: Hex
    blake3: Hex


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """`text` as statements have it: cut at `limit` characters, and what of it is not Unicode text becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")[:limit]
