"""Signed trust roots: what an auditor takes from a folder that anyone may have tampered with, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence import FOREIGN_KEY, TRUST
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Role, Root, TargetFile, Targets

from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import format_trust
from sijill.provenance.verify.trust_updates import load_trust, newest_root

NOW = datetime(2026, 11, 21, 1, 16, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=100)
A, B, C, D = (CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)) for number in range(4))
FIRST = format_trust(TRUST)
SECOND = format_trust(dataclasses.replace(TRUST, attestation_keys=(*TRUST.attestation_keys, FOREIGN_KEY.public)))
ROLES = ("root", "targets", "snapshot", "timestamp")


def signed(payload, signers) -> bytes:
    metadata = Metadata(payload)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


def root(version=1, keys=(A,), threshold=1, signers=None, expires=LATER, targets=None):
    ids = [key.public_key.keyid for key in keys]
    roles = {role: Role(ids, threshold) for role in ROLES}
    known = list(keys)
    if targets is not None:
        roles["targets"] = Role([key.public_key.keyid for key in targets], 1)
        known += targets
    payload = Root(
        version=version, expires=expires, keys={key.public_key.keyid: key.public_key for key in known}, roles=roles
    )
    return signed(payload, keys if signers is None else signers)


def targets(trust=FIRST, version=1, signers=(A,), expires=LATER, **changes):
    file = TargetFile(len(trust), {"sha256": sha256(trust).hexdigest()}, "trust.json")
    for name, value in changes.items():
        setattr(file, name, value)
    return signed(Targets(version=version, expires=expires, targets={"trust.json": file}), signers)


def named(trust=FIRST) -> dict[str, bytes]:
    return {f"{sha256(trust).hexdigest()}.trust.json": trust}


def files(trust=FIRST, version=1, **options) -> dict[str, bytes]:
    return {f"{version}.targets.json": targets(trust, version, **options), **named(trust)}


def refused(published, match, *, path=None, by=None, now=NOW, known_version=None):
    with pytest.raises(MalformedTrustRoot, match=match) as found:
        load_trust(published, by or root(), now=now, known_version=known_version)
    if path is not None:
        assert found.value.path == path


def test_what_was_signed_is_taken(tmp_path):
    published = {"1.root.json": root(), **files(), **files(SECOND, 2), "notes.txt": b"whatever"}
    update = load_trust(published, root(), now=NOW)
    assert (update.version, update.data, update.root_version) == (2, SECOND, 1)
    assert len(update.trust.attestation_keys) == 2
    assert (update.expires, update.root_expires, update.root) == (LATER, LATER, root())
    for name, data in published.items():
        (tmp_path / name).write_bytes(data)
    assert load_trust(tmp_path, root(), now=NOW, known_version=2) == update


def test_an_old_root_leads_to_the_newest():
    rotations = {
        "1.root.json": root(),
        "2.root.json": root(2, (B,), signers=(A, B)),
        "3.root.json": root(3, (C, D), threshold=2, signers=(B, C, D)),
    }
    published = {**rotations, **files(signers=(C, D))}
    for known in rotations.values():
        update = load_trust(published, known, now=NOW)
        assert (update.root_version, update.root) == (3, rotations["3.root.json"])
        assert newest_root(published, known) == (3, rotations["3.root.json"])


def test_root_metadata_on_the_way_may_have_expired():
    # TUF §5.3.10: expiry matters for the last root alone.
    published = {
        "2.root.json": root(2, (B,), signers=(A, B), expires=NOW - timedelta(days=9)),
        "3.root.json": root(3, (B,)),
        **files(signers=(B,)),
    }
    assert load_trust(published, root(expires=NOW - timedelta(days=50)), now=NOW).root_version == 3


def test_several_hold_the_root_key_together():
    three = {"keys": (A, B, C), "threshold": 2}
    for signers in ((A, B), (B, C), (A, B, C)):
        assert load_trust(files(signers=signers), root(**three), now=NOW).version == 1
    for signers in ((A,), (A, D), ()):
        refused(files(signers=signers), "not signed by 2 of the targets keys", path="1.targets.json", by=root(**three))
    refused(files(signers=(A, B)), "not signed by 2 of the root keys", by=root(**three, signers=(A,)))
    stolen = {"2.root.json": root(2, (D,), signers=(A, D)), **files(signers=(D,))}
    refused(stolen, "not signed by 2 of the root keys of root metadata 1", path="2.root.json", by=root(**three))


def test_one_signature_does_not_count_twice():
    data = json.loads(targets(signers=(A,)))
    data["signatures"] *= 2
    published = {**named(), "1.targets.json": json.dumps(data).encode()}
    refused(published, "not TUF metadata", by=root(keys=(A, B), threshold=2))


def test_rollback_of_a_signed_version_is_refused():
    older = {"1.root.json": root(), **files()}
    assert load_trust(older, root(), now=NOW, known_version=1).version == 1
    refused(older, "rolled back: version 2 was used before", path="1.targets.json", known_version=2)
    # Under the name of a newer one it is no newer.
    refused({**files(), "2.targets.json": targets()}, "is of version 1", path="2.targets.json", known_version=2)


def test_what_has_expired_is_refused():
    assert load_trust(files(), root(), now=LATER - timedelta(seconds=1)).version == 1
    refused(files(), "expired 2027-03-01T01:16:30Z", path="1.root.json", now=LATER)
    soon = NOW + timedelta(days=1)
    refused(files(expires=soon), "expired", path="1.targets.json", now=soon)
    refused(files(), "expired", path="1.root.json", by=root(expires=NOW))
    # A newer one that has expired does not bring an older one back that has not.
    refused({**files(), **files(SECOND, 2, expires=NOW)}, "expired", path="2.targets.json")


def test_root_metadata_by_others_is_refused():
    for second, why in (
        (root(2, (B,)), "of root metadata 1"),
        (root(2, (B,), signers=(A,)), "of root metadata 2"),
        (root(2, (B,), signers=(C, B)), "of root metadata 1"),
        (root(3, (A,)), "is of version 3"),
        (root(1, (A,)), "is of version 1"),
        (targets(version=2), "not root metadata"),
        (b"{}", "not TUF metadata"),
        (b"", "not JSON"),
    ):
        refused({"2.root.json": second, **files()}, why, path="2.root.json")
    refused(files(), "root keys of root metadata 1", by=root(signers=(B,)))
    refused(files(), "not root metadata", by=targets())


def test_targets_by_others_are_refused():
    name = "1.targets.json"
    for data, why in (
        (targets(signers=(B,)), "not signed by 1 of the targets keys"),
        (targets(signers=()), "not signed by 1 of the targets keys"),
        (root(), "not targets metadata"),
        (b"[]", "not TUF metadata"),
        (b"\xff", "not UTF-8"),
        (b"x" * ((1 << 20) + 1), "more than"),
    ):
        refused({name: data, **named()}, why, path=name)
    # The key of a role that is not that of targets signs none.
    refused(files(signers=(A,)), "targets keys", path=name, by=root(targets=[B]))
    # After a rotation what the old key signs is nothing.
    refused({"2.root.json": root(2, (B,), signers=(A, B)), **files()}, "of root metadata 2", path=name)


def test_mixing_versions_is_refused():
    name = f"{sha256(SECOND).hexdigest()}.trust.json"
    refused({**files(SECOND), name: FIRST}, "length or hash", path=name)
    refused({**files(SECOND), name: SECOND[:-1]}, "length or hash", path=name)
    refused({**files(SECOND), name: SECOND + b" "}, "length or hash", path=name)
    refused({"1.targets.json": targets(SECOND), **named(FIRST)}, "is missing", path=name)
    refused({**named(), "1.targets.json": targets(length=5)}, "length or hash")
    refused({**named(), "1.targets.json": targets(hashes={"sha512": "0" * 128})}, "names no trust.json")
    empty = signed(Targets(version=1, expires=LATER), (A,))
    refused({**named(), "1.targets.json": empty}, "names no trust.json", path="1.targets.json")


def test_a_signed_trust_root_is_parsed_as_strictly_as_any():
    bad = FIRST.replace(b'"logKeys"', b'"logsKeys"')
    refused({**files(bad)}, "unknown member 'logsKeys'")


def test_a_member_that_is_there_twice_is_refused():
    doubled = targets().replace(b'"version":1', b'"version":9,"version":1')
    refused({**named(), "1.targets.json": doubled}, "duplicate key", path="1.targets.json")


def test_nothing_is_taken_from_an_empty_or_missing_folder(tmp_path):
    refused(tmp_path, "no targets metadata")
    refused(tmp_path / "nowhere", "No such file", path=str(tmp_path / "nowhere"))
    (tmp_path / "1.targets.json").mkdir()
    refused(tmp_path, "Is a directory")


@pytest.mark.parametrize(
    "name", ["01.targets.json", "0.targets.json", "1.targets.json~", "targets.json", "-1.targets.json"]
)
def test_only_decimal_versions_are_names(name):
    refused({name: targets(), **named()}, "no targets metadata")


ALL = {"2.root.json": root(2, (A, B), threshold=2), **files(SECOND, 2, signers=(A, B))}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_changed_byte_gives_another_trust_root(data):
    name = data.draw(st.sampled_from(sorted(ALL)))
    place = data.draw(st.integers(0, len(ALL[name]) - 1))
    changed = bytearray(ALL[name])
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        update = load_trust({**ALL, name: bytes(changed)}, root(), now=NOW)
    except MalformedTrustRoot:
        return
    # Spacing and the spelling of a signature's name are not signed; what they say is.
    assert (update.data, update.version, update.expires) == (SECOND, 2, LATER)
