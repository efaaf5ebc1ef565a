"""What a witness remembers: durable, never backwards, never silently lost."""

import json
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sijill.flows.errors import BadSettings, WitnessStateUnusable
from sijill.flows.witness.folder import init_witness, open_witness
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from sijill.provenance.log.note import NoteSigner

LOG = NoteSigner("sijill.example/log", SigningKey(b"l" * 32))
OTHER = NoteSigner("other.example/log", SigningKey(b"o" * 32))


def signed(size, mark=0, signer=LOG):
    return parse_checkpoint(sign_checkpoint(Checkpoint(signer.name, size, bytes([size, mark]) * 16), signer))


@pytest.fixture
def folder(tmp_path):
    made = init_witness(tmp_path / "witness", "witness.example/w1")
    assert made.trust(LOG.verifier.vkey)
    return made


def test_no_death_makes_it_contradict_itself(tmp_path):
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "witness"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    trusting = [one for one in found if "trust" in one]
    cosigning = [one for one in found if "cosign" in one]
    assert len(trusting) >= 5
    assert len(cosigning) >= 5
    for state in trusting:
        assert state["known"] == 1 or not state["finished"]
    for state in cosigning:
        assert state["grew"] in (0, 3), state
        assert state["grew"] == 3 or not state["sent"], "a cosignature went out and was forgotten"
        assert 200 not in state["tempted"], state
        assert state["goes on"] == 200, state
    assert {(state["grew"], state["sent"]) for state in cosigning} == {(0, False), (3, False), (3, True)}


def test_state_survives_and_compares(folder):
    state = open_witness(folder.path).state
    assert state.read(LOG.name) is None
    assert state.advance(LOG.name, None, signed(3))
    assert not open_witness(folder.path).state.advance(LOG.name, None, signed(4)), "it is not as this one thought"
    assert not state.advance(LOG.name, signed(3, mark=1), signed(4))
    assert open_witness(folder.path).state.read(LOG.name).data == signed(3).data
    assert state.advance(LOG.name, signed(3), signed(4))
    assert open_witness(folder.path).state.read(LOG.name).data == signed(4).data


def test_threads_move_it_one_at_a_time(folder):
    won = []

    def advance(number):
        if open_witness(folder.path).state.advance(LOG.name, None, signed(number)):
            won.append(number)

    threads = [threading.Thread(target=advance, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert folder.state.read(LOG.name).checkpoint.size == won[0]


def _count(path, times):
    state = open_witness(path).state
    for _ in range(times):
        while True:
            held = state.read(LOG.name)
            if state.advance(LOG.name, held, signed(held.checkpoint.size + 1 if held else 1)):
                break


def test_processes_move_it_one_at_a_time(folder):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_count, args=(folder.path, 15)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert folder.state.read(LOG.name).checkpoint.size == 60, "no step was lost"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(signed(3, signer=OTHER).data),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["missing", "empty", "cut", "of another log", "a folder"],
)
def test_a_damaged_state_is_no_new_beginning(folder, damage):
    folder.state.advance(LOG.name, None, signed(3))
    [path] = [path for path in (folder.path / "state").iterdir() if path.name != "lock"]
    damage(path)
    with pytest.raises(WitnessStateUnusable, match="new key"):
        folder.state.read(LOG.name)
    with pytest.raises(WitnessStateUnusable):
        folder.state.advance(LOG.name, None, signed(4))
    with pytest.raises(WitnessStateUnusable):
        open_witness(folder.path)


def test_a_full_disk_changes_nothing(folder):
    folder.state.advance(LOG.name, None, signed(3))
    [path] = [path for path in (folder.path / "state").iterdir() if path.name != "lock"]
    path.with_name(f".{path.name}.new").symlink_to("/dev/full")
    with pytest.raises(WitnessStateUnusable, match="No space"):
        folder.state.advance(LOG.name, signed(3), signed(4))
    assert folder.state.read(LOG.name).data == signed(3).data


def test_a_log_trusted_again_keeps_its_state(folder):
    folder.state.advance(LOG.name, None, signed(3))
    assert not folder.trust(LOG.verifier.vkey)
    (folder.path / "logs").write_text("")
    assert folder.logs(LOG.name) == ()
    assert folder.trust(LOG.verifier.vkey)
    assert folder.state.read(LOG.name).data == signed(3).data
    newer = NoteSigner(LOG.name, SigningKey(b"n" * 32))
    assert folder.trust(newer.verifier.vkey)
    assert folder.logs(LOG.name) == (LOG.verifier, newer.verifier)
    assert folder.state.read(LOG.name).data == signed(3).data


def test_forks_are_kept_and_bounded(folder):
    for number in range(1, 120):
        folder.state.keep_fork(signed(3), signed(3, mark=number))
    kept = [path.read_bytes() for path in (folder.path / "forks").iterdir()]
    assert signed(3).data in kept
    assert signed(3, mark=1).data in kept
    assert len(kept) == 100


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda path: (path / "witness.vkey").unlink(), "sijill witness init"),
        (lambda path: (path / "witness.vkey").write_text("x"), "not the public half"),
        (lambda path: (path / "witness.vkey").write_text(LOG.verifier.vkey), "not the public half"),
        (lambda path: (path / "witness.vkey").write_bytes(b"\xff"), "cannot be read"),
        (lambda path: (path / "logs").unlink(), "cannot be read"),
        (lambda path: (path / "logs").write_text(f"{LOG.verifier.vkey}\nx\n"), "line 2"),
    ],
)
def test_a_damaged_folder_is_refused(folder, change, says):
    change(folder.path)
    with pytest.raises(BadSettings, match=says):
        open_witness(folder.path)


def test_no_half_made_witness_is_opened(tmp_path):
    made = init_witness(tmp_path / "witness", "witness.example/w1")
    assert (made.path / "witness.pem").stat().st_mode & 0o077 == 0
    (made.path / "witness.vkey").rename(made.path / ".witness.vkey.new")
    with pytest.raises(BadSettings):
        open_witness(made.path)
    with pytest.raises(BadSettings, match="not empty"):
        init_witness(made.path, "witness.example/w1")
