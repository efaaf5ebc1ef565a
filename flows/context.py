"""What an attestation and a WARC state about who captured, with what software, under which settings."""

from __future__ import annotations

import platform
import ssl
from functools import cache
from importlib.metadata import version

from sijill.flows.partners.anchoring import Quotable
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import (
    CollectorCommitment,
    CollectorName,
    Context,
    Orchestrator,
    Robots,
    Software,
    Trigger,
)

_LIBRARIES = ("requests", "urllib3", "lxml", "tinycss2", "cryptography", "blake3", "isal")


def capture_context(
    archive: Archive,
    *,
    trigger: Trigger,
    orchestrator: Orchestrator | None,
    robots: Robots | None,
    freshness: Quotable,
) -> Context:
    """Everything an attestation says beside the capture itself."""
    operator, network = archive.settings.operator, archive.settings.network
    return Context(
        trigger=trigger,
        collector=collector(archive),
        software=software(),
        robots=robots or Robots(consulted=False, decision=None, reason="on-demand capture of one URL"),
        egress=operator.egress,
        allowed_networks=tuple(str(item) for item in network.allowed),
        pins=dict(network.pins),
        reject_invalid_certificates=network.reject_invalid_certificates,
        orchestrator=orchestrator,
        freshness=freshness.note,
        freshness_timestamps=freshness.timestamps,
    )


def collector(archive: Archive) -> CollectorName | CollectorCommitment:
    """Who collects: the operator by name, or a commitment to the name if settings conceal it."""
    operator = archive.settings.operator
    if archive.collector_salt is None:
        return CollectorName(operator.name, operator.contact)
    return CollectorCommitment.to(operator.name, archive.collector_salt)


@cache  # reading the metadata of the packages takes longer than fetching a page
def software() -> tuple[Software, ...]:
    """sijill, the interpreter, OpenSSL and the libraries that touch the bytes, each with its version."""
    return (
        Software("sijill", version("sijill")),
        Software(platform.python_implementation(), platform.python_version()),
        Software("OpenSSL", ssl.OPENSSL_VERSION),
        *(Software(name, version(name)) for name in _LIBRARIES if _installed(name)),
    )


def warc_info(archive: Archive) -> dict[str, str]:
    """Named fields of the warcinfo record (ISO 28500 §6.2)."""
    operator = archive.settings.operator
    info = {"software": f"sijill/{software()[0].version}"}
    if not operator.conceal:
        info["operator"] = f"{operator.name} <{operator.contact}>"
    return info


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
