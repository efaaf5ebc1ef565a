"""The trust root that auditors get, and signing it with a root key that is kept offline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sijill.flows.commands.options import as_json, open_archive

if TYPE_CHECKING:
    from sijill.flows.keys.trust_signing import RootSigned
    from sijill.provenance.verify.trust import TrustRoot
    from sijill.provenance.verify.trust_updates import TrustUpdate

F = TypeVar("F", bound=Callable[..., Any])

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)

_root_key = click.option(
    "--root-key", type=_FILE, required=True, help="Private key file; keep it offline, on no machine of the archive."
)


def _expires(days: int) -> Callable[[F], F]:
    return click.option(
        "--expires",
        type=click.IntRange(1, 36_500),
        default=days,
        show_default=True,
        metavar="DAYS",
        help="After how many days auditors are to refuse it.",
    )


@click.group(epilog="Example: sijill trust refresh")
def trust() -> None:
    """The trust root: what auditors need to know to believe this archive, and nothing else."""


@trust.command("refresh", epilog="Example: sijill trust refresh --timestamps 2")
@click.option("--witnesses", type=click.IntRange(1, 1_000), metavar="K", help="How many witnesses must have cosigned.")
@click.option("--timestamps", type=click.IntRange(1, 1_000), metavar="K", help="How many authorities are needed.")
@click.option("--forget", is_flag=True, help="Drop authorities and witnesses that the settings do not name.")
@as_json
@click.pass_obj
def trust_refresh(config: Path, witnesses: int | None, timestamps: int | None, forget: bool, as_json: bool) -> None:
    """Rewrite trust.json with the authorities and witnesses of the settings; keys and their history stay.

    Without --witnesses and --timestamps what the file demands stays; a new file demands a majority of the witnesses,
    and two authorities if there are two.
    """
    from sijill.flows.keys.trust import refresh
    from sijill.flows.printing import print_facts, print_json

    done = refresh(open_archive(config), witnesses=witnesses, timestamps=timestamps, forget=forget)
    if as_json:
        print_json(
            {
                "trust": str(done.path),
                "changed": done.changed,
                "withoutRoots": list(done.without_roots),
                **_trust_json(done.trust),
            }
        )
        return
    print_facts({"Trust root": str(done.path), "Changed": "yes" if done.changed else "no", **_trust_facts(done.trust)})
    for name in done.without_roots:
        click.echo(f"timestamps {name}: names no roots, so nobody can verify its timestamps", err=True)


@trust.command("init", epilog="Example: sijill trust init --root-key /media/stick/root.pem published")
@click.argument("folder", type=_FOLDER)
@_root_key
@_expires(3650)
@as_json
def trust_init(folder: Path, root_key: Path, expires: int, as_json: bool) -> None:
    """Begin FOLDER, from which auditors get trust roots, with root metadata; make the root key if it is not there.

    Needs no settings. Hand 1.root.json to auditors by a way that you both trust, once.
    """
    from sijill.flows.keys.trust_signing import begin

    _print_root(begin(root_key, folder, now=_now(), days=expires), root_key, as_json=as_json)


@trust.command(
    "sign", epilog="Example: sijill trust sign --root-key /media/stick/root.pem --trust trust.json published"
)
@click.argument("folder", type=_FOLDER)
@_root_key
@_expires(365)
@click.option("--trust", "trust_file", type=_FILE, help="The trust root to sign; the archive's, if it is not given.")
@as_json
@click.pass_obj
def trust_sign(
    config: Path, folder: Path, root_key: Path, expires: int, trust_file: Path | None, as_json: bool
) -> None:
    """Sign the trust root as the next version in FOLDER. With --trust it needs no settings, only the file.

    Look at what is printed before you publish the folder: it is what auditors will believe.
    """
    from sijill.flows.keys.trust_signing import read_trust_file, sign_trust

    data = read_trust_file(trust_file or _archives_trust(config))
    _print_update(sign_trust(root_key, folder, data, now=_now(), days=expires), folder, as_json=as_json)


@trust.command(
    "rotate-root", epilog="Example: sijill trust rotate-root --root-key old.pem --new-root-key new.pem published"
)
@click.argument("folder", type=_FOLDER)
@_root_key
@click.option("--new-root-key", type=_FILE, required=True, help="Made if it is not there; the same: only renew.")
@_expires(3650)
@as_json
def trust_rotate_root(folder: Path, root_key: Path, new_root_key: Path, expires: int, as_json: bool) -> None:
    """Put a new root key in the place of the old one. Auditors who have older root metadata follow by themselves."""
    from sijill.flows.keys.trust_signing import rotate_root

    _print_root(rotate_root(root_key, new_root_key, folder, now=_now(), days=expires), new_root_key, as_json=as_json)


@trust.command("show", epilog="Example: sijill trust show published")
@click.argument("folder", type=_FOLDER, required=False)
@as_json
@click.pass_obj
def trust_show(config: Path, folder: Path | None, as_json: bool) -> None:
    """Show the archive's trust root; or what auditors get from FOLDER, verified from its 1.root.json on."""
    from sijill.flows.keys.trust_signing import published
    from sijill.flows.printing import print_facts, print_json

    if folder is not None:
        _print_update(published(folder, now=_now()), folder, as_json=as_json)
        return
    root = open_archive(config).trust
    if as_json:
        print_json(_trust_json(root))
    else:
        print_facts(_trust_facts(root))


def _archives_trust(config: Path) -> Path:
    from sijill.flows.keys.trust import trust_path

    return trust_path(open_archive(config))


def _now() -> datetime:
    return datetime.now(UTC)


def _print_root(signed: RootSigned, key: Path, *, as_json: bool) -> None:
    from sijill.flows.printing import print_facts, print_json

    if as_json:
        print_json(
            {
                "root": str(signed.path),
                "version": signed.version,
                "expires": _time(signed.expires),
                "rootKeyid": signed.keyid,
                "rootKeyMade": signed.key_made,
            }
        )
        return
    print_facts(
        {
            "Root metadata": str(signed.path),
            "Expires": _time(signed.expires),
            "Root key": signed.keyid,
            "In": f"{key}{'  (new: take it offline now, and keep a second copy)' if signed.key_made else ''}",
        }
    )


def _print_update(update: TrustUpdate, folder: Path, *, as_json: bool) -> None:
    from sijill.flows.printing import print_facts, print_json

    if as_json:
        print_json(
            {
                "folder": str(folder),
                "version": update.version,
                "expires": _time(update.expires),
                "rootVersion": update.root_version,
                "rootExpires": _time(update.root_expires),
                **_trust_json(update.trust),
            }
        )
        return
    print_facts(
        {
            "Version": str(update.version),
            "Expires": _time(update.expires),
            "Root metadata": f"version {update.root_version}, expires {_time(update.root_expires)}",
            **_trust_facts(update.trust),
        }
    )


def _trust_json(root: TrustRoot) -> dict[str, Any]:
    import json

    from sijill.provenance.verify.trust import format_trust

    return {
        "trustRoot": json.loads(format_trust(root)),
        "witnessesNeeded": root.witnesses_needed,
        "timestampsNeeded": root.timestamps_needed,
    }


def _trust_facts(root: TrustRoot) -> dict[str, str]:
    facts = {f"Attestation key {number}": _said(root, key.keyid) for number, key in enumerate(root.attestation_keys, 1)}
    facts |= {f"Log key {number}": _said(root, key.vkey) for number, key in enumerate(root.log_keys, 1)}
    facts |= {f"Witness {number}": key.vkey for number, key in enumerate(root.witnesses, 1)}
    facts["Witnesses needed"] = f"{root.witnesses_needed} of {len(root.witnesses)}"
    facts["Timestamps needed"] = f"{root.timestamps_needed}, under {len(root.tsa_roots)} root certificates"
    return facts


def _said(root: TrustRoot, key: str) -> str:
    validity, revocation = root.validity_of(key), root.revocation_of(key)
    said = [key]
    if validity.not_before is not None:
        said.append(f"from {_time(validity.not_before)}")
    if validity.not_after is not None:
        said.append(f"until {_time(validity.not_after)}")
    if revocation is not None:
        said.append(f"revoked from {_time(revocation.at)} on: {revocation.reason}")
    return ", ".join(said)


def _time(moment: datetime) -> str:
    from sijill.provenance.attest.timestamps import format_timestamp

    return format_timestamp(moment)
