"""Captures one page and seals, and dies at the n-th change to the file system, for every n in turn.

    python killed.py SETTINGS URL [shown]

With `shown` a stand-in for a browser makes files of the page.

Prints one JSON object a line: what the next command found after each death. Runs by itself, since it forks.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from shown import Shown

from sijill.archive.digest import digest_bytes, digest_stream
from sijill.flows import evidence
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.log.queue import leaf_index
from sijill.storage.layout import object_key

WRITES = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"})
MOST = 1000


def die_at(number):
    """Kill this process just before its `number`-th change to the file system."""
    left = number

    def hook(event, arguments):
        nonlocal left
        opens_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in WRITES or opens_to_write:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def in_child(work):
    """Run `work` in a forked process; True if it came to its end, False if it was killed."""
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return False
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the child failed")
    return True


def examine(settings):
    """Seal as the next command would, then look at everything that is stored."""
    archive = open_archive(settings)
    evidence.seal(archive)
    captures = list(load_captures(archive))
    newest = archive.log_reader.checkpoint()
    size = newest.checkpoint.size if newest else 0
    reader = archive.log_reader
    logged = {reader.entry(index, size).envelope_sha256 for index in range(size)}
    for capture in captures:
        for subject in capture.statement.subject:
            with archive.store.open(object_key(subject.digest.sha256)) as source:
                assert digest_stream(source) == subject.digests
    root = settings.parent
    return {
        "captures": len(captures),
        "size": size,
        "indexes": sorted(leaf_index(archive.log, capture.capture_id) for capture in captures),
        "logged": logged == {digest_bytes(capture.envelope).sha256.hex for capture in captures},
        "queue": list(archive.store.list("queue/")),
        "work": [str(path.relative_to(root)) for path in (root / "work").rglob("*") if path.is_file()],
    }


def main():
    settings, url = Path(sys.argv[1]), sys.argv[2]
    browser = Shown() if "shown" in sys.argv[3:] else None

    def attempt(number):
        die_at(number)
        archive = open_archive(settings)
        evidence.archive_url(archive, url, browser=browser)
        evidence.seal(archive)

    for number in range(1, MOST):
        finished = in_child(lambda number=number: attempt(number))
        print(json.dumps({"number": number, "finished": finished, **examine(settings)}), flush=True)
        if finished:
            return


if __name__ == "__main__":
    main()
