"""The viewer: time to the first byte of each page over an archive of 100,000 captures.

python tests/bench/viewer.py [captures]

Attestations, log and readings are real; the captures share one small WARC, and there are no runs. The page of a capture
verifies its package, which is the most that any page does.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from catalog import SEARCHED, SITES, small_archive

from sijill.archive.catalog.captures import captures
from sijill.archive.catalog.statement_rows import statement_order, statement_rows
from sijill.flows.reading.catalog import open_catalog, update_catalog
from sijill.flows.viewing.source import ViewedArchive
from sijill.viewer.app import Options, make_app
from sijill.viewer.serving import Place, bound, listen, serving

TIMES = 9
AIM_MILLISECONDS = 100


def main() -> None:
    """Make an archive and its catalog, serve it, ask for each page."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SEARCHED
    with tempfile.TemporaryDirectory() as folder:
        archive = small_archive(Path(folder, "archive"), number)
        (archive.folder / "sites.toml").write_text("".join(map(_site, range(SITES))), encoding="utf-8")
        with open_catalog(archive) as catalog:
            update_catalog(archive, catalog)
            order = statement_order(catalog)
            [shown] = statement_rows(catalog, order[:1]).values()
            [newest] = captures(catalog, limit=1)
        pages = {
            "front page": "/",
            "organisations": "/organisations",
            "one organisation": "/organisations/site7",
            "statements": "/statements",
            "statements, a page far behind": f"/statements?page={max(1, len(order) // 100)}",
            "statements of one site": f"/statements?site={newest.host}",
            "statements of one language": "/statements?language=ar&from=2020",
            "search, a phrase": "/statements?q=" + quote('"العدالة" بيان'),
            "search, a common word": "/statements?q=statement",
            "one statement": f"/statements/{shown.statement_id}",
            "changes": "/changes",
            "captures": "/captures",
            "captures, a page far behind": f"/captures?page={max(1, number // 100)}",
            "failed captures": "/captures?outcome=failed",
            "one capture": f"/captures/{newest.capture_id}",
            "runs": "/runs",
            "log": "/log",
            "an entry of the log": f"/log/{number // 3}",
        }
        with closing(ViewedArchive(archive)) as source, closing(listen(Place("127.0.0.1", 0))) as opened:
            host = bound(opened)
            with serving([(opened, make_app(source, Options(hosts=frozenset({host}))))]):
                begun = time.perf_counter()
                _first_byte(host, "/changes")
                print(f"changes worked out in {time.perf_counter() - begun:.1f} s, for the first time")
                print(f"{number:,} captures, {len(order):,} statements; milliseconds to the first byte")
                print(f"{'page':32} {'first':>8} {'median':>8} {'worst':>8}")
                for name, path in pages.items():
                    first, *later = [_first_byte(host, path) for _ in range(TIMES + 1)]
                    median = statistics.median(later)
                    mark = "" if median < AIM_MILLISECONDS else f"  over {AIM_MILLISECONDS}"
                    print(f"{name:32} {first:8.1f} {median:8.1f} {max(later):8.1f}{mark}", flush=True)


def _site(number: int) -> str:
    name = f"site{number}"
    return f'[[sites]]\nid = "{name}"\nname = "{name}"\nstart = ["https://{name}.example/"]\nstatements = ["/*"]\n\n'


def _first_byte(host: str, path: str) -> float:
    connection = http.client.HTTPConnection(host, timeout=120)
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    taken = (time.perf_counter() - started) * 1000
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return taken


if __name__ == "__main__":
    main()
