"""Crawls a site and dies at the n-th change to the file system, for many n; each time others go on with the run.

    python killed_crawl.py FOLDER SITES ID POINTS

Prints one JSON object a line: what was there once the run was over. Runs by itself, since it forks.
"""

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from sijill.flows import evidence
from sijill.flows.crawl.record import load_report
from sijill.flows.crawl.run import crawl_site
from sijill.flows.crawl.sites import read_sites
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.run import parse_run_statement
from sijill.provenance.log.entry import Kind
from sijill.storage.layout import PENDING

WRITES = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"})


def die_at(number, counts):
    """Kill this process just before its `number`-th change to the file system; count those there are."""

    def hook(event, arguments):
        opens_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in WRITES or opens_to_write:
            counts.append(event)
            if len(counts) == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def crawl(settings, site, number):
    """Crawl in a forked process that dies at a point; how many changes it made, or None if it was killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        counts = []
        die_at(number, counts)
        crawl_site(open_archive(settings), site, workers=3)
        os.write(writer, str(len(counts)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        count = told.read()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return None
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the child failed")
    return int(count)


def examine(settings):
    """What the store has, after a sealing."""
    archive = open_archive(settings)
    evidence.seal(archive)
    captures = list(load_captures(archive))
    runs = list(recorded(archive, Kind.RUN, parse_run_statement))
    rows = [row for run in runs for row in load_report(archive, run.entry_id).planned]
    return {
        "captures": dict(Counter(capture.statement.predicate.target for capture in captures)),
        "ids": sorted(capture.capture_id for capture in captures),
        "runs": len(runs),
        "planned": {row.url: [row.outcome, row.capture_id] for row in rows},
        "pending": [key for key in archive.store.list(f"{PENDING}crawls/") if not key.endswith("/last")],
        "size": archive.log_reader.checkpoint().checkpoint.size,
        "work": [path.name for path in (settings.parent / "work" / "finished").iterdir()],
    }


def main():
    from sijill.flows.init import initialise

    folder, sites, site_id, points = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    template = (folder / "sijill.toml").read_text(encoding="utf-8")
    network = template[template.index("[network]") :]
    site = next(site for site in read_sites(sites) if site.id == site_id)
    total = None
    for point in range(points + 1):
        settings = initialise(
            folder / str(point), operator="Test", contact="t@sijill.example", store="./store"
        ).settings
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text[: text.index("[network]")] + network, encoding="utf-8")
        killed = []
        if point == 0:
            total = crawl(settings, site, 0)
        else:
            # Two deaths, at places that have nothing to do with each other, and then the end.
            first = max(1, total * point // (points + 1))
            deaths = [first, 1 + first * 7 % 97]
            while deaths and crawl(settings, site, deaths[0]) is None:
                killed.append(deaths.pop(0))
            if not deaths and crawl(settings, site, 0) is None:
                raise SystemExit("killed though it was not to be")
        print(json.dumps({"point": point, "total": total, "killed": killed, **examine(settings)}), flush=True)


if __name__ == "__main__":
    main()
