"""The keys that an archive signs with: which there are, taking a new one into use, revoking one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sijill.flows.commands.options import as_json, open_archive

if TYPE_CHECKING:
    from sijill.flows.keys.rotation import ArchiveKey, Revoked, Rotated
    from sijill.flows.progress import StatusLine
    from sijill.flows.wiring import Archive

_grace = click.option(
    "--grace",
    type=click.IntRange(1, 3650),
    default=7,
    show_default=True,
    metavar="DAYS",
    help="For how long after it signatures of the old key may still come to be timestamped.",
)


@click.group(epilog="Example: sijill key list")
def key() -> None:
    """The keys that attestations and the log are signed with."""


@key.command("list", epilog="Example: sijill key list")
@as_json
@click.pass_obj
def key_list(config: Path, as_json: bool) -> None:
    """List every key that this archive has or had, as its trust root names them."""
    from sijill.flows.keys.rotation import keys, unfinished
    from sijill.flows.printing import print_facts, print_json

    archive = open_archive(config)
    begun = [str(purpose) for purpose in unfinished(archive)]
    if as_json:
        print_json({"keys": [_json(one) for one in keys(archive)], "unfinished": begun})
        return
    for number, one in enumerate(keys(archive)):
        if number:
            print()
        print_facts(_facts(one))
    for purpose in begun:
        click.echo(f"\na rotation is not complete; to complete it: sijill key rotate {purpose}", err=True)


@key.command("rotate", epilog='Example: sijill key rotate attestation --reason "a year has passed"')
@click.argument("purpose", type=click.Choice(["attestation", "log"]))
@click.option("--reason", help="Why; stands in the logged event.")
@_grace
@as_json
@click.pass_obj
def key_rotate(config: Path, purpose: str, reason: str | None, grace: int, as_json: bool) -> None:
    """Take a new key into use; what is queued is sealed before. The old key is kept, and what it signed stays good.

    If it is interrupted, running it again completes it. Hand the new trust root to auditors.
    """
    from sijill.flows.keys.rotation import rotate
    from sijill.flows.printing import print_facts, print_json
    from sijill.flows.progress import StatusLine
    from sijill.provenance.attest.key_event import Purpose

    with StatusLine(quiet=as_json) as progress:
        rotated = rotate(
            lambda: open_archive(config),
            Purpose(purpose),
            reason=reason,
            grace=timedelta(days=grace),
            seal=_seal(progress),
        )
    if as_json:
        print_json(_rotated_json(rotated))
    else:
        print_facts(_rotated_facts(rotated))


@key.command("revoke", epilog='Example: sijill key revoke 0a1a371e67 --reason "the machine was seized" --rotate')
@click.argument("key_name", metavar="KEY")
@click.option("--reason", required=True, help="Why; stands in the logged event and in the trust root.")
@click.option("--at", metavar="TIME", help="From when on, as 2026-11-21T01:16:30Z; now if it is not given.")
@click.option("--rotate", "rotate_first", is_flag=True, help="If the key is in use, take a new one into use first.")
@_grace
@as_json
@click.pass_obj
def key_revoke(
    config: Path, key_name: str, reason: str, at: str | None, rotate_first: bool, grace: int, as_json: bool
) -> None:
    """Revoke KEY, a keyid, the beginning of one, or a vkey.

    What it signed counts only if it is shown to have existed before that time. Hand the new trust root to auditors.
    """
    from sijill.flows.keys.rotation import revoke
    from sijill.flows.printing import print_facts, print_json
    from sijill.flows.progress import StatusLine

    with StatusLine(quiet=as_json) as progress:
        revoked = revoke(
            lambda: open_archive(config),
            key_name,
            reason=reason,
            at=None if at is None else _moment(at),
            rotate_first=rotate_first,
            grace=timedelta(days=grace),
            seal=_seal(progress),
        )
    if as_json:
        print_json(_revoked_json(revoked))
        return
    if revoked.rotated is not None:
        print_facts(_rotated_facts(revoked.rotated))
        print()
    print_facts(
        {
            "Revoked": revoked.key.name,
            "From": _time(revoked.at),
            "Reason": revoked.reason,
            "Event": revoked.event_id,
            "Trust root": f"{revoked.trust}  (hand it to auditors)",
        }
    )


def _seal(progress: StatusLine) -> Callable[[Archive], object]:
    from sijill.flows import evidence

    return lambda archive: evidence.seal(archive, on_progress=progress.sealing)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise click.BadParameter(f"{text[:80]!r} is not a time", param_hint="--at") from err
    if moment.utcoffset() is None:
        raise click.BadParameter(f"{text}: add the offset from UTC, such as Z", param_hint="--at")
    return moment


def _json(one: ArchiveKey) -> dict[str, Any]:
    return {
        "purpose": str(one.key.purpose),
        "key": one.key.name,
        "keyid": one.key.public.keyid,
        "inUse": one.in_use,
        "notBefore": None if one.validity.not_before is None else _time(one.validity.not_before),
        "notAfter": None if one.validity.not_after is None else _time(one.validity.not_after),
        "revoked": None
        if one.revocation is None
        else {"at": _time(one.revocation.at), "reason": one.revocation.reason},
    }


def _facts(one: ArchiveKey) -> dict[str, str]:
    facts = {"Key": one.key.name, "Signs": "attestations" if one.key.purpose == "attestation" else "the log"}
    if one.key.purpose == "log":
        facts["Keyid"] = one.key.public.keyid
    facts["State"] = "in use" if one.in_use else "not in use"
    if one.validity.not_before is not None:
        facts["Not before"] = _time(one.validity.not_before)
    if one.validity.not_after is not None:
        facts["Not after"] = _time(one.validity.not_after)
    if one.revocation is not None:
        facts["Revoked"] = f"from {_time(one.revocation.at)} on: {one.revocation.reason}"
    return facts


def _rotated_json(rotated: Rotated) -> dict[str, Any]:
    return {
        "event": rotated.event_id,
        "purpose": str(rotated.new.purpose),
        "old": rotated.old.name,
        "new": rotated.new.name,
        "at": _time(rotated.at),
        "oldUntil": None if rotated.old_until is None else _time(rotated.old_until),
        "keyFile": str(rotated.key_file),
        "retiredFile": str(rotated.retired_file),
        "trust": str(rotated.trust),
    }


def _rotated_facts(rotated: Rotated) -> dict[str, str]:
    told = "  (tell it to your witnesses now: they know the old one)" if rotated.new.purpose == "log" else ""
    return {
        "New key": f"{rotated.new.name}{told}",
        "In": f"{rotated.key_file}  (keep a copy offline)",
        "Old key": rotated.old.name,
        "Kept in": str(rotated.retired_file),
        "Counts until": "revoked; nobody in the trust root can show times"
        if rotated.old_until is None
        else f"{_time(rotated.old_until)}, by the time at which outsiders show that a statement exists",
        "Event": rotated.event_id,
        "Trust root": f"{rotated.trust}  (hand it to auditors)",
    }


def _revoked_json(revoked: Revoked) -> dict[str, Any]:
    return {
        "event": revoked.event_id,
        "purpose": str(revoked.key.purpose),
        "key": revoked.key.name,
        "at": _time(revoked.at),
        "reason": revoked.reason,
        "trust": str(revoked.trust),
        "rotated": None if revoked.rotated is None else _rotated_json(revoked.rotated),
    }


def _time(moment: datetime) -> str:
    from sijill.provenance.attest.timestamps import format_timestamp

    return format_timestamp(moment)
