"""A witness that dies at the n-th change to its folder, for every n in turn, and is then tempted to contradict itself.

    python killed.py FOLDER

Prints one JSON object a line: what was found after each death. Runs by itself, since it forks.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from sijill.flows.witness.folder import init_witness, open_witness
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.merkle import consistency_proof, leaf_hash, perfect_root, root
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.witness import Witness, build_request

WRITES = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"})
OPENS = os.O_WRONLY | os.O_RDWR | os.O_DIRECTORY
MOST = 200
LOG = NoteSigner("sijill.example/log", SigningKey(b"l" * 32))


def die_at(number):
    """Kill this process just before its `number`-th change to the file system, or flush of a folder."""
    left = number

    def hook(event, arguments):
        nonlocal left
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & OPENS
        if event in WRITES or opens:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def in_child(number, work):
    """Run `work` in a forked process that dies at change `number`: whether it came to its end, and what it sent out."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        die_at(number)
        os.write(sending, work())
        os._exit(0)
    os.close(sending)
    sent = b""
    while piece := os.read(receiving, 4096):
        sent += piece
    os.close(receiving)
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the child failed")
    return not os.WIFSIGNALED(status), sent


def request(old, size, kind):
    hashes = [leaf_hash(f"{kind} {number}".encode()) for number in range(size)]

    def read(level, index):
        return perfect_root(hashes[index << level : (index + 1) << level])

    note = sign_checkpoint(Checkpoint(LOG.name, size, root(read, size)), LOG)
    return build_request(old, consistency_proof(read, old, size), note)


def answer(path, body):
    folder = open_witness(path)
    witness = Witness(folder.name, folder.key, logs=folder.logs, state=folder.state, clock=lambda: datetime.now(UTC))
    return witness.add_checkpoint(body)


def trusting(path):
    for number in range(1, MOST):
        finished, _ = in_child(number, lambda: b"%d" % open_witness(path).trust(LOG.verifier.vkey))
        folder = open_witness(path)
        known = folder.logs(LOG.name)
        if known:
            folder.state.read(LOG.name)
        print(json.dumps({"trust": number, "finished": finished, "known": len(known)}), flush=True)
        if finished:
            return
    raise SystemExit("never finished")


def cosigning(path):
    size = 1
    answer(path, request(0, size, "good"))
    for number in range(1, MOST):
        finished, sent = in_child(number, lambda size=size: answer(path, request(size, size + 3, "good")).body)
        held = open_witness(path).state.read(LOG.name).checkpoint.size
        tempted = [
            answer(path, body).status
            for body in (
                request(held, held + 3, "fork"),
                request(held, held, "fork"),
                request(size, size + 3, "fork"),
                request(0, size, "fork"),
                request(0, size, "good"),
            )
        ]
        print(
            json.dumps(
                {
                    "cosign": number,
                    "finished": finished,
                    "sent": sent.startswith("—".encode()),
                    "grew": held - size,
                    "tempted": tempted,
                    "goes on": answer(path, request(held, held + 1, "good")).status,
                }
            ),
            flush=True,
        )
        if finished:
            return
        size = held + 1
    raise SystemExit("never finished")


def main():
    path = Path(sys.argv[1])
    init_witness(path, "witness.example/w1")
    trusting(path)
    cosigning(path)


if __name__ == "__main__":
    main()
