"""The main job on the bundled sample sites: crawl, seal, timestamp, export, verify, look up, and tampering refused.

    python deployments/demo/demo.py [--keep DIR] [--store local|s3]

Everything happens on loopback and in one folder, which is made afresh. With `--store s3` the archive is kept by a real
S3 server that is started for it, everything locked, and a deletion is seen to be refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from command import BIN, Command, shown, sijill, step, verify
from locked_store import BUCKET, deletion_is_refused, lock_everything, s3_server
from looking_up import look_up
from partners import outside_parties
from serve import ServedSites, serve_sites
from tampering import change_one_byte, forge

from sijill.archive.capture.browser.chromium import find_chromium
from sijill.archive.errors import BrowserUnavailable

ROOT = Path(__file__).resolve().parents[2]

JOINT_STATEMENT = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"
"""The page whose capture goes to the auditor."""
GONE = "/2019/03/02/visit-to-bir-nasr/"
"""A page that others link to and that is not there: its absence is captured."""

_DRAWN_HOST, _DRAWN = "olivegrowers.example", "/statements/the-well-of-tell-rumman/"
"""A statement of which the page's source holds no word: a script draws it from a JSON call."""
_DRAWN_WORDS = "names no owner but"
DRAWN_PACKAGE = "drawn-by-a-script.wacz"
PICTURE = "as-a-person-saw-it.png"

PACKAGE = "joint-statement.wacz"
REPORT = "joint-statement.html"
VERIFY_PAGE = ROOT / "provenance" / "verify.html"


def main() -> int:
    """Run the demo; returns the exit status: 0 only if everything was as it should be."""
    parser = argparse.ArgumentParser(description="archive the bundled sample sites and verify the result")
    parser.add_argument(
        "--keep", type=Path, default=ROOT / "demo-archive", metavar="DIR", help="folder for the archive"
    )
    parser.add_argument("--store", choices=("local", "s3"), default="local", help="what keeps the archive")
    options = parser.parse_args()
    folder = options.keep
    started = time.monotonic()
    if folder.exists():
        if not (folder / "sijill.toml").exists():
            print(f"demo: {folder} is not a demo archive; name another folder with --keep", file=sys.stderr)
            return 2
        shutil.rmtree(folder)
    os.environ.update(
        PREFECT_HOME=str(folder / "prefect"),
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    os.environ.pop("PREFECT_API_URL", None)
    with ExitStack() as stack:
        try:
            gateway = stack.enter_context(s3_server()) if options.store == "s3" else None
            return _demonstrate(folder, gateway, started)
        except RuntimeError as err:
            print(f"demo: {err}", file=sys.stderr)
            return 2


def _demonstrate(folder: Path, gateway: Any, started: float) -> int:
    settings = folder / "sijill.toml"
    with ExitStack() as stack:
        sites = stack.enter_context(serve_sites())
        step("1. Who archives, and who watches: settings, keys, two timestamping authorities, two witnesses")
        where = ["--store", gateway.store_url(BUCKET)] if gateway else []
        made = json.loads(
            sijill(
                "init", str(folder), "--operator", "Demo archive", "--contact", "demo@sijill.example", "--json", *where
            )
        )
        _reach_loopback(settings, sites.pins)
        if gateway:
            lock_everything(settings)
        sections = stack.enter_context(outside_parties(folder, made["logKey"]))
        with settings.open("a", encoding="utf-8") as file:
            file.write(f"\n{sections}")
        command = Command(settings)
        print(command("trust", "refresh").rstrip())
        step("2. What the store can really do: tried out, signed, logged")
        print(command("store", "probe").rstrip())

        step("3. Crawl the sites of three organisations by the Prefect flow: capture, sign, store, seal the log")
        print("   (a Prefect server is being started for this, which takes about ten seconds)", flush=True)
        _name_sites(folder / "sites.toml", sites)
        if not _crawled(settings):
            return 1
        first = _captures(command)
        if not _as_expected(first):
            return 1
        joint = next(one for one in first if one["target"].endswith(JOINT_STATEMENT))
        if gateway and not deletion_is_refused(gateway, joint["warcKey"]):
            return 1
        step("4. Crawl them again: pages are fetched anew; what they share and has not changed is not stored twice")
        if not _crawled_again(command):
            return 1
        status = _prove(folder, command, joint["captureId"])
        if status:
            return status
        if not _show_drawn(folder, command, sites.url(_DRAWN_HOST, _DRAWN)):
            return 1
        if not look_up(command, joint["captureId"]):
            return 1
    seconds = time.monotonic() - started
    if gateway:
        print(f"\nDone in {seconds:.0f} s. The S3 server and all it held are gone now; package and report stay:")
    else:
        print(f"\nDone in {seconds:.0f} s. The archive is in {shown(folder)}. Go on with:")
        print(f"  {shown(BIN / 'sijill')} --config {shown(settings)} list")
    print(f"  {shown(BIN / 'sijill-verify')} {shown(folder / PACKAGE)} --trust {shown(folder / 'trust.json')}")
    print(f"  open {shown(folder / REPORT)} in a browser")
    print(f"  open {shown(VERIFY_PAGE)} in a browser, and drop {PACKAGE} and trust.json of {shown(folder)} on it")
    if not gateway:
        print("\nThe archive in a browser, at http://127.0.0.1:7390/ while this runs (Ctrl-C ends it):")
        print(f"  {shown(BIN / 'sijill')} --config {shown(settings)} serve --open")
    return 0


def _captures(command: Command) -> list[dict[str, Any]]:
    """All captures of the archive, by the time they began."""
    return [json.loads(line) for line in command("list", "--json").splitlines()]


def _as_expected(captures: list[dict[str, Any]]) -> bool:
    for one in captures:
        print(f"   {one['outcome']:8}  log index {one['leafIndex']:2}  {unquote(one['target'])}")
        for reason in one["reasons"]:
            print(f"             {reason}")
    gone = [one for one in captures if one["target"].endswith(GONE)]
    if gone and all(one["outcome"] == "complete" for one in captures):
        return True
    print("demo: not every page was captured completely", file=sys.stderr)
    return False


def _crawled_again(command: Command) -> bool:
    """Crawl by the command, which needs no Prefect server; every page that is there must be found unchanged."""
    done = subprocess.run(
        [BIN / "sijill", "--config", command.settings, "crawl", "--all", "--json"],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    runs = json.loads(done.stdout)["runs"]
    for run in runs:
        counts = ", ".join(f"{number} {outcome}" for outcome, number in run["counts"].items())
        print(f"   {run['site']}: {counts}")
    if not any(run["counts"].get("captured") for run in runs):
        return True
    print("demo: a page is said to have changed that did not", file=sys.stderr)
    return False


def _prove(folder: Path, command: Command, capture_id: str) -> int:
    """What the auditor gets and does; the exit status."""
    step("5. One file for the auditor: the evidence package of the joint statement, and a report for people")
    package, trust = folder / PACKAGE, folder / "trust.json"
    print(command("export", capture_id, "-o", str(package)).rstrip())
    command("report", capture_id, "-o", str(folder / REPORT))
    print(f"\n   {shown(folder / REPORT)}, {(folder / REPORT).stat().st_size:,} bytes")
    print(f"\n{command('custody', capture_id).rstrip()}")

    step("6. The auditor verifies it, with the trust root and without any network")
    status, report = verify(str(package), "--trust", str(trust))
    print(report)
    if status != 0:
        return 1

    step("7. The same package with one byte changed, then with the zip's own checksums mended as a forger would")
    for name, make in (("one-byte-changed.wacz", change_one_byte), ("forged.wacz", forge)):
        changed = folder / name
        make(package, changed)
        status, report = verify(str(changed), "--trust", str(trust))
        lines = report.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("FAILED"):
                print(f"   {line}\n   {lines[number + 1]}")
        print(f"   {next(line for line in lines if line.startswith(name))}\n")
        if status != 1:
            print("demo: the changed package was not refused", file=sys.stderr)
            return 1

    step("8. The auditor checks the whole archive: nothing altered, removed, reordered or added")
    status, report = verify("archive", command.store_url, "--trust", str(trust))
    print(report)
    return 0 if status == 0 else 1


def _show_drawn(folder: Path, command: Command, url: str) -> bool:
    """Capture a page that only a browser can show, and take its picture out of the package."""
    step("9. A page that a script draws, as a person saw it: captured with a browser that has no network of its own")
    try:
        print(f"   Chromium: {find_chromium()}")
    except BrowserUnavailable as err:
        print(f"   left out: {err}")
        return True
    [capture] = json.loads(command("capture", "--browser", "--json", url))["captures"]
    for line in command("show", capture["captureId"]).split("\n\n")[0].splitlines():
        if line.startswith(("Outcome", "Recorded", "Browser", "Pictures", "Blocked", "Not collected", "Quality")):
            print(f"   {line}")
    package, picture = folder / DRAWN_PACKAGE, folder / PICTURE
    command("export", capture["captureId"], "-o", str(package))
    status, report = verify(str(package), "--trust", str(folder / "trust.json"))
    print(f"   {next(line for line in report.splitlines() if line.startswith(DRAWN_PACKAGE))}")
    with zipfile.ZipFile(package) as opened:
        drawn = _DRAWN_WORDS in opened.read("provenance/dom.html").decode()
        picture.write_bytes(opened.read("provenance/screenshot-captioned.png"))
    print(f"   the page with URL, time and digest, out of the package: {shown(picture)}")
    if status == 0 and drawn and capture["outcome"] == "complete":
        return True
    print("demo: the page that a script draws was not captured as it should be", file=sys.stderr)
    return False


def _crawled(config: Path) -> bool:
    # Imported here, after PREFECT_HOME is set: Prefect reads it when imported.
    from sijill.flows.crawl.flow import crawl_all_flow

    state = crawl_all_flow(str(config), return_state=True)
    if state.is_completed():
        return True
    print(f"demo: the crawl ended as {state.name}: {state.message}", file=sys.stderr)
    return False


def _name_sites(path: Path, sites: ServedSites) -> None:
    """The sites file, with the port that the sites are served at."""
    text = (Path(__file__).parent / "sites.toml").read_text(encoding="utf-8")
    path.write_text(re.sub(r"http://([a-z.]+)/", lambda host: sites.url(host[1]), text), encoding="utf-8")


def _reach_loopback(settings: Path, pins: dict[str, str]) -> None:
    """Allow loopback and pin the sample hosts to it: the two settings in which the demo differs from real use."""
    text = settings.read_text(encoding="utf-8")
    text = text.replace("allow = []", 'allow = ["127.0.0.0/8"]')
    lines = "".join(f"{json.dumps(name)} = {json.dumps(address)}\n" for name, address in pins.items())
    settings.write_text(text.replace("[network.pins]", "[network.pins]\n" + lines, 1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
