"""Running the commands as a person would, and saying which step is shown."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Command:
    """`sijill` with the settings of the demo's archive; what it prints."""

    settings: Path

    def __call__(self, *arguments: str) -> str:
        """Run it; what it prints."""
        return sijill("--config", str(self.settings), *arguments)

    @property
    def store_url(self) -> str:
        """The URL of the archive's store."""
        url = tomllib.loads(self.settings.read_text(encoding="utf-8"))["store"]["url"]
        return url if "://" in url else (self.settings.parent / url).resolve().as_uri()


def sijill(*arguments: str) -> str:
    """Run `sijill`; what it prints."""
    return subprocess.run([BIN / "sijill", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def verify(*arguments: str) -> tuple[int, str]:
    """Run `sijill-verify`; its exit status and what it prints."""
    done = subprocess.run(
        [BIN / "sijill-verify", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def step(title: str) -> None:
    """Say which step begins."""
    print(f"\n{title}", flush=True)


def shown(path: Path) -> str:
    """A path as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
