"""The trust root: what is accepted, and by what name everything else is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from evidence import ATTESTATION_KEY, FOREIGN_KEY, FOREIGN_LOG, LOG, TRUST
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import tsa_root

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import Policy, Revocation, TrustRoot, Validity, format_trust, parse_trust

KEY = {"keyid": ATTESTATION_KEY.public.keyid, "publicKey": ATTESTATION_KEY.public.pem}
WITNESSES = tuple(
    NoteVerifier(f"witness-{number}.example", SigningKey(bytes([number]) * 32).public, Algorithm.COSIGNATURE_V1)
    for number in range(3)
)
WITNESS = WITNESSES[0]
AGAIN = NoteVerifier("again.example", WITNESS.key, Algorithm.COSIGNATURE_V1)
OWN = NoteVerifier("own.example", LOG.verifier.key, Algorithm.COSIGNATURE_V1)
KEYID, VKEY = KEY["keyid"], LOG.verifier.vkey
SPOKEN = {"notBefore": "2026-11-21T01:16:30.000000Z", "notAfter": "2027-11-21T01:16:30.000000Z"}
REVOKED = {"key": KEYID, "at": SPOKEN["notAfter"], "reason": "lost"}


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
        (root(tsaRoots=[tsa_root()] * 2), "tsaRoots.1"),
        (root(tsaRoots=[tsa_root()], tsaIntermediates=["no certificate"]), "tsaIntermediates.0"),
        (root(tsaIntermediates=[tsa_root()]), "tsaIntermediates"),
        (root(tsaCertificates=[tsa_root()]), "tsaCertificates"),
        (root(witnesses=[WITNESS.vkey, AGAIN.vkey]), "witnesses.1"),
        (root(witnesses=[OWN.vkey]), "witnesses.0"),
        (root(validity={}), "validity"),
        (root(validity=[{"key": KEYID}]), "validity.0"),
        (root(validity=[{"key": KEYID, "notBefore": None, "notAfter": None}]), "validity.0"),
        (
            root(validity=[{"key": KEYID, "notBefore": SPOKEN["notAfter"], "notAfter": SPOKEN["notBefore"]}]),
            "validity.0",
        ),
        (root(validity=[{"key": KEYID, "notBefore": "2026-11-21"}]), "validity.0.notBefore"),
        (root(validity=[{"key": KEYID, "notAfter": "2026-11-31T00:00:00.000000Z"}]), "validity.0.notAfter"),
        (root(validity=[{"key": KEYID, "notAfter": 1}]), "validity.0.notAfter"),
        (root(validity=[SPOKEN]), "validity.0"),
        (root(validity=[{"key": 1, **SPOKEN}]), "validity.0.key"),
        (root(validity=[{"key": KEYID, "until": "", **SPOKEN}]), "validity.0"),
        (root(validity=[{"key": FOREIGN_KEY.public.keyid, **SPOKEN}]), "validity.0.key"),
        (root(validity=[{"key": WITNESS.vkey, **SPOKEN}], witnesses=[WITNESS.vkey]), "validity.0.key"),
        (root(validity=[{"key": KEYID, **SPOKEN}, {"key": KEYID, "notAfter": SPOKEN["notAfter"]}]), "validity.1.key"),
        (root(revocations=[REVOKED | {"key": FOREIGN_LOG.verifier.vkey}]), "revocations.0.key"),
        (root(revocations=[REVOKED | {"at": None}]), "revocations.0.at"),
        (root(revocations=[REVOKED | {"at": "2026-11-21T01:16:30.000000+01:00"}]), "revocations.0.at"),
        (root(revocations=[REVOKED | {"reason": None}]), "revocations.0.reason"),
        (root(revocations=[{"key": KEYID, "at": REVOKED["at"]}]), "revocations.0"),
        (root(revocations=[REVOKED, REVOKED | {"reason": "found again"}]), "revocations.1.key"),
        (root(policy=[]), "policy"),
        (root(policy={"quorum": 1}), "policy"),
        (root(policy={"witnesses": 1}), "policy.witnesses"),
        (root(policy={"witnesses": 0}, witnesses=[WITNESS.vkey]), "policy.witnesses"),
        (root(policy={"witnesses": -1}, witnesses=[WITNESS.vkey]), "policy.witnesses"),
        (root(policy={"witnesses": True}, witnesses=[WITNESS.vkey]), "policy.witnesses"),
        (root(policy={"witnesses": "1"}, witnesses=[WITNESS.vkey]), "policy.witnesses"),
        (root(policy={"witnesses": None}, witnesses=[WITNESS.vkey]), "policy.witnesses"),
        (root(policy={"witnesses": 2}, witnesses=[WITNESS.vkey]), "policy.witnesses"),
        (root(policy={"timestamps": 1}), "policy.timestamps"),
        (root(policy={"timestamps": 0}, tsaRoots=[tsa_root()]), "policy.timestamps"),
    ],
)
def test_anything_else_is_refused_by_name(data, path):
    with pytest.raises(MalformedTrustRoot) as refused:
        parse_trust(data)
    assert refused.value.path == path


def test_an_unknown_member_is_named():
    with pytest.raises(MalformedTrustRoot, match="unknown member 'revoked'"):
        parse_trust(root(revoked=[]))


BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=70_000)).map(lambda since: BEGINNING + since)


@st.composite
def validities(draw, key):
    first, last = draw(st.none() | MOMENTS), draw(st.none() | MOMENTS)
    if first is None and last is None:
        return None
    if first is not None and last is not None:
        first, last = sorted((first, last))
    return Validity(key, first, last)


@st.composite
def trust_roots(draw):
    own = (ATTESTATION_KEY.public, FOREIGN_KEY.public)
    logs = (LOG.verifier, FOREIGN_LOG.verifier)
    keys = [key.keyid for key in own] + [key.vkey for key in logs]
    witnesses = draw(st.lists(st.sampled_from(WITNESSES), unique=True))
    roots = draw(st.sampled_from([(), (tsa_root(),)]))
    said = [draw(validities(key)) for key in draw(st.lists(st.sampled_from(keys), unique=True))]
    return TrustRoot(
        attestation_keys=own,
        log_keys=logs,
        tsa_roots=roots,
        witnesses=tuple(witnesses),
        tsa_intermediates=draw(st.sampled_from([(), roots])),
        tsa_certificates=draw(st.sampled_from([(), roots])),
        validity=tuple(item for item in said if item is not None),
        revocations=tuple(
            Revocation(key, draw(MOMENTS), draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=50)))
            for key in draw(st.lists(st.sampled_from(keys), unique=True))
        ),
        policy=Policy(
            draw(st.none() | st.integers(1, len(witnesses))) if witnesses else None,
            draw(st.none() | st.integers(1, 5)) if roots else None,
        ),
    )


@settings(max_examples=100, deadline=None)
@given(trust_roots())
def test_any_trust_root_is_read_back_as_it_was(trust):
    data = format_trust(trust)
    assert parse_trust(data) == trust
    assert data.endswith(b"}\n")


@settings(max_examples=150, deadline=None)
@given(trust_roots(), st.data())
def test_no_other_text_passes_for_the_same_trust_root(trust, data):
    written = format_trust(trust)
    place = data.draw(st.integers(0, len(written) - 1))
    changed = written[:place] + bytes([data.draw(st.integers(0, 255))]) + written[place + 1 :]
    try:
        parsed = parse_trust(changed)
    except MalformedTrustRoot:
        return
    # A trust root has no signature: a byte may turn a time into another. It may never turn into what it does not say.
    assert json.loads(format_trust(parsed)) == _shown(json.loads(changed))


def _shown(value):
    for item in value.get("validity", []):
        item |= {name: item.get(name) for name in ("notBefore", "notAfter")}
    return value


def test_what_is_said_of_keys_is_found_by_keyid_and_vkey():
    since = datetime(2026, 1, 1, tzinfo=UTC)
    trust = TrustRoot(
        attestation_keys=(ATTESTATION_KEY.public,),
        log_keys=(LOG.verifier,),
        validity=(Validity(KEYID, since), Validity(VKEY, None, since)),
        revocations=(Revocation(VKEY, since + timedelta(days=1), "lost"),),
    )
    assert trust.validity_of(KEYID) == Validity(KEYID, since)
    assert trust.validity_of(VKEY).not_after == since
    assert trust.validity_of("f" * 64) == Validity("f" * 64)
    assert trust.revocation_of(KEYID) is None
    assert trust.revocation_of(VKEY).reason == "lost"


@pytest.mark.parametrize(
    ("changes", "witnesses", "timestamps"),
    [
        ({}, 0, 0),
        ({"witnesses": WITNESSES}, 3, 0),
        ({"witnesses": WITNESSES, "policy": Policy(witnesses=2)}, 2, 0),
        ({"tsa_roots": (tsa_root(),)}, 0, 1),
        ({"tsa_roots": (tsa_root(),), "policy": Policy(timestamps=2)}, 0, 2),
    ],
)
def test_how_many_are_needed(changes, witnesses, timestamps):
    trust = TrustRoot((ATTESTATION_KEY.public,), (LOG.verifier,), **changes)
    assert (trust.witnesses_needed, trust.timestamps_needed) == (witnesses, timestamps)
