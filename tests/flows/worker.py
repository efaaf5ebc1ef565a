"""One process of an archive at work: captures, or seals, again and again for a while.

    python worker.py SETTINGS capture|seal SECONDS [URL]

Prints one JSON object: the ids captured, or how many entries this sealer put into the log.
"""

import json
import sys
import time
from pathlib import Path

from sijill.flows import evidence
from sijill.flows.wiring import open_archive


def main():
    settings, work, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    archive = open_archive(settings)
    ends = time.monotonic() + seconds
    captured, added = [], 0
    while time.monotonic() < ends:
        if work == "capture":
            captured.append(evidence.archive_url(archive, sys.argv[4]).capture.id)
        else:
            added += evidence.seal(archive).log.added
    print(json.dumps({"captured": captured, "added": added}))


if __name__ == "__main__":
    main()
