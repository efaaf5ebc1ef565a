"""Packages whose keys were not valid in time, or whose own times contradict those of others; and good ones."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import datetime, timedelta

from captures import STARTED
from evidence import ATTESTATION_KEY, FULL_TRUST, LOG, TRUST, evidence, proof_of, quoted, zipped
from parties import ATTESTED_AT, SEALED_AT
from vector import TRUE, bad, good, unproven

from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, sign_envelope
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.verify.trust import Policy, Revocation, TrustRoot, Validity

KEYID = ATTESTATION_KEY.public.keyid
VKEY = LOG.verifier.vkey
T1 = SEALED_AT.replace(microsecond=0)
"""When the true package is shown to exist: a cosignature has whole seconds, and says so before the second timestamp."""
MOMENT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def revoked(*keys: str, at: datetime, trust: TrustRoot = FULL_TRUST) -> TrustRoot:
    """A trust root in which these keys count for nothing from `at` on."""
    return dataclasses.replace(trust, revocations=tuple(Revocation(key, at, "stolen") for key in keys))


def valid(
    *keys: str, since: datetime | None = None, until: datetime | None = None, trust: TrustRoot = FULL_TRUST
) -> TrustRoot:
    """A trust root in which these keys were in use between two moments."""
    return dataclasses.replace(trust, validity=tuple(Validity(key, since, until) for key in keys))


def true() -> bytes:
    """The true package."""
    return zipped(TRUE.files())


for code, key, name in (("E-ATT-06", KEYID, "attestation key"), ("E-LOG-06", VKEY, "log key")):
    bad(f"{code}_revoked-before", f"the {name} had been revoked an hour before", true, trust=revoked(key, at=T1 - HOUR))
    bad(f"{code}_revoked-then", f"the {name} was revoked as of that very moment", true, trust=revoked(key, at=T1))
    bad(f"{code}_out-of-use", f"the {name} was out of use by then", true, trust=valid(key, until=T1 - MOMENT))
    bad(f"{code}_not-yet-in-use", f"the {name} was not in use yet", true, trust=valid(key, since=T1 + MOMENT))
    unproven(
        f"{code}_nobody-says-when",
        f"the {name} was revoked years later, but no outside party of the trust root says when the package existed",
        true,
        revoked(key, at=T1 + 10_000 * HOUR, trust=TRUST),
    )
    unproven(
        f"{code}_in-use-since",
        f"the {name} was in use long before, but no outside party of the trust root says when the package existed",
        true,
        valid(key, since=T1 - 10_000 * HOUR, trust=TRUST),
    )

good("revoked-later", "both keys were revoked, but a moment later", true, trust=revoked(KEYID, VKEY, at=T1 + MOMENT))
good(
    "last-moment-in-use",
    "both keys were in use at that moment alone",
    true,
    trust=valid(KEYID, VKEY, since=T1, until=T1),
)
good(
    "timestamp-of-attestation",
    "the attestation key was revoked before the checkpoint, but after an authority had seen the attestation",
    true,
    trust=dataclasses.replace(revoked(KEYID, at=ATTESTED_AT + timedelta(minutes=1)), policy=Policy(timestamps=1)),
)


NEWER_KEY = SigningKey(hashlib.sha256(b"sijill test vectors: a newer attestation key").digest())
BOTH_KEYS = dataclasses.replace(FULL_TRUST, attestation_keys=(ATTESTATION_KEY.public, NEWER_KEY.public))


def signed_twice() -> bytes:
    """The true package, its attestation signed with the newer key as well."""
    envelope = sign_envelope(canonical(TRUE.statement), PAYLOAD_TYPE, [ATTESTATION_KEY, NEWER_KEY])
    return zipped(TRUE.sealed(envelope=envelope).files())


NEWER = NEWER_KEY.public.keyid
good(
    "one-of-two-keys-revoked",
    "signed with two keys, of which one had been revoked; the other is good",
    signed_twice,
    trust=revoked(KEYID, at=T1 - HOUR, trust=BOTH_KEYS),
)
bad(
    "E-ATT-06_both-revoked",
    "signed with two keys, which had both been revoked",
    signed_twice,
    trust=revoked(KEYID, NEWER, at=T1 - HOUR, trust=BOTH_KEYS),
)
bad(
    "E-ATT-06_revoked-beside-a-stranger",
    "signed with a key that had been revoked, and with one that the trust root does not know",
    signed_twice,
    trust=revoked(KEYID, at=T1 - HOUR),
)


def seen(quoted_after: timedelta, sealed_after: timedelta) -> bytes:
    """A package whose outside parties saw the quoted checkpoint and its own so long after it says that it began."""
    first, last = STARTED + quoted_after, STARTED + sealed_after
    made = evidence(freshness=quoted(first), moment=first)
    return zipped(made.sealed(proof_of(made.envelope, moment=last), last).files())


MINUTE = timedelta(minutes=1)
bad(
    "E-TIM-01_back-dated",
    "quotes timestamps of the day after it says that it was made",
    lambda: seen(24 * HOUR, 25 * HOUR),
)
bad("E-TIM-01_ahead", "was timestamped the day before it says that it was made", lambda: seen(-25 * HOUR, -24 * HOUR))
bad("E-TIM-01_crossed", "quotes timestamps that are younger than those over it", lambda: seen(8 * MINUTE, -6 * MINUTE))
good(
    "clock-behind",
    "the collector's clock was nine minutes behind those of others",
    lambda: seen(9 * MINUTE, 10 * MINUTE),
)
good(
    "clock-ahead",
    "the collector's clock was nine minutes ahead of those of others",
    lambda: seen(-10 * MINUTE, -9 * MINUTE),
)
