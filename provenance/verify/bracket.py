"""The checks of time: what witnesses and timestamping authorities vouch for, and what follows from it.

Two moments bound a statement. T1: it existed then, because someone outside the archive put a time on the checkpoint
that includes it, or on the statement itself. T0: it was made after that, because it quotes what nobody could know
earlier: a witness's cosignature, or the digest of an authority's timestamp, over a checkpoint of the log. The quoted
checkpoint alone would not do: the archive made it itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedCheckpoint, MalformedTimestampResponse, UnverifiedTimestamp
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.package_layout import About, Token
from sijill.provenance.verify.attestation import Attestation
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.inclusion import Inclusion
from sijill.provenance.verify.report import Bound, Bracket, Finding, Ledger
from sijill.provenance.verify.trust import TrustRoot
from sijill.provenance.verify.vouchers import Vouched, stamped, witnessed

CLOCK_TOLERANCE: Final = timedelta(minutes=10)
"""How far the collector's clock may be off before its times contradict those of others."""


@dataclass(slots=True)
class _Tokens:
    """The timestamps at hand, those of them that count, and what was wrong with the others."""

    counted: dict[About, list[Vouched]] = field(default_factory=lambda: {about: [] for about in About})
    strange: list[Finding] = field(default_factory=list)
    """Those over the checkpoint that no authority of the trust root vouches for."""


def check_times(
    ledger: Ledger, *, attestation: Attestation | None, inclusion: Inclusion | None, tokens: Mapping[Token, bytes]
) -> None:
    """Run the checks of cosignatures, timestamps, keys' validity and the collector's times, and set the bracket.

    Args:
        ledger: takes the outcome.
        attestation: whose signature was verified; None if it was not.
        inclusion: whose checkpoint's signature was verified; None if it was not.
        tokens: the timestamps at hand.
    """
    trust = ledger.trust
    if inclusion is None:
        return
    quoted = None if attestation is None else _quoted(attestation)
    found = _check_tokens(ledger, attestation, inclusion, quoted, tokens)
    over_checkpoint = found.counted[About.CHECKPOINT]
    cosigned, false = witnessed(trust, inclusion.signed)
    _check_enough(ledger, Code.TSA_01, "tsaRoots", trust.timestamps_needed, over_checkpoint, found.strange)
    _check_enough(ledger, Code.WIT_01, "witnesses", trust.witnesses_needed, cosigned, false, all_must_verify=True)
    checkpoint = _first(
        _not_after(over_checkpoint, trust.timestamps_needed), _not_after(cosigned, trust.witnesses_needed)
    )
    _check_validity(ledger, Code.LOG_06, [key.vkey for key in inclusion.keys], checkpoint)
    if attestation is None or not ledger.passed(Code.LOG_04):
        return
    stamps = [*over_checkpoint, *found.counted[About.ATTESTATION]]
    known = [] if quoted is None else witnessed(trust, quoted)[0]
    bracket = Bracket(
        not_before=_last(
            _not_before(found.counted[About.FRESHNESS], trust.timestamps_needed),
            _not_before(known, trust.witnesses_needed),
        ),
        not_after=_first(_not_after(stamps, trust.timestamps_needed), checkpoint),
    )
    ledger.bracket = bracket
    _check_validity(ledger, Code.ATT_06, [key.keyid for key in attestation.keys], bracket.not_after)
    _check_clock(ledger, attestation, bracket)


def _quoted(attestation: Attestation) -> SignedCheckpoint | None:
    quoted = attestation.statement.predicate.freshness
    if quoted is None:
        return None
    try:
        return parse_checkpoint(quoted.encode("utf-8"))
    except MalformedCheckpoint:
        return None


def _check_tokens(
    ledger: Ledger,
    attestation: Attestation | None,
    inclusion: Inclusion,
    quoted: SignedCheckpoint | None,
    tokens: Mapping[Token, bytes],
) -> _Tokens:
    """E-TSA-02, and which of the timestamps count."""
    messages = {About.CHECKPOINT: inclusion.signed.first_signed}
    if attestation is not None:
        messages[About.ATTESTATION] = attestation.data
    if quoted is not None:
        messages[About.FRESHNESS] = quoted.first_signed
    attested = _attested_tokens(attestation)
    found, problems = _Tokens(), []
    for token, data in sorted(tokens.items()):
        message = messages.get(token.about)
        if message is None:
            # Nothing is known of what it is over: other checks have failed then.
            continue
        if token.about is About.FRESHNESS and digest_bytes(data).sha256.hex != attested.get(token.name):
            problems.append(Finding(token.path, "not the response that the attestation names"))
            continue
        try:
            vouched = stamped(ledger.trust, data, message)
        except MalformedTimestampResponse as err:
            problems.append(Finding(token.path, err.reason))
        except UnverifiedTimestamp as err:
            found.strange.append(Finding(token.path, err.reason))
        else:
            found.counted[token.about].append(vouched)
    if tokens:
        ledger.record(Code.TSA_02, problems)
    else:
        ledger.skip(Code.TSA_02, "timestamps", "there are none", required=False)
    return found


def _attested_tokens(attestation: Attestation | None) -> dict[str, str]:
    if attestation is None:
        return {}
    return {token.name: token.sha256 for token in attestation.statement.predicate.freshness_timestamps}


def _check_enough(
    ledger: Ledger,
    code: Code,
    member: str,
    needed: int,
    vouched: Sequence[Vouched],
    refused: Sequence[Finding],
    *,
    all_must_verify: bool = False,
) -> None:
    if not needed:
        ledger.skip(code, member, "the trust root names none", required=False)
        return
    parties = sorted({one.party for one in vouched})
    problems: list[Finding] = []
    if len(parties) < needed:
        names = f": {', '.join(parties)}" if parties else ""
        problems.append(Finding(member, f"{needed} needed, {len(parties)} found{names}"))
    # c2sp.org/signed-note: one bad signature of a known key is reason to refuse the note.
    if problems or all_must_verify:
        problems.extend(refused)
    ledger.record(code, problems)


def _check_validity(ledger: Ledger, code: Code, keys: Sequence[str], shown: Bound | None) -> None:
    """E-ATT-06 and E-LOG-06: one of `keys` was valid when what they signed was shown to exist."""
    limited = [key for key in keys if _is_limited(ledger.trust, key)]
    if len(limited) < len(keys):
        ledger.record(code, ())
    elif shown is None:
        ledger.skip(code, limited[0], "the key is limited in time, and nobody outside vouches for a time")
    else:
        faults = [list(_invalid(ledger.trust, key, shown)) for key in limited]
        ledger.record(code, [finding for fault in faults for finding in fault] if all(faults) else ())


def _is_limited(trust: TrustRoot, key: str) -> bool:
    validity = trust.validity_of(key)
    return bool(validity.not_before or validity.not_after or trust.revocation_of(key))


def _invalid(trust: TrustRoot, key: str, shown: Bound) -> Iterator[Finding]:
    validity, revocation = trust.validity_of(key), trust.revocation_of(key)
    when = f"shown to exist at {format_timestamp(shown.time)} only"
    if validity.not_before is not None and shown.time < validity.not_before:
        yield Finding(key, f"shown to exist at {format_timestamp(shown.time)}, before the key was in use")
    if validity.not_after is not None and shown.time > validity.not_after:
        yield Finding(key, f"{when}, the key was in use until {format_timestamp(validity.not_after)}")
    if revocation is not None and shown.time >= revocation.at:
        yield Finding(key, f"{when}, the key was revoked as of {format_timestamp(revocation.at)}: {revocation.reason}")


def _check_clock(ledger: Ledger, attestation: Attestation, bracket: Bracket) -> None:
    """E-TIM-01: what the collector says of the time, against what others say."""
    first, last = bracket.not_before, bracket.not_after
    if first is None and last is None:
        ledger.skip(Code.TIM_01, "times", "nobody outside vouches for a time", required=False)
        return
    times = attestation.statement.predicate.times
    problems = []
    if first is not None and times.started < first.time - CLOCK_TOLERANCE:
        problems.append(f"begun at {format_timestamp(times.started)}, but made after {format_timestamp(first.time)}")
    if last is not None and times.ended > last.time + CLOCK_TOLERANCE:
        problems.append(f"ended at {format_timestamp(times.ended)}, but there by {format_timestamp(last.time)}")
    if first is not None and last is not None and first.time > last.time + CLOCK_TOLERANCE:
        problems.append(f"made after {format_timestamp(first.time)}, but there by {format_timestamp(last.time)}")
    ledger.record(Code.TIM_01, [Finding("times", problem) for problem in problems])


def _not_after(vouched: Sequence[Vouched], needed: int) -> Bound | None:
    """The moment by which as many parties as are needed had seen it."""
    best: dict[str, Vouched] = {}
    for one in sorted(vouched, key=lambda one: one.latest):
        best.setdefault(one.party, one)
    counted = list(best.values())[:needed]
    if not needed or len(counted) < needed:
        return None
    return Bound(counted[-1].latest, tuple(sorted(one.party for one in counted)))


def _not_before(vouched: Sequence[Vouched], needed: int) -> Bound | None:
    """The last moment after which, as many parties as are needed say, it was made."""
    best: dict[str, Vouched] = {}
    for one in sorted(vouched, key=lambda one: one.earliest, reverse=True):
        best.setdefault(one.party, one)
    counted = list(best.values())[:needed]
    if not needed or len(counted) < needed:
        return None
    return Bound(counted[-1].earliest, tuple(sorted(one.party for one in counted)))


def _first(*bounds: Bound | None) -> Bound | None:
    return min((bound for bound in bounds if bound is not None), key=lambda bound: bound.time, default=None)


def _last(*bounds: Bound | None) -> Bound | None:
    return max((bound for bound in bounds if bound is not None), key=lambda bound: bound.time, default=None)
