"""An archive for looking at: the bundled sites, crawled three times while a page changes, and pages that mean harm."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DEMO = ROOT / "deployments" / "demo"

CHANGED = "zarqunfamilies.example/en/statements/keep-the-records/index.html"
BEFORE, AFTER = "invited tenders to clear the site", "invited bids to clear the whole site"
WITHDRAWN = "        12. Teachers for Truth – Bir Nasr<br>\n"
HOSTILE = "hostile.example"
HOSTILE_TITLE = "</title><script>document.title = 'taken over'</script><img src=x onerror=alert(1)> & \"quotes\""
_HOSTILE_PAGE = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A statement</title>
<meta property="og:title" content="{HOSTILE_TITLE.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")}">
</head><body><article><h1>{HOSTILE_TITLE.replace("&", "&amp;").replace("<", "&lt;")}</h1>
<p>12 November 2024</p>
<p>&lt;script&gt;alert(1)&lt;/script&gt; We, the undersigned organisations, state that this text holds markup and means
harm, \u202e that it turns directions \u202c and that nobody who reads it in an archive should be hurt by it.</p>
<p>It goes on for a while, so that a reader takes it for a statement: the organisations named below have asked many
times that titles be shown as what they are, which is letters, and never as what they would like to be.</p>
<p><strong>Signed by:</strong></p><ul><li>&lt;b&gt;Bold Organisation&lt;/b&gt;</li><li>Plain Organisation</li></ul>
</article></body></html>
"""


@dataclass(frozen=True)
class Sample:
    """The archive that was made."""

    settings: Path
    captures: dict[str, list[str]]
    """Capture ids by target, without scheme and port, the first first."""

    @property
    def store(self) -> Path:
        return self.settings.parent / "store"


def make_sample(folder: Path, *, outsiders: bool = False, browser: bool = True, hostile: bool = True) -> Sample:
    """Make the archive in `folder`; with `outsiders`, timestamping authorities and witnesses vouch for it."""
    serve_sites = load(DEMO / "serve.py").serve_sites
    sites_folder = folder / "sites"
    shutil.copytree(DEMO / "sites", sites_folder)
    (sites_folder / HOSTILE).mkdir()
    (sites_folder / HOSTILE / "index.html").write_text(_HOSTILE_PAGE, encoding="utf-8")
    archive = folder / "archive"
    settings = archive / "sijill.toml"
    with ExitStack() as stack:
        sites = stack.enter_context(serve_sites(sites_folder))
        made = json.loads(
            run("init", archive, "--operator", "Demo archive", "--contact", "demo@sijill.example", "--json")
        )
        text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
        pins = "".join(f"{json.dumps(name)} = {json.dumps(address)}\n" for name, address in sites.pins.items())
        text = text.replace("[network.pins]", f"[network.pins]\n{pins}", 1)
        settings.write_text(text, encoding="utf-8")
        vouching = load(DEMO / "partners.py").outside_parties(archive, made["logKey"]) if outsiders else nullcontext("")
        sections = stack.enter_context(vouching)
        with settings.open("a", encoding="utf-8") as file:
            file.write(f"\n{sections}")
        config = ("--config", settings)
        if outsiders:
            run(*config, "trust", "refresh")
        listed = re.sub(
            r"http://([a-z.]+)/", lambda host: sites.url(host[1]), (DEMO / "sites.toml").read_text(encoding="utf-8")
        )
        listed = listed.replace(
            'languages = ["en", "ar"]\nstart = ["http://sahlandoc',
            'schedule = { cron = "15 4 * * *", timezone = "Asia/Damascus" }\npoliteness = { delay_seconds = 0 }\n'
            'languages = ["en", "ar"]\nstart = ["http://sahlandoc',
        )
        (archive / "sites.toml").write_text(listed, encoding="utf-8")
        page = sites_folder / CHANGED
        original = page.read_text(encoding="utf-8")
        assert BEFORE in original
        assert WITHDRAWN in original
        run(*config, "crawl", "--all", check=False)
        page.write_text(original.replace(BEFORE, AFTER).replace(WITHDRAWN, ""), encoding="utf-8")
        run(*config, "crawl", "zarqun", check=False)
        page.write_text(original, encoding="utf-8")
        run(*config, "crawl", "zarqun", check=False)
        if hostile:
            run(*config, "capture", sites.url(HOSTILE, "/"))
        drawn = sites.url("olivegrowers.example", "/statements/the-well-of-tell-rumman/")
        run(*config, "capture", *(["--browser"] if browser else []), drawn)
        run(*config, "seal")
        run(*config, "read")
    captures: dict[str, list[str]] = {}
    for line in run(*config, "list", "--json").splitlines():
        one = json.loads(line)
        captures.setdefault(re.sub(r"^https?://([^/:]+)(:\d+)?", r"\1", one["target"]), []).append(one["captureId"])
    return Sample(settings, captures)


def run(*arguments: object, check: bool = True) -> str:
    """What a `sijill` command prints."""
    done = subprocess.run([BIN / "sijill", *map(str, arguments)], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"sijill {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def load(path: Path) -> ModuleType:
    """A script that is no part of the package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
