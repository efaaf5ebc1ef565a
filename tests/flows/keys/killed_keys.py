"""Changes a key, and dies at the n-th change to the file system, for every n in turn; then runs the same again.

    python killed_keys.py SETTINGS attestation|log|revoke FOLDER

Prints one JSON object a line: what was there after each death, and after the next run. Runs by itself, since it forks.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from killed import in_child

from sijill.flows import evidence
from sijill.flows.keys.rotation import keys, revoke, rotate
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.key_event import Purpose, parse_key_event
from sijill.provenance.attest.keys import read_signing_key
from sijill.provenance.log.entry import Kind

MOST = 1000
# Names that come, change or go. What is written before it has its name is nothing yet.
CHANGES = frozenset({"os.rename", "os.link", "os.remove"})


def die_at(number):
    """Kill this process just before its `number`-th change to a name in the file system."""
    left = number

    def hook(event, arguments):
        nonlocal left
        if event in CHANGES:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def change(settings, action):
    """Rotate a key, or revoke the one that was in use before."""

    def reopen():
        return open_archive(settings)

    if action == "revoke":
        retired = next(one for one in keys(reopen()) if not one.in_use)
        revoke(reopen, retired.key.name, reason="lost")
    else:
        rotate(reopen, Purpose(action), reason="a test")


def events(archive):
    return [
        (str(found.statement.predicate.event), found.statement.predicate.key, found.entry_id)
        for found in recorded(archive, Kind.KEY, parse_key_event)
    ]


def private_keys(folder):
    """The keyids of all private keys on disk, and the files that are only there meanwhile."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "collector.salt"]
    between = [path.name for path in files if path.name.startswith(".") or path.suffix == ".new"]
    return sorted({read_signing_key(path).public.keyid for path in files if not path.name.startswith(".")}), between


def examine(settings):
    """Look at everything that a command would find there."""
    archive = open_archive(settings)
    evidence.seal(archive)
    reader = archive.log_reader
    size = reader.checkpoint().checkpoint.size
    reader.check_root(size)
    logged = [reader.entry(index, size) for index in range(size)]
    held, between = private_keys(settings.parent / "keys")
    return {
        "used": [archive.attestation_key.public.keyid, archive.log_key.public.keyid],
        "held": held,
        "between": between,
        "named": [one.key.name for one in keys(archive)],
        "revoked": [item.key for item in archive.trust.revocations],
        "events": events(archive),
        "loggedEvents": sorted(entry.id for entry in logged if entry.kind is Kind.KEY),
        "captures": [capture.signed_by_us for capture in load_captures(archive)],
        "size": size,
        "queue": list(archive.store.list("queue/")),
        "drafts": [path.name for path in settings.parent.glob(".*")],
    }


def main():
    # A process is killed, not the machine: what it wrote is there without waiting for the disk.
    os.fsync = lambda descriptor: None
    base, action, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    for number in range(1, MOST):
        copied = folder / str(number)
        shutil.copytree(base.parent, copied)
        settings = copied / base.name

        def attempt(settings=settings, number=number):
            die_at(number)
            change(settings, action)

        finished = in_child(attempt)
        # Another command may come first, or the same one at once: each gets a copy of what the dead one left.
        other = folder / f"{number}-other"
        shutil.copytree(copied, other)
        state = {"number": number, "finished": finished, "found": examine(other / base.name)}
        if not finished:
            change(settings, action)
            state["completed"] = examine(settings)
        print(json.dumps(state), flush=True)
        shutil.rmtree(copied)
        shutil.rmtree(other)
        if finished:
            return


if __name__ == "__main__":
    main()
