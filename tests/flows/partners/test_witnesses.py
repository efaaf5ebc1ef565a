"""The sealer asks its witnesses: honest ones, absent ones, and such that lie."""

import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sijill.flows.errors import BadSettings
from sijill.flows.partners.witnesses import cosign_checkpoint, cosigned, publish
from sijill.flows.wiring import open_archive
from sijill.flows.witness.folder import init_witness
from sijill.flows.witness.server import serve_witness
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import LogDamaged, NoSuchCheckpoint
from sijill.provenance.log import log as transparency
from sijill.provenance.log.cosignature import format_line, parse_line, sign_cosignature, verify_cosignature
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import CHECKPOINT, cosignature_key
from sijill.provenance.log.note import Algorithm, NoteSignature, NoteSigner, NoteVerifier, parse_note
from sijill.provenance.log.queue import enqueue
from sijill.provenance.log.witness import SIZE_TYPE, parse_request

SIJILL = Path(sys.executable).parent / "sijill"
HANG = 60
NAMES = ("witness.example/one", "witness.example/two")
KEY = SigningKey(b"w" * 32)
LIAR = NoteVerifier("liar.example", KEY.public, Algorithm.COSIGNATURE_V1)


def now():
    return datetime.now(UTC)


def name_witnesses(settings, *witnesses, timeout_seconds=HANG):
    """Let the settings name these (vkey, URL) and no others."""
    text = settings.read_text(encoding="utf-8").partition("\n[[witnesses]]\n")[0]
    for vkey, url in witnesses:
        text += f'\n[[witnesses]]\nurl = "{url}"\nvkey = "{vkey}"\ntimeout_seconds = {timeout_seconds}\n'
    settings.write_text(text, encoding="utf-8")
    return open_archive(settings)


def grow(archive, count=1):
    """Seal so many more entries; the log's size and its newest checkpoint."""
    for _ in range(count):
        enqueue(archive.log, LogEntry(archive.new_capture_id(archive.clock()), "0" * 64))
    size = transparency.seal(archive.log, origin=archive.settings.log.origin, signer=archive.log_key).size
    return size, archive.log_reader.checkpoint_at(size).data


def cosign(archive, count=1):
    """Grow, and ask the witnesses."""
    size, note = grow(archive, count)
    return size, cosign_checkpoint(archive, size, note)


@pytest.fixture
def settings(tmp_path, new_archive):
    return new_archive(tmp_path / "archive")


@pytest.fixture
def witness(tmp_path, settings):
    """`witness(name)` runs a witness of the archive's log in this process; its vkey, its URL and what it shows."""
    log = open_archive(settings).log_keys[0].vkey
    with ExitStack() as stack:

        def start(name=NAMES[0], clock=now):
            folder = init_witness(tmp_path / name.rpartition("/")[2], name)
            folder.trust(log)
            shown = []
            url = stack.enter_context(serve_witness(folder, "127.0.0.1", 0, clock=clock, show=shown.append))
            return folder.verifier.vkey, url, shown

        yield start


@contextmanager
def liar(answer):
    """A server that answers each request by `answer(body)`: status, content type, body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, content_type, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def process(run, folder, name, log):
    """A witness made and run by the command, in a process of its own: its vkey and URL."""
    assert run("sijill", "witness", "init", folder, "--name", name).returncode == 0
    assert run("sijill", "witness", "trust", folder, log).returncode == 0
    command = [SIJILL, "witness", "serve", folder, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            yield (folder / "witness.vkey").read_text().strip(), running.stdout.readline().split()[-1]
        finally:
            running.kill()


def test_two_witnesses_in_processes_of_their_own(run, settings, tmp_path):
    log = open_archive(settings).log_keys[0]
    with (
        process(run, tmp_path / "one", NAMES[0], log.vkey) as one,
        process(run, tmp_path / "two", NAMES[1], log.vkey) as two,
    ):
        archive = name_witnesses(settings, one, two)
        for count in (1, 3, 30):
            size, asked = cosign(archive, count)
            assert [(item.name, item.held, item.problem) for item in asked] == [(name, True, None) for name in NAMES]
            note = parse_note(cosigned(archive, size))
            log.verify(note)
            assert note.signatures[0].name == log.name
            assert [line.key_id for line in note.signatures[1:]] == sorted(line.key_id for line in note.signatures[1:])
            for vkey, _ in (one, two):
                assert abs(verify_cosignature(note, NoteVerifier.from_vkey(vkey)) - now().timestamp()) < 600
            assert publish(archive, size)
            assert archive.log.read(CHECKPOINT) == cosigned(archive, size)
            assert archive.log_reader.checkpoint().data == cosigned(archive, size)
            assert not publish(archive, size), "once"


def test_who_has_cosigned_is_not_asked_again(settings, witness):
    vkey, url, shown = witness()
    archive = name_witnesses(settings, (vkey, url))
    size, _ = cosign(archive)
    line = archive.log.read(cosignature_key(size, NoteVerifier.from_vkey(vkey).key_id))
    assert cosign_checkpoint(archive, size, cosigned(archive, size))[0].held
    assert len(shown) == 1
    assert cosigned(archive, size).endswith(line)


def test_it_remembers_the_size_a_witness_holds_and_asks_if_it_forgot(settings, witness):
    vkey, url, shown = witness()
    archive = name_witnesses(settings, (vkey, f"{url}a/prefix/"))
    key = f"pending/witnesses/{NoteVerifier.from_vkey(vkey).key_id.hex()}"
    cosign(archive)
    assert cosign(archive)[1][0].held
    assert ["409" in line for line in shown] == [False, False]
    for hint in (b"", b"nonsense", b"1\n", b"0\n", b"99999\n", b"-1\n"):
        archive.log.replace(key, hint)
        size, asked = cosign(archive)
        assert asked[0].held, asked
        assert archive.log.read(key) == b"%d\n" % size
    archive.log.delete(key)
    del shown[:]
    assert cosign(archive)[1][0].held
    assert [" 409 " in line for line in shown] == [True, False]


def test_one_is_down_and_comes_back(settings, witness):
    one, two = witness(NAMES[0])[:2], witness(NAMES[1])[:2]
    archive = name_witnesses(settings, one, (two[0], "http://127.0.0.1:9/"))
    size, asked = cosign(archive)
    assert [item.held for item in asked] == [True, False]
    assert "127.0.0.1:9" in asked[1].problem
    assert len(parse_note(cosigned(archive, size)).signatures) == 2
    assert publish(archive, size)
    archive = name_witnesses(settings, one, two)
    note = archive.log_reader.checkpoint().data
    assert [item.held for item in cosign_checkpoint(archive, size, note)] == [True, True]
    assert len(parse_note(cosigned(archive, size)).signatures) == 3
    assert publish(archive, size)
    assert [item.held for item in cosign(archive, 2)[1]] == [True, True]


def test_a_witness_that_knows_nothing_of_the_log(settings, tmp_path):
    folder = init_witness(tmp_path / "witness", NAMES[0])
    with serve_witness(folder, "127.0.0.1", 0, clock=now, show=print) as url:
        archive = name_witnesses(settings, (folder.verifier.vkey, url))
        [asked] = cosign(archive)[1]
        assert (asked.held, asked.problem) == (False, "it answered 404: unknown origin")


def test_the_clock_of_a_witness_is_strange(settings, witness):
    vkey, url, _ = witness(clock=lambda: now() + timedelta(days=3))
    archive = name_witnesses(settings, (vkey, url))
    size, [asked] = cosign(archive)
    assert asked.held
    assert "+2592" in asked.problem
    assert len(parse_note(cosigned(archive, size)).signatures) == 2


def branch(settings, tmp_path):
    """A second archive with the same keys and the same past."""
    other = tmp_path / "branch"
    shutil.copytree(settings.parent, other)
    return other / settings.name


def test_a_forked_log_is_not_cosigned_twice(settings, witness, tmp_path):
    named = witness()[:2]
    archive = name_witnesses(settings, named)
    assert cosign(archive, 2)[1][0].held
    fork = open_archive(branch(settings, tmp_path))
    assert cosign(archive, 3)[1][0].held
    problems = []
    for _ in range(3):
        size, [asked] = cosign(fork, 2)
        assert not asked.held
        problems.append(asked.problem)
        assert parse_note(cosigned(fork, size)).signatures[1:] == ()
    # At 4 it knows 5 already; at 6 and 8 the fork has no checkpoint of 5 to start from.
    assert "has cosigned size 5 already" in problems[0]
    assert "keeps no checkpoint" in problems[1]
    assert "keeps no checkpoint" in problems[2]
    assert cosign(archive, 1)[1][0].held


def test_a_fork_of_the_same_size_is_told_so(settings, witness, tmp_path):
    vkey, url, shown = witness()
    archive = name_witnesses(settings, (vkey, url))
    fork = open_archive(branch(settings, tmp_path))
    assert cosign(archive, 3)[1][0].held
    [asked] = cosign(fork, 3)[1]
    assert not asked.held
    assert "two roots of one size" in asked.problem
    [asked] = cosign(fork, 2)[1]
    assert not asked.held
    assert "422" in asked.problem
    assert " 200 " in shown[0]
    assert not [line for line in shown[1:] if " 200 " in line]


def test_a_log_that_was_rolled_back_is_not_cosigned(settings, witness, tmp_path):
    named = witness()[:2]
    archive = name_witnesses(settings, named)
    size, note = grow(archive)
    older = open_archive(branch(settings, tmp_path))
    assert cosign(archive, 4)[1][0].held
    [asked] = cosign_checkpoint(older, size, note)
    assert not asked.held
    assert "has cosigned size 5 already" in asked.problem


def truth(body):
    """The honest cosignature of what is asked."""
    text = parse_request(body).checkpoint.note.text
    return format_line(sign_cosignature(text, KEY, LIAR.name, int(now().timestamp())))


def over_something_else(body):
    text = parse_request(body).checkpoint.note.text.replace("\n1\n", "\n2\n", 1)
    return format_line(sign_cosignature(text, KEY, LIAR.name, int(now().timestamp())))


def by_another_key(body):
    text = parse_request(body).checkpoint.note.text
    line = sign_cosignature(text, SigningKey(b"x" * 32), LIAR.name, 1)
    return format_line(NoteSignature(LIAR.name, LIAR.key_id, line.value))


def as_a_log(body):
    return format_line(NoteSigner(LIAR.name, KEY).sign(parse_request(body).checkpoint.note.text).signatures[0])


def without_time(body):
    line = parse_line(truth(body))
    return format_line(NoteSignature(line.name, line.key_id, bytes(8) + line.value[8:]))


TEXT = "text/plain"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda body: (200, TEXT, over_something_else(body)), "no cosignature of this checkpoint"),
        (lambda body: (200, TEXT, by_another_key(body)), "no cosignature of this checkpoint"),
        (lambda body: (200, TEXT, as_a_log(body)), "no cosignature of this checkpoint"),
        (lambda body: (200, TEXT, without_time(body)), "states no time"),
        (lambda body: (200, TEXT, truth(body) * 2), "signed more than once"),
        (lambda body: (200, TEXT, truth(body)[:-1]), "no cosignature of this checkpoint"),
        (lambda body: (200, TEXT, b""), "no cosignature of this checkpoint"),
        (lambda body: (200, TEXT, b"<html>\xff"), "no cosignature of this checkpoint"),
        (lambda body: (200, TEXT, b"x" * 70_000), "longer than"),
        (lambda body: (201, TEXT, truth(body)), "201"),
        (lambda body: (302, TEXT, b""), "302"),
        (lambda body: (500, TEXT, b"\x1b[31mred\x1b[0m\nmore"), r"500: \u{1b}[31mred"),
        (lambda body: (409, TEXT, b"5\n"), "409: 5"),
        (lambda body: (409, SIZE_TYPE, b"05\n"), "409: 05"),
        (lambda body: (409, SIZE_TYPE, b"\n"), "409"),
        (lambda body: (409, SIZE_TYPE, b"%d\n" % parse_request(body).old), "refuses the size"),
        (lambda body: (409, SIZE_TYPE, b"%d\n" % (1 - parse_request(body).old)), "another size each time"),
        (lambda body: (409, SIZE_TYPE, b"9223372036854775807\n"), "9223372036854775807 already"),
        (lambda body: (409, SIZE_TYPE, b"9223372036854775808\n"), "409"),
    ],
)
def test_answers_that_are_no_cosignature(settings, answer, says):
    with liar(answer) as url:
        archive = name_witnesses(settings, (LIAR.vkey, url))
        size, [asked] = cosign(archive)
        assert not asked.held
        assert says in asked.problem
        assert "\n" not in asked.problem
        assert "\x1b" not in asked.problem
        assert archive.log.read(cosignature_key(size, LIAR.key_id)) is None
        assert cosigned(archive, size) == archive.log_reader.checkpoint_at(size).data
    with liar(lambda body: (200, TEXT, truth(body))) as url:
        archive = name_witnesses(settings, (LIAR.vkey, url))
        assert cosign_checkpoint(archive, size, cosigned(archive, size))[0].held, "no lie stays"


def test_a_size_the_log_never_had(settings):
    with liar(lambda body: (409, SIZE_TYPE, b"2\n")) as url:
        archive = name_witnesses(settings, (LIAR.vkey, url))
        [asked] = cosign(archive, 5)[1]
        assert (asked.held, asked.problem) == (False, "it holds size 2, of which this log keeps no checkpoint")


def test_lines_of_unknown_keys_are_passed_over(settings):
    def answer(body):
        text = parse_request(body).checkpoint.note.text
        others = (SigningKey(b"x" * 32), "other.example"), (SigningKey(b"y" * 32), LIAR.name)
        lines = [format_line(sign_cosignature(text, *other, 1)) for other in others]
        return 200, "application/octet-stream", lines[0] + truth(body) + lines[1]

    with liar(answer) as url:
        archive = name_witnesses(settings, (LIAR.vkey, url))
        size, [asked] = cosign(archive)
        assert (asked.held, asked.problem) == (True, None)
        assert len(parse_note(cosigned(archive, size)).signatures) == 2


def test_nobody_waits_for_longer_than_the_timeout(settings, witness):
    done = threading.Event()

    def dawdle(body):
        done.wait(HANG)
        return 200, TEXT, truth(body)

    named = witness()[:2]
    with liar(dawdle) as url:
        archive = name_witnesses(settings, named, (LIAR.vkey, url), timeout_seconds=3)
        started = time.monotonic()
        asked = cosign(archive)[1]
        assert time.monotonic() - started < HANG / 2
        done.set()
    assert [item.held for item in asked] == [True, False]
    assert "3 s" in asked[1].problem


def test_two_sealers_ask_at_once(settings, witness):
    named = [witness(name)[:2] for name in NAMES]
    archive = name_witnesses(settings, *named)
    size, note = grow(archive, 3)
    barrier = threading.Barrier(4)
    answers = []

    def ask():
        barrier.wait(HANG)
        answers.extend(cosign_checkpoint(open_archive(settings), size, note))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    assert [asked.held for asked in answers] == [True] * 8, answers
    assert len(parse_note(cosigned(archive, size)).signatures) == 3


def test_former_witnesses_stay_on_record(settings, witness):
    named = [witness(name)[:2] for name in NAMES]
    archive = name_witnesses(settings, *named)
    size, _ = cosign(archive)
    with_both = cosigned(archive, size)
    assert cosigned(name_witnesses(settings), size) == with_both
    assert cosign_checkpoint(name_witnesses(settings), size, with_both) == ()


def _later(line):
    """The same cosignature with another time."""
    found = parse_line(line)
    seconds = int.from_bytes(found.value[:8], "big") + 1
    return format_line(NoteSignature(found.name, found.key_id, seconds.to_bytes(8, "big") + found.value[8:]))


@pytest.mark.parametrize(
    "damage", [lambda line: b"", lambda line: b"nonsense", _later], ids=["empty", "nonsense", "of another time"]
)
def test_a_damaged_cosignature_is_damage(settings, witness, damage):
    vkey, url, _ = witness()
    archive = name_witnesses(settings, (vkey, url))
    size, _ = cosign(archive)
    path = settings.parent / "store" / cosignature_key(size, NoteVerifier.from_vkey(vkey).key_id)
    path.chmod(0o644)
    path.write_bytes(damage(path.read_bytes()))
    for work in (
        partial(cosigned, archive, size),
        partial(publish, archive, size),
        partial(cosign_checkpoint, archive, size, archive.log_reader.checkpoint_at(size).data),
    ):
        with pytest.raises(LogDamaged, match="cosignature"):
            work()


def test_a_cosignature_under_the_key_of_another_is_damage(settings, witness):
    named = [witness(name)[:2] for name in NAMES]
    archive = name_witnesses(settings, named[0])
    size, _ = cosign(archive)
    keys = [cosignature_key(size, NoteVerifier.from_vkey(vkey).key_id) for vkey, _ in named]
    assert archive.log.create(keys[1], archive.log.read(keys[0]))
    with pytest.raises(LogDamaged, match="of the key"):
        cosigned(archive, size)


def test_only_the_checkpoint_of_that_size_is_replaced(settings, witness):
    archive = name_witnesses(settings, witness()[:2])
    assert not publish(archive, 1)
    size, _ = cosign(archive)
    newer, _ = grow(archive)
    before = archive.log.read(CHECKPOINT)
    assert not publish(archive, size)
    assert archive.log.read(CHECKPOINT) == before
    assert not publish(archive, newer), "nothing to add"
    with pytest.raises(NoSuchCheckpoint):
        cosigned(archive, 77)


def test_the_next_sealing_goes_on_from_a_cosigned_checkpoint(settings, witness):
    archive = name_witnesses(settings, witness()[:2])
    for count in range(1, 5):
        size, asked = cosign(archive)
        assert size == count
        assert asked[0].held
        assert publish(archive, size)
        assert len(archive.log_reader.published().note.signatures) == 2
        archive.log_reader.consistency(1, size)


@pytest.mark.parametrize(
    ("vkeys", "says"),
    [
        (["nonsense"], "witnesses.0.vkey: not a vkey"),
        ([LIAR.vkey, LIAR.vkey[:-4] + "AAAA"], "witnesses.1.vkey: not a vkey: vkey: the key id is not that of the key"),
        ([NoteSigner("log.example", KEY).verifier.vkey], "witnesses.0.vkey: the vkey of a log, not of a witness"),
        ([LIAR.vkey, LIAR.vkey], "witnesses: a key id is there twice"),
    ],
)
def test_bad_settings_are_one_line(settings, vkeys, says):
    with pytest.raises(BadSettings) as caught:
        name_witnesses(settings, *((vkey, "http://127.0.0.1:9/") for vkey in vkeys))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
