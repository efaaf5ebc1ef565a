"""The strict parser of `https://sijill.org/capture/v1` statements, and the rules between their members.

Reading a statement proves nothing about who made it: verify the envelope's signatures first.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from sijill.archive.capture.browser.rendering import ScreenshotKind
from sijill.archive.capture.exchange import Outcome, Purpose, RevisitKind
from sijill.provenance.attest.browser import CAPTIONED_NAME, PNG, SCREENSHOT_NAME, Browser
from sijill.provenance.attest.canonical import parse_canonical
from sijill.provenance.attest.members import (
    BERKELEY_ITEMS,
    WARC_NAME,
    WARC_TYPE,
    CaptureStatement,
    DependencyRecord,
    Exchange,
)
from sijill.provenance.attest.parts import Part
from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.errors import MalformedCaptureId, MalformedJson, MalformedStatement

P = TypeVar("P", bound=Part)

MAX_PAYLOAD = 47 << 20
"""The largest statement accepted, in bytes; its base64 fits into the largest envelope."""


def parse_statement(payload: bytes) -> CaptureStatement:
    """Parse the payload of a capture attestation.

    Raises:
        MalformedStatement: `payload` is not canonical JSON, a member is unknown, missing, of another type or out of
            bounds, or members contradict one another. `path` names the first such member.
    """
    statement = parse_part(CaptureStatement, payload, limit=MAX_PAYLOAD)
    _check_subjects(statement)
    _check_times(statement)
    _check_outcome(statement)
    _check_exchanges(statement)
    _check_dependencies(statement)
    _check_browser(statement)
    _check_berkeley(statement)
    return statement


def parse_part(part: type[P], payload: bytes, *, limit: int) -> P:
    """Parse canonical JSON of at most `limit` bytes as the object that `part` describes.

    Raises:
        MalformedStatement: it is not canonical JSON, or a member is unknown, missing, of another type or out of bounds.
    """
    try:
        return part.model_validate(parse_canonical(payload, limit=limit))
    except MalformedJson as err:
        raise MalformedStatement("", err.reason) from err
    except ValidationError as err:
        first = err.errors(include_url=False, include_context=False, include_input=False)[0]
        raise MalformedStatement(".".join(str(step) for step in first["loc"]), first["msg"]) from err


def _require(condition: bool, path: str, reason: str) -> None:
    if not condition:
        raise MalformedStatement(path, reason)


def _check_subjects(statement: CaptureStatement) -> None:
    names = [subject.name for subject in statement.subject]
    _require(names[0] == WARC_NAME, "subject.0.name", f"the first subject is not {WARC_NAME}")
    _require(statement.subject[0].media_type == WARC_TYPE, "subject.0.mediaType", f"not {WARC_TYPE}")
    _require(len(set(names)) == len(names), "subject", "a name occurs twice")


def _check_times(statement: CaptureStatement) -> None:
    predicate = statement.predicate
    times = predicate.times
    try:
        named = capture_id_time(predicate.capture_id)
    except MalformedCaptureId as err:
        raise MalformedStatement("predicate.captureId", err.reason) from err
    _require(
        named == times.started.replace(microsecond=0),
        "predicate.captureId",
        "its date and time are not those of times.started",
    )
    _require(times.started <= times.ended, "predicate.times.ended", "before times.started")
    names = [token.name for token in predicate.freshness_timestamps]
    path = "predicate.freshnessTimestamps"
    _require(names == sorted(set(names)), path, "not in the order of their names, each once")
    _require(not names or predicate.freshness is not None, path, "timestamps of a checkpoint that is not quoted")
    _require(predicate.supersedes != predicate.capture_id, "predicate.supersedes", "the capture itself")


def _check_outcome(statement: CaptureStatement) -> None:
    predicate = statement.predicate
    complete = predicate.outcome is Outcome.COMPLETE
    _require(complete == (not predicate.reasons), "predicate.reasons", f"{predicate.outcome} with or without reasons")
    _require(
        (predicate.outcome is Outcome.FAILED) == (predicate.final_url is None),
        "predicate.finalUrl",
        f"outcome {predicate.outcome}; a page was reached if and only if the capture did not fail",
    )
    if predicate.final_url is not None:
        _require(
            predicate.redirect_chain[-1:] == (predicate.final_url,),
            "predicate.finalUrl",
            "not the last of redirectChain",
        )
    hops = tuple(exchange.url for exchange in predicate.exchanges if exchange.purpose is Purpose.PAGE)
    _require(predicate.redirect_chain == hops, "predicate.redirectChain", "not the URLs of the page's exchanges")
    for place, exchange in enumerate(predicate.exchanges):
        whole = exchange.failure is None and exchange.truncated is None
        _require(whole or not complete, f"predicate.exchanges.{place}", "not whole in a complete capture")


def _check_exchanges(statement: CaptureStatement) -> None:
    records: set[str] = set()
    for place, exchange in enumerate(statement.predicate.exchanges):
        path = f"predicate.exchanges.{place}"
        _require(exchange.number == place + 1, f"{path}.number", f"{exchange.number}, expected {place + 1}")
        _check_exchange(exchange, path)
        if exchange.record is not None:
            _require(exchange.record not in records, f"{path}.record", "another exchange has it too")
            records.add(exchange.record)


def _check_exchange(exchange: Exchange, path: str) -> None:
    answered = exchange.status is not None
    _require(exchange.started <= exchange.ended, f"{path}.ended", "before started")
    _require(answered or exchange.failure is not None, path, "neither response nor failure")
    _require(answered == (exchange.payload is not None), f"{path}.payload", "a response has one, and only a response")
    _require(answered == (exchange.record is not None), f"{path}.record", "a response has one, and only a response")
    if not answered:
        _require(exchange.media_type is None, f"{path}.mediaType", "there is no response")
        _require(exchange.truncated is None, f"{path}.truncated", "there is no response")
        _require(exchange.redirect_to is None, f"{path}.redirectTo", "there is no response")
        _require(exchange.surplus == 0, f"{path}.surplus", "there is no response")
    reused = exchange.revisit is not None and exchange.revisit.kind is RevisitKind.REUSED
    if exchange.revisit is not None:
        _check_revisit(exchange, exchange.revisit.kind, path)
    _require(not answered or reused or exchange.server is not None, f"{path}.server", "a response came from somewhere")
    if exchange.tls is not None:
        _require(exchange.server is not None, f"{path}.server", "TLS was spoken with someone")
        _require(exchange.url.startswith("https:"), f"{path}.tls", "the URL is not https")
        _require(
            exchange.tls.verified == (exchange.tls.verify_error is None),
            f"{path}.tls.verifyError",
            "states an error if and only if the certificate did not verify",
        )
    elif answered and not reused:
        _require(not exchange.url.startswith("https:"), f"{path}.tls", "the URL is https")


def _check_revisit(exchange: Exchange, kind: RevisitKind, path: str) -> None:
    """A revisit stands for a whole response with status 200, and never for the page itself."""
    _require(exchange.purpose is not Purpose.PAGE, f"{path}.revisit", "the page itself is always stored in full")
    _require(exchange.method == "GET", f"{path}.method", "not that of a revisit")
    status = 304 if kind is RevisitKind.NOT_MODIFIED else 200
    _require(exchange.status == status, f"{path}.status", f"{exchange.status}, of a revisit that is {kind}")
    whole = exchange.failure is None and exchange.truncated is None and exchange.surplus == 0
    _require(whole, f"{path}.revisit", "of a response that is not whole, or more than that")
    _require(exchange.redirect_to is None, f"{path}.redirectTo", "of a revisit")
    if kind is RevisitKind.REUSED:
        _require(exchange.server is None and exchange.tls is None, f"{path}.server", "no request was sent")


def _check_dependencies(statement: CaptureStatement) -> None:
    """Each revisit names one record of the dependencies, with the same URL and payload, and each record is named."""
    predicate = statement.predicate
    ids = [dependency.capture_id for dependency in predicate.dependencies]
    _require(ids == sorted(set(ids)), "predicate.dependencies", "not in the order of their capture ids, each once")
    _require(predicate.capture_id not in ids, "predicate.dependencies", "the capture itself")
    listed: dict[tuple[str, str], DependencyRecord] = {}
    for place, dependency in enumerate(predicate.dependencies):
        path = f"predicate.dependencies.{place}.records"
        end = 0
        for record in dependency.records:
            _require(record.offset >= end, path, "not in the order of their places, or they overlap")
            end = record.offset + record.length
            listed[dependency.capture_id, record.record] = record
        _require(end <= dependency.warc.size, path, "beyond the end of the WARC")
    _require(
        len(listed) == sum(len(one.records) for one in predicate.dependencies),
        path="predicate.dependencies",
        reason="a record is listed twice",
    )
    unnamed = dict(listed)
    for place, exchange in enumerate(predicate.exchanges):
        if exchange.revisit is None:
            continue
        path = f"predicate.exchanges.{place}"
        original = listed.get((exchange.revisit.capture_id, exchange.revisit.record))
        if original is None:
            raise MalformedStatement(f"{path}.revisit", "no dependency lists the record")
        _require(original.url == exchange.url, f"{path}.url", "not that of the record it stands on")
        _require(original.payload == exchange.payload, f"{path}.payload", "not that of the record it stands on")
        _require(original.media_type == exchange.media_type, f"{path}.mediaType", "not that of the record")
        unnamed.pop((exchange.revisit.capture_id, exchange.revisit.record), None)
    _require(not unnamed, "predicate.dependencies", "a record that no exchange names")


def _check_browser(statement: CaptureStatement) -> None:
    """The further subjects are the files that the browser made, and what is said of files is said of those."""
    predicate = statement.predicate
    browser = predicate.browser
    names = [subject.name for subject in statement.subject[1:]]
    made = [] if browser is None else [file.name for file in browser.files]
    _require(names == made, "predicate.browser.files", "not the further subjects in their order")
    _require(
        browser is None or predicate.browser_fallback is None,
        "predicate.browserFallback",
        "a browser showed the page all the same",
    )
    for place, change in enumerate(predicate.transformations):
        path = f"predicate.transformations.{place}"
        _require(change.output in names, f"{path}.output", "not a further subject")
        _require(change.input in {"page", *names} - {change.output}, f"{path}.input", "neither page nor another file")
    if browser is not None:
        _check_screenshots(statement, browser)


def _check_screenshots(statement: CaptureStatement, browser: Browser) -> None:
    path = "predicate.browser.screenshots"
    types = {subject.name: subject.media_type for subject in statement.subject}
    listed = [one.name for one in browser.screenshots]
    _require(len(set(listed)) == len(listed), path, "a name occurs twice")
    for place, one in enumerate(browser.screenshots):
        _require(types.get(one.name) == PNG, f"{path}.{place}.name", f"no subject, or not of the type {PNG}")
        seen = one.name == SCREENSHOT_NAME
        first = one.kind is ScreenshotKind.AS_SEEN and one.top == 0
        _require(seen == first, f"{path}.{place}", f"{SCREENSHOT_NAME} is the page as it first stood, from its top")
    bare = {name for name, media_type in types.items() if media_type == PNG} - set(listed)
    _require(not bare, path, f"does not say what {', '.join(sorted(bare))} shows")


def _check_berkeley(statement: CaptureStatement) -> None:
    items = tuple(entry.item for entry in statement.predicate.berkeley)
    _require(items == BERKELEY_ITEMS, "predicate.berkeley", f"not the items {', '.join(BERKELEY_ITEMS)} in this order")
    screenshot = next(entry for entry in statement.predicate.berkeley if entry.item == "screenshot")
    stored = {SCREENSHOT_NAME, CAPTIONED_NAME} <= {subject.name for subject in statement.subject}
    _require(stored or not screenshot.met, "predicate.berkeley", "screenshot met, but there is none, or none with date")
