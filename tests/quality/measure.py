"""What the reader finds on the sample pages, beside what is there: make quality

Precision and recall for signatories and dates over `pages/`, over the bundled sample sites, and over ../shared/sites
where that folder is; titles and languages beside; whether texts fall into the right statements. The exit status is 1
below the aims.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from sijill.archive.reading.matching import Match, Text, cluster, compare, statement_text, teaser_texts
from sijill.archive.reading.normalise import tidy
from sijill.archive.reading.reading import read_statement
from sijill.archive.reading.statement import Reading

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
AIM_SIGNATORIES = AIM_DATES = 0.98
AIM_CLUSTERING = 1.0
SETS = {
    "tests/quality/pages": HERE / "pages",
    "deployments/demo/sites": ROOT / "deployments" / "demo" / "sites",
    "../shared/sites": ROOT.parent / "shared" / "sites",
}


@dataclass(frozen=True)
class Sample:
    name: str
    url: str
    payload: bytes
    charset: str | None
    expected: dict[str, Any]


@dataclass
class Score:
    right: int = 0
    wrong: int = 0
    """Found, and not there."""
    missed: int = 0
    """There, and not found."""

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    def add(self, found: list[str], there: list[str]) -> bool:
        """Names count as right if they stand in the same order; whether all are."""
        common = _in_order(found, there)
        self.right += common
        self.wrong += len(found) - common
        self.missed += len(there) - common
        return found == there

    def __str__(self) -> str:
        total = self.right + self.missed
        return (
            f"precision {self.precision:.3f}  recall {self.recall:.3f}  ({self.right} of {total}, {self.wrong} wrong)"
        )


@dataclass
class Result:
    signatories: Score = field(default_factory=Score)
    dates: Score = field(default_factory=Score)
    titles: Score = field(default_factory=Score)
    languages: Score = field(default_factory=Score)
    faults: list[str] = field(default_factory=list)


def samples(folder: Path) -> list[Sample]:
    """The pages of a folder with what is to be found on them: a file beside each, or one `expected.json` by URL."""
    return list(_paired(folder) if folder == HERE / "pages" else _sites(folder))


def read(sample: Sample) -> Reading:
    return read_statement(sample.payload, media_type="text/html", charset=sample.charset, url=sample.url)


def _paired(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.glob("*.json")):
        expected = json.loads(path.read_text("utf-8"))
        page = path.with_suffix(".html").read_bytes()
        yield Sample(path.stem, expected["url"], page, expected.get("charset"), expected)


def _sites(folder: Path) -> Iterator[Sample]:
    listed = folder / "expected.json" if (folder / "expected.json").exists() else folder.parent / "expected.json"
    for url, expected in json.loads(listed.read_text("utf-8")).items():
        page = folder / urllib.parse.unquote(url) / "index.html"
        if page.exists():
            yield Sample(url, f"http://{url}", page.read_bytes(), "utf-8", expected)


def score(result: Result, sample: Sample, reading: Reading) -> None:
    expected = sample.expected
    if "signatories" in expected:
        found = [tidy(each.verbatim) for listed in reading.signatories for each in listed.signatories]
        there = [tidy(name) for name in expected["signatories"]]
        if not result.signatories.add(found, there):
            result.faults.append(
                f"{sample.name}: signatories {found} instead of {there} ({reading.signatories_reason})"
            )
    if (others := expected.get("others")) and f"{others} others" not in reading.signatories_reason:
        result.faults.append(f"{sample.name}: {others} others were to be counted ({reading.signatories_reason})")
    if "date" in expected:
        wanted = expected["date"]
        if isinstance(wanted, str):
            wanted = {"date": wanted, "precision": "day"}
        date = reading.date.value
        shown = [] if date is None else [f"{date.date.isoformat()} {date.precision}"]
        if not result.dates.add(shown, [] if wanted is None else [f"{wanted['date']} {wanted['precision']}"]):
            result.faults.append(f"{sample.name}: date {shown} instead of {wanted} ({reading.date.reason})")
    for member, value, scored in (
        ("title", reading.title.value, result.titles),
        ("language", reading.language.value, result.languages),
    ):
        if member in expected and not scored.add([tidy(value)] if value else [], [tidy(expected[member])]):
            result.faults.append(f"{sample.name}: {member} {value!r} instead of {expected[member]!r}")


@dataclass
class Clustering:
    same: list[tuple[str, str, Match]] = field(default_factory=list)
    different: list[tuple[str, str, Match]] = field(default_factory=list)
    right: int = 0
    pairs: int = 0
    faults: list[str] = field(default_factory=list)


def clustering(read_samples: list[tuple[Sample, Reading]]) -> Clustering:
    """Pairs of publications that were to fall together or apart, and those that did; cards of home pages among them."""
    known = {sample.url: _statement(sample) for sample, _ in read_samples if _is_statement(sample.expected)}
    names, texts, statements = [], [], list[str | None]()
    for sample, reading in read_samples:
        for number, card in enumerate(teaser_texts(reading)):
            names.append(f"{sample.name} card {number}")
            texts.append(card)
            statements.append(known.get(card.url))
        if sample.url in known:
            names.append(sample.name)
            texts.append(statement_text(reading))
            statements.append(known[sample.url])
    return _paired_up(names, texts, statements)


def _paired_up(names: list[str], texts: list[Text], statements: list[str | None]) -> Clustering:
    relations = cluster(texts)
    result = Clustering()
    for one, other in combinations(range(len(texts)), 2):
        if statements[one] is None and statements[other] is None:
            continue
        same = statements[one] is not None and statements[one] == statements[other]
        first, second = relations[one], relations[other]
        together = first is not None and second is not None and first.statement == second.statement
        result.pairs += 1
        result.right += same == together
        match = compare(texts[one], texts[other])
        (result.same if same else result.different).append((names[one], names[other], match))
        if same != together:
            verdict = "apart" if same else "together"
            result.faults.append(f"{names[one]} and {names[other]} fell {verdict}: {match}")
    return result


def _statement(sample: Sample) -> str:
    """Publications of one statement in one language; its versions in others are linked, not clustered."""
    named = sample.expected.get("statement") or sample.expected.get("same_statement") or sample.name
    return f"{named} in {sample.expected.get('language', 'en')}"


def _is_statement(expected: dict[str, Any]) -> bool:
    return expected.get("relation") != "index" and "index" not in expected.get("kind", "")


def _in_order(found: list[str], there: list[str]) -> int:
    """The length of the longest common subsequence."""
    if found == there:
        return len(found)
    row = [0] * (len(there) + 1)
    for one in found:
        before = 0
        for position, other in enumerate(there, 1):
            before, row[position] = row[position], before + 1 if one == other else max(row[position], row[position - 1])
    return row[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", action="store_true", help="print the pairs that decide the thresholds of matching")
    options = parser.parse_args()
    total, everything = Result(), list[tuple[Sample, Reading]]()
    for name, folder in SETS.items():
        if not folder.is_dir():
            print(f"{name}: not here, left out")
            continue
        started = time.perf_counter()
        found = [(sample, read(sample)) for sample in samples(folder)]
        seconds = time.perf_counter() - started
        result = Result()
        for sample, reading in found:
            score(result, sample, reading)
            score(total, sample, reading)
        everything += found
        print(f"{name}: {len(found)} pages in {seconds:.2f} s")
        _print(result)
    print("all")
    _print(total)
    clustered = clustering(everything)
    share = clustered.right / clustered.pairs
    print(f"  clustering   {share:.3f}  ({clustered.right} of {clustered.pairs} pairs right)")
    kinds = Counter(match.kind for _, _, match in clustered.same)
    print(f"               {len(clustered.same)} pairs of one statement: {dict(sorted(kinds.items()))}")
    if options.pairs:
        _print_pairs(clustered)
    for fault in (*total.faults, *clustered.faults):
        print(f"! {fault}")
    reached = (
        min(total.signatories.precision, total.signatories.recall) >= AIM_SIGNATORIES
        and min(total.dates.precision, total.dates.recall) >= AIM_DATES
        and share >= AIM_CLUSTERING
    )
    print(
        f"aims (signatories and dates {AIM_DATES}, clustering {AIM_CLUSTERING}): {'reached' if reached else 'missed'}"
    )
    return 0 if reached else 1


def _print(result: Result) -> None:
    print(f"  signatories  {result.signatories}")
    print(f"  dates        {result.dates}")
    print(f"  titles       {result.titles}")
    print(f"  languages    {result.languages}")


def _print_pairs(clustered: Clustering) -> None:
    print("  of one statement, least contained first")
    for one, other, match in sorted(clustered.same, key=lambda each: each[2].contained):
        print(f"    contained {match.contained:.3f} jaccard {match.jaccard:.3f} {match.kind:9} {one} | {other}")
    print("  of two, most contained first")
    for one, other, match in sorted(clustered.different, key=lambda each: -each[2].contained)[:12]:
        print(f"    contained {match.contained:.3f} jaccard {match.jaccard:.3f} {match.kind:9} {one} | {other}")


if __name__ == "__main__":
    sys.exit(main())
