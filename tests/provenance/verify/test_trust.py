"""The trust root: what is accepted, and by what name everything else is refused."""

import json

import pytest
from evidence import ATTESTATION_KEY, FOREIGN_KEY, FOREIGN_LOG, LOG, TRUST
from logs import tsa_root

from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import TrustRoot, format_trust, parse_trust

KEY = {"keyid": ATTESTATION_KEY.public.keyid, "publicKey": ATTESTATION_KEY.public.pem}
WITNESS = NoteVerifier("witness.example", FOREIGN_KEY.public, Algorithm.COSIGNATURE_V1)


def root(**changes):
    value = {"attestationKeys": [KEY], "logKeys": [LOG.verifier.vkey], "tsaRoots": [], "witnesses": []} | changes
    return json.dumps({name: member for name, member in value.items() if member is not ...}).encode()


def test_what_is_written_is_read_back():
    full = TrustRoot(
        attestation_keys=(ATTESTATION_KEY.public, FOREIGN_KEY.public),
        log_keys=(LOG.verifier, FOREIGN_LOG.verifier),
        tsa_roots=(tsa_root(),),
        witnesses=(WITNESS,),
    )
    for trust in (TRUST, full):
        assert parse_trust(format_trust(trust)) == trust


def test_lists_of_later_kinds_may_be_absent():
    assert parse_trust(root(tsaRoots=..., witnesses=...)) == TRUST


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"", ""),
        (b"[]", ""),
        (b'{"attestationKeys": [1.5], "logKeys": []}', ""),
        (root()[:-1] + b', "logKeys": []}', ""),
        (b"\xff\xfe", ""),
        (b" " * (1 << 20) + root(), ""),
        (root(revoked=[]), ""),
        (root(logKeys=...), ""),
        (root(attestationKeys=...), ""),
        (root(attestationKeys=[]), "attestationKeys"),
        (root(logKeys=[]), "logKeys"),
        (root(logKeys="all"), "logKeys"),
        (root(logKeys=[LOG.verifier.vkey] * 2), "logKeys.1"),
        (root(attestationKeys=[KEY, KEY]), "attestationKeys.1"),
        (root(attestationKeys=["all"]), "attestationKeys.0"),
        (root(attestationKeys=[KEY | {"owner": "x"}]), "attestationKeys.0"),
        (root(attestationKeys=[{"keyid": KEY["keyid"]}]), "attestationKeys.0"),
        (root(attestationKeys=[KEY | {"keyid": FOREIGN_KEY.public.keyid}]), "attestationKeys.0.keyid"),
        (root(attestationKeys=[KEY | {"keyid": KEY["keyid"].upper()}]), "attestationKeys.0.keyid"),
        (root(attestationKeys=[KEY | {"publicKey": "ssh-ed25519 AAAA"}]), "attestationKeys.0.publicKey"),
        (root(attestationKeys=[KEY | {"publicKey": KEY["publicKey"] * 2}]), "attestationKeys.0.publicKey"),
        (root(attestationKeys=[KEY | {"publicKey": None}]), "attestationKeys.0.publicKey"),
        (root(logKeys=["archive.example/log"]), "logKeys.0"),
        (root(logKeys=[LOG.verifier.vkey.replace("archive", "archivf")]), "logKeys.0"),
        (root(logKeys=[WITNESS.vkey]), "logKeys.0"),
        (root(witnesses=[LOG.verifier.vkey]), "witnesses.0"),
        (root(tsaRoots=["no certificate"]), "tsaRoots.0"),
        (root(tsaRoots=[tsa_root() * 2]), "tsaRoots.0"),
    ],
)
def test_anything_else_is_refused_by_name(data, path):
    with pytest.raises(MalformedTrustRoot) as refused:
        parse_trust(data)
    assert refused.value.path == path


def test_an_unknown_member_is_named():
    with pytest.raises(MalformedTrustRoot, match="unknown member 'revoked'"):
        parse_trust(root(revoked=[]))
