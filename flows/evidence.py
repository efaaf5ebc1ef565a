"""The steps from a URL to evidence, as plain functions: capture, attest, store, queue, seal, export.

A Prefect flow is a thin wrapper over these; `sijill` calls them directly. Nothing is stored before it is signed, and
what is signed waits in the work folder until all of it is stored, so a killed process loses and doubles nothing.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sijill.archive.capture.browser.rendering import Rendering
from sijill.archive.capture.browser.seams import Browser
from sijill.archive.capture.capture import capture_page
from sijill.archive.capture.exchange import Capture, Exchange, Outcome
from sijill.archive.capture.known import KnownResources
from sijill.archive.capture.target import parse_target
from sijill.archive.digest import DigestSet, copy_and_digest, digest_bytes, digest_stream
from sijill.archive.errors import BodyChanged
from sijill.archive.warc.writer import WrittenMember, begin_capture
from sijill.flows.context import capture_context, warc_info
from sijill.flows.custody.pointers import mend
from sijill.flows.custody.tombstones import find_tombstone
from sijill.flows.partners.anchoring import Anchoring, Quotable, quotable
from sijill.flows.partners.posting import Asked
from sijill.flows.partners.timestamping import timestamp_envelope
from sijill.flows.probe import check_required
from sijill.flows.quality import with_quality
from sijill.flows.wiring import Archive
from sijill.flows.workfolder import WorkItem
from sijill.provenance.attest.attestation import Orchestrator, Robots, Subject, Trigger, capture_statement
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import (
    PAYLOAD_TYPE,
    parse_envelope,
    sign_envelope,
)
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import ProvenanceError
from sijill.provenance.log import log as transparency
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.queue import enqueue
from sijill.storage.layout import attestation_key, object_key

_STORING_JOBS = 4
"""Objects of one capture that are stored at once."""
_SEALING_JOBS = 8
"""Queue objects dealt with at once: most of the time goes by waiting for the store."""

_READY_SECONDS = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archived:
    """A capture that is stored and queued for the log."""

    capture: Capture
    warc: DigestSet
    warc_key: str
    attestation_key: str
    envelope_sha256: str
    records: Mapping[int, str]
    """Exchange number -> id of its response or revisit record."""
    originals: Mapping[int, WrittenMember]
    """Exchange number -> where its response record is in the WARC, of those that later captures may refer to."""
    files: Mapping[str, Subject]
    """What a browser made of the page, by name."""

    @property
    def failed(self) -> bool:
        """Whether the page itself was not reached; the failure is archived all the same."""
        return self.capture.outcome is Outcome.FAILED


@dataclass(slots=True)
class Readiness:
    """That an archive may take captures, and what they quote: found out now and then, not for every page of a crawl.

    Safe to share between threads.
    """

    archive: Archive
    _quoted: Quotable | None = None
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def quotable(self) -> Quotable:
        """What a capture that begins now may quote; the newest checkpoint is at most `_READY_SECONDS` newer.

        Raises:
            CapabilityNotShown: the store was not seen to do what settings demand.
            StorageError: the store failed, or did not take what an earlier command left; that keeps waiting.
        """
        with self._lock:
            if self._quoted is None or time.monotonic() >= self._until:
                check_required(self.archive)
                recover(self.archive)
                self._quoted = quotable(self.archive)
                self._until = time.monotonic() + _READY_SECONDS
            return self._quoted


def archive_url(
    archive: Archive,
    target: str,
    *,
    readiness: Readiness | None = None,
    trigger: Trigger = Trigger.ON_DEMAND,
    orchestrator: Orchestrator | None = None,
    robots: Robots | None = None,
    on_begin: Callable[[str], None] | None = None,
    on_exchange: Callable[[Exchange], None] | None = None,
    timestamp_attestation: bool = False,
    known: KnownResources | None = None,
    browser: Browser | None = None,
    browser_required: bool = True,
) -> Archived:
    """Capture `target`, sign what was received, store it, and queue it for the log.

    Args:
        archive: where it goes.
        target: the URL, kept verbatim.
        readiness: what several captures share; by default it is found out for this one.
        trigger: what made the capture happen.
        orchestrator: what runs it, if something does.
        robots: what robots.txt said; by default it was not asked.
        on_begin: told the capture id before anything is sent.
        on_exchange: told of each exchange as it ends.
        timestamp_attestation: ask the authorities of the settings about the attestation itself, too.
        known: what the page needs that earlier captures stored; by default everything is stored in full.
        browser: shows the page; None for plain HTTP.
        browser_required: if no browser can be had: raise, or capture by plain HTTP and say so in the attestation.

    Raises:
        BadTarget: `target` is not a URL that can be captured; nothing was sent or stored.
        BrowserUnavailable: `browser_required`, and there is none; nothing was sent or stored.
        CapabilityNotShown: the store was not seen to do what settings demand; nothing was sent or stored.
        StorageError: the store did not take it; the capture waits in the work folder for `recover`.
    """
    parse_target(target)
    freshness = (readiness or Readiness(archive)).quotable()
    started = archive.clock()
    capture_id = archive.new_capture_id(started)
    if on_begin is not None:
        on_begin(capture_id)
    with archive.work.begin(capture_id) as item:
        capture = capture_page(
            target,
            capture_id=capture_id,
            user_agent=archive.user_agent,
            workdir=item.spool,
            clock=archive.clock,
            limits=archive.limits,
            network=archive.network,
            on_exchange=on_exchange,
            started=started,
            known=known,
            browser=browser,
            browser_required=browser_required,
        )
        with item.warc.open("xb") as file:
            begun = begin_capture(capture, file, new_id=lambda: uuid.uuid4().urn, info=warc_info(archive))
            if browser is not None and capture.rendering is not None and browser.checks:
                file.flush()
                capture = with_quality(archive, browser, capture, capture.rendering, item)
            written = begun.finish(capture)
        subjects = [Subject.warc(written.digests), *_keep_files(item, capture.rendering, written.files)]
        context = capture_context(
            archive, trigger=trigger, orchestrator=orchestrator, robots=robots, freshness=freshness
        )
        statement = capture_statement(capture, subjects=subjects, records=written.records, context=context)
        payload = canonical(statement)
        parse_statement(payload)
        signed = sign_envelope(payload, PAYLOAD_TYPE, [archive.attestation_key])
        item.envelope.write_bytes(signed)
        finished = archive.work.finish(item)
        try:
            envelope = _store(archive, finished, subjects, digest_bytes(signed))
        except BaseException:
            archive.work.settle(finished)
            raise
    if timestamp_attestation:
        timestamp_envelope(archive, capture_id, signed)
    return Archived(
        capture=capture,
        warc=written.digests,
        warc_key=object_key(written.digests.sha256.hex),
        attestation_key=attestation_key(capture_id),
        envelope_sha256=envelope.sha256.hex,
        records=written.records,
        originals=written.originals,
        files={subject.name: subject for subject in subjects[1:]},
    )


def recover(archive: Archive) -> int:
    """Finish what a killed process had signed but not wholly stored, and discard what it had not; returns how many.

    Raises:
        StorageError: the store did not take it; it keeps waiting.
    """
    with archive.work.abandoned() as items:
        for item in items:
            if find_tombstone(archive, item.capture_id) is not None:
                # Stored long ago, and removed since: it must not come back.
                archive.work.remove(item)
                continue
            logger.info("capture %s: storing what an earlier command left", item.capture_id)
            envelope = item.envelope.read_bytes()
            subjects = _signed_subjects(item, envelope)
            if subjects is None:
                logger.warning("capture %s: not whole after a loss of power, set aside unstored", item.capture_id)
                archive.work.set_aside(item)
                continue
            _store(archive, item, subjects, digest_bytes(envelope))
        return len(items)


def _keep_files(item: WorkItem, rendering: Rendering | None, written: Mapping[str, DigestSet]) -> Iterator[Subject]:
    """Put what a browser made of the page where it waits for the store; the subjects that it becomes, in their order.

    Raises:
        BodyChanged: a file is not the one that was written to the WARC.
    """
    if rendering is None or not rendering.files:
        return
    item.files.mkdir()
    for file in rendering.files:
        with file.body.open() as source, item.subject(file.name).open("xb") as kept:
            found = copy_and_digest(source, kept)
        if found != written[file.name]:
            raise BodyChanged(file.name, written[file.name].size, found.size)
        yield Subject.file(file, found)


def _signed_subjects(item: WorkItem, envelope: bytes) -> list[Subject] | None:
    """The subjects of an item's attestation; None if what the item holds is not what was signed."""
    try:
        signed = parse_statement(parse_envelope(envelope).payload).subject
        for subject in signed:
            with item.subject(subject.name).open("rb") as file:
                if digest_stream(file) != subject.digests:
                    return None
    except (ProvenanceError, FileNotFoundError):
        return None
    return [Subject(subject.name, subject.media_type, subject.digests) for subject in signed]


def _store(archive: Archive, item: WorkItem, subjects: Sequence[Subject], digests: DigestSet) -> DigestSet:
    """Store the subjects and the attestation, queue the entry, forget the item; every step may be repeated."""
    objects = {object_key(subject.digests.sha256.hex): subject for subject in subjects}

    def put(key: str) -> None:
        archive.store.put(key, item.subject(objects[key].name), expected=objects[key].digests)

    with ThreadPoolExecutor(_STORING_JOBS) as pool:
        for _ in pool.map(put, objects):
            pass
    envelope_key = attestation_key(item.capture_id)
    archive.store.put(envelope_key, item.envelope, expected=digests)
    if archive.settings.store.hold:
        for key in (*objects, envelope_key):
            archive.store.hold(key)
    enqueue(archive.log, LogEntry(item.capture_id, digests.sha256.hex))
    archive.work.remove(item)
    return digests


@dataclass(frozen=True, slots=True)
class Sealed:
    """The log after a sealing, and what outside parties were asked about its newest checkpoint."""

    log: transparency.SealResult
    asked: tuple[Asked, ...]


def seal(archive: Archive, *, on_progress: Callable[[transparency.SealProgress], None] | None = None) -> Sealed:
    """Append all that is queued to the log, sign a checkpoint over it, have it timestamped and cosigned.

    Authorities and witnesses that do not answer are asked again by the next sealing.

    Raises:
        LogDamaged, WrongLogKey: the stored log is not what its own key says.
        StorageError: the store failed; the next seal goes on from there.
    """
    recover(archive)
    mend(archive)
    archive.store.recover()
    anchoring = Anchoring(archive)
    result = transparency.seal(
        archive.log,
        origin=archive.settings.log.origin,
        signer=archive.log_key,
        verifiers=archive.log_keys,
        on_progress=on_progress,
        on_checkpoint=anchoring.checkpoint,
        jobs=_SEALING_JOBS,
    )
    anchoring.finish()
    return Sealed(result, anchoring.asked)
