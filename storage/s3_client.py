"""The connection to an S3 server: one client for a process, shared by its threads."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3.session
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.handlers import add_expect_header

from sijill.storage.s3_errors import s3_failures

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from sijill.storage.options import StoreOptions
    from sijill.storage.s3_url import S3Location

CONNECTIONS = 64
"""Kept open for the next request; more may be open at once."""

_ANY_REGION = "us-east-1"


class Connection:
    """Clients for one location. After a fork the child gets its own: sockets cannot be shared."""

    def __init__(self, location: S3Location, options: StoreOptions) -> None:
        self.location = location
        self.options = options
        self._of_process: tuple[int, S3Client] | None = None

    @property
    def client(self) -> S3Client:
        """The client of this process.

        Raises:
            StoreDenied: the credentials that the environment or the AWS files speak of are not there.
            StoreUnavailable: the AWS files cannot be used.
        """
        process = os.getpid()
        if self._of_process is None or self._of_process[0] != process:
            with s3_failures(self.location.url):
                self._of_process = (process, _new_client(self.location, self.options))
        return self._of_process[1]

    @property
    def bucket(self) -> str:
        """The bucket's name, as every request has it."""
        return self.location.bucket


def _new_client(location: S3Location, options: StoreOptions) -> S3Client:
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader())
    session = boto3.session.Session(botocore_session=core)
    client = session.client(
        "s3",
        endpoint_url=location.endpoint,
        region_name=location.region or session.region_name or _ANY_REGION,
        config=_configuration(location, options),
    )
    # Waiting for the server's "100 Continue" costs each put a round trip, and saves sending only what is refused.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


def _configuration(location: S3Location, options: StoreOptions) -> Config:
    details: dict[str, Any] = {
        "addressing_style": location.addressing or ("path" if location.endpoint else "auto"),
        # Content-MD5 is signed and tells the server what to expect; a signed SHA-256 of the body would cost another
        # pass over it and tell no more.
        "payload_signing_enabled": False,
    }
    settings: dict[str, Any] = {
        "signature_version": "s3v4",
        "s3": details,
        "user_agent": "sijill",
        "connect_timeout": options.connect_seconds,
        "read_timeout": options.answer_seconds,
        "retries": {"mode": "standard", "total_max_attempts": options.attempts},
        "max_pool_connections": CONNECTIONS,
        "tcp_keepalive": True,
        # Requests are written by this package alone and checked by mypy; a check of each costs a tenth of its time.
        "parameter_validation": False,
        # What the URL says is where the store is, not what a variable of the environment says.
        "ignore_configured_endpoint_urls": True,
        # Servers other than Amazon's refuse or ignore the newer checksums; bodies carry Content-MD5 instead.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    return Config(**settings)


@functools.cache
def _loader() -> botocore.loaders.Loader:
    # Keeps the parsed description of S3's interface, most of the 0.3 s that a first client takes.
    return botocore.loaders.create_loader()
