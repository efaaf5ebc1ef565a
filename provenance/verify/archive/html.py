"""The report of an audit as one page that a person can read and print: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from sijill.provenance.printable import printable
from sijill.provenance.verify.archive.render import mark, remark
from sijill.provenance.verify.archive.report import ArchiveCheck, ArchiveReport, Verdict
from sijill.provenance.verify.archive.words import VERDICTS, conclusion, limits, numbers
from sijill.provenance.verify.report import Status

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p.verdict { font-size: 1.15rem; font-weight: 600; padding: .6rem .9rem; border: 2px solid; border-radius: .3rem; }
.holds { color: #14532d; border-color: #14532d; }
.reserved { color: #713f12; border-color: #713f12; }
.fails { color: #7f1d1d; border-color: #7f1d1d; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: .35rem .6rem .35rem 0; }
tr { border-bottom: 1px solid #ddd; break-inside: avoid; }
th[scope=row] { font-weight: 400; color: #555; white-space: nowrap; }
td.status { white-space: nowrap; font-weight: 600; }
td.code code { white-space: nowrap; overflow-wrap: normal; }
code, pre { font: .85em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: #f6f6f6; padding: .6rem .9rem; }
ul { padding-inline-start: 1.2rem; }
ul.findings { margin: .3rem 0 0; }
bdi { unicode-bidi: isolate; }
@page { margin: 18mm; }
@media print {
  body { margin: 0; max-width: none; font-size: 10.5pt; }
  h2 { break-after: avoid; }
  pre { background: none; border: 1px solid #ccc; }
}
"""

_CLASSES: Final = {
    Verdict.HOLDS: "holds",
    Verdict.HOLDS_FOR_SAMPLE: "reserved",
    Verdict.DOES_NOT_HOLD: "fails",
}
_COLOURS: Final = {Status.PASSED: "holds", Status.FAILED: "fails", Status.NOT_CHECKED: "reserved"}


def archive_report_html(report: ArchiveReport) -> str:
    """The page."""
    return "\n".join(_page(report)) + "\n"


def _page(report: ArchiveReport) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    # Nothing may be loaded or run, whatever the text says.
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Audit of {_plain(report.store)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Audit of an archive</h1><p><code>{_text(report.store)}</code></p>"
    yield f'<p class="verdict {_CLASSES[report.verdict]}">{_plain(VERDICTS[report.verdict])}</p>'
    yield from _paragraphs(conclusion(report))
    yield "<h2>What was looked at</h2>"
    yield from _table(_facts(report))
    yield "<h2>What this cannot show</h2>"
    yield _list(_text(sentence) for sentence in limits(report))
    yield "<h2>Checks</h2><table><thead><tr><th>Result</th><th>Code</th><th>Check</th></tr></thead><tbody>"
    yield from (_check(check) for check in report.checks)
    yield "</tbody></table>"
    if report.log is not None:
        yield "<h2>Newest checkpoint</h2>"
        yield f"<pre>{_plain(report.log.checkpoint.decode('utf-8', 'replace'), lines=True)}</pre>"
    if report.scope.captures:
        yield "<h2>Captures that were read</h2>"
        yield _list(f"<code>{_text(capture)}</code>" for capture in report.scope.captures)
    yield "<h2>Whom the auditor believes</h2>"
    yield from _table(_trust(report))
    yield "</body></html>"


def _facts(report: ArchiveReport) -> Iterator[tuple[str, str]]:
    yield "Begun", _plain(f"{report.started:%Y-%m-%d %H:%M:%S} UTC")
    yield "Ended", _plain(f"{report.ended:%Y-%m-%d %H:%M:%S} UTC")
    scope = (
        "all captures" if report.scope.full else f"a sample of {report.scope.count} captures, seed {report.scope.seed}"
    )
    yield "Scope", _plain(scope)
    if report.log is not None:
        yield "Log", f"{_text(report.log.origin)}, {report.log.size} entries"
    yield from ((name, _plain(value)) for name, value in numbers(report).items())


def _trust(report: ArchiveReport) -> Iterator[tuple[str, str]]:
    trust = report.trust
    yield "SHA-256 of the trust root", f"<code>{_text(report.trust_sha256)}</code>"
    yield "Attestation keys", _codes(key.keyid for key in trust.attestation_keys)
    yield "Log keys", _codes(key.vkey for key in trust.log_keys)
    yield "Witnesses", _codes(key.vkey for key in trust.witnesses)
    yield "Timestamping authorities", _plain(f"{len(trust.tsa_roots)} root certificates")


def _check(check: ArchiveCheck) -> str:
    findings = ""
    if check.status is not Status.PASSED and check.findings:
        items = [f"<code>{_text(one.about)}</code>: {_text(one.found)}" for one in check.findings]
        if check.total > len(check.findings):
            items.append(f"{check.total} in all")
        findings = _list(items, kind="findings")
    said = f"{_plain(check.sentence)}{_plain(remark(check))}"
    status = f'<td class="status {_COLOURS[check.status]}">{_plain(mark(check))}</td>'
    code = f'<td class="code"><code>{_plain(check.code)}</code></td>'
    return f"<tr>{status}{code}<td>{said}{findings}</td></tr>"


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "<table><tbody>"
    yield from (f'<tr><th scope="row">{_plain(name)}</th><td>{value}</td></tr>' for name, value in rows)
    yield "</tbody></table>"


def _paragraphs(sentences: Iterable[str]) -> Iterator[str]:
    yield from (f"<p>{_text(sentence)}</p>" for sentence in sentences)


def _list(items: Iterable[str], *, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<ul{attribute}>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _codes(texts: Iterable[str]) -> str:
    return "<br>".join(f"<code>{_text(text)}</code>" for text in texts) or "none"


def _text(text: str) -> str:
    """Text that may be from the archive: it cannot be markup, and its direction stays its own."""
    return f'<bdi dir="auto">{escape(printable(text))}</bdi>'


def _plain(text: str, *, lines: bool = False) -> str:
    """Text where no element may stand; `lines` keeps its line ends."""
    return "\n".join(escape(printable(line)) for line in text.split("\n")) if lines else escape(printable(text))
