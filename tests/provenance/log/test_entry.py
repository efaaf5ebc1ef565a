"""Log entries and batch records: one spelling, nothing unknown."""

import dataclasses

import pytest

from sijill.provenance.attest.canonical import canonical
from sijill.provenance.errors import ConflictingEntry, LogDamaged, MalformedBatch, MalformedCaptureId, MalformedEntry
from sijill.provenance.log.batch import Batch, parse_batch
from sijill.provenance.log.entry import LogEntry, parse_entry
from sijill.provenance.log.layout import leaf_index_key, queue_key
from sijill.provenance.log.queue import enqueue, leaf_index

ID = "20261121t011630z-k3j2x5m4q7ab"
SHA = "0123456789abcdef" * 4


def test_entry_form():
    data = LogEntry(ID, SHA).data
    assert data == (
        b'{"envelopeSha256":"%b","id":"%b","kind":"capture","type":"https://sijill.org/log-entry/v1"}'
        % (SHA.encode(), ID.encode())
    )
    assert parse_entry(data) == LogEntry(ID, SHA)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "https://sijill.org/log-entry/v2"},
        {"kind": "rumour"},
        {"kind": 1},
        {"id": "20261121t011630z-K3J2X5M4Q7AB"},
        {"id": "20261321t011630z-k3j2x5m4q7ab"},
        {"id": ID + "\n"},
        {"id": ""},
        {"envelopeSha256": SHA.upper()},
        {"envelopeSha256": SHA[:-1]},
        {"envelopeSha256": None},
        {"url": "https://example.org/"},
    ],
)
def test_entries_refused(changes):
    with pytest.raises(MalformedEntry):
        parse_entry(canonical(LogEntry(ID, SHA).json | changes))


def test_other_bytes_refused():
    data = LogEntry(ID, SHA).data
    for other in (b"", b"{}", b"[]", b"null", data + b"\n", data.replace(b",", b", "), data[:-1], data * 2):
        with pytest.raises(MalformedEntry):
            parse_entry(other)


@pytest.fixture
def batch(logs) -> Batch:
    return Batch(7, logs.VERIFIER.vkey, tuple(logs.entry(number) for number in range(3)))


def test_batch_round_trip(batch):
    assert parse_batch(batch.data) == batch
    assert batch.end == 10


def test_batches_refused(batch, logs):
    good = {
        "type": "https://sijill.org/log-batch/v1",
        "key": batch.vkey,
        "start": 7,
        "entries": [entry.json for entry in batch.entries],
    }
    assert parse_batch(canonical(good)) == batch
    entries = good["entries"]
    for changes in (
        {"type": "other"},
        {"key": 1},
        {"start": -1},
        {"start": True},
        {"start": "7"},
        {"start": None},
        {"more": 1},
        {"entries": []},
        {"entries": {}},
        {"entries": entries[::-1]},
        {"entries": entries + entries[-1:]},
        {"entries": [*entries, 1]},
        {"entries": [entries[0] | {"kind": "rumour"}]},
    ):
        with pytest.raises(MalformedBatch):
            parse_batch(canonical(good | changes))
    with pytest.raises(MalformedBatch):
        parse_batch(b"{}")
    with pytest.raises(MalformedBatch):
        parse_batch(batch.data + b"\n")


def test_enqueue_again_changes_nothing_but_another_entry_is_refused(logs):
    storage = logs.Storage()
    entry = logs.entry(1)
    enqueue(storage, entry)
    enqueue(storage, entry)
    assert storage.objects == {queue_key(entry.id): entry.data}
    with pytest.raises(ConflictingEntry):
        enqueue(storage, dataclasses.replace(entry, envelope_sha256=SHA))
    assert storage.objects == {queue_key(entry.id): entry.data}


def test_leaf_index(logs):
    storage = logs.Storage()
    assert leaf_index(storage, ID) is None
    storage.objects[leaf_index_key(ID)] = b"42\n"
    assert leaf_index(storage, ID) == 42
    for bad in (b"", b"\n", b"42", b"42\n\n", b"042\n", b"-1\n", b"4 2\n", b"\xd9\xa4\n"):
        storage.objects[leaf_index_key(ID)] = bad
        with pytest.raises(LogDamaged):
            leaf_index(storage, ID)
    with pytest.raises(MalformedCaptureId):
        leaf_index(storage, "../../etc")
