"""The witness: requests made by another implementation, every refusal of the specification, and races."""

import base64
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.provenance.attest.keys import PublicKey, SigningKey
from sijill.provenance.errors import MalformedRequest
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.cosignature import parse_line, verify_cosignature
from sijill.provenance.log.merkle import consistency_proof, leaf_hash, perfect_root, root
from sijill.provenance.log.note import Note, NoteSigner, NoteVerifier, format_note, parse_note
from sijill.provenance.log.witness import (
    MAX_REQUEST,
    SIZE_TYPE,
    Witness,
    build_request,
    parse_held_size,
    parse_request,
)

NAME = "witness.example/w1"
ORIGIN = "sijill.example/log"
LOG = NoteSigner(ORIGIN, SigningKey(b"l" * 32))
NOW = datetime(2026, 11, 21, 1, 16, 30, 999_999, tzinfo=UTC)
SECONDS = 1_795_223_790

# Requests that the tests of filippo.io/torchwood make (`TestRace`), for a log whose leaves are 0x2a, number, zeroes.
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_KEY = PublicKey(bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"))
TO_1 = f"""\
old 0

{SIGSUM}
1
KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

— {SIGSUM} UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=
""".encode()
FROM_1_TO_3 = f"""\
old 1
KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

{SIGSUM}
3
RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=

— {SIGSUM} UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=
""".encode()
FROM_1_TO_5 = f"""\
old 1
KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=
KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

{SIGSUM}
5
QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=

— {SIGSUM} UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=
""".encode()
# The checkpoint that geomys.org publishes for trying out witnesses, and its key.
TRIAL_KEY = "geomys.org/witness/test-log+c0787ff4+AeMb5VOzy60PTGdGmLPxOKGAa0jNyDGsgv2rnprGju1t"
TRIAL = """\
old 0

geomys.org/witness/test-log
1
BCml5C32yqMcl0gjTrcSOeNVx59oPnSdytBzDGBO5k0=

— geomys.org/witness/test-log \
wHh/9BPsoBNr2x0Ol3qPBYasIN0HI2ZiBg5ac0v3LQq/7F+YO7U4oWbDeJn1VaWVrlbSEM30Gr7WWYQjj2SBxRoJ/Ao=
""".encode()


class MemoryState:
    """What a witness remembers, in a dict; `before` is called before each step of it."""

    def __init__(self):
        self.held = {}
        self.forks = []
        self.before = lambda step: None
        self._lock = threading.Lock()

    def read(self, origin):
        self.before("read")
        return self.held.get(origin)

    def advance(self, origin, held, new):
        self.before("advance")
        with self._lock:
            if self.held.get(origin) != held:
                return False
            self.held[origin] = new
            return True

    def keep_fork(self, held, other):
        self.forks.append((held, other))

    def size(self, origin=ORIGIN):
        return self.held[origin].checkpoint.size if origin in self.held else 0


class Log:
    """A tree in memory that signs whatever it is told to."""

    def __init__(self, leaves, signer=LOG):
        self.signer = signer
        self._hashes = [leaf_hash(leaf) for leaf in leaves]

    def _read(self, level, index):
        return perfect_root(self._hashes[index << level : (index + 1) << level])

    def note(self, size):
        return sign_checkpoint(Checkpoint(self.signer.name, size, root(self._read, size)), self.signer)

    def request(self, old, size):
        return build_request(old, consistency_proof(self._read, old, size), self.note(size))


GOOD = Log([b"%d" % number for number in range(40)])
FORK = Log([b"%d" % number if number < 5 else b"other %d" % number for number in range(40)])


@pytest.fixture
def state():
    return MemoryState()


@pytest.fixture
def witness(state):
    keys = (LOG.verifier, NoteVerifier(SIGSUM, SIGSUM_KEY), NoteVerifier.from_vkey(TRIAL_KEY))
    return make_witness(state, *keys)


def make_witness(state, *keys):
    return Witness(
        NAME,
        SigningKey(b"w" * 32),
        logs=lambda origin: [key for key in keys if key.name == origin],
        state=state,
        clock=lambda: NOW,
    )


def cosigned(witness, request, response):
    """Whether `response` is a cosignature of what was asked."""
    if response.status != 200:
        assert "—".encode() not in response.body
        return False
    line = parse_line(response.body)
    assert verify_cosignature(Note(parse_request(request).checkpoint.note.text, (line,)), witness.verifier) == SECONDS
    return True


def test_requests_of_another_implementation_are_cosigned(witness, state):
    for request in (TO_1, FROM_1_TO_3, TRIAL):
        assert cosigned(witness, request, witness.add_checkpoint(request))
    assert state.size(SIGSUM) == 3
    stale = witness.add_checkpoint(FROM_1_TO_5)
    assert (stale.status, stale.content_type, stale.body) == (409, SIZE_TYPE, b"3\n")


def test_the_race_of_the_specification_rolls_nothing_back(witness, state):
    witness.add_checkpoint(TO_1)
    answers = []

    def overtake(step):
        if step == "advance":
            state.before = lambda step: None
            answers.append(witness.add_checkpoint(FROM_1_TO_5))

    state.before = overtake
    late = witness.add_checkpoint(FROM_1_TO_3)
    assert cosigned(witness, FROM_1_TO_5, answers[0])
    assert (late.status, late.content_type, late.body) == (409, SIZE_TYPE, b"5\n")
    assert state.size(SIGSUM) == 5


def test_the_answer_appended_to_the_checkpoint_is_a_cosigned_checkpoint(witness):
    request = GOOD.request(0, 7)
    note = parse_note(GOOD.note(7) + witness.add_checkpoint(request).body)
    LOG.verifier.verify(note)
    assert verify_cosignature(note, witness.verifier) == SECONDS


def test_it_cosigns_the_same_checkpoint_again(witness, state):
    assert witness.add_checkpoint(GOOD.request(0, 7)).status == 200
    assert cosigned(witness, GOOD.request(7, 7), witness.add_checkpoint(GOOD.request(7, 7)))
    assert state.size() == 7


def test_the_empty_tree(witness, state):
    assert cosigned(witness, GOOD.request(0, 0), witness.add_checkpoint(GOOD.request(0, 0)))
    assert witness.add_checkpoint(GOOD.request(0, 0)).status == 200
    assert witness.add_checkpoint(GOOD.request(0, 3)).status == 200
    assert witness.add_checkpoint(GOOD.request(0, 0)).status == 409
    assert state.size() == 3


def refusals():
    proof = parse_request(GOOD.request(5, 9)).proof
    stranger = NoteSigner(ORIGIN, SigningKey(b"s" * 32))
    leaf = bytes(32)
    yield (
        "unknown origin",
        404,
        build_request(0, (), Log([b"1"], NoteSigner("else.example", SigningKey(b"e" * 32))).note(1)),
    )
    yield "not signed by the log", 403, build_request(5, proof, Log([b"%d" % n for n in range(40)], stranger).note(9))
    yield "signature over another root", 403, build_request(5, proof, _with_signature_of(GOOD.note(8), GOOD.note(9)))
    yield (
        "two signatures of the log's key",
        403,
        build_request(5, proof, GOOD.note(9) + GOOD.note(9).splitlines(True)[-1]),
    )
    yield "old greater than new", 400, build_request(5, (), GOOD.note(4))
    yield "old greater than new and than held", 400, build_request(30, (), GOOD.note(9))
    yield "old smaller than held", 409, GOOD.request(4, 9)
    yield "old greater than held", 409, GOOD.request(6, 9)
    yield "old zero for a first time that is not", 409, GOOD.request(0, 9)
    yield "rolled back", 409, GOOD.request(4, 4)
    yield "no proof", 422, build_request(5, (), GOOD.note(9))
    yield "proof cut", 422, build_request(5, proof[:-1], GOOD.note(9))
    yield "proof too long", 422, build_request(5, (*proof, leaf), GOOD.note(9))
    yield "proof of another growth", 422, build_request(5, parse_request(GOOD.request(5, 10)).proof, GOOD.note(9))
    yield "proof where none is needed", 422, build_request(5, (leaf,), GOOD.note(5))
    yield "another root of the same size", 409, build_request(5, (), Log([b"?"] * 5).note(5))
    yield "another root of the same size, with a proof", 422, build_request(5, (leaf,), Log([b"?"] * 5).note(5))
    yield "another past", 422, Log([b"?"] * 9).request(5, 9)


def _with_signature_of(signed, note):
    return note[: note.index("—".encode())] + signed[signed.index("—".encode()) :]


@pytest.mark.parametrize(("status", "request_"), [pytest.param(*case[1:], id=case[0]) for case in refusals()])
def test_what_it_does_not_cosign(witness, state, status, request_):
    assert witness.add_checkpoint(GOOD.request(0, 5)).status == 200
    response = witness.add_checkpoint(request_)
    assert response.status == status
    assert not cosigned(witness, request_, response)
    assert response.body.endswith(b"\n")
    assert state.size() == 5
    assert cosigned(witness, GOOD.request(5, 9), witness.add_checkpoint(GOOD.request(5, 9))), "it goes on"


def test_proof_at_first_contact_is_refused(witness, state):
    assert witness.add_checkpoint(build_request(0, (bytes(32),), GOOD.note(5))).status == 422
    assert state.size() == 0


def test_lines_of_others_in_a_checkpoint_are_ignored(witness, state):
    stranger = NoteSigner("stranger.example", SigningKey(b"s" * 32))
    line = stranger.sign(parse_note(GOOD.note(5)).text)
    note = Note(line.text, (*line.signatures, *parse_note(GOOD.note(5)).signatures))
    request = build_request(0, (), format_note(note))
    assert cosigned(witness, request, witness.add_checkpoint(request))
    assert state.held[ORIGIN].data == GOOD.note(5), "only what the log signed is remembered"


def test_of_two_log_keys_each_that_is_named_must_have_signed(state):
    older = NoteSigner(ORIGIN, SigningKey(b"o" * 32))
    witness = make_witness(state, LOG.verifier, older.verifier)
    assert witness.add_checkpoint(Log([b"1"] * 9, older).request(0, 3)).status == 200
    good = Log([b"1"] * 9).request(3, 4)
    bad = good + b"".join(Log([b"1"] * 9, older).note(5).splitlines(keepends=True)[-1:])
    assert witness.add_checkpoint(bad).status == 403
    assert witness.add_checkpoint(good).status == 200


def test_a_fork_is_kept_as_proof(witness, state):
    witness.add_checkpoint(GOOD.request(0, 9))
    assert witness.add_checkpoint(FORK.request(9, 9)).status == 409
    assert witness.add_checkpoint(FORK.request(5, 9)).status == 409
    for held, other in state.forks:
        assert held.data == GOOD.note(9)
        assert other.data == FORK.note(9)
    assert len(state.forks) == 2
    witness.add_checkpoint(FORK.request(9, 10))
    assert len(state.forks) == 2, "a checkpoint of another size proves nothing by itself"
    assert state.size() == 9


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 40)), max_size=30))
def test_whatever_is_asked_what_is_cosigned_only_grows(steps):
    state = MemoryState()
    witness = make_witness(state, LOG.verifier)
    signed = []
    for honest, old, size in steps:
        log = GOOD if honest else FORK
        request = build_request(old, (), log.note(size)) if old > size else log.request(old, size)
        response = witness.add_checkpoint(request)
        if cosigned(witness, request, response):
            signed.append((honest, size))
            assert state.size() == size
        else:
            assert state.size() == (signed[-1][1] if signed else 0)
    sizes = [size for _, size in signed]
    assert sizes == sorted(sizes)
    # Up to size 5 both logs are the same.
    assert len({honest for honest, size in signed if size > 5}) <= 1


def test_threads_at_once_get_a_chain(witness, state):
    barrier = threading.Barrier(8)
    signed = []

    def grow(number):
        barrier.wait()
        for size in range(1 + number % 3, 40, 1 + number % 4):
            log = GOOD if number % 2 else FORK
            old = state.size()
            if old <= size:
                request = log.request(old, size)
                if cosigned(witness, request, witness.add_checkpoint(request)):
                    signed.append(parse_request(request).checkpoint.checkpoint)

    threads = [threading.Thread(target=grow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert signed
    assert len({tree.size: tree.root for tree in signed}) == len(set(signed)), "one root a size"
    trees = sorted(set(signed), key=lambda tree: tree.size)
    of = {log.note(size): log for log in (GOOD, FORK) for size in range(6, 41)}
    assert len({id(of[sign_checkpoint(tree, LOG)]) for tree in trees if tree.size > 5}) <= 1


class TestRequests:
    def test_a_request_is_read_as_it_is_written(self):
        request = parse_request(FROM_1_TO_5)
        assert request.old == 1
        assert [len(value) for value in request.proof] == [32] * 3
        assert request.checkpoint.checkpoint.size == 5
        assert build_request(1, request.proof, request.checkpoint.data) == FROM_1_TO_5

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\n",
            b"old 0",
            b"old 0\n",
            b"old 0\n\n",
            TO_1.replace(b"old 0", b"Old 0"),
            TO_1.replace(b"old 0", b"old  0"),
            TO_1.replace(b"old 0", b"old 00"),
            TO_1.replace(b"old 0", b"old +0"),
            TO_1.replace(b"old 0", b"old -1"),
            TO_1.replace(b"old 0", b"old 0 "),
            TO_1.replace(b"old 0", "old ٠".encode()),
            TO_1.replace(b"old 0", b"old"),
            TO_1.replace(b"old 0", b"old 9223372036854775808"),
            TO_1.replace(b"old 0", b"old 0\r"),
            TO_1.replace(b"old 0\n", b""),
            TO_1.replace(b"old 0\n\n", b"old 0\n"),
            TO_1.replace(b"old 0\n\n", b"old 0\n\n\n"),
            TO_1[:-1],
            TO_1 + b"\n",
            TO_1.replace(b"\n1\n", b"\n01\n"),
            FROM_1_TO_3.replace(b"KgEA", b"KgE=A"),
            FROM_1_TO_3.replace(b"KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", b"KgEA"),
            FROM_1_TO_3.replace(
                b"KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", b"KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="
            ),
            FROM_1_TO_3.replace(b"KgEA", b" KgEA"),
            TO_1.replace(b"old 0\n", b"old 0\n" + base64.b64encode(bytes(32)) + b"\n" * 65),
            b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + TO_1.removeprefix(b"old 0\n"),
            TO_1 + b"x" * MAX_REQUEST,
        ],
    )
    def test_malformed_requests(self, witness, state, data):
        with pytest.raises(MalformedRequest):
            parse_request(data)
        response = witness.add_checkpoint(data)
        assert response.status == 400
        assert state.held == {}

    def test_63_hashes_are_read(self):
        data = b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 63 + TO_1.removeprefix(b"old 0\n")
        assert len(parse_request(data).proof) == 63

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_a_changed_request_is_refused_or_says_something_else(self, data):
        place = data.draw(st.integers(0, len(FROM_1_TO_5) - 1))
        new = data.draw(st.binary(max_size=3))
        changed = FROM_1_TO_5[:place] + new + FROM_1_TO_5[place + data.draw(st.integers(0, 3)) :]
        try:
            request = parse_request(changed)
        except MalformedRequest:
            return
        assert build_request(request.old, request.proof, request.checkpoint.data) == changed

    @given(st.binary(max_size=300))
    def test_anything_else_is_malformed(self, data):
        with pytest.raises(MalformedRequest):
            parse_request(data)

    @pytest.mark.parametrize(
        ("old", "proof", "note"),
        [
            (-1, (), GOOD.note(3)),
            (2**63, (), GOOD.note(3)),
            (1, (b"short",), GOOD.note(3)),
            (1, (bytes(32),) * 64, GOOD.note(3)),
            (1, (), b"no note"),
            (1, (), b"\n" + GOOD.note(3)),
        ],
    )
    def test_what_cannot_be_asked(self, old, proof, note):
        with pytest.raises(MalformedRequest):
            build_request(old, proof, note)

    @pytest.mark.parametrize(
        ("content_type", "body", "size"),
        [
            (SIZE_TYPE, b"0\n", 0),
            (SIZE_TYPE, b"50\n", 50),
            (SIZE_TYPE, b"50", None),
            (SIZE_TYPE, b"050\n", None),
            (SIZE_TYPE, b"", None),
            (SIZE_TYPE, b"50\n\n", None),
            (SIZE_TYPE, b"\xff\n", None),
            ("text/plain", b"10\n", None),
            (f"{SIZE_TYPE}; charset=utf-8", b"51\n", None),
            (None, b"10\n", None),
        ],
    )
    def test_the_size_in_a_conflict(self, content_type, body, size):
        assert parse_held_size(content_type, body) == size
