"""What is done with captures once they are made: the chain of custody, handing over, holds, removal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sijill.flows.commands.options import as_json, open_archive
from sijill.flows.errors import ExitStatus, OutputUnusable

if TYPE_CHECKING:
    from sijill.archive.digest import DigestSet
    from sijill.flows.custody.erasing import Removal
    from sijill.flows.custody.events import Event

_note = click.option("--note", help="What else is to be recorded, for good.")


@click.command(epilog="Example: sijill custody 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@as_json
@click.pass_obj
def custody(config: Path, capture_id: str, as_json: bool) -> None:
    """Print the chain of custody of one capture: what happened to it, when, and on whose word.

    Times are those of whoever vouches for the event. What a person wrote is shown as it was recorded.
    """
    from sijill.flows.custody.chain import chain

    events = chain(open_archive(config), capture_id)
    if as_json:
        from sijill.flows.printing import print_json

        print_json({"captureId": capture_id, "events": [_event_json(event) for event in events]})
        return
    _print_events(events)


@click.command(
    epilog='Example: sijill handover 20261121t011630z-k3j5x2m4q7ab --to "Registry of the court" --package FILE'
)
@click.argument("capture_id")
@click.option("--to", required=True, help="Who received it.")
@_note
@click.option(
    "--package",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The file that was handed over; its size and digests are recorded.",
)
@as_json
@click.pass_obj
def handover(config: Path, capture_id: str, to: str, note: str | None, package: Path | None, as_json: bool) -> None:
    """Record in the log that a capture was handed over."""
    from sijill.flows import evidence
    from sijill.flows.custody.recording import record_event
    from sijill.flows.printing import print_facts, print_json
    from sijill.provenance.attest.custody import CustodyEvent
    from sijill.provenance.attest.timestamps import format_timestamp

    archive = open_archive(config)
    digests = None if package is None else _digests(package)
    made = record_event(archive, capture_id, CustodyEvent.HANDED_OVER, to=to, note=note, package=digests)
    evidence.seal(archive)
    if as_json:
        print_json(
            {
                "eventId": made.event_id,
                "captureId": capture_id,
                "at": format_timestamp(made.at),
                "to": to.strip(),
                "package": None
                if digests is None
                else {"size": digests.size, "sha256": digests.sha256.hex, "blake3": digests.blake3.hex},
                "attestationKey": made.attestation_key,
            }
        )
        return
    facts = {"Capture": capture_id, "Handed over": format_timestamp(made.at), "To": to.strip()}
    if digests is not None:
        facts |= {"Package": str(package), "SHA-256": digests.sha256.hex, "BLAKE3": digests.blake3.hex}
    print_facts({**facts, "Logged as": made.event_id})


@click.command(epilog='Example: sijill hold 20261121t011630z-k3j5x2m4q7ab --note "case 12/2026"')
@click.argument("capture_id")
@_note
@as_json
@click.pass_obj
def hold(config: Path, capture_id: str, note: str | None, as_json: bool) -> None:
    """Put a legal hold on a capture: the store refuses to delete its objects until the hold is released.

    It is recorded in the log first.
    """
    from sijill.flows import evidence
    from sijill.flows.console import print_locks
    from sijill.flows.custody.holds import hold as put_hold
    from sijill.flows.custody.holds import locks

    archive = open_archive(config)
    put_hold(archive, capture_id, note=note)
    evidence.seal(archive)
    print_locks(locks(archive, capture_id), as_json=as_json)


@click.command(epilog="Example: sijill release 20261121t011630z-k3j5x2m4q7ab")
@click.argument("capture_id")
@_note
@as_json
@click.pass_obj
def release(config: Path, capture_id: str, note: str | None, as_json: bool) -> None:
    """Take the legal hold off a capture; a retention stays. It is recorded in the log first."""
    from sijill.flows import evidence
    from sijill.flows.console import print_locks
    from sijill.flows.custody.holds import locks
    from sijill.flows.custody.holds import release as end_hold

    archive = open_archive(config)
    end_hold(archive, capture_id, note=note)
    evidence.seal(archive)
    print_locks(locks(archive, capture_id), as_json=as_json)


@click.command(
    epilog='Example: sijill tombstone 20261121t011630z-k3j5x2m4q7ab --reason "names a minor" --authority "order 7/2026"'
)
@click.argument("capture_id")
@click.option("--reason", required=True, help="Why; recorded for good, and shown to anyone who asks for the capture.")
@click.option("--authority", required=True, help="Who demanded or decided it; recorded for good.")
@click.option("--with-attestation", is_flag=True, help="Remove the attestation too, because it holds URLs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_obj
def tombstone(
    config: Path, capture_id: str, reason: str, authority: str, with_attestation: bool, yes: bool, as_json: bool
) -> None:
    """Remove what a capture holds, for good. That it was there, why it went and who decided stays provable.

    The tombstone is signed and in the log before anything goes. Run again, it finishes what was interrupted.
    """
    from sijill.flows.custody.erasing import plan_removal, remove
    from sijill.flows.custody.texts import said
    from sijill.flows.printing import print_facts, print_json
    from sijill.flows.progress import StatusLine

    said("--reason", reason), said("--authority", authority)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("this removes a capture for good, and there is nobody to ask: add --yes if it is meant")
    archive = open_archive(config)
    with StatusLine(quiet=as_json) as progress:
        removal = plan_removal(archive, capture_id, with_attestation=with_attestation, show=progress.show)
    if not yes:
        _ask(removal)
    tombstones = remove(archive, removal, reason=reason, authority=authority)
    if as_json:
        print_json(
            {
                "captureId": capture_id,
                "tombstones": [one.tombstone_id for one in tombstones],
                "removed": list(removal.keys),
                "kept": list(removal.kept),
                "attestationRemoved": any(one.attestation_removed for one in tombstones),
            }
        )
        return
    print_facts(
        {
            "Removed": ", ".join(removal.keys),
            "Tombstone": ", ".join(one.tombstone_id for one in tombstones),
            "Reason": "; ".join(one.reason for one in tombstones),
            "Authority": "; ".join(one.authority for one in tombstones),
        }
        | ({"Kept for other captures": ", ".join(removal.kept)} if removal.kept else {})
    )


def _ask(removal: Removal) -> None:
    click.echo(f"To be removed of {removal.capture_id}, for good:", err=True)
    for key in removal.keys:
        click.echo(f"  {key}", err=True)
    for key in removal.kept:
        click.echo(f"  stays, since another capture has the same bytes: {key}", err=True)
    if not click.confirm("Remove?", err=True):
        click.echo("nothing was changed", err=True)
        raise SystemExit(ExitStatus.FAILED)


def _digests(path: Path) -> DigestSet:
    from sijill.archive.digest import digest_stream

    try:
        with path.open("rb") as file:
            return digest_stream(file)
    except OSError as err:
        raise OutputUnusable(f"{path}: {err.strerror}") from err


def _event_json(event: Event) -> dict[str, str | None]:
    from sijill.provenance.attest.timestamps import format_timestamp

    return {
        "event": event.step.value,
        "at": None if event.at is None else format_timestamp(event.at),
        "detail": event.detail,
        "vouchedBy": event.vouched_by.value,
        "by": event.by,
        "reference": event.reference,
        "doubt": event.doubt,
    }


def _print_events(events: tuple[Event, ...]) -> None:
    from rich.text import Text

    from sijill.flows.printing import print_table
    from sijill.provenance.printable import printable

    rows = []
    for event in events:
        at = "unknown" if event.at is None else f"{event.at:%Y-%m-%dT%H:%M:%SZ}"
        detail = event.detail if event.doubt is None else f"{event.detail} NOT SHOWN: {event.doubt}".strip()
        cells = (at, event.step.value, detail, f"{event.vouched_by}: {event.by}")
        rows.append([Text(printable(cell), overflow="fold") for cell in cells])
    print_table(("Time", "Event", "What", "On the word of"), rows)
