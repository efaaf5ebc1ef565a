"""Attacks by an operator who has true keys, and attacks with timestamps and revoked keys."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive_attacks import OTHER_ID, newest, tampered, tombstone_of
from evidence import FOREIGN_KEY, FOREIGN_LOG
from matrix import on_archive
from parties import GAMMA
from rewriting import Change, reseal, rewrite, stamp_newest, without
from tsa import Authority, authority
from victim import Copy, Verdict, Victim, attest, audited, keys_alone, warc_of

from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.partners.timestamping import timestamp_checkpoint
from sijill.flows.partners.witnesses import cosign_checkpoint
from sijill.flows.workfolder import WorkFolder
from sijill.provenance.attest.attestation import CollectorName, Software
from sijill.provenance.attest.custody import CustodyEvent, custody_statement
from sijill.provenance.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import CHECKPOINT, checkpoint_key, timestamp_key
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.verify.trust import Revocation
from sijill.storage.open import open_store

KEEPS = "an earlier checkpoint (`--since`)"
WITNESS = "a witness"
TIMESTAMP = "a timestamp"
SOFTWARE = (Software("sijill", "0.1.0"),)


# With the log's true key.


@tampered("a forked log: its newest checkpoint has another root, under the true signature", "E-ARC-04")
def forked(copy: Copy, victim: Victim) -> None:
    size = newest(copy)
    archive = victim.archive
    signer = NoteSigner(archive.settings.log.origin, archive.log_key)
    copy.write(checkpoint_key(size), sign_checkpoint(Checkpoint(signer.name, size, bytes(32)), signer))


@tampered("a checkpoint signed by a stranger's key of the same name", "E-ARC-01")
def foreign_log(copy: Copy, victim: Victim) -> None:
    head = parse_checkpoint(copy.read(CHECKPOINT)).checkpoint
    signer = NoteSigner(victim.archive.settings.log.origin, FOREIGN_KEY)
    assert signer.verifier.key == FOREIGN_LOG.verifier.key
    copy.write(checkpoint_key(head.size), sign_checkpoint(head, signer))


@tampered("a capture removed and the log made anew, later attestations left as they are", "E-ARC-19")
def rewritten_naively(copy: Copy, victim: Victim) -> None:
    rewrite(copy, victim, without(victim.captures[1]), attestations=False)


@on_archive("entries reordered and the log made anew, signed by its true key", "E-ARC-07", KEEPS)
def reordered_anew(victim: Victim, folder: Path) -> Verdict:
    copy = rewritten(victim, folder, lambda batches: [*batches[:-2], batches[-1], batches[-2]])
    copy.trust = keys_alone(copy.trust)
    return audited(copy, since=victim.earlier)


@on_archive("the log cut back to an earlier state, everything later removed", "E-ARC-07", KEEPS)
def cut_back(victim: Victim, folder: Path) -> Verdict:
    copy = rewritten(victim, folder, lambda batches: batches[:-2])
    copy.trust = keys_alone(copy.trust)
    return audited(copy, since=victim.earlier)


# With all true keys: a capture removed, the log made anew, later attestations signed anew to fit.

REMOVED = "a capture removed, all else made anew with all true keys"


def rewritten(victim: Victim, folder: Path, change: Change | None = None) -> Copy:
    """A copy that its operator made anew."""
    copy = victim.copy(folder / "store")
    rewrite(copy, victim, change or without(victim.captures[1]))
    return copy


@on_archive(f"{REMOVED}: an auditor who was there before", "E-ARC-07", KEEPS)
def rewritten_since(victim: Victim, folder: Path) -> Verdict:
    copy = rewritten(victim, folder)
    copy.trust = keys_alone(copy.trust)
    return audited(copy, since=victim.earlier)


@on_archive(f"{REMOVED}: witnesses, who refuse to cosign it", "E-ARC-09", WITNESS)
def rewritten_witnessed(victim: Victim, folder: Path) -> Verdict:
    copy = rewritten(victim, folder)
    size = newest(copy)
    asked = cosign_checkpoint(opened(victim, copy), size, copy.read(checkpoint_key(size)))
    assert len(asked) == 2
    assert not any(one.held for one in asked), asked
    copy.trust = dataclasses.replace(
        copy.trust, tsa_roots=(), tsa_intermediates=(), policy=dataclasses.replace(copy.trust.policy, timestamps=None)
    )
    return audited(copy)


@on_archive(f"{REMOVED}: the old timestamps beside it", "E-ARC-11", TIMESTAMP)
def rewritten_with_old_stamps(victim: Victim, folder: Path) -> Verdict:
    copy = rewritten(victim, folder)
    size = parse_checkpoint(victim.earlier).checkpoint.size
    for name in victim.authorities:
        key = timestamp_key(size - 1, name)
        copy.write(key, (victim.store / timestamp_key(size, name)).read_bytes())
    return audited(unwitnessed(copy))


@on_archive(f"{REMOVED}: no timestamps beside it", "E-ARC-10", TIMESTAMP)
def rewritten_unstamped(victim: Victim, folder: Path) -> Verdict:
    return audited(unwitnessed(rewritten(victim, folder)))


@on_archive(
    f"{REMOVED}, timestamped anew by the true authorities", None, "the report says how late it is shown to exist"
)
def rewritten_stamped_anew(victim: Victim, folder: Path) -> Verdict:
    began = datetime.now(UTC)
    copy = rewritten(victim, folder)
    anchor(victim, copy)
    verdict = audited(unwitnessed(copy))
    assert datetime.fromisoformat(verdict.report["shown"]["by"]) >= began.replace(microsecond=0)
    return verdict


@on_archive(REMOVED, None, "nothing outside: the report says that this cannot be seen, and what it would have taken")
def rewritten_unseen(victim: Victim, folder: Path) -> Verdict:
    copy = rewritten(victim, folder)
    copy.trust = keys_alone(copy.trust)
    verdict = audited(copy)
    said = " ".join(verdict.report["limits"])
    assert "cannot be seen without a checkpoint from an earlier visit (--since), a witness or a timestamp" in said
    assert "You gave: none." in said
    return verdict


def unwitnessed(copy: Copy) -> Copy:
    """The copy, for an auditor who knows the authorities and no witness."""
    policy = dataclasses.replace(copy.trust.policy, witnesses=None)
    copy.trust = dataclasses.replace(copy.trust, witnesses=(), policy=policy)
    return copy


def opened(victim: Victim, copy: Copy) -> Any:
    """The archive as its operator has it, on the copy's store."""
    return dataclasses.replace(
        victim.archive, store=open_store(copy.root.as_uri()), work=WorkFolder(copy.root.with_name("work"))
    )


def anchor(victim: Victim, copy: Copy) -> None:
    """Have the true authorities timestamp the newest checkpoint."""
    size = newest(copy)
    asked = timestamp_checkpoint(opened(victim, copy), size, copy.read(checkpoint_key(size)))
    assert all(one.held for one in asked), asked


# With the attestation key: what is logged is not true.


@on_archive("a capture back-dated by a month", "E-ARC-18", TIMESTAMP)
def back_dated(victim: Victim, folder: Path) -> Verdict:
    return audited(back_dated_copy(victim, folder)[0])


def back_dated_copy(victim: Victim, folder: Path) -> tuple[Copy, str]:
    """A capture made now by a clock that is a month slow, sealed and timestamped; and its id."""
    copy = victim.copy(folder / "store")
    slow = dataclasses.replace(opened(victim, copy), clock=lambda: datetime.now(UTC) - timedelta(days=30))
    made = evidence.archive_url(slow, victim.pages[1])
    reseal(copy, victim)
    anchor(victim, copy)
    return unwitnessed(copy), made.capture.id


@on_archive("something logged about a capture that is not in the log", "E-ARC-27")
def dependency_missing(victim: Victim, folder: Path) -> Verdict:
    copy = victim.copy(folder / "store")
    at = datetime.now(UTC)
    own_id = f"{at:%Y%m%dt%H%M%Sz}-abcdefghijkl"
    statement = custody_statement(
        own_id,
        capture_id=OTHER_ID,
        envelope=digest_bytes(b"an attestation that was never logged"),
        event=CustodyEvent.HANDED_OVER,
        at=at,
        to="a court",
        note=None,
        package=None,
        collector=CollectorName("Archive under attack"),
        software=SOFTWARE,
    )
    attest(copy, victim.archive, own_id, statement, Kind.CUSTODY)
    reseal(copy, victim)
    return audited(dataclasses.replace(copy, trust=keys_alone(copy.trust)))


@on_archive("a tombstone, truly signed and logged, of another attestation than the log's", "E-ARC-28")
def tombstone_of_another(victim: Victim, folder: Path) -> Verdict:
    copy = victim.copy(folder / "store")
    own_id, statement = tombstone_of(copy, victim.captures[0], b"another attestation")
    copy.remove(warc_of(copy, victim.captures[0]))
    attest(copy, victim.archive, own_id, statement, Kind.TOMBSTONE)
    reseal(copy, victim)
    return audited(dataclasses.replace(copy, trust=keys_alone(copy.trust)))


# Timestamps and keys.


def stamped(name: str, code: str | None, tsa: Callable[[], Authority], needed: str = TIMESTAMP) -> None:
    """Add an attack with a timestamp of `tsa` where that of authority two would be; its root is trusted instead."""

    @on_archive(name, code, needed)
    def make(victim: Victim, folder: Path) -> Verdict:
        copy = victim.copy(folder / "store")
        made = tsa()
        stamp_newest(copy, [("two", made)])
        root = made.root.pem if made is not GAMMA else victim.authorities["two"].root_pem
        copy.trust = dataclasses.replace(copy.trust, tsa_roots=(victim.authorities["one"].root_pem, root))
        return audited(copy)


def expiring(seconds: int) -> Callable[[], Authority]:
    """An authority whose certificate ends so many seconds from now."""
    return lambda: authority("brief", ends=datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds))


stamped("a timestamp by an authority that the trust root does not know", "E-ARC-10", lambda: GAMMA)
stamped("a timestamp by a certificate that is not for timestamps", "E-ARC-10", lambda: authority("idle", usages=()))
stamped("a timestamp by a certificate that had expired by then", "E-ARC-10", expiring(-60))


@on_archive("a timestamp over other bytes", "E-ARC-11", TIMESTAMP)
def stamp_over_other_bytes(victim: Victim, folder: Path) -> Verdict:
    copy = victim.copy(folder / "store")
    size = newest(copy)
    copy.write(timestamp_key(size, "two"), copy.read(timestamp_key(3, "two")))
    return audited(copy)


def revoked(copy: Copy, victim: Victim, at: datetime) -> Copy:
    """The copy, for an auditor who knows that the attestation key was revoked."""
    keyid = victim.archive.attestation_key.public.keyid
    copy.trust = dataclasses.replace(copy.trust, revocations=(Revocation(keyid, at, "the machine was seized"),))
    return copy


@on_archive("an attestation key that was revoked before", "E-ARC-17", TIMESTAMP)
def revoked_before(victim: Victim, folder: Path) -> Verdict:
    return audited(revoked(victim.copy(folder / "store"), victim, datetime.now(UTC) - timedelta(days=1)))


@on_archive("none: the key was revoked later", None, TIMESTAMP)
def revoked_later(victim: Victim, folder: Path) -> Verdict:
    return audited(revoked(victim.copy(folder / "store"), victim, datetime.now(UTC) + timedelta(days=1)))


@on_archive("none: a timestamp's certificate has expired since", None, TIMESTAMP)
def expired_since(victim: Victim, folder: Path) -> Verdict:
    copy = victim.copy(folder / "store")
    brief = expiring(3)()
    stamp_newest(copy, [("two", brief)])
    copy.trust = dataclasses.replace(copy.trust, tsa_roots=(victim.authorities["one"].root_pem, brief.root.pem))
    wait_until(brief.signer.certificate.not_valid_after_utc)
    return audited(copy)


def wait_until(moment: datetime) -> None:
    """Until after `moment`."""
    while (left := (moment - datetime.now(UTC)).total_seconds()) >= 0:
        time.sleep(left + 0.01)
