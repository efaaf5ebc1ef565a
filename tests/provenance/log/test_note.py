"""Signed notes and note keys, against those that others made."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import MalformedNote, UnverifiedNote
from sijill.provenance.log.cosignature import cosigned_message, verify_cosignature
from sijill.provenance.log.note import (
    Algorithm,
    Note,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    format_note,
    parse_note,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "c2sp"
TWO = (VECTORS / "two.note").read_bytes()
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
KEY = SigningKey(bytes(range(32)))
SIGNER = NoteSigner("example.org/log", KEY)


def test_notes_of_others_verify():
    note = parse_note(TWO)
    assert format_note(note) == TWO
    for vkey in (PETER, ENOCH):
        verifier = NoteVerifier.from_vkey(vkey)
        assert verifier.vkey == vkey
        verifier.verify(note)


def test_we_write_what_others_write():
    signer = NoteSigner.from_skey(PETER_PRIVATE)
    assert signer.skey == PETER_PRIVATE
    assert signer.verifier.vkey == PETER
    text = parse_note(TWO).text
    assert format_note(signer.sign(text)) == b"".join(TWO.splitlines(keepends=True)[:4])
    assert "AYEK" not in repr(signer)


def test_checkpoint_of_the_go_database_verifies():
    verifier = NoteVerifier.from_vkey((VECTORS / "gosum.vkey").read_text().strip())
    verifier.verify(parse_note((VECTORS / "gosum.checkpoint").read_bytes()))


@pytest.mark.parametrize("vkey", [PETER, ENOCH])
def test_vkey_has_one_spelling(vkey):
    for start in range(len(vkey)):
        for end in range(start + 1, len(vkey) + 1):
            if (start, end) != (0, len(vkey)):
                with pytest.raises(MalformedNote):
                    NoteVerifier.from_vkey(vkey[start:end])
    for place in range(len(vkey)):
        with pytest.raises(MalformedNote):
            NoteVerifier.from_vkey(vkey[:place] + chr(ord(vkey[place]) + 1) + vkey[place + 1 :])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER + "\n",
        PETER.replace("PeterNeumann", "Peter Neumann"),
        PETER.replace("PeterNeumann", "Peter\ud800"),
    ],
)
def test_vkeys_refused(vkey):
    with pytest.raises(MalformedNote):
        NoteVerifier.from_vkey(vkey)


def test_skey_has_one_spelling():
    for place in range(len(PETER_PRIVATE)):
        changed = PETER_PRIVATE[:place] + chr(ord(PETER_PRIVATE[place]) + 1) + PETER_PRIVATE[place + 1 :]
        with pytest.raises(MalformedNote):
            NoteSigner.from_skey(changed)
        with pytest.raises(MalformedNote):
            NoteSigner.from_skey(PETER_PRIVATE[:place])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\nb", "a\x01", "\ud800"])
def test_names_refused(name):
    with pytest.raises(MalformedNote):
        NoteSigner(name, KEY)


LINE = TWO.splitlines(keepends=True)[3]
TEXT = b"".join(TWO.splitlines(keepends=True)[:2])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT,
        TEXT + b"\n",
        TEXT + LINE,
        TEXT + b"\n" + LINE[:-1],
        TEXT + b"\n" + LINE + b"\n",
        b"\x01" + TEXT + b"\n" + LINE,
        b"\xff" + TEXT + b"\n" + LINE,
        TEXT.replace(b"\n", b"\r\n") + b"\n" + LINE,
        TEXT + b"\n" + LINE.replace(b"PeterNeumann", b"Bad Name"),
        TEXT + b"\n" + LINE.replace(b"PeterNeumann", b"Bad+Name"),
        TEXT + b"\n" + LINE.replace(b"PeterNeumann ", b" "),
        TEXT + b"\n" + LINE.replace("—".encode(), b"-"),
        TEXT + b"\n" + LINE.replace(b" PeterNeumann", b"  PeterNeumann"),
        TEXT + b"\n" + LINE[:-1] + b" \n",
        TEXT + b"\n" + LINE.replace(b"AM=", b"AM"),
        TEXT + b"\n" + LINE.replace(b"AM=", b"AN="),
        TEXT + b"\n" + LINE.replace(b"x08g", b"x0-g"),
        TEXT + b"\n" + "— PeterNeumann x08gow==\n".encode(),
        TEXT + b"\n" + "— PeterNeumann \n".encode(),
        TEXT + b"\n" + LINE + b"Unexpected line.\n",
        TEXT + b"\n" + LINE * 101,
        b"x" * (1 << 20) + b"\n\n" + LINE,
    ],
)
def test_notes_refused(data):
    with pytest.raises(MalformedNote):
        parse_note(data)


def test_text_may_hold_empty_lines_and_lines_that_look_signed():
    note = SIGNER.sign("a\n\n\nb\n\n" + LINE.decode())
    assert parse_note(format_note(note)) == note
    SIGNER.verifier.verify(parse_note(format_note(note)))


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\ud800\n"])
def test_texts_that_a_note_cannot_hold(text):
    with pytest.raises(MalformedNote):
        format_note(Note(text, SIGNER.sign("x\n").signatures))


def test_changed_text_does_not_verify():
    note = SIGNER.sign("text\n")
    with pytest.raises(UnverifiedNote, match="does not verify"):
        SIGNER.verifier.verify(Note("test\n", note.signatures))


def test_other_keys_are_ignored_and_missing_ones_noticed():
    note = SIGNER.sign("text\n")
    with pytest.raises(UnverifiedNote, match="no signature"):
        NoteVerifier.from_vkey(PETER).verify(note)
    with pytest.raises(UnverifiedNote, match="no signature"):
        NoteSigner("example.org/other", KEY).verifier.verify(note)
    stray = NoteSignature(SIGNER.name, b"\0\0\0\0", b"anything")
    SIGNER.verifier.verify(Note(note.text, (stray, *note.signatures, stray)))


def test_key_that_signs_twice_is_refused():
    note = SIGNER.sign("text\n")
    wrong = NoteSignature(SIGNER.name, SIGNER.verifier.key_id, bytes(64))
    for lines in ((*note.signatures, wrong), (wrong, *note.signatures), note.signatures * 2):
        with pytest.raises(UnverifiedNote, match="more than once"):
            SIGNER.verifier.verify(Note(note.text, lines))


@given(st.data())
def test_no_changed_byte_goes_unnoticed(data):
    good = format_note(SIGNER.sign("text of the note\n"))
    changed = bytearray(good)
    changed[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((MalformedNote, UnverifiedNote)):
        SIGNER.verifier.verify(parse_note(bytes(changed)))


WITNESS = SigningKey(bytes(range(1, 33)))
WITNESS_VERIFIER = NoteVerifier("witness.example/w1", WITNESS.public, Algorithm.COSIGNATURE_V1)


def cosigned(note, seconds=1679315147, signed_seconds=None):
    signature = WITNESS.sign(cosigned_message(note.text, signed_seconds or seconds))
    value = seconds.to_bytes(8, "big") + signature
    line = NoteSignature(WITNESS_VERIFIER.name, WITNESS_VERIFIER.key_id, value)
    return Note(note.text, (*note.signatures, line))


def test_cosignature():
    note = SIGNER.sign("example.org/log\n0\nx\n")
    assert verify_cosignature(parse_note(format_note(cosigned(note))), WITNESS_VERIFIER) == 1679315147
    assert NoteVerifier.from_vkey(WITNESS_VERIFIER.vkey) == WITNESS_VERIFIER
    for bad in (note, cosigned(note, signed_seconds=1679315148), cosigned(note, 2**63)):
        with pytest.raises(UnverifiedNote):
            verify_cosignature(bad, WITNESS_VERIFIER)


def test_cosignature_is_no_signature_and_the_other_way_round():
    note = cosigned(SIGNER.sign("text\n"))
    with pytest.raises(UnverifiedNote, match="cosignatures"):
        WITNESS_VERIFIER.verify(note)
    with pytest.raises(UnverifiedNote, match="cosignatures"):
        verify_cosignature(note, SIGNER.verifier)


def test_cosigned_message_of_the_specification():
    note = parse_note((VECTORS / "cosigned.checkpoint").read_bytes())
    assert int.from_bytes(note.signatures[1].value[:8], "big") == 1679315147
    assert len(note.signatures[1].value) == 72
    assert cosigned_message(note.text, 1679315147) == (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
