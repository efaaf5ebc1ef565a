"""Records an event, or removes a capture, and dies at the n-th change that readers can see, for every n in turn.

    python killed_custody.py FOLDER WORK event|tombstone

FOLDER holds an archive with two sealed captures; each attempt has a copy of it in WORK. Prints one JSON object a line:
what was found after each death, and after the same thing was done once more. Runs by itself, since it forks.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from killed import MOST, in_child

from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.custody import erasing
from sijill.flows.custody.chain import chain
from sijill.flows.custody.pointers import mend
from sijill.flows.custody.recording import record_event
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.custody import CustodyEvent, parse_custody_statement
from sijill.provenance.attest.tombstone import parse_tombstone_statement
from sijill.provenance.log.entry import Kind
from sijill.storage.layout import CAPTURES, attested_capture

CHANGES = frozenset({"os.rename", "os.link", "os.remove"})
"""What a name is given or taken by; files under no name yet are nobody's business."""
PARSERS = {Kind.CUSTODY: parse_custody_statement, Kind.TOMBSTONE: parse_tombstone_statement}


def die_at(number):
    """Kill this process just before its `number`-th change."""
    left = number

    def hook(event, _arguments):
        nonlocal left
        if event in CHANGES:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def hand_over(archive, capture_id):
    record_event(archive, capture_id, CustodyEvent.HANDED_OVER, to="the court")
    evidence.seal(archive)


def remove(archive, capture_id):
    removal = erasing.plan_removal(archive, capture_id, with_attestation=True)
    erasing.remove(archive, removal, reason="a reason", authority="an authority")


def logged(archive):
    newest = archive.log_reader.checkpoint()
    size = newest.checkpoint.size
    return [archive.log_reader.entry(index, size) for index in range(size)]


def state(archive, capture_id, objects):
    """What is there, without changing anything."""
    entries = {entry.id: entry.envelope_sha256 for entry in logged(archive)}
    stored = [found for kind, parse in PARSERS.items() for found in recorded(archive, kind, parse)]
    return {
        "gone": sum(archive.store.stat(key) is None for key in objects),
        "stored": len(stored),
        "logged": sum(entries.get(one.entry_id) == digest_bytes(one.envelope).sha256.hex for one in stored),
        "entries": len(entries),
        "capture": capture_id in entries,
    }


def attempts(source, work, action):
    archive = open_archive(source / "sijill.toml")
    keys = [key for key in archive.store.list(CAPTURES) if attested_capture(key)]
    capture_id = attested_capture(keys[0])
    objects = [load_capture(archive, capture_id).warc_key, keys[0]]
    for number in range(1, MOST):
        folder = work / str(number)
        shutil.copytree(source, folder)
        settings = folder / "sijill.toml"

        def attempt(number=number, settings=settings):
            die_at(number)
            action(open_archive(settings), capture_id)

        finished = in_child(attempt)
        archive = open_archive(settings)
        after = state(archive, capture_id, objects)
        # What the next sealing does with what was left, and then the same command once more.
        mend(archive)
        evidence.seal(archive)
        mended = state(archive, capture_id, objects)
        pending = list(archive.store.list("pending/"))
        action(archive, capture_id)
        again = state(archive, capture_id, objects)
        steps = [event.step.value for event in chain(archive, capture_id)]
        yield {
            "number": number,
            "finished": finished,
            "after": after,
            "mended": mended,
            "pending": pending,
            "again": again,
            "steps": steps,
        }
        shutil.rmtree(folder)
        if finished:
            return


def main():
    source, work = Path(sys.argv[1]), Path(sys.argv[2])
    for found in attempts(source, work, {"event": hand_over, "tombstone": remove}[sys.argv[3]]):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
