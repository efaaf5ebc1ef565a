import hashlib
import importlib.util
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sijill.flows import evidence
from sijill.flows.errors import BadSettings, NotSealed
from sijill.flows.partners.timestamping import (
    Asked,
    attestation_timestamp_key,
    missing,
    retimestamp,
    retry_pending,
    timestamp_checkpoint,
    timestamp_envelope,
)
from sijill.flows.wiring import open_archive
from sijill.provenance.errors import MalformedCaptureId
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import attestation_key, checkpoint_key, queue_key, timestamp_key
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.queue import enqueue
from sijill.provenance.timestamp import verify_timestamp

SCRIPT = Path(__file__).resolve().parents[3] / "deployments" / "tsa" / "serve.py"
LONG = 60
CAPTURE = "20261121t011630z-k3j5x2m4q7ab"


@pytest.fixture(scope="module")
def server(tool):
    tool("openssl", "openssl")
    spec = importlib.util.spec_from_file_location("tsa_server", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tsa_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tsas(server):
    """Two authorities, `one` and `two`, the second with an intermediate certificate."""
    with server.serve_tsa("one") as one, server.serve_tsa("two", intermediate=True) as two:
        yield {"one": one, "two": two}


@pytest.fixture
def settings(tmp_path, new_archive, tsas):
    return with_authorities(new_archive(tmp_path / "archive"), tsas.values())


@pytest.fixture
def archive(settings):
    return open_archive(settings)


def with_authorities(settings, tsas, timeout=LONG, roots=True):
    text = settings.read_text(encoding="utf-8")
    for tsa in tsas:
        (settings.parent / f"{tsa.name}.pem").write_text(tsa.root_pem)
        text += f'\n[[timestamps]]\nname = "{tsa.name}"\nurl = "{tsa.url}"\ntimeout_seconds = {timeout}\n'
        if roots:
            text += f'roots = "{tsa.name}.pem"\n'
        if roots and tsa.intermediate_pem:
            (settings.parent / f"{tsa.name}-between.pem").write_text(tsa.intermediate_pem)
            text += f'intermediates = "{tsa.name}-between.pem"\n'
    settings.write_text(text, encoding="utf-8")
    return settings


def published(archive, size=1):
    """A checkpoint of the archive's log, kept where the log keeps it; not one of a tree that is there."""
    root = hashlib.sha256(str(size).encode()).digest()
    signer = NoteSigner(archive.settings.log.origin, archive.log_key)
    note = sign_checkpoint(Checkpoint(archive.settings.log.origin, size, root), signer)
    archive.store.create(checkpoint_key(size), note)
    return note


def pending(archive):
    return list(archive.store.list("pending/"))


def response(archive, key):
    return archive.store.read(key, limit=1 << 16)


def verified(archive, key, message, tsa):
    between = [tsa.intermediate_pem] if tsa.intermediate_pem else []
    return verify_timestamp(response(archive, key), message, roots=[tsa.root_pem], intermediates=between)


HELD = (Asked("one", held=True), Asked("two", held=True))


def test_each_authority_timestamps_the_checkpoint_as_it_is_stored(archive, tsas):
    note = published(archive, 5)
    assert missing(archive, 5) == ("one", "two")
    assert timestamp_checkpoint(archive, 5, note) == HELD
    assert missing(archive, 5) == ()
    for name, tsa in tsas.items():
        stamp = verified(archive, f"log/checkpoints/5.{name}.tsr", note, tsa)
        assert abs(stamp.time - datetime.now(UTC)) < timedelta(minutes=5)
    assert pending(archive) == []


def test_what_is_held_is_not_asked_for_again(archive, tsas):
    note = published(archive)
    timestamp_checkpoint(archive, 1, note)
    before = response(archive, timestamp_key(1, "one"))
    assert timestamp_checkpoint(archive, 1, note) == HELD
    assert response(archive, timestamp_key(1, "one")) == before
    assert [tsa.requests for tsa in tsas.values()] == [1, 1]


def test_cosignatures_are_not_part_of_what_is_timestamped(archive, tsas):
    note = published(archive)
    cosigned = note + note.splitlines(keepends=True)[-1].replace(
        archive.settings.log.origin.encode(), b"witness.example"
    )
    timestamp_checkpoint(archive, 1, cosigned)
    verified(archive, timestamp_key(1, "one"), note, tsas["one"])


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("ERROR", "it answered with HTTP status 500"),
        ("REDIRECT", "it answered with HTTP status 302"),
        ("CLOSED", "it closed the connection without an answer"),
        ("GARBAGE", "its answer is not stored: not a timestamp response in DER"),
        ("REJECTION", "its answer is not stored: the authority did not grant it: rejection; bad_data_format"),
        ("OTHER_BYTES", "its answer is not stored: it is over other bytes"),
        ("OTHER_NONCE", "its answer is not stored: it has another nonce than the request"),
    ],
)
def test_an_authority_that_fails_stops_nothing_and_is_asked_again(archive, tsas, server, fault, problem):
    note = published(archive)
    tsas["one"].fault = server.Fault[fault]
    failed, held = timestamp_checkpoint(archive, 1, note)
    assert (failed.name, failed.held) == ("one", False)
    assert failed.problem.startswith(problem)
    assert held == Asked("two", held=True)
    assert missing(archive, 1) == ("one",)
    assert pending(archive) == ["pending/timestamps/1.one"]
    assert archive.store.read("pending/timestamps/1.one", limit=1000).decode() == f"{failed.problem}\n"
    # It still fails: nothing changes.
    assert retry_pending(archive) == (failed,)
    assert pending(archive) == ["pending/timestamps/1.one"]
    tsas["one"].fault = server.Fault.NONE
    assert retry_pending(archive) == (Asked("one", held=True),)
    verified(archive, timestamp_key(1, "one"), note, tsas["one"])
    assert pending(archive) == []
    assert retry_pending(archive) == ()


@pytest.mark.parametrize("fault", ["HANGS", "DRIPS"])
def test_an_authority_that_hangs_keeps_nobody_longer_than_its_timeout(tmp_path, new_archive, tsas, server, fault):
    archive = open_archive(with_authorities(new_archive(tmp_path / "archive"), tsas.values(), timeout=1))
    tsas["one"].fault = server.Fault[fault]
    note = published(archive)
    done = threading.Event()
    asked = []

    def ask():
        asked.extend(timestamp_checkpoint(archive, 1, note))
        done.set()

    threading.Thread(target=ask, daemon=True).start()
    assert done.wait(LONG)
    assert asked[0] == Asked("one", held=False, problem="no whole answer within 1 s")
    assert pending(archive)[0] == "pending/timestamps/1.one"


def test_an_authority_that_is_gone(archive, tsas, server, tmp_path, new_archive):
    with server.serve_tsa("gone") as gone:
        settings = with_authorities(new_archive(tmp_path / "another"), [gone])
    another = open_archive(settings)
    assert timestamp_checkpoint(another, 1, published(another)) == (
        Asked("gone", held=False, problem="the connection was refused"),
    )


@pytest.mark.parametrize("usage", ["NONE", "NOT_CRITICAL", "MIXED", "OTHER"])
def test_what_would_not_verify_is_not_stored(server, tmp_path, new_archive, usage):
    with server.serve_tsa("wrong", usage=server.Usage[usage]) as tsa:
        archive = open_archive(with_authorities(new_archive(tmp_path / "archive"), [tsa]))
        (asked,) = timestamp_checkpoint(archive, 1, published(archive))
        assert not asked.held
        assert "for timestamps" in asked.problem
        assert missing(archive, 1) == ("wrong",)
        # Without roots in the settings nobody can tell.
        archive = open_archive(with_authorities(new_archive(tmp_path / "another"), [tsa], roots=False))
        assert timestamp_checkpoint(archive, 1, published(archive)) == (Asked("wrong", held=True),)


def test_a_foreign_authority_is_not_stored(archive, tsas):
    (archive.folder / "one.pem").write_text(tsas["two"].root_pem)
    failed, _ = timestamp_checkpoint(archive, 1, published(archive))
    assert failed.problem.startswith("its answer is not stored: no path leads")
    assert missing(archive, 1) == ("one",)


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_roots_must_be_some(archive, tsas, content):
    roots = archive.folder / "one.pem"
    roots.unlink() if content is None else roots.write_text(content)
    with pytest.raises(BadSettings, match=r"one\.pem"):
        timestamp_checkpoint(archive, 1, published(archive))
    assert tsas["one"].requests == 0


def test_many_sealers_at_once_agree_on_one_response(archive, tsas):
    note = published(archive)
    with ThreadPoolExecutor(6) as threads:
        asked = list(threads.map(lambda _: timestamp_checkpoint(archive, 1, note), range(6)))
    assert asked == [HELD] * 6
    for name, tsa in tsas.items():
        verified(archive, timestamp_key(1, name), note, tsa)


def test_all_are_asked_at_once(server, tmp_path, new_archive):
    """Each of four hangs for its whole time; one after the other would take four times as long."""
    with ExitStack() as stack:
        tsas = [stack.enter_context(server.serve_tsa(f"slow-{number}")) for number in range(4)]
        for tsa in tsas:
            tsa.fault = server.Fault.HANGS
        archive = open_archive(with_authorities(new_archive(tmp_path / "archive"), tsas, timeout=LONG))
        asked = []
        asking = threading.Thread(
            target=lambda: asked.extend(timestamp_checkpoint(archive, 1, published(archive))), daemon=True
        )
        asking.start()
        begun = threading.Event()
        for _ in range(LONG * 20):
            if all(tsa.requests for tsa in tsas):
                begun.set()
                break
            threading.Event().wait(0.05)
        assert begun.is_set()


# Asking again


def test_after_a_long_failure_all_is_asked_for_in_order(archive, tsas, server):
    tsas["one"].fault = server.Fault.ERROR
    sizes = [2, 9, 10, 100]
    notes = {size: published(archive, size) for size in sizes}
    for size in sizes:
        timestamp_checkpoint(archive, size, notes[size])
    requests = tsas["one"].requests
    assert [asked.held for asked in retry_pending(archive)] == [False]
    assert tsas["one"].requests == requests + 1, "an authority that fails is not asked for the rest"
    assert retry_pending(archive, spare=["one"]) == ()
    assert tsas["one"].requests == requests + 1
    tsas["one"].fault = server.Fault.NONE
    assert [asked.held for asked in retry_pending(archive)] == [True] * 4
    times = [verified(archive, timestamp_key(size, "one"), notes[size], tsas["one"]).time for size in sizes]
    assert times == sorted(times)
    assert pending(archive) == []


def test_no_more_is_asked_again_at_once_than_an_authority_bears(archive, tsas):
    for size in range(1, 41):
        published(archive, size)
        archive.store.replace(f"pending/timestamps/{size}.one", b"failed\n")
    assert len(retry_pending(archive)) == 32
    assert missing(archive, 32) == ("two",)
    assert missing(archive, 33) == ("one", "two")
    assert len(retry_pending(archive)) == 8
    assert pending(archive) == []


def test_what_nobody_wants_is_forgotten(archive, tsas):
    archive.store.replace("pending/timestamps/7.one", b"")
    archive.store.replace("pending/timestamps/1.former", b"")
    archive.store.replace("pending/timestamps/01.one", b"")
    archive.store.replace(f"pending/attestations/{CAPTURE}.one", b"")
    archive.store.replace("pending/attestations/nothing.one", b"")
    archive.store.replace("pending/others", b"stays")
    published(archive)
    assert retry_pending(archive) == ()
    assert pending(archive) == ["pending/others"]
    assert tsas["one"].requests == 0


def test_what_another_process_got_meanwhile_is_no_longer_pending(archive, tsas):
    note = published(archive)
    timestamp_checkpoint(archive, 1, note)
    archive.store.replace("pending/timestamps/1.one", b"failed\n")
    assert retry_pending(archive) == (Asked("one", held=True),)
    assert pending(archive) == []
    assert tsas["one"].requests == 1


# Over attestations


def test_an_attestation_is_timestamped_beside_it(archive, tsas, server):
    envelope = b'{"an":"envelope"}'
    archive.store.create(attestation_key(CAPTURE), envelope)
    tsas["two"].fault = server.Fault.CLOSED
    held, failed = timestamp_envelope(archive, CAPTURE, envelope)
    assert held == Asked("one", held=True)
    assert not failed.held
    key = f"captures/2026/11/21/{CAPTURE}/attestation.one.tsr"
    assert attestation_timestamp_key(CAPTURE, "one") == key
    verified(archive, key, envelope, tsas["one"])
    assert pending(archive) == [f"pending/attestations/{CAPTURE}.two"]
    tsas["two"].fault = server.Fault.NONE
    assert retry_pending(archive) == (Asked("two", held=True),)
    verified(archive, attestation_timestamp_key(CAPTURE, "two"), envelope, tsas["two"])
    assert pending(archive) == []
    with pytest.raises(MalformedCaptureId):
        timestamp_envelope(archive, "no-capture", envelope)


# Once a year


def sealed(archive):
    """The log with one entry more; its newest checkpoint."""
    entry_id = archive.new_capture_id(archive.clock())
    enqueue(archive.log, LogEntry(entry_id, hashlib.sha256(entry_id.encode()).hexdigest()))
    assert archive.store.stat(queue_key(entry_id)) is not None
    evidence.seal(archive)
    return archive.log_reader.checkpoint()


def test_the_newest_checkpoint_is_timestamped_again_under_a_name_with_the_date(archive, tsas, server):
    with pytest.raises(NotSealed):
        retimestamp(archive)
    newest = sealed(archive)
    size, message = newest.checkpoint.size, newest.first_signed
    timestamp_checkpoint(archive, size, message)
    later = replace(archive, clock=lambda: datetime(2027, 11, 21, 1, 16, 30, 999, tzinfo=UTC))
    assert retimestamp(later) == (
        Asked("one-20271121t011630z", held=True),
        Asked("two-20271121t011630z", held=True),
    )
    for name, tsa in tsas.items():
        first = verified(archive, timestamp_key(size, name), message, tsa)
        again = verified(archive, f"log/checkpoints/{size}.{name}-20271121t011630z.tsr", message, tsa)
        assert first.serial != again.serial
    tsas["one"].fault = server.Fault.ERROR
    even_later = replace(archive, clock=lambda: datetime(2028, 11, 21, 1, 16, 30, tzinfo=UTC))
    failed, held = retimestamp(even_later)
    assert (failed.held, held.held) == (False, True)
    # It is not the plain timestamp that fails: that one is there.
    assert pending(archive) == []


def test_without_a_first_timestamp_the_newest_checkpoint_gets_it(archive, tsas, server):
    tsas["one"].fault = server.Fault.ERROR
    newest = sealed(archive)
    timestamp_checkpoint(archive, newest.checkpoint.size, newest.first_signed)
    tsas["one"].fault = server.Fault.NONE
    first, again = retimestamp(archive)
    assert first == Asked("one", held=True)
    assert again.name.startswith("two-")
    assert missing(archive, newest.checkpoint.size) == ()
    assert pending(archive) == []


def run_command(settings, *arguments):
    from click.testing import CliRunner

    from sijill.flows.commands.times import timestamp

    return CliRunner().invoke(timestamp, list(arguments), obj=settings)


def test_the_command_says_what_each_authority_gave(settings, archive, tsas, server):
    sealed(archive)
    tsas["two"].fault = server.Fault.CLOSED
    done = run_command(settings, "--json")
    assert done.exit_code == 1
    one, two = json.loads(done.output)["timestamps"]
    assert (one["held"], two["held"]) == (True, False)
    assert two["problem"] == "it closed the connection without an answer"
    tsas["two"].fault = server.Fault.NONE
    done = run_command(settings)
    assert done.exit_code == 0, done.output
    assert done.output.count("stored") == 2


def test_the_command_needs_an_authority(tmp_path, new_archive):
    done = run_command(new_archive(tmp_path / "archive"))
    assert isinstance(done.exception, BadSettings)
    assert done.exception.status == 2
    assert "[[timestamps]]" in str(done.exception)
