"""Pages read per second, beside bare `trafilatura.extract` over the same pages in the same run.

    python tests/bench/reading.py [--seconds N] [--shared DIR]

The pages are those of the bundled sample sites, of ../shared/sites if it is there, and each once more with a long
text. The reader tells title, date, language, signatories, versions, links and kind; trafilatura gives the text alone.
Both take turns, page by page, so that whatever else the machine does slows both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import trafilatura

from sijill.archive.reading.reading import read_statement

PROJECT = Path(__file__).resolve().parents[2]
AIM = 0.7
_URL = "http://sites.example/statements/one/"
_MORE = "".join(
    f"<p>Of the {number} persons who were last seen there, the fate of {number % 7} is known; the others are missing, "
    "and their families have asked the Council, the Ministry and the courts where they are, so far in vain.</p>"
    for number in range(100)
)


def pages(shared: Path) -> list[bytes]:
    """The pages, each as it is and with a hundred paragraphs more before its end."""
    found = [
        file.read_bytes()
        for folder in (PROJECT / "deployments" / "demo" / "sites", shared)
        for file in sorted(folder.rglob("*.html"))
    ]
    long = [page.replace(b"</article>", f"{_MORE}</article>".encode(), 1) for page in found if b"</article>" in page]
    return found + long


def ours(page: bytes) -> None:
    """Reads all there is to read."""
    read_statement(page, media_type="text/html", charset=None, url=_URL)


def theirs(page: bytes) -> None:
    """Takes the text out."""
    trafilatura.extract(page)


def main() -> None:
    """Measures and prints; exit status 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--shared", type=Path, default=PROJECT.parent / "shared" / "sites")
    arguments = parser.parse_args()
    corpus = pages(arguments.shared)
    for read in (ours, theirs):  # first calls load and compile
        for page in corpus:
            read(page)
    rounds: list[tuple[float, float]] = []
    until = time.perf_counter() + arguments.seconds
    while time.perf_counter() < until or not rounds:
        spent = {ours: 0.0, theirs: 0.0}
        for page in corpus:
            for read in (ours, theirs):
                spent[read] += _seconds(read, page)
        rounds.append((spent[ours], spent[theirs]))
    mine, other = (len(corpus) / statistics.median(column) for column in zip(*rounds, strict=True))
    size = sum(map(len, corpus)) / len(corpus) / 1024
    print(f"{len(corpus)} pages of {size:.1f} KiB on average, {len(rounds)} rounds, medians")
    print(f"sijill read_statement                 {mine:8.0f} pages/s")
    print(f"trafilatura {trafilatura.__version__} extract             {other:8.0f} pages/s")
    print(f"ratio {mine / other:.2f} (aim: at least {AIM})")
    raise SystemExit(mine / other < AIM)


def _seconds(read: Callable[[bytes], None], page: bytes) -> float:
    started = time.perf_counter()
    read(page)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
