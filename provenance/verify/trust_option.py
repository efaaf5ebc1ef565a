"""The options by which an auditor names the trust root: a file, or a folder of signed ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from sijill.provenance.verify.trust import TrustRoot

UNUSABLE: Final = 2


class Unusable(click.ClickException):
    """A file or option that cannot be used; the message is one line."""

    exit_code = UNUSABLE


def trust_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options `--trust`, `--root` and `--trust-version`; it gets the trust root as `trust`."""

    @click.option(
        "--trust",
        required=True,
        type=click.Path(path_type=Path),
        metavar="TRUST",
        help="The keys you believe: trust.json, or a folder of trust roots signed by a root key.",
    )
    @click.option(
        "--root",
        type=click.Path(path_type=Path),
        metavar="ROOT.json",
        help="If TRUST is a folder: root metadata that you got by a way that you trust, of any version.",
    )
    @click.option(
        "--trust-version",
        type=click.IntRange(min=1),
        metavar="N",
        help="If TRUST is a folder: the version that you used before; an older one is refused.",
    )
    @functools.wraps(command)
    def with_trust(trust: Path, root: Path | None, trust_version: int | None, **options: Any) -> int:
        def read() -> TrustRoot:
            return read_trust(trust, root, trust_version)

        return command(trust=read, **options)

    return with_trust


def read_trust(path: Path, root: Path | None, known_version: int | None) -> TrustRoot:
    """The trust root at `path`.

    Raises:
        Unusable: it cannot be read, is none, or is not signed as it must be; or the options do not go together.
    """
    from sijill.provenance.printable import printable
    from sijill.provenance.verify.errors import MalformedTrustRoot
    from sijill.provenance.verify.trust import MAX_TRUST, parse_trust

    if path.is_dir() != (root is not None):
        if root is None:
            raise Unusable(f"{shown(path)} is a folder of signed trust roots: name your root metadata with --root")
        raise Unusable("--root goes with a folder of signed trust roots as --trust")
    if known_version is not None and root is None:
        raise Unusable("--trust-version goes with a folder of signed trust roots as --trust")
    try:
        if root is None:
            return parse_trust(read_file(path, MAX_TRUST))
        return _followed(path, read_file(root, MAX_TRUST), known_version)
    except MalformedTrustRoot as err:
        raise Unusable(f"{shown(path)}: not a trust root: {printable(str(err))}") from err


def read_file(path: Path, limit: int) -> bytes:
    """The file; of one larger than `limit`, one byte more than that.

    Raises:
        Unusable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as err:
        unreadable(path, err)


def unreadable(path: Path, err: OSError | ValueError) -> NoReturn:
    """Say that a file cannot be read, and why.

    Raises:
        Unusable: always.
    """
    reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
    raise Unusable(f"{shown(path)}: {reason}") from err


def shown(path: Path) -> str:
    """A path as it may be printed."""
    from sijill.provenance.printable import printable

    return printable(str(path))


def _followed(folder: Path, root: bytes, known_version: int | None) -> TrustRoot:
    from datetime import UTC, datetime

    from sijill.provenance.verify.trust_updates import load_trust

    update = load_trust(folder, root, now=datetime.now(UTC), known_version=known_version)
    click.echo(
        f"trust root {update.version}, good until {update.expires:%Y-%m-%d}; next time add: "
        f"--trust-version {update.version}",
        err=True,
    )
    return update.trust
