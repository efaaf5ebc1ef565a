"""The catalog: how long a search takes among 100,000 captures, and how fast it is rebuilt from the log.

make bench, or: python tests/bench/catalog.py [search|rebuild] [captures]
"""

from __future__ import annotations

import dataclasses
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import Added, CaptureRow, Position, PublishedOn, ReadingRow, SignatoryRow
from sijill.archive.catalog.search import Filters, search
from sijill.archive.catalog.statements import find_statement, signatories, statements
from sijill.archive.reading.statement import (
    READER,
    Found,
    Place,
    PublicationDate,
    Reading,
    Signatory,
    SignatoryList,
    reading_json,
)
from sijill.flows.init import initialise
from sijill.flows.reading.catalog import FILE_NAME, open_catalog, update_catalog
from sijill.flows.wiring import Archive, open_archive
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_key

SEARCHED = 100_000
REBUILT = 5_000
BATCH = 2_000
WORDS = 350
VOCABULARY = 30_000
SITES = 200
BODIES = 1_500
AIM_MILLISECONDS = 100
LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

ENGLISH = ["statement", "justice", "accountability", "detainees", "families", "court", "impunity", "victims", "rights"]
ARABIC = ["العدالة", "بيان", "المعتقلين", "عائلات", "المحكمة", "الإفلات", "الضحايا", "حقوق", "سوريا"]


class Language:
    """Words whose frequencies fall as those of a real language do: the n-th word is n times rarer than the first."""

    def __init__(self, chance: random.Random, letters: str, known: list[str], prefix: str = "") -> None:
        made = {
            (prefix if chance.random() < 0.3 else "") + "".join(chance.choices(letters, k=chance.randint(2, 9)))
            for _ in range(VOCABULARY)
        }
        self.words = sorted(made)
        chance.shuffle(self.words)
        # Words that people search for are neither the commonest nor rare.
        for place, word in enumerate(known):
            self.words.insert(40 * (place + 1), word)
        self._weights = [1 / (rank + 2.7) for rank in range(len(self.words))]
        total = 0.0
        self._sums = [total := total + weight for weight in self._weights]

    def text(self, chance: random.Random, count: int) -> str:
        """Paragraphs of about 60 words."""
        drawn = chance.choices(self.words, cum_weights=self._sums, k=count)
        return "\n\n".join(" ".join(drawn[at : at + 60]) for at in range(0, count, 60))


class Pages:
    """Made readings: English and Arabic in turn, each page captured four times, its text changed once."""

    def __init__(self, seed: int = 7) -> None:
        self._chance = random.Random(seed)
        self.languages = {
            "en": Language(self._chance, "etaoinshrdlcumwfgypbvk", ENGLISH),
            "ar": Language(self._chance, "ابتثجحخدذرزسشصضطظعغفقكلمنهوية", ARABIC, "ال"),
        }
        self.bodies = [
            SignatoryRow(name, name.lower(), None, None, 0, 0)
            for name in (f"{self.languages['en'].text(self._chance, 3)} network {n}".title() for n in range(BODIES))
        ]

    def added(self, index: int) -> Added:
        """The capture at a place of the log."""
        page, turn = divmod(index, 4)
        tag = ("en", "ar")[page % 2]
        text, signed = self._said(page, turn // 2, tag)
        day = date(2016, 1, 1) + timedelta(days=page % 3600)
        moment = FIRST + timedelta(minutes=index)
        capture_id = f"{moment:%Y%m%dt%H%M%Sz}-" + "".join(LETTERS[index >> shift & 31] for shift in range(55, -5, -5))
        digest = f"{index:064x}"
        row = CaptureRow(
            capture_id=capture_id,
            leaf_index=index,
            envelope_sha256=digest,
            target=f"https://site{page % SITES}.example/{tag}/statements/{page}/",
            final_url=f"https://site{page % SITES}.example/{tag}/statements/{page}/",
            started=moment,
            outcome="complete",
            warc_sha256=digest,
            payload_sha256=digest,
            media_type="text/html",
        )
        said = PublishedOn(day, day, "day", "metadata", day.isoformat())
        reading = ReadingRow(capture_id, "bench/1", digest, "statement", text[:60], said, tag, text, signatories=signed)
        return Added(row, reading)

    @lru_cache(maxsize=4)  # noqa: B019 - there is one such object, for all of the program
    def _said(self, page: int, change: int, tag: str) -> tuple[str, tuple[SignatoryRow, ...]]:
        chance = random.Random(page * 2 + change)
        text = self.languages[tag].text(chance, chance.randint(WORDS // 2, WORDS * 3 // 2))
        return text, tuple(chance.sample(self.bodies, chance.choice((0, 0, 5, 15, 40))))


def fill(catalog: Catalog, number: int) -> float:
    """Put captures into a catalog; seconds that it took without making them."""
    pages, seconds = Pages(), 0.0
    for start in range(0, number, BATCH):
        changes = [pages.added(index) for index in range(start, min(number, start + BATCH))]
        before = catalog.position()
        begun = time.perf_counter()
        if not catalog.advance(before, Position("bench", start + len(changes), bytes(32), ()), changes):
            raise SystemExit("somebody else writes this catalog")
        seconds += time.perf_counter() - begun
    return seconds


def queries() -> Iterator[tuple[str, str, Filters]]:
    """What people may ask, by kind."""
    none = Filters()
    for number, (one, other) in enumerate(zip(ENGLISH, ARABIC, strict=True)):
        yield "a word", one, none
        yield "a word", other, none
        yield "two words", f"{one} {ENGLISH[number - 1]}", none
        yield "two words", f"{other} {ARABIC[number - 1]}", none
        yield "a phrase", f'"{one} {ENGLISH[number - 3]}"', none
        yield "a beginning", f"{one[:4]}*", none
        yield "a beginning", f"{other[:4]}*", none
        yield "a word, site and language", one, Filters(sites=(f"site{number * 2}.example",), language="en")
        yield "a word, dates", other, Filters(first=date(2018, 1, 1), last=date(2018, 12, 31))
        yield "a word, signatory", one, Filters(signatory=f"network {number * 7 + 11}")
    chance = random.Random(3)
    pages = Pages()
    for tag in ("en", "ar"):
        for word in pages.languages[tag].words[:3]:
            yield "one of the commonest words", word, none
        for word in chance.sample(pages.languages[tag].words[2000:], 10):
            yield "a rare word", word, none


def bench_search(folder: Path, number: int) -> None:
    """Fill a catalog, then ask."""
    path = folder / "catalog.sqlite"
    with Catalog(path) as catalog:
        seconds = fill(catalog, number)
        print(f"filled: {number:,} captures, {number / seconds:,.0f}/s, {path.stat().st_size / 1e6:,.0f} MB")
        times: dict[str, list[float]] = {}
        for _ in range(3):
            for kind, words, filters in queries():
                begun = time.perf_counter()
                search(catalog, words, filters)
                times.setdefault(kind, []).append((time.perf_counter() - begun) * 1e3)
        everything = [one for measured in times.values() for one in measured]
        for kind, measured in {**times, "all": everything}.items():
            p50, p95 = statistics.median(measured), statistics.quantiles(measured, n=20)[-1]
            print(f"  {kind:28} {len(measured):4} searches: p50 {p50:6.1f} ms, p95 {p95:6.1f} ms")
        hit, hit_name = search(catalog, ENGLISH[0]).hits[0], Pages().bodies[77].verbatim
        lookups: dict[str, Callable[[], object]] = {
            "statements": lambda: statements(catalog),
            "statement ID": lambda: find_statement(catalog, hit.capture_id),
            "signatory NAME": lambda: signatories(catalog, hit_name),
        }
        for name, look_up in lookups.items():
            begun = time.perf_counter()
            look_up()
            print(f"  {name:28} {(time.perf_counter() - begun) * 1e3:6.1f} ms")


def small_archive(folder: Path, number: int) -> Archive:
    """An archive with signed attestations of small captures, sealed, and a reading of each, in a local store."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vectors"))
    from archives import MemoryArchive, entry_id
    from evidence import ATTESTATION_KEY, LOG_KEY, ORIGIN, TRUST

    made, pages = MemoryArchive(), Pages()
    first = made.capture(0, queued=False)
    statement = json.loads(parse_envelope(made.objects.pop(attestation_key(first))).payload)
    for index in range(number):
        added = pages.added(index)
        own_id, url, predicate = entry_id(index), added.capture.target, statement["predicate"]
        predicate["exchanges"][len(predicate["redirectChain"]) - 1]["url"] = url
        chain = [*predicate["redirectChain"][:-1], url]
        predicate |= {"captureId": own_id, "target": url, "finalUrl": url, "redirectChain": chain}
        parse_statement(canonical(statement))
        made.attest(Kind.CAPTURE, own_id, statement, key=ATTESTATION_KEY)
        made.objects[f"readings/{READER}/{own_id}.json"] = stored_reading(url, added.reading)
    made.seal(LOG_KEY)
    settings = initialise(folder, operator="Bench", contact="bench@archive.example", store="./store").settings
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r'(?m)^origin = "[^"]*"', f'origin = "{ORIGIN}"', text), encoding="utf-8")
    (folder / "trust.json").unlink()
    archive = open_archive(settings)
    made.write(folder / "store")
    return dataclasses.replace(archive, attestation_key=ATTESTATION_KEY, log_key=LOG_KEY, trust=TRUST)


def stored_reading(url: str, row: ReadingRow | None) -> bytes:
    """A reading as readers keep it."""
    if row is None or row.published is None:
        raise SystemExit("no reading")
    listed = tuple(
        Signatory(one.verbatim, one.verbatim, one.key, Place(0, 0), number)
        for number, one in enumerate(row.signatories, 1)
    )
    said = PublicationDate(row.published.first, "day", "metadata", row.published.verbatim)
    return reading_json(
        Reading(
            reader=READER,
            source_sha256=row.source_sha256,
            url=url,
            kind="statement",
            kind_reason="bench",
            title=Found(row.title, "bench"),
            date=Found(said, "bench"),
            language=Found(row.language, "bench"),
            issuers=(),
            text=row.text,
            paragraphs=(),
            signatories=(SignatoryList("Signatories", "list", listed),) if listed else (),
            signatories_reason="bench",
            versions=(),
            documents=(),
            teasers=(),
            frame_sha256="",
            links=(),
        )
    )


def bench_rebuild(folder: Path, number: int) -> None:
    """Build the catalog of a local store from its log, three times; then once more, when it is up to date."""
    archive = small_archive(folder / "archive", number)
    path = archive.folder / FILE_NAME
    for _ in range(3):
        path.unlink(missing_ok=True)
        begun, cpu = time.perf_counter(), time.process_time()
        with open_catalog(archive) as catalog:
            updated = update_catalog(archive, catalog)
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            if updated.added != number or updated.unread or catalog.outstanding(READER):
                raise SystemExit(f"not all was taken in: {updated}")
            (versions,) = catalog.connection.execute("SELECT count(*) FROM version").fetchone()
        print(
            f"rebuilt: {number:,} captures, {versions:,} versions, {number / seconds:,.0f}/s "
            f"({cpu / number * 1e3:.2f} ms of CPU each); 100,000 would take {100_000 / number * seconds:,.0f} s"
        )
    with open_catalog(archive) as catalog:
        begun = time.perf_counter()
        update_catalog(archive, catalog)
        print(f"up to date: found so in {(time.perf_counter() - begun) * 1e3:.1f} ms")


def main() -> None:
    """Run what is asked for, or everything."""
    wanted = [one for one in sys.argv[1:] if not one.isdecimal()] or ["search", "rebuild"]
    number = next((int(one) for one in sys.argv[1:] if one.isdecimal()), None)
    with tempfile.TemporaryDirectory() as folder:
        if "search" in wanted:
            bench_search(Path(folder), number or SEARCHED)
        if "rebuild" in wanted:
            bench_rebuild(Path(folder), number or REBUILT)


if __name__ == "__main__":
    main()
