"""URLs of stores in S3 buckets: `s3://bucket/prefix?endpoint=…&region=…&addressing=…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sijill.storage.errors import BadStoreUrl

_FORM = re.compile(r"s3://([^/?#]*)((?:/[^/?#]+)*)(?:\?([^?#]*))?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])"
_ENDPOINT = re.compile(rf"https?://{_HOST}(?::[1-9][0-9]{{0,4}})?")
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_PREFIX_LENGTH = 256


class Addressing(StrEnum):
    """Where a request names the bucket: first in the path, or first in the host name."""

    PATH = "path"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and the prefix of all names in it that belong to one store."""

    bucket: str
    prefix: str = ""
    """Without a slash at its end; empty if the whole bucket is the store."""
    endpoint: str | None = None
    """None is Amazon's own."""
    region: str | None = None
    addressing: Addressing | None = None
    """None is by path where an endpoint is given, and otherwise as Amazon asks."""

    @property
    def url(self) -> str:
        """The one spelling of this location."""
        parameters = {"endpoint": self.endpoint, "region": self.region, "addressing": self.addressing}
        query = "&".join(f"{name}={value}" for name, value in parameters.items() if value is not None)
        return f"s3://{self.name('')}".rstrip("/") + (f"?{query}" if query else "")

    def name(self, key: str) -> str:
        """`bucket/prefix/key`, for messages."""
        return f"{self.bucket}/{self.object_name(key)}"

    def object_name(self, key: str) -> str:
        """The name in the bucket of the object with this key, or of the store's keys beginning with it."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def key(self, object_name: str) -> str:
        """The reverse of `object_name`, for names that begin with the prefix."""
        return object_name[len(self.prefix) + 1 :] if self.prefix else object_name


def parse_s3_url(url: str) -> S3Location:
    """The location of an S3 store's URL. Nothing in it is %-escaped; parameters may come in any order.

    Raises:
        BadStoreUrl: a part is missing, repeated, unknown or not of its form.
    """
    match = _FORM.fullmatch(url)
    if match is None:
        raise BadStoreUrl(url, "not s3://bucket/prefix?endpoint=…&region=…&addressing=… without / at its end")
    bucket, path, query = match[1], match[2], match[3]
    if not _BUCKET.fullmatch(bucket) or ".." in bucket or _ADDRESS.fullmatch(bucket):
        raise BadStoreUrl(url, "the bucket's name is not 3 to 63 lower-case letters, digits, - and .")
    prefix = path[1:]
    if len(prefix) > _PREFIX_LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in path.split("/")[1:]):
        raise BadStoreUrl(url, f"{prefix[:80]!r} is not a prefix of letters, digits, . _ - and single slashes")
    parameters = _parameters(url, query)
    endpoint, region = parameters.pop("endpoint", None), parameters.pop("region", None)
    addressing = parameters.pop("addressing", None)
    if parameters:
        raise BadStoreUrl(url, f"unknown parameter {next(iter(parameters))!r}: there are endpoint, region, addressing")
    if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
        raise BadStoreUrl(url, "the endpoint is not http://host or https://host, with or without :port")
    if region is not None and not _REGION.fullmatch(region):
        raise BadStoreUrl(url, f"{region!r} cannot be the name of a region")
    if addressing is not None and addressing not in set(Addressing):
        raise BadStoreUrl(url, "addressing is path or virtual")
    return S3Location(bucket, prefix, endpoint, region, None if addressing is None else Addressing(addressing))


def _parameters(url: str, query: str | None) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for item in query.split("&") if query is not None else ():
        name, equals, value = item.partition("=")
        if not equals or not value:
            raise BadStoreUrl(url, f"{item[:80]!r} is not name=value")
        if name in parameters:
            raise BadStoreUrl(url, f"{name!r} is given twice")
        parameters[name] = value
    return parameters
