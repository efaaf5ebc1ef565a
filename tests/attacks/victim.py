"""A real small archive with its witnesses and timestamping authorities, and copies of it for an attacker."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shown import Shown

from sijill.flows import evidence
from sijill.flows.crawl.resources import RunResources
from sijill.flows.export import export_package
from sijill.flows.init import initialise
from sijill.flows.wiring import Archive, StoreLog, open_archive
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import PAYLOAD_TYPE, envelope_sha256, parse_envelope, sign_envelope
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import attestation_key, queue_key
from sijill.provenance.verify.trust import TrustRoot, format_trust
from sijill.storage.open import open_store

BIN = Path(sys.executable).parent
HANG = 120
PAGES = (
    ("sahlandoc.example", "/2025/02/04/ten-walls/"),
    ("remedylawyers.example", "/robots.txt"),
    ("zarqunfamilies.example", "/en/"),
    ("remedylawyers.example", "/"),
    ("remedylawyers.example", "/sitemap.xml"),
    ("sahlandoc.example", "/"),
)


def command(name: str, *arguments: Any, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of our commands."""
    called = [BIN / name, *map(str, arguments)]
    return subprocess.run(called, cwd=cwd, capture_output=True, text=True, timeout=HANG, check=False)


def done(*arguments: Any) -> str:
    """What `sijill` prints; it must succeed."""
    ended = command("sijill", *arguments)
    if ended.returncode:
        raise RuntimeError(f"sijill {arguments}: {ended.stdout}{ended.stderr}")
    return ended.stdout


@dataclass
class Copy:
    """A copy of the store, in an attacker's hands. The keys may be the attacker's, too."""

    root: Path
    trust: TrustRoot
    """What the auditor brings."""

    def path(self, key: str) -> Path:
        """Where the bytes of `key` are."""
        return self.root / key

    def read(self, key: str) -> bytes:
        """The bytes of `key`."""
        return self.path(key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """Put other bytes at `key`, as whoever has the disk can."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def remove(self, key: str) -> None:
        """Take `key` away."""
        self.path(key).unlink()

    def flip(self, key: str, place: int = -5) -> None:
        """Change one bit of the bytes of `key`."""
        data = bytearray(self.read(key))
        data[place] ^= 1
        self.write(key, bytes(data))

    def keys(self, prefix: str) -> list[str]:
        """Every key that begins so."""
        found = (str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix))

    @property
    def log(self) -> StoreLog:
        """The store as a sealer has it."""
        return StoreLog(open_store(self.root.as_uri()))

    def entry_ids(self) -> list[str]:
        """The ids in the log, in its order."""
        batches = sorted(self.keys("log/batches/"), key=lambda key: int(key.rpartition("/")[2]))
        return [entry["id"] for key in batches for entry in json.loads(self.read(key))["entries"]]

    def envelope(self, capture_id: str) -> bytes:
        """The attestation of a capture."""
        return self.read(attestation_key(capture_id))

    def statement(self, capture_id: str) -> dict[str, Any]:
        """What an attestation says."""
        return json.loads(parse_envelope(self.envelope(capture_id)).payload)


@dataclass
class Victim:
    """The archive, and what an auditor has of it."""

    archive: Archive
    settings: Path
    pages: tuple[str, ...]
    witnesses: dict[str, str]
    """URL of each witness by its vkey."""
    authorities: dict[str, Any]
    captures: list[str] = field(default_factory=list)
    """Ids: two of the first batch, and one of each later one that has any."""
    pictured: str = ""
    """The last of them, which has a screenshot."""
    erased: str = ""
    """Of the first batch, too; its payload was removed, as a logged tombstone says."""
    taking: str = ""
    """Of the last batch, too; it takes from the first capture what both pages need."""
    packages: dict[str, Path] = field(default_factory=dict)
    earlier: bytes = b""
    """A checkpoint that an auditor kept: the last but one."""

    @property
    def store(self) -> Path:
        """Where the store is."""
        return self.settings.parent / "store"

    @property
    def trust(self) -> TrustRoot:
        """What auditors get: two authorities and two witnesses, all of whom are needed."""
        return self.archive.trust

    def copy(self, folder: Path) -> Copy:
        """A copy of the store."""
        shutil.copytree(self.store, folder)
        return Copy(folder, self.trust)


def keys_alone(trust: TrustRoot) -> TrustRoot:
    """The trust root of an auditor who knows no outside party."""
    return TrustRoot(trust.attestation_keys, trust.log_keys, validity=trust.validity, revocations=trust.revocations)


@dataclass(frozen=True)
class Verdict:
    """What `sijill-verify` said."""

    status: int
    report: dict[str, Any]

    @property
    def failed(self) -> list[str]:
        """The codes of the checks that failed and had to pass."""
        return [check["code"] for check in self.report["checks"] if check["status"] == "failed" and check["required"]]

    def findings(self, code: str) -> str:
        """What was found under a code."""
        check = next(check for check in self.report["checks"] if check["code"] == code)
        return "; ".join(f"{one['about']}: {one['found']}" for one in check["findings"])


def audited(copy: Copy, *, since: bytes | None = None, store: str | None = None) -> Verdict:
    """What `sijill-verify archive` says of a copy."""
    trust = copy.root.with_name("trust.json")
    trust.write_bytes(format_trust(copy.trust))
    options: list[Any] = ["--trust", trust, "--json", "--jobs", "1"]
    if since is not None:
        kept = copy.root.with_name("earlier-checkpoint")
        kept.write_bytes(since)
        options += ["--since", kept]
    return _verdict(command("sijill-verify", "archive", store or copy.root, *options))


def verified(package: Path, trust: TrustRoot) -> Verdict:
    """What `sijill-verify` says of a package."""
    root = package.with_name("trust.json")
    root.write_bytes(format_trust(trust))
    return _verdict(command("sijill-verify", package, "--trust", root, "--json"))


def _verdict(ended: subprocess.CompletedProcess[str]) -> Verdict:
    assert ended.returncode in (0, 1), ended.stderr
    assert "Traceback" not in ended.stderr
    return Verdict(ended.returncode, json.loads(ended.stdout))


@contextmanager
def raised(folder: Path, serve_sites: Callable[..., Any], serve_tsa: Callable[..., Any]) -> Iterator[Victim]:
    """Make the archive; witnesses and authorities serve until the block ends."""
    with ExitStack() as stack:
        sites = stack.enter_context(serve_sites())
        authorities = {
            "one": stack.enter_context(serve_tsa("one")),
            "two": stack.enter_context(serve_tsa("two", intermediate=True)),
        }
        settings = _settings(folder / "archive", sites.pins)
        log = open_archive(settings).log_keys[0].vkey
        witnesses = {}
        for number in (1, 2):
            vkey, url = stack.enter_context(_witness(folder / f"witness-{number}", f"w{number}.example", log))
            witnesses[vkey] = url
        _name_outsiders(settings, authorities, witnesses)
        pages = tuple(sites.url(host, path) for host, path in PAGES)
        done("--config", settings, "trust", "refresh", "--timestamps", "2", "--witnesses", "2")
        made = Victim(open_archive(settings), settings, pages, witnesses, authorities)
        _fill(made)
        yield made


def _settings(folder: Path, pins: Any) -> Path:
    settings = initialise(folder, operator="Archive under attack", contact="test@sijill.example").settings
    text = settings.read_text("utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    lines = "".join(f"{json.dumps(name)} = {json.dumps(address)}\n" for name, address in dict(pins).items())
    settings.write_text(text.replace("[network.pins]", f"[network.pins]\n{lines}", 1), "utf-8")
    return settings


@contextmanager
def _witness(folder: Path, name: str, log: str) -> Iterator[tuple[str, str]]:
    """A witness in a process of its own: its vkey and URL."""
    vkey = json.loads(done("witness", "init", folder, "--name", name, "--json"))["vkey"]
    done("witness", "trust", folder, log)
    with subprocess.Popen(
        [BIN / "sijill", "witness", "serve", folder, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield vkey, process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _name_outsiders(settings: Path, authorities: dict[str, Any], witnesses: dict[str, str]) -> None:
    text = settings.read_text("utf-8")
    for name, tsa in authorities.items():
        (settings.parent / f"{name}.pem").write_text(tsa.root_pem)
        text += f'\n[[timestamps]]\nname = "{name}"\nurl = "{tsa.url}"\nroots = "{name}.pem"\ntimeout_seconds = 60\n'
        if tsa.intermediate_pem:
            (settings.parent / f"{name}-between.pem").write_text(tsa.intermediate_pem)
            text += f'intermediates = "{name}-between.pem"\n'
    for vkey, url in witnesses.items():
        text += f'\n[[witnesses]]\nurl = "{url}"\nvkey = "{vkey}"\ntimeout_seconds = 60\n'
    settings.write_text(text, "utf-8")


def _fill(made: Victim) -> None:
    archive = made.archive
    shared = RunResources(archive, "attacked", "one-run")
    made.captures += [_captured(archive, shared, url) for url in made.pages[:2]]
    made.erased = evidence.archive_url(archive, made.pages[4]).capture.id
    evidence.seal(archive)
    reason = ("--reason", "names a minor", "--authority", "order 7/2026", "--yes")
    done("--config", made.settings, "tombstone", made.erased, *reason)
    # By the command: it captures, seals, and has the attestation timestamped, too.
    said = done("--config", made.settings, "capture", made.pages[2], "--timestamp", "attestation", "--json")
    made.captures.append(json.loads(said)["captures"][0]["captureId"])
    made.earlier = archive.log_reader.checkpoint().data
    made.pictured = evidence.archive_url(archive, made.pages[3], browser=Shown()).capture.id
    made.captures.append(made.pictured)
    made.taking = _captured(archive, shared, made.pages[5])
    evidence.seal(archive)
    for capture_id in (made.captures[1], made.captures[2], made.taking):
        made.packages[capture_id] = made.settings.parent / f"{capture_id}.wacz"
        export_package(archive, capture_id, made.packages[capture_id])


def _captured(archive: Archive, shared: RunResources, url: str) -> str:
    """Capture a page as crawls do; its id."""
    with shared.capturing() as known:
        made = evidence.archive_url(archive, url, known=known)
        known.stored(made)
    return made.capture.id


def attest(copy: Copy, archive: Archive, own_id: str, statement: dict[str, Any], kind: Kind = Kind.CAPTURE) -> None:
    """Sign a statement with the archive's true key, store it, and queue it for the log."""
    envelope = sign_envelope(canonical(statement), PAYLOAD_TYPE, [archive.attestation_key])
    copy.write(attestation_key(own_id, kind), envelope)
    copy.write(queue_key(own_id), LogEntry(own_id, envelope_sha256(envelope), kind).data)


def warc_of(copy: Copy, capture_id: str) -> str:
    """The key of a capture's WARC."""
    return subject_key(copy, capture_id, 0)


def subject_key(copy: Copy, capture_id: str, number: int) -> str:
    """The key of a subject of a capture."""
    from sijill.storage.layout import object_key

    return object_key(copy.statement(capture_id)["subject"][number]["digest"]["sha256"])
