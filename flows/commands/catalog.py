"""Looking up what the archive holds: words, statements, signatories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sijill.flows.commands.options import as_json, open_archive

if TYPE_CHECKING:
    from sijill.archive.catalog.catalog import Catalog
    from sijill.archive.catalog.search import Filters

F = TypeVar("F", bound=Callable[..., Any])

csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV for spreadsheets.")


def _day(*, last: bool) -> Callable[[click.Context, click.Parameter, str | None], date | None]:
    """Takes a day, or a month or year for its first or last day."""

    def convert(context: click.Context, parameter: click.Parameter, text: str | None) -> date | None:
        if text is None:
            return None
        year, *rest = text.split("-")
        month, day = [*rest, "", ""][:2]
        try:
            if last and not day:
                # The day before the first of the next month.
                turn = (int(year) + 1, 1) if month in ("", "12") else (int(year), int(month) + 1)
                return date(*turn, 1) - timedelta(days=1)
            return date.fromisoformat(f"{year}-{month or '01'}-{day or '01'}")
        except ValueError as err:
            raise click.BadParameter(
                f"{text!r} is no date: write 2018-11-15, 2018-11 or 2018", context, parameter
            ) from err

    return convert


def _filters(command: F) -> F:
    for option in (
        click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="At most N."),
        click.option("--signatory", metavar="NAME", help="Signed by a body of this name, in whatever spelling."),
        click.option("--to", "last", callback=_day(last=True), metavar="DATE", help="Published then or earlier."),
        click.option(
            "--from",
            "first",
            callback=_day(last=False),
            metavar="DATE",
            help="Published then or later; pages without a known date are left out.",
        ),
        click.option("--language", metavar="TAG", help="Such as ar or en."),
        click.option("--site", "sites", multiple=True, help="A host, or an id of the sites file; may be repeated."),
    ):
        command = option(command)
    return command


@click.command(epilog="Example: sijill search 'accountability \"civil society\" detain*' --language en --from 2018")
@click.argument("words", nargs=-1)
@_filters
@as_json
@csv_option
@click.pass_obj
def search(config: Path, /, words: tuple[str, ...], limit: int, as_json: bool, as_csv: bool, **wanted: Any) -> None:
    """Search what pages say, in Arabic and English, the best first.

    All WORDS must be found, in one version of a page. "A phrase" stands in quotation marks; with detain* anything that
    begins so is found. Vowel signs, forms of alef, hamza and ya, the article, case and accents make no difference.
    Without WORDS, what passes the options, the newest first.
    """
    from sijill.archive.catalog import search as searching
    from sijill.archive.errors import BadQuery
    from sijill.flows.reading.printing import print_found

    one_form(as_json, as_csv)
    filters = _wanted(config, **wanted)
    # What a shell leaves of a phrase in quotation marks is one argument with spaces in it.
    text = " ".join(f'"{word}"' if _phrase(word) else word for word in words)
    with _catalog(config, quiet=as_json or as_csv) as catalog:
        try:
            found = searching.search(catalog, text, filters, limit=limit)
        except BadQuery as err:
            raise click.UsageError(f"{err}; name a word, or one of the options that narrow a search") from err
    print_found(found, as_json=as_json, as_csv=as_csv)


@click.command(epilog="Example: sijill statements --signatory 'Example Network' --csv")
@_filters
@as_json
@csv_option
@click.pass_obj
def statements(config: Path, /, limit: int, as_json: bool, as_csv: bool, **wanted: Any) -> None:
    """List statements, the newest first: each once, however many pages publish it."""
    from sijill.archive.catalog import statements as looking
    from sijill.flows.reading.printing import print_statements

    one_form(as_json, as_csv)
    filters = _wanted(config, **wanted)
    with _catalog(config, quiet=as_json or as_csv) as catalog:
        found = looking.statements(catalog, filters, limit=limit)
    print_statements(found, as_json=as_json, as_csv=as_csv)


@click.command(epilog="Example: sijill statement 20261121t011630z-k3j5x2m4q7ab")
@click.argument("statement_id", metavar="ID")
@click.option("--diff", "with_diff", is_flag=True, help="Also how versions and languages differ, word by word.")
@as_json
@csv_option
@click.pass_obj
def statement(config: Path, statement_id: str, with_diff: bool, as_json: bool, as_csv: bool) -> None:
    """Show one statement: its publications, languages, versions and signatories.

    ID is the id of the statement, or of any capture of it. Each version is named by the capture and the digest of the
    bytes that it was read from.
    """
    from sijill.archive.catalog.statements import find_statement
    from sijill.flows.errors import UnknownCapture
    from sijill.flows.reading.printing import print_statement

    one_form(as_json, as_csv)
    if with_diff and (as_json or as_csv):
        raise click.UsageError("--diff is for people: not with --json or --csv")
    with _catalog(config, quiet=as_json or as_csv) as catalog:
        found = find_statement(catalog, statement_id)
    if found is None:
        raise UnknownCapture(f"{statement_id[:100]!r}: no capture of a statement is in the catalog by this id")
    print_statement(found, as_json=as_json, as_csv=as_csv)
    if with_diff:
        from sijill.flows.reading.printing_changes import print_diffs
        from sijill.flows.reading.stored import StoredReadings

        print_diffs(found, StoredReadings(open_archive(config).store))


@click.command(epilog="Example: sijill signatory 'Syrian Archive'")
@click.argument("name")
@as_json
@csv_option
@click.pass_obj
def signatory(config: Path, name: str, as_json: bool, as_csv: bool) -> None:
    """Show all statements that a body signed.

    NAME may be any spelling of it that a statement has; otherwise all bodies are shown whose names hold its words.
    """
    from sijill.archive.catalog.statements import signatories
    from sijill.archive.reading.normalise import name_key
    from sijill.flows.errors import UnknownSignatory
    from sijill.flows.reading.printing import print_signatories

    one_form(as_json, as_csv)
    with _catalog(config, quiet=as_json or as_csv) as catalog:
        found = signatories(catalog, name, key=name_key(name))
    if not found:
        raise UnknownSignatory(f"{name[:200]!r}: no signatory of this name was found in any statement")
    print_signatories(found, as_json=as_json, as_csv=as_csv)


@contextmanager
def _catalog(config: Path, *, quiet: bool) -> Iterator[Catalog]:
    """The catalog, brought up to date; as it is if the store is out of reach, which stderr then says."""
    from sijill.archive.catalog.catalog import Catalog
    from sijill.flows.reading.catalog import FILE_NAME, open_current, say_out_of_reach
    from sijill.storage.errors import StoreFailure

    try:
        archive = open_archive(config)
    except StoreFailure as err:
        if not (path := _folder(config) / FILE_NAME).exists():
            raise
        say_out_of_reach(err)
        with Catalog(path) as catalog:
            yield catalog
        return
    with open_current(archive, quiet=quiet) as catalog:
        yield catalog


def _folder(config: Path) -> Path:
    return config.absolute().parent


def _wanted(
    config: Path,
    sites: tuple[str, ...],
    language: str | None,
    first: date | None,
    last: date | None,
    signatory: str | None,
) -> Filters:
    from sijill.archive.catalog.search import Filters
    from sijill.archive.reading.normalise import name_key

    return Filters(
        sites=tuple(host for site in sites for host in hosts_of(config, site)),
        language=language,
        first=first,
        last=last,
        signatory=signatory,
        signatory_key=None if signatory is None else name_key(signatory),
    )


def hosts_of(config: Path, site: str) -> tuple[str, ...]:
    """The hosts of a site of the sites file, or `site` itself if there is none of this id."""
    from sijill.flows.crawl.sites import FILE_NAME, read_sites

    path = _folder(config) / FILE_NAME
    if "." in site or not path.exists():
        return (site,)
    return next((tuple(host.host for host in one.hosts) for one in read_sites(path) if one.id == site), (site,))


def _phrase(word: str) -> bool:
    return " " in word.strip() and not any(mark in word for mark in '"“”„«»*')


def one_form(as_json: bool, as_csv: bool) -> None:
    """Refuse to print two forms at once."""
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
