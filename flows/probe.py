"""Trying out what the store can do: the finding is stored, signed and logged, and settings may demand it."""

from __future__ import annotations

from dataclasses import dataclass

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.flows.context import collector, software
from sijill.flows.errors import CapabilityNotShown
from sijill.flows.signing import load, record
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.probe import (
    REPORT_NAME,
    Capability,
    ProbeStatement,
    parse_probe_statement,
    probe_statement,
)
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attested_entry, kind_folder
from sijill.storage.layout import object_key


@dataclass(frozen=True, slots=True)
class Probed:
    """A probe that is stored, signed and queued for the log."""

    probe_id: str
    capabilities: tuple[Capability, ...]
    attestation_key: str


def probe_store(archive: Archive) -> Probed:
    """Try out what the store can do, store the report, sign it, and queue it for the log.

    Raises:
        StorageError: the store cannot even be tried out, or did not take the report.
    """
    from sijill.storage.probe import probe

    started = archive.clock()
    probe_id = archive.new_capture_id(started)
    capabilities = tuple(Capability(str(one.capability), one.holds, one.fact) for one in probe(archive.store).findings)
    ended = archive.clock()
    report = canonical([{"name": one.name, "holds": one.holds, "fact": one.fact} for one in capabilities])
    digests = digest_bytes(report)
    statement = probe_statement(
        probe_id,
        store=archive.store.url,
        started=started,
        ended=ended,
        capabilities=capabilities,
        report=Subject(REPORT_NAME, "application/json", digests),
        collector=collector(archive),
        software=software(),
    )
    archive.store.put(object_key(digests.sha256.hex), MemoryBody(report), expected=digests)
    key = record(archive, Kind.PROBE, probe_id, statement, parse=parse_probe_statement)
    return Probed(probe_id, capabilities, key)


def latest_probe(archive: Archive) -> ProbeStatement | None:
    """The newest probe of this very store that this archive's key signed; None if there is none."""
    newest = None
    for key in archive.store.list(kind_folder(Kind.PROBE)):
        newest = attested_entry(key, Kind.PROBE) or newest
    if newest is None:
        return None
    probed = load(archive, Kind.PROBE, newest, parse_probe_statement)
    # A copied archive brings the probes of the store it was copied from.
    return probed.statement if probed.ours and probed.statement.predicate.store == archive.store.url else None


def check_required(archive: Archive) -> None:
    """Refuse to archive unless a probe has shown every capability that settings demand.

    Raises:
        CapabilityNotShown: one was not shown; nothing was stored.
    """
    required = archive.settings.store.require
    if not required:
        return
    probed = latest_probe(archive)
    if probed is None:
        raise CapabilityNotShown(
            f"store.require wants {', '.join(required)}, and the store was never probed: sijill store probe"
        )
    found = {one.name: one for one in probed.predicate.capabilities}
    for name in required:
        one = found.get(name)
        if one is None or one.holds is not True:
            fact = one.fact if one is not None else "not looked at"
            raise CapabilityNotShown(
                f"store.require wants {name}, which {archive.store.url} was not seen to have: {fact}"
            )
