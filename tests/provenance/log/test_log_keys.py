"""A log that has had several keys, and checkpoints that witnesses have cosigned."""

import pytest

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import LogDamaged, UnfinishedBatch, WrongLogKey
from sijill.provenance.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from sijill.provenance.log.layout import CHECKPOINT, batch_key, checkpoint_key, leaf_index_key
from sijill.provenance.log.log import SealResult, seal
from sijill.provenance.log.note import Algorithm, Note, NoteSignature, NoteSigner, NoteVerifier, format_note
from sijill.provenance.log.queue import leaf_index
from sijill.provenance.log.reader import LogReader

WRITES = {"create", "replace", "delete"}
NEW = SigningKey(b"n" * 32)
NEWEST = SigningKey(b"o" * 32)


@pytest.fixture
def new(logs):
    return NoteSigner(logs.ORIGIN, NEW).verifier


@pytest.fixture
def newest(logs):
    return NoteSigner(logs.ORIGIN, NEWEST).verifier


def with_key(storage, logs, key, *verifiers, **options) -> SealResult:
    return seal(storage, origin=logs.ORIGIN, signer=key, verifiers=verifiers, **options)


def cosigned(data: bytes, name: str = "witness.example") -> bytes:
    """`data` with one line more, as a witness's looks; nobody here verifies it."""
    witness = NoteVerifier(name, SigningKey(b"w" * 32).public, Algorithm.COSIGNATURE_V1)
    note = parse_checkpoint(data).note
    return format_note(Note(note.text, (*note.signatures, NoteSignature(name, witness.key_id, bytes(72)))))


def killed_when(logs, storage, condition):
    def hook(operation, key):
        if condition(operation, key):
            raise logs.Killed

    storage.before = hook
    with pytest.raises(logs.Killed):
        with_key(storage, logs, logs.KEY)
    storage.before = lambda operation, key: None


def test_one_log_under_three_keys_one_after_the_other(logs, new, newest):
    storage = logs.Storage()
    entries = []
    keys = ((logs.KEY, ()), (NEW, (logs.VERIFIER,)), (NEWEST, (logs.VERIFIER, new, newest)))
    for number, (key, earlier) in enumerate(keys):
        entries += logs.fill(storage, range(number * 4, number * 4 + 4))
        assert with_key(storage, logs, key, *earlier, batch_limit=3) == SealResult(number * 4 + 4, 4, 0, ())
    reader = LogReader(storage, newest, new, logs.VERIFIER)
    assert reader.checkpoint().checkpoint.size == 12
    for size, key in ((3, logs.VERIFIER), (4, logs.VERIFIER), (7, new), (8, new), (12, newest)):
        reader.checkpoint_at(size).verify(key)
    assert [reader.entry(index, 12) for index in range(12)] == entries
    reader.consistency(3, 12)


def test_a_reader_without_the_key_of_a_checkpoint_refuses_it(logs, new):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    with_key(storage, logs, logs.KEY)
    logs.fill(storage, range(2, 4))
    with_key(storage, logs, NEW, logs.VERIFIER)
    only_old, only_new = LogReader(storage, logs.VERIFIER), LogReader(storage, new)
    with pytest.raises(LogDamaged, match="no signature of this key"):
        only_old.checkpoint()
    with pytest.raises(LogDamaged, match="no signature of this key"):
        only_new.checkpoint_at(2)
    with pytest.raises(ValueError, match="no log key"):
        LogReader(storage)


def test_every_known_key_that_a_checkpoint_names_must_verify(logs, new):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    with_key(storage, logs, logs.KEY)
    note = parse_checkpoint(storage.objects[checkpoint_key(2)]).note
    false = format_note(Note(note.text, (*note.signatures, NoteSignature(new.name, new.key_id, bytes(64)))))
    storage.objects[checkpoint_key(2)] = false
    # A stranger's line proves nothing and harms nothing; a false one in a known key's name is reason to refuse.
    LogReader(storage, logs.VERIFIER).checkpoint_at(2)
    with pytest.raises(LogDamaged, match="does not verify"):
        LogReader(storage, logs.VERIFIER, new).checkpoint_at(2)


def test_a_batch_left_at_any_write_is_finished_after_a_rotation_once_its_checkpoint_is_signed(logs, new):
    start = logs.Storage()
    entries = logs.fill(start, range(254))
    with_key(start, logs, logs.KEY)
    entries += logs.fill(start, range(254, 259))
    whole = start.copy()
    with_key(whole, logs, logs.KEY)
    unfinished = finished = 0
    for allowed in range(sum(whole.calls[operation] for operation in WRITES)):
        storage = start.copy()
        left = allowed

        def enough(operation, key):
            nonlocal left
            left -= operation in WRITES
            return left < 0

        killed_when(logs, storage, enough)
        begun, signed = batch_key(254) in storage.objects, checkpoint_key(259) in storage.objects
        before = dict(storage.objects)
        if begun and not signed:
            unfinished += 1
            with pytest.raises(UnfinishedBatch) as refused:
                with_key(storage, logs, NEW, logs.VERIFIER)
            assert refused.value.found == logs.VERIFIER.vkey
            assert "log/batches/254" in str(refused.value)
            assert storage.objects == before, "nothing is written in the name of a key that is not there"
            assert with_key(storage, logs, logs.KEY, new).completed == 5
        elif begun:
            finished += 1
            assert with_key(storage, logs, NEW, logs.VERIFIER).completed == 5
        else:
            continue
        assert storage.objects == whole.objects
        assert logs.check_log(storage, entries) == 259
    assert unfinished >= 5
    assert finished >= 10


def test_an_unknown_key_is_told_from_an_earlier_one(logs, new):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    killed_when(logs, storage, lambda operation, key: key.startswith("log/tile/"))
    with pytest.raises(WrongLogKey) as refused:
        with_key(storage, logs, NEW)
    assert not isinstance(refused.value, UnfinishedBatch)
    assert (refused.value.expected, refused.value.found) == (new.vkey, logs.VERIFIER.vkey)


def test_a_slow_sealer_with_the_old_key_goes_on_from_batches_of_the_new_one(logs, new):
    storage = logs.Storage()
    entries = logs.fill(storage, range(2))
    with_key(storage, logs, logs.KEY)
    entries += logs.fill(storage, range(2, 4))
    slow = storage.view()

    def overtaken(operation, key):
        if key == batch_key(2):
            slow.before = lambda operation, key: None
            with_key(storage, logs, NEW, logs.VERIFIER)
            entries.extend(logs.fill(storage, range(4, 6)))

    slow.before = overtaken
    assert with_key(slow, logs, logs.KEY, new) == SealResult(6, 2, 2, ())
    assert [leaf_index(storage, entry.id) for entry in entries] == list(range(6))
    LogReader(storage, new, logs.VERIFIER).check_root(6)


@pytest.mark.parametrize("other", [b"another root", b"another size"])
def test_a_false_checkpoint_of_an_earlier_key_is_not_built_upon(logs, other):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    killed_when(logs, storage, lambda operation, key: key.startswith("captures/"))
    size = 3 if other == b"another size" else 2
    false = sign_checkpoint(Checkpoint(logs.ORIGIN, size, bytes(32)), NoteSigner(logs.ORIGIN, logs.KEY))
    storage.objects[checkpoint_key(2)] = false
    with pytest.raises(LogDamaged):
        with_key(storage, logs, NEW, logs.VERIFIER)
    assert CHECKPOINT not in storage.objects
    assert leaf_index_key(logs.entry(0).id) not in storage.objects


def test_each_published_checkpoint_is_announced(logs):
    storage = logs.Storage()
    logs.fill(storage, range(5))
    seen = []

    def announced(size, data):
        assert parse_checkpoint(storage.objects[CHECKPOINT]).checkpoint.size == size, "not published yet"
        seen.append((size, data))

    with_key(storage, logs, logs.KEY, batch_limit=2, on_checkpoint=announced)
    assert seen == [(size, storage.objects[checkpoint_key(size)]) for size in (2, 4, 5)]
    seen.clear()
    with_key(storage, logs, logs.KEY, on_checkpoint=announced)
    assert seen == [], "nothing was sealed"


@pytest.mark.parametrize("key", [None, NEW])
def test_a_checkpoint_that_another_began_is_announced_too(logs, key):
    storage = logs.Storage()
    logs.fill(storage, range(3))
    killed_when(logs, storage, lambda operation, key: operation == "replace")
    seen = []
    with_key(storage, logs, key or logs.KEY, logs.VERIFIER, on_checkpoint=lambda *found: seen.append(found))
    assert seen == [(3, storage.objects[checkpoint_key(3)])]


def test_cosignatures_may_follow_the_logs_own_line(logs):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    with_key(storage, logs, logs.KEY)
    kept = storage.objects[checkpoint_key(2)]
    storage.objects[CHECKPOINT] = cosigned(cosigned(kept), "other-witness.example")
    reader = LogReader(storage, logs.VERIFIER)
    assert reader.published().data == storage.objects[CHECKPOINT]
    assert reader.checkpoint().data == storage.objects[CHECKPOINT]
    assert reader.checkpoint_at(2).data == kept


def test_sealing_leaves_a_cosigned_checkpoint_of_the_same_size_alone(logs):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    killed_when(logs, storage, lambda operation, key: operation == "replace")
    signed = cosigned(storage.objects[checkpoint_key(2)])
    slow = storage.view()

    def meanwhile(operation, key):
        # Another sealer has published and a witness has cosigned before this one comes to its last step.
        if operation == "create" and key == leaf_index_key(logs.entry(1).id):
            storage.objects[CHECKPOINT] = signed

    slow.before = meanwhile
    assert with_key(slow, logs, logs.KEY).completed == 2
    assert storage.objects[CHECKPOINT] == signed
    assert with_key(storage, logs, logs.KEY).size == 2
    assert storage.objects[CHECKPOINT] == signed
    entries = logs.fill(storage, range(2, 3))
    assert with_key(storage, logs, logs.KEY).size == 3
    assert storage.objects[CHECKPOINT] == storage.objects[checkpoint_key(3)]
    assert leaf_index(storage, entries[0].id) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda note: Note(note.text, (note.signatures[1], note.signatures[0])),
        lambda note: Note(note.text, note.signatures[1:]),
        lambda note: Note(note.text, (*note.signatures, note.signatures[0])),
        lambda note: Note(note.text + "more\n", note.signatures),
    ],
    ids=["the log's line not first", "without the log's line", "the log's line twice", "a line more in the text"],
)
def test_anything_else_at_the_published_place_is_damage(logs, change):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    with_key(storage, logs, logs.KEY)
    note = parse_checkpoint(cosigned(storage.objects[checkpoint_key(2)])).note
    storage.objects[CHECKPOINT] = format_note(change(note))
    with pytest.raises(LogDamaged):
        LogReader(storage, logs.VERIFIER).published()
