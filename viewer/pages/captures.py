"""Captures: listed, and one by one with all that is known of them; the verdict is worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sijill.archive.catalog.captures import CaptureFacts, captures, captures_of_page, find_capture, text_of
from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.members import CaptureStatement, NamedCollector
from sijill.provenance.verify.render import report_json
from sijill.viewer import asked
from sijill.viewer.certificates import chains
from sijill.viewer.errors import NotHere, Refused, Removed
from sijill.viewer.media import subject_response
from sijill.viewer.source import StoredEnvelope
from sijill.viewer.viewer import Viewer

_EXCHANGES: Final = 50
_LARGEST_SEARCHED: Final = 1 << 30
"""Bytes of a WARC that is searched for certificates."""
_PICTURE: Final = "image/png"
_ENVELOPE_TYPE: Final = "application/vnd.dsse.envelope.v1+json"


@dataclass(frozen=True, slots=True)
class Found:
    """What the log, the catalog and the store have of a capture."""

    capture_id: str
    facts: CaptureFacts | None
    """None if the catalog does not have it: not sealed yet, removed, or behind."""
    stored: StoredEnvelope | None
    problems: tuple[str, ...]
    """Why what is stored is not to be relied on; what was seen without reading the objects."""
    removed: str | None
    """The tombstone's sentence, if it was removed."""

    @property
    def statement(self) -> CaptureStatement | None:
        """What was signed."""
        return None if self.stored is None else self.stored.statement

    @property
    def started(self) -> datetime | None:
        """When it began, by the collector's clock."""
        if self.stored is not None:
            return self.stored.statement.predicate.times.started
        return None if self.facts is None else datetime.fromisoformat(self.facts.started)


def routes(viewer: Viewer) -> Sequence[Route]:
    """The addresses of these pages."""
    pages = _Pages(viewer)
    return (
        Route("/captures", pages.captures),
        Route("/captures/{id}", pages.capture),
        Route("/captures/{id}/verdict", pages.verdict),
        Route("/captures/{id}/custody", pages.custody),
        Route("/captures/{id}/certificates", pages.certificates),
        Route("/captures/{id}/text", pages.text),
        Route("/captures/{id}/replay", pages.replay),
        Route("/captures/{id}/package", pages.package),
        Route("/captures/{id}/report", pages.report),
        Route("/captures/{id}/attestation", pages.attestation),
        Route("/captures/{id}/files/{name}", pages.file),
    )


@dataclass(frozen=True, slots=True)
class _Pages:
    viewer: Viewer

    def captures(self, request: Request) -> Response:
        leaf = asked.leaf(request, asked.ROWS)
        outcome = asked.text(request, "outcome") or None
        with self.viewer.source.catalog() as catalog:
            figures = self.viewer.figures.get(catalog)
            rows = captures(catalog, outcome=outcome, limit=leaf.size, offset=leaf.offset)
        total = figures.outcomes.get(outcome, 0) if outcome else figures.captures
        return self.viewer.pages.page(
            request,
            "captures.html",
            captures=rows,
            figures=figures,
            outcome=outcome,
            total=total,
            leaf=leaf,
            last=leaf.last(total),
        )

    def capture(self, request: Request) -> Response:
        found = self._find(request)
        statement = found.statement
        leaf = asked.leaf(request, _EXCHANGES, name="exchanges")
        with self.viewer.source.catalog() as catalog:
            page = captures_of_page(catalog, found.capture_id)
            text = text_of(catalog, found.capture_id)
        exchanges = () if statement is None else statement.predicate.exchanges
        status = HTTPStatus.GONE if found.removed and statement is None else HTTPStatus.OK
        return self.viewer.pages.page(
            request,
            "capture.html",
            status=status,
            found=found,
            predicate=None if statement is None else statement.predicate,
            subjects=() if statement is None else statement.subject,
            named=statement is not None and isinstance(statement.predicate.collector, NamedCollector),
            pictures=[] if statement is None else [one for one in statement.subject if one.media_type == _PICTURE],
            exchanges=exchanges[leaf.offset : leaf.offset + leaf.size],
            total=len(exchanges),
            leaf=leaf,
            last=leaf.last(len(exchanges)),
            page=page,
            text=text,
            replay=self._replay_address(found),
            secure=any(one.tls is not None for one in exchanges),
        )

    def verdict(self, request: Request) -> Response:
        found = self._find(request)
        verdict = self.viewer.source.verdict(found.capture_id)
        return self._part(
            request, "verdict.html", found, verdict=verdict, report=verdict.report, said=report_json(verdict.report)
        )

    def custody(self, request: Request) -> Response:
        found = self._find(request)
        return self._part(request, "custody.html", found, events=self.viewer.source.custody(found.capture_id))

    def certificates(self, request: Request) -> Response:
        found = self._find(request)
        statement = self._statement(found)
        if statement.warc.digests.size > _LARGEST_SEARCHED:
            raise Refused("the WARC is too large to be searched for certificates here; they are in the package")
        with self.viewer.source.open_object(statement.warc.digest.sha256) as warc:
            met = chains(statement.predicate.exchanges, warc)
        return self._part(request, "certificates.html", found, chains=met)

    def text(self, request: Request) -> Response:
        found = self._find(request)
        with self.viewer.source.catalog() as catalog:
            text = text_of(catalog, found.capture_id)
        if text is None:
            raise NotHere(f"no reading of {found.capture_id}")
        return self.viewer.pages.page(request, "text.html", found=found, text=text)

    def replay(self, request: Request) -> Response:
        found = self._find(request)
        address = self._replay_address(found)
        if address is None or self.viewer.replay is None:
            raise NotHere(f"no replay of {found.capture_id}")
        return self.viewer.pages.page(
            request, "replay.html", frames=self.viewer.replay.origin, found=found, address=address
        )

    def package(self, request: Request) -> Response:
        capture_id = asked.entry_id(request)
        package = self.viewer.source.package(capture_id)
        return FileResponse(package.path, media_type="application/wacz+zip", filename=f"{capture_id}.wacz")

    def report(self, request: Request) -> Response:
        capture_id = asked.entry_id(request)
        # Given out as a file to keep: it is our own page, but made of archived text, and this origin needs none of it.
        return Response(
            self.viewer.source.report(capture_id),
            media_type="text/html; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{capture_id}.html"',
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )

    def attestation(self, request: Request) -> Response:
        stored = self.viewer.source.envelope(asked.entry_id(request))
        return Response(
            stored.envelope,
            media_type=_ENVELOPE_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{stored.capture_id}.dsse.json"'},
        )

    def file(self, request: Request) -> Response:
        name = asked.file_name(request)
        stored = self.viewer.source.envelope(asked.entry_id(request))
        subject = next((one for one in stored.statement.subject if one.name == name), None)
        if subject is None:
            raise NotHere(f"{stored.capture_id}: no file {name}")
        return subject_response(self.viewer.source, subject)

    def _find(self, request: Request) -> Found:
        capture_id = asked.entry_id(request)
        stored, removed, problems = None, None, []
        with self.viewer.source.catalog() as catalog:
            facts = find_capture(catalog, capture_id)
        try:
            stored = self.viewer.source.envelope(capture_id)
            removed = self.viewer.source.removal(capture_id)
        except NotHere:
            if facts is None:
                raise
            problems.append("missing")
        except Removed as err:
            removed = str(err)
        except Refused as err:
            problems.append(str(err))
        if stored is not None:
            if not stored.keyids:
                problems.append("unsigned")
            if facts is not None and digest_bytes(stored.envelope).sha256.hex != facts.envelope_sha256:
                problems.append("other")
        return Found(capture_id, facts, stored, tuple(problems), removed)

    def _statement(self, found: Found) -> CaptureStatement:
        if found.statement is None:
            raise Refused(f"{found.capture_id}: its attestation cannot be read")
        return found.statement

    def _replay_address(self, found: Found) -> str | None:
        statement, replay = found.statement, self.viewer.replay
        if statement is None or replay is None or statement.predicate.final_url is None:
            return None
        return replay(found.capture_id, statement.predicate.times.started, statement.predicate.final_url)

    def _part(self, request: Request, template: str, found: Found, **values: Any) -> Response:
        """A part of the page of a capture: by itself for the script that puts it there, else as a page of its own."""
        alone = request.query_params.get("part") == "1"
        return self.viewer.pages.page(
            request, "part.html" if alone else "parted.html", part=template, found=found, **values
        )
