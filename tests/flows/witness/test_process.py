"""`sijill witness` as others use it: commands, and a process that answers over real sockets and is killed."""

import base64
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sijill.flows.errors import CannotListen
from sijill.flows.witness.folder import init_witness, open_witness
from sijill.flows.witness.server import serve_witness
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.cosignature import parse_line, verify_cosignature
from sijill.provenance.log.merkle import consistency_proof, leaf_hash, perfect_root, root
from sijill.provenance.log.note import Note, NoteSigner, NoteVerifier, parse_note
from sijill.provenance.log.witness import SIZE_TYPE, build_request

SIJILL = Path(sys.executable).parent / "sijill"
NAME = "witness.example/w1"
LOG = NoteSigner("sijill.example/log", SigningKey(b"l" * 32))
HANG = 60


def grown(old, size, kind="good"):
    """A request of an honest log, or of its fork."""
    hashes = [leaf_hash(f"{kind} {number}".encode()) for number in range(size)]

    def read(level, index):
        return perfect_root(hashes[index << level : (index + 1) << level])

    note = sign_checkpoint(Checkpoint(LOG.name, size, root(read, size)), LOG)
    return build_request(old, consistency_proof(read, old, size), note)


@contextmanager
def serving(folder, *, log=subprocess.DEVNULL):
    """A witness in a process of its own; gives the process, its URL, and its killer."""
    process = subprocess.Popen(
        [SIJILL, "witness", "serve", folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        line = process.stdout.readline()
        assert line.startswith(f"{NAME} listens at http://127.0.0.1:"), line
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.wait(HANG)
        process.stdout.close()


def ask(url, body, *, method="POST", path="/add-checkpoint", headers=None):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=HANG)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()
    finally:
        connection.close()


def raw(url, data):
    """Whatever comes back for these bytes until the connection ends."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=HANG) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(4096):
            received += piece
        return received


@pytest.fixture
def folder(tmp_path):
    made = init_witness(tmp_path / "witness", NAME)
    made.trust(LOG.verifier.vkey)
    return made


def now():
    return datetime.now(UTC)


@pytest.fixture
def witness(folder):
    """A witness in this process, and the lines it shows."""
    shown = []
    with serve_witness(folder, "127.0.0.1", 0, clock=now, show=shown.append, most_connections=8) as url:
        yield url, shown


@pytest.fixture
def impatient(folder):
    """A witness that waits one second for a request."""
    with serve_witness(folder, "127.0.0.1", 0, clock=now, show=[].append, request_seconds=1) as url:
        yield url


def test_from_nothing_to_a_cosignature(run, tmp_path):
    folder = tmp_path / "partner" / "witness"
    made = run("sijill", "witness", "init", folder, "--name", NAME, "--json")
    assert made.returncode == 0, made.stderr
    vkey = json.loads(made.stdout)["vkey"]
    trusted = run("sijill", "witness", "trust", folder, LOG.verifier.vkey)
    assert (trusted.returncode, trusted.stdout) == (0, "sijill.example/log: witnessed from now on\n")
    again = run("sijill", "witness", "trust", folder, LOG.verifier.vkey)
    assert (again.returncode, again.stdout) == (0, "sijill.example/log: is witnessed already\n")
    log = tmp_path / "log.txt"
    with log.open("w") as file, serving(folder, log=file) as (process, url):
        before = int(datetime.now(UTC).timestamp())
        status, _, body = ask(url, grown(0, 3))
        assert status == 200
        note = parse_note(grown(0, 3).partition(b"\n\n")[2])
        seconds = verify_cosignature(Note(note.text, (parse_line(body),)), NoteVerifier.from_vkey(vkey))
        assert before <= seconds <= datetime.now(UTC).timestamp()
        assert ask(url, grown(0, 4)) == (409, SIZE_TYPE, b"3\n")
        assert ask(url, grown(3, 5, kind="fork"))[0] == 422
        assert ask(url, grown(3, 3, kind="fork"))[0] == 409
        assert ask(url, grown(2, 2))[0] == 409
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANG) == 0
    lines = log.read_text().splitlines()
    assert [re.match(r"\S+Z 127\.0\.0\.1 (\d+) ", line)[1] for line in lines] == ["200", "409", "422", "409", "409"]
    assert "from size 0 to 3" in lines[0]
    assert len(list((folder / "forks").iterdir())) == 2
    with serving(folder) as (process, url):
        assert ask(url, grown(0, 4)) == (409, SIZE_TYPE, b"3\n"), "it remembers"
        assert ask(url, grown(3, 4))[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG) == 0


def test_a_log_trusted_meanwhile_is_witnessed(run, tmp_path):
    folder = tmp_path / "witness"
    assert run("sijill", "witness", "init", folder, "--name", NAME).returncode == 0
    with serving(folder) as (_, url):
        assert ask(url, grown(0, 3))[0] == 404
        assert run("sijill", "witness", "trust", folder, LOG.verifier.vkey).returncode == 0
        assert ask(url, grown(0, 3))[0] == 200


def test_kills_at_any_moment(folder):
    """Killed again and again under load, it never cosigns what contradicts an earlier cosignature."""
    signed = []
    chance = random.Random(4)
    for _ in range(6):
        with serving(folder.path) as (process, url):
            stop = threading.Event()

            def load(kind, url=url, stop=stop):
                while not stop.is_set():
                    held = folder.state.read(LOG.name)
                    old = held.checkpoint.size if held else 0
                    size = old + (1 if kind == "good" else 2)
                    try:
                        status, _, body = ask(url, grown(old, size, kind))
                    except (OSError, http.client.HTTPException):
                        return
                    if status == 200:
                        signed.append((size, kind, parse_line(body)))

            threads = [threading.Thread(target=load, args=(kind,)) for kind in ("good", "good", "fork")]
            for thread in threads:
                thread.start()
            stop.wait(chance.uniform(0.05, 0.5))
            process.send_signal(signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join(HANG)
        held = folder.state.read(LOG.name)
        assert not signed or held.checkpoint.size >= max(size for size, _, _ in signed), "a cosignature was forgotten"
    assert signed
    assert len({kind for _, kind, _ in signed}) == 1, "both branches of a fork were cosigned"
    for size, kind, line in signed:
        text = parse_note(grown(0, size, kind).partition(b"\n\n")[2]).text
        assert verify_cosignature(Note(text, (line,)), folder.verifier)


def test_two_processes_serve_one_folder(folder):
    with serving(folder.path) as (_, one), serving(folder.path) as (_, two):
        answers = []
        barrier = threading.Barrier(6)

        def rush(number):
            kind = "good" if number % 2 else "fork"
            barrier.wait(HANG)
            answers.append((kind, ask(one if number < 3 else two, grown(0, 5 + number // 2, kind))[0]))

        threads = [threading.Thread(target=rush, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(HANG)
        assert sorted(status for _, status in answers) == [200, 409, 409, 409, 409, 409]
        size = folder.state.read(LOG.name).checkpoint.size
        [kind] = [kind for kind, status in answers if status == 200]
        assert ask(two, grown(size, size + 1, kind))[0] == 200
        assert ask(one, grown(size, size + 2, kind)) == (409, SIZE_TYPE, b"%d\n" % (size + 1))


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/add-checkpoint", {}, None, 405),
        ("HEAD", "/", {}, None, 405),
        ("BREW", "/add-checkpoint", {}, None, 501),
        ("POST", "/", {}, b"x", 404),
        ("POST", "/sign-subtree", {}, b"x", 404),
        ("POST", "/add-checkpoint", {}, b"nonsense", 400),
        ("POST", "/add-checkpoint", {}, b"", 400),
        ("POST", "/add-checkpoint", {"Content-Length": "65537"}, None, 413),
        ("POST", "/add-checkpoint", {"Content-Length": "-1"}, None, 411),
        ("POST", "/add-checkpoint", {"Content-Length": "1_0"}, None, 411),
        ("POST", "/add-checkpoint", {"Content-Length": "9" * 30}, None, 411),
        ("POST", "/add-checkpoint", {"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", 411),
    ],
)
def test_other_requests(witness, method, path, headers, body, status):
    url, shown = witness
    found, content_type, answer = ask(url, body, method=method, path=path, headers=headers)
    assert found == status
    assert content_type == "text/plain; charset=utf-8"
    assert answer.count(b"\n") == (0 if method == "HEAD" else 1)
    assert len(shown) == 1
    assert f" {status} " in shown[0]


def test_any_prefix_and_one_connection_for_many(witness):
    url, shown = witness
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=HANG)
    for old, size in ((0, 1), (1, 2), (2, 9)):
        connection.request("POST", "/a/prefix/add-checkpoint", body=grown(old, size))
        response = connection.getresponse()
        assert (response.status, response.read()[:3]) == (200, "—".encode())
    connection.close()
    assert len(shown) == 3


def test_broken_requests_do_not_stop_it(witness):
    url, shown = witness
    assert b"400" in raw(url, b"nonsense nonsense nonsense nonsense\r\n\r\n")
    assert b" 414 " in raw(url, b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n")
    assert b" 431 " in raw(url, b"POST /add-checkpoint HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n")
    assert raw(url, b"\r\n\r\n") == b""
    assert ask(url, grown(0, 1))[0] == 200
    assert all("\x1b" not in line and "Traceback" not in line for line in shown)


def test_what_is_shown_acts_on_no_terminal(witness):
    url, shown = witness
    evil = NoteSigner("evil\u202e\u009b31m.example", SigningKey(b"e" * 32))
    leaf = base64.b64encode(leaf_hash(b"x")).decode()
    text = f"{evil.name}\n1\n{leaf}\n"
    line = evil.sign(text).signatures[0]
    encoded = base64.b64encode(line.key_id + line.value).decode()
    assert ask(url, f"old 0\n\n{text}\n— {evil.name} {encoded}\n".encode())[0] == 404
    assert "\u202e" not in shown[0]
    assert "\u009b" not in shown[0]


UNFINISHED = (b"", b"POST /add-ch", b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 50\r\n\r\nold")


@pytest.mark.parametrize("start", UNFINISHED, ids=["nothing", "a line", "a body"])
def test_who_dawdles_is_cut_off(impatient, start):
    assert b" 200 " not in raw(impatient, start)


def test_who_sends_a_byte_now_and_then_is_cut_off(impatient):
    parts = urlsplit(impatient)
    with socket.create_connection((parts.hostname, parts.port), timeout=HANG) as connection:
        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\n")
        connection.settimeout(0.2)
        for _ in range(HANG * 5):
            try:
                connection.sendall(b"X")
                if connection.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("still connected")


def test_more_connections_than_it_takes(witness):
    url, _ = witness
    parts = urlsplit(url)
    idle = [socket.create_connection((parts.hostname, parts.port), timeout=HANG) for _ in range(8)]
    assert raw(url, b"") == b"", "cut off at once"
    for connection in idle:
        connection.close()
    for _ in range(HANG * 10):
        try:
            assert ask(url, grown(0, 1))[0] == 200
            break
        except (OSError, http.client.HTTPException):
            # It has not seen yet that the others are gone.
            time.sleep(0.1)
    else:
        pytest.fail("it does not recover")


def test_an_unusable_state_is_an_answer_and_nothing_is_cosigned(witness, folder):
    url, shown = witness
    [path] = [path for path in (folder.path / "state").iterdir() if path.name != "lock"]
    path.write_bytes(b"")
    status, _, body = ask(url, grown(0, 1))
    assert (status, body) == (500, b"the witness cannot work\n")
    assert "new key" in shown[0]
    assert str(folder.path).encode() not in body


def test_what_was_read_is_answered_when_it_stops(folder):
    answers = []
    read, go_on = threading.Event(), threading.Event()

    def clock():
        # Asked once the request is read and checked.
        read.set()
        assert go_on.wait(HANG)
        return now()

    with serve_witness(folder, "127.0.0.1", 0, clock=clock, show=print) as url:
        thread = threading.Thread(target=lambda: answers.append(ask(url, grown(0, 3))))
        thread.start()
        parts = urlsplit(url)
        idle = socket.create_connection((parts.hostname, parts.port), timeout=HANG)
        assert read.wait(HANG)
        threading.Timer(0.5, go_on.set).start()
    thread.join(HANG)
    assert idle.recv(1) == b"", "who asked nothing is not waited for"
    idle.close()
    assert answers[0][0] == 200
    assert folder.state.read(LOG.name).checkpoint.size == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_families(folder, host):
    try:
        with serve_witness(folder, host, 0, clock=now, show=print) as url:
            assert ask(url, grown(0, 1))[0] == 200
    except CannotListen as err:
        pytest.skip(str(err))


@pytest.fixture
def bad_input(run, tmp_path, folder):
    def call(*arguments):
        done = run("sijill", "witness", *arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("sijill: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    return call


def test_bad_input_for_init(bad_input, folder, tmp_path):
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert "not empty" in bad_input("init", folder.path, "--name", NAME)
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before
    assert "--name" in bad_input("init", tmp_path / "new")
    for name in ("", "two words"):
        assert "witness.example/w1" in bad_input("init", tmp_path / "new", "--name", name)
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    assert "file" in bad_input("init", tmp_path / "file", "--name", NAME)
    assert "Not a directory" in bad_input("init", tmp_path / "file" / "below", "--name", NAME)


def test_bad_input_for_trust(bad_input, folder, tmp_path):
    assert "sijill witness init" in bad_input("trust", tmp_path / "nowhere", LOG.verifier.vkey)
    assert "of a witness, not of a log" in bad_input("trust", folder.path, folder.verifier.vkey)
    for vkey in ("nonsense", f"{LOG.verifier.vkey}\n"):
        assert "vkey" in bad_input("trust", folder.path, vkey)
    assert open_witness(folder.path).all_logs() == (LOG.verifier,)


def test_bad_input_for_serve(bad_input, folder, tmp_path):
    assert "sijill witness init" in bad_input("serve", tmp_path / "nowhere")
    assert "sijill witness init" in bad_input("serve", tmp_path)
    for listen in ("7380", "127.0.0.1:", "127.0.0.1:99999"):
        assert "HOST:PORT" in bad_input("serve", folder.path, "--listen", listen)
    assert "cannot listen" in bad_input("serve", folder.path, "--listen", "nosuchhost.invalid:7380")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "in use" in bad_input("serve", folder.path, "--listen", f"127.0.0.1:{port}")
    (folder.path / "witness.pem").chmod(0o644)
    assert "chmod 600" in bad_input("serve", folder.path)
    os.truncate(folder.path / "witness.pem", 0)
    (folder.path / "witness.pem").chmod(0o600)
    assert "PEM" in bad_input("serve", folder.path)
