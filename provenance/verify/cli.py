"""`sijill-verify`: the auditor's command. It writes nothing but its report, and has no option that would.

Exit status: 0 verified, 1 not verified, 2 the files could not be read or used, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import click

from sijill.provenance.interrupts import interrupts_kept
from sijill.provenance.verify.trust_option import UNUSABLE, read_file, shown, trust_options, unreadable

if TYPE_CHECKING:
    from sijill.provenance.package_layout import Token
    from sijill.provenance.verify.trust import TrustRoot

VERIFIED: Final = 0
NOT_VERIFIED: Final = 1
INTERRUPTED: Final = 130

_COLOURS: Final = {"passed": "green", "failed": "red", "not-checked": "yellow"}


class FileOrCommand(click.Group):
    """A group whose first argument is a file, unless it names one of the commands."""

    def __init__(self, default: click.Command, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._default = default

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the group, or of its default command if no command is named."""
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        return self._default.make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run what `make_context` chose."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"sijill-verify {version('sijill')}")
        ctx.exit()


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="""
    Verify a capture offline: an evidence package, or a WARC with its attestation and proof.

    Whom to believe is in the trust root, which must come from elsewhere than the file.

    \b
    Examples:
      sijill-verify capture.wacz --trust trust.json
      sijill-verify capture.wacz --trust trust.json --json > report.json
      sijill-verify data.warc.gz --attestation attestation.dsse.json \\
          --proof inclusion.tlog-proof --trust trust.json
      sijill-verify archive --help     (audits a whole archive)

    Exit status: 0 verified, 1 not verified, 2 a file could not be read or used, 130 interrupted.
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@trust_options
@click.option(
    "--attestation",
    type=click.Path(path_type=Path),
    metavar="ATTESTATION",
    help="The DSSE envelope, if FILE is a WARC and not a package.",
)
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    metavar="PROOF",
    help="The inclusion proof, if FILE is a WARC. Without it nothing is verified.",
)
@click.option(
    "--timestamp",
    "timestamps",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="TIMESTAMP",
    help="A timestamp, if FILE is a WARC; named checkpoint.NAME.tsr, attestation.NAME.tsr or freshness.NAME.tsr.",
)
@click.option(
    "--dependencies",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the capture takes from other captures, if FILE is a WARC; a package has it in its archive folder.",
)
@click.option(
    "--subject",
    "subjects",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file that a browser made of the page, if FILE is a WARC; named as the attestation names it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def verify_file(
    file: Path,
    trust: Callable[[], TrustRoot],
    attestation: Path | None,
    proof: Path | None,
    timestamps: tuple[Path, ...],
    dependencies: Path | None,
    subjects: tuple[Path, ...],
    *,
    as_json: bool,
) -> int:
    """Verify one capture; the exit status."""
    if timestamps and attestation is None:
        raise click.UsageError("--timestamp goes with --attestation: a package has its timestamps inside.")
    if dependencies is not None and attestation is None:
        raise click.UsageError("--dependencies goes with --attestation: a package has them inside.")
    if subjects and attestation is None:
        raise click.UsageError("--subject goes with --attestation: a package has its subjects inside.")
    if proof is not None and attestation is None:
        raise click.UsageError("--proof goes with --attestation: a package has its proof inside.")
    if attestation is None and file.name.endswith((".warc", ".warc.gz")):
        raise click.UsageError(f"{shown(file)} is a WARC: name its attestation with --attestation.")
    # What verifies takes longer to load than --help and --version should.
    from sijill.provenance.verify.progress import with_progress
    from sijill.provenance.verify.render import report_json, report_text
    from sijill.provenance.verify.verify import verify_package, verify_parts

    root = trust()
    envelope = None if attestation is None else _read(attestation)
    evidence = None if proof is None else _read(proof)
    tokens = _read_tokens(timestamps)
    with ExitStack() as stack:
        source = stack.enter_context(_open(file))
        taken = None if dependencies is None else stack.enter_context(_open(dependencies))
        others = {path.name: stack.enter_context(_open(path)) for path in subjects}
        try:
            watched = with_progress(source, sys.stderr)
            if envelope is None:
                report = verify_package(watched, root)
            else:
                report = verify_parts(
                    watched, envelope, evidence, root, subjects=others, tokens=tokens, dependencies=taken
                )
        except OSError as err:
            unreadable(file, err)
    if as_json:
        _print(json.dumps(report_json(report), indent=2))
    else:
        _print("\n".join(report_text(report, name=file.name, style=_style)))
    return VERIFIED if report.holds else NOT_VERIFIED


cli = FileOrCommand(verify_file, name="sijill-verify")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit status."""
    sys.exit(run(cli, sys.argv[1:] if arguments is None else arguments))


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run `command` with `arguments`; its exit status, whatever happens."""
    try:
        with interrupts_kept():
            status = command.main(list(arguments), prog_name="sijill-verify", standalone_mode=False)
    except click.ClickException as err:
        err.show()
        return UNUSABLE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    return status if isinstance(status, int) else VERIFIED


def _read_tokens(paths: Sequence[Path]) -> dict[Token, bytes]:
    from sijill.provenance.package_layout import FOLDER, MAX_TOKEN, token_at

    tokens: dict[Token, bytes] = {}
    for path in paths:
        token = token_at(f"{FOLDER}{path.name}")
        if token is None:
            raise click.UsageError(
                f"{shown(path)}: a timestamp is called checkpoint.NAME.tsr, attestation.NAME.tsr or freshness.NAME.tsr"
            )
        tokens[token] = _read(path, limit=MAX_TOKEN)
    return tokens


def _read(path: Path, *, limit: int | None = None) -> bytes:
    """The file; if it is larger than any that would be accepted, one byte more than that."""
    if limit is None:
        from sijill.provenance.attest.envelope import MAX_ENVELOPE

        limit = MAX_ENVELOPE
    return read_file(path, limit)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (OSError, ValueError) as err:
        unreadable(path, err)


def _style(text: str, status: str) -> str:
    return click.style(text, fg=_COLOURS[status])


def _print(text: str) -> None:
    try:
        click.echo(text)
    except BrokenPipeError:
        # Whoever reads has seen enough. The interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
