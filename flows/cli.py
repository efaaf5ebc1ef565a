"""`sijill`, the operator's command as a whole. The single commands are in the folder `commands`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sijill.flows.commands import (
    audits,
    captures,
    catalog,
    changes,
    crawl,
    custody,
    deploy,
    keys,
    reading,
    replay,
    report,
    serve,
    sites,
    stores,
    times,
    trust,
    up,
    witness,
    worker,
)
from sijill.flows.errors import ExitStatus, missing_packages_named, our_errors, status_of
from sijill.provenance.interrupts import interrupts_kept

# \b keeps click from filling the lines that follow it.
_EPILOG = """\b
Examples:
  sijill init --operator "Example Archive" --contact archive@example.org
  sijill capture https://example.org/statement
  sijill export 20261121t011630z-k3j5x2m4q7ab -o statement.wacz
  sijill-verify statement.wacz --trust trust.json

Exit status: 0 done, 1 a capture failed (and is archived as failed) or damage was found, 2 bad input or settings,
3 the store is out of reach (what was captured waits and is stored by the next command), 130 interrupted.
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="SIJILL_CONFIG",
    default=Path("sijill.toml"),
    show_default=True,
    help="The settings file.",
)
@click.version_option(package_name="sijill", message="%(prog)s %(version)s")
@click.pass_context
def sijill(context: click.Context, config: Path) -> None:
    """Archive web pages as evidence that anyone can verify offline, years later."""
    context.obj = config


for _command in (
    captures.init,
    captures.capture,
    crawl.crawl,
    sites.sites,
    deploy.deploy,
    worker.worker,
    up.up,
    captures.list_,
    captures.show,
    captures.export,
    captures.seal,
    reading.read,
    catalog.search,
    catalog.statements,
    catalog.statement,
    catalog.signatory,
    changes.changes,
    report.report,
    serve.serve,
    replay.replay,
    custody.custody,
    custody.handover,
    custody.hold,
    custody.release,
    custody.tombstone,
    audits.audit,
    times.timestamp,
    keys.key,
    trust.trust,
    stores.store,
    stores.copy,
    witness.witness,
):
    sijill.add_command(_command)


def main() -> None:
    """Run `sijill` and leave with its exit status; every error is one line on stderr."""
    with _one_line_errors("sijill"):
        sijill(prog_name="sijill", standalone_mode=False)


@contextmanager
def _one_line_errors(program: str) -> Iterator[None]:
    try:
        with interrupts_kept(), missing_packages_named():
            yield
    except click.exceptions.Exit as err:
        sys.exit(err.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{program}: interrupted; what was stored stays, run the same command again to go on", err=True)
        sys.exit(ExitStatus.INTERRUPTED)
    except click.ClickException as err:
        click.echo(f"{program}: {err.format_message()}", err=True)
        sys.exit(ExitStatus.BAD_INPUT)
    except our_errors() as err:
        click.echo(f"{program}: {err}", err=True)
        sys.exit(status_of(err))
