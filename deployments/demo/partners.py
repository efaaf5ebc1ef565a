"""The outside parties of the demo, on loopback: two timestamping authorities, two witnesses as separate processes."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
SIJILL = Path(sys.executable).parent / "sijill"

AUTHORITIES = ("first-tsa", "second-tsa")
WITNESSES = ("university.example/witness", "bar-association.example/witness")


@contextmanager
def outside_parties(folder: Path, log_vkey: str) -> Iterator[str]:
    """Serve them until the block ends; the sections of `sijill.toml` that name them.

    Args:
        folder: where the archive's settings are; roots of the authorities and the witnesses' own folders go below it.
        log_vkey: the log that the witnesses are to watch.

    Raises:
        RuntimeError: one of them cannot be started; the text says why.
    """
    with ExitStack() as stack:
        sections = []
        if shutil.which("openssl") is None:
            print("   no timestamping authorities, which need: apt-get install openssl")
        else:
            sections = [_authority(stack, folder, name) for name in AUTHORITIES]
        sections += [_witness(stack, folder, name, log_vkey) for name in WITNESSES]
        yield "\n".join(sections)


def _authority(stack: ExitStack, folder: Path, name: str) -> str:
    try:
        tsa = stack.enter_context(_tsa_script().serve_tsa(name))
    except OSError as err:
        raise RuntimeError(f"no timestamping authority: {err}") from err
    roots = folder / "tsa" / f"{name}.pem"
    roots.parent.mkdir(exist_ok=True)
    roots.write_text(tsa.root_pem, encoding="ascii")
    return f'[[timestamps]]\nname = "{name}"\nurl = "{tsa.url}"\nroots = "tsa/{name}.pem"\n'


def _witness(stack: ExitStack, folder: Path, name: str, log_vkey: str) -> str:
    place = folder / "witnesses" / name.partition(".")[0]
    place.parent.mkdir(exist_ok=True)
    made = subprocess.run(
        [SIJILL, "witness", "init", place, "--name", name, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    subprocess.run([SIJILL, "witness", "trust", place, log_vkey], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(
        [SIJILL, "witness", "serve", place, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.callback(_stop, process)
    said = process.stdout.readline().split() if process.stdout else []
    if not said:
        raise RuntimeError(f"the witness {name} did not start")
    return f'[[witnesses]]\nurl = "{said[-1]}"\nvkey = "{json.loads(made.stdout)["vkey"]}"\n'


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait()
    if process.stdout:
        process.stdout.close()


def _tsa_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tsa_server", ROOT / "deployments" / "tsa" / "serve.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("deployments/tsa/serve.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
