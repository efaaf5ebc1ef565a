"""The auditor's command, run as a process."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from captures import CAPTURE_ID

from sijill.provenance.verify.cli import FileOrCommand, cli, run, verify_file
from sijill.provenance.verify.progress import LONG

PROGRAM = [sys.executable, "-c", "from sijill.provenance.verify.cli import main; main()"]


def verify(folder, *arguments):
    """The command as a process of its own."""
    return subprocess.run([*PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def call(folder, monkeypatch, capfd):
    """The command in this process, which starts faster: exit status, standard output and error."""
    monkeypatch.chdir(folder)

    def run_here(*arguments):
        status = run(cli, arguments)
        return (status, *capfd.readouterr())

    return run_here


@pytest.fixture
def name():
    return f"{CAPTURE_ID}.wacz"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_good_package(folder, name):
    before = contents(folder)
    done = verify(folder, name, "--trust", "trust.json")
    assert done.returncode == 0, done.stderr
    assert f"{name}: VERIFIED" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert contents(folder) == before


def test_json(call, name):
    status, out, _ = call("--trust", "trust.json", "--json", name)
    assert status == 0
    assert json.loads(out)["verified"] is True


def test_a_package_that_does_not_verify(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    done = verify(folder, name, "--trust", "trust.json")
    assert done.returncode == 1
    assert "NOT VERIFIED" in done.stdout
    assert "FAILED       E-PKG-01" in done.stdout


def test_a_package_that_does_not_verify_in_json(call, folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    status, out, _ = call(name, "--trust", "trust.json", "--json")
    assert status == 1
    assert json.loads(out)["verified"] is False


@pytest.fixture
def parts(folder, true):
    for name, data in (("data.warc.gz", true.warc), ("a.json", true.envelope), ("p.tlog-proof", true.proof)):
        (folder / name).write_bytes(data)
    for token, data in true.tokens.items():
        (folder / Path(token.path).name).write_bytes(data)
    return folder


@pytest.fixture
def timestamps(true):
    """The options that name the timestamps."""
    return [option for token in true.tokens for option in ("--timestamp", Path(token.path).name)]


PARTS = ("data.warc.gz", "--attestation", "a.json", "--proof", "p.tlog-proof", "--trust", "trust.json")


def test_parts(parts, call, timestamps):
    status, out, err = call(*PARTS, *timestamps)
    assert status == 0, out + err


def test_parts_without_the_timestamps_that_the_trust_root_asks_for(parts, call, timestamps):
    status, out, _ = call(*PARTS, *timestamps[:2])
    assert status == 1
    assert "FAILED       E-TSA-01" in out


def test_parts_with_what_is_taken_from_other_captures(folder, call):
    from revisits import SHARING

    for name, data in (
        ("data.warc.gz", SHARING.warc),
        ("a.json", SHARING.envelope),
        ("p.tlog-proof", SHARING.proof),
        ("d.warc.gz", SHARING.taken),
    ):
        (folder / name).write_bytes(data)
    options = []
    for token, data in SHARING.tokens.items():
        (folder / Path(token.path).name).write_bytes(data)
        options += ["--timestamp", Path(token.path).name]
    status, out, err = call(*PARTS, *options, "--dependencies", "d.warc.gz")
    assert status == 0, out + err
    status, out, _ = call(*PARTS, *options)
    assert status == 1
    assert "FAILED       E-WARC-05" in out
    assert call(*PARTS, *options, "--dependencies", "none")[0] == 2


def test_parts_of_a_page_in_a_browser(folder, call):
    from browsers import SHOWN

    made = {"b.warc.gz": SHOWN.warc, "b.json": SHOWN.envelope, "b.proof": SHOWN.proof, **SHOWN.others}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    options = []
    for token, data in SHOWN.tokens.items():
        (folder / Path(token.path).name).write_bytes(data)
        options += ["--timestamp", Path(token.path).name]
    parts = ("b.warc.gz", "--attestation", "b.json", "--proof", "b.proof", "--trust", "trust.json", *options)
    subjects = [argument for name in SHOWN.others for argument in ("--subject", name)]
    status, out, err = call(*parts, *subjects)
    assert status == 0, out + err
    status, out, _ = call(*parts, *subjects[2:])
    assert status == 1
    assert "FAILED       E-SUB-01" in out
    assert call(*parts, *subjects, "--subject", "none")[0] == 2


def test_a_timestamp_of_other_bytes(parts, call, timestamps):
    (parts / "checkpoint.gamma.tsr").write_bytes((parts / "attestation.alpha.tsr").read_bytes())
    status, out, _ = call(*PARTS, *timestamps, "--timestamp", "checkpoint.gamma.tsr")
    assert status == 1
    assert "provenance/checkpoint.gamma.tsr: it is over other bytes" in out


def test_parts_without_proof_are_not_verified(parts, call):
    status, out, _ = call("data.warc.gz", "--attestation", "a.json", "--trust", "trust.json")
    assert status == 1
    assert "not checked  E-LOG-01" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.wacz", "--trust", "trust.json"], "missing.wacz: No such file or directory"),
        ([".", "--trust", "trust.json"], ".: Is a directory"),
        (["trust.json", "--trust", "missing.json"], "missing.json: No such file or directory"),
        (["trust.json", "--trust", "broken.json"], "broken.json: not a trust root: unknown member 'revoked'"),
        (["trust.json", "--trust", "."], ". is a folder of signed trust roots: name your root metadata with --root"),
        (["trust.json"], "Missing option '--trust'"),
        ([], "Missing argument 'FILE'"),
        (["trust.json", "--trust", "trust.json", "--out", "x"], "No such option"),
        (["data.warc.gz", "--trust", "trust.json"], "name its attestation with --attestation"),
        (["trust.json", "--trust", "trust.json", "--timestamp", "x.tsr"], "--timestamp goes with --attestation"),
        (
            ["trust.json", "--trust", "trust.json", "--attestation", "trust.json", "--timestamp", "x.tsr"],
            "x.tsr: a timestamp is called",
        ),
        (["trust.json", "--trust", "trust.json", "--proof", "x"], "--proof goes with --attestation"),
        (["trust.json", "--trust", "trust.json", "--dependencies", "x"], "--dependencies goes with --attestation"),
        (["trust.json", "--trust", "trust.json", "--subject", "x"], "--subject goes with --attestation"),
        (["trust.json", "--trust", "trust.json", "--attestation", "none"], "none: No such file or directory"),
        (["fifo", "--trust", "trust.json"], "fifo: "),
        (["a\x1b[31m", "--trust", "trust.json"], "a\\u{1b}[31m: No such file"),
    ],
)
def test_bad_input_is_one_clear_line(folder, call, arguments, message):
    (folder / "broken.json").write_text('{"attestationKeys": [], "logKeys": [], "revoked": []}')
    os.mkfifo(folder / "fifo")
    writer = os.open(folder / "fifo", os.O_RDWR)  # so that opening it does not wait
    try:
        status, out, err = call(*arguments)
    finally:
        os.close(writer)
    assert status == 2
    assert message in err
    assert out == ""
    assert "\x1b" not in err


def test_a_mistake_leaves_no_traceback(folder):
    done = verify(folder, "missing.wacz", "--trust", "trust.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: missing.wacz: No such file or directory\n"


def test_help_has_examples_and_no_option_that_writes(call):
    status, out, _ = call("--help")
    assert status == 0
    assert "sijill-verify capture.wacz --trust trust.json" in out
    offered = {option for parameter in verify_file.params for option in parameter.opts if option.startswith("-")}
    reading = {"--trust", "--root", "--trust-version", "--attestation", "--proof", "--timestamp", "--dependencies"}
    assert offered == reading | {"--subject", "--json", "--version"}


def test_version(call):
    assert call("--version") == (0, f"sijill-verify {version('sijill')}\n", "")


def test_what_is_not_needed_is_not_loaded(folder, name):
    script = (
        "import sys\n"
        "from sijill.provenance.verify.cli import cli, run\n"
        f"status = run(cli, [{name!r}, '--trust', 'trust.json'])\n"
        "unwanted = {'prefect', 'boto3', 'requests', 'urllib3', 'lxml', 'rich', 'playwright', 'PIL', 'asyncio'}\n"
        "print(status, sorted(unwanted & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


WATCHED = """
import os, sys
sys.dont_write_bytecode = True
def watch(event, arguments):
    if event.startswith("socket.") or event in ("os.remove", "os.rename", "os.mkdir", "subprocess.Popen", "os.system"):
        print("DID", event, arguments)
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        print("OPENED FOR WRITING", arguments)
from sijill.provenance.verify.cli import cli, run
sys.addaudithook(watch)
print("STATUS", run(cli, sys.argv[1:]))
"""


def test_nothing_is_written_and_no_connection_is_opened(folder, name):
    command = [sys.executable, "-c", WATCHED, name, "--trust", "trust.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "STATUS 0" in done.stdout
    assert "DID" not in done.stdout
    assert "OPENED" not in done.stdout


def test_help_does_not_load_the_verifier(folder):
    script = (
        "import sys\n"
        "from sijill.provenance.verify.cli import cli, run\n"
        "run(cli, ['--help'])\n"
        "print(sorted({'pydantic', 'cryptography', 'blake3'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_does_not_change_the_verdict(folder, name):
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [*PROGRAM, name, "--trust", "trust.json"], cwd=folder, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert process.returncode == 0
    assert process.stderr == b""


def test_progress_of_a_long_file_is_lines_where_there_is_no_terminal(parts, call, true):
    warc = parts / "long.warc.gz"
    warc.write_bytes(true.warc)
    with warc.open("ab") as file:
        file.truncate(LONG)
    status, _, err = call("long.warc.gz", "--attestation", "a.json", "--trust", "trust.json")
    assert status == 1
    assert err.splitlines() == [f"reading: {percent}%" for percent in range(10, 101, 10)]


def test_progress_and_colour_on_a_terminal(parts, true):
    warc = parts / "long.warc.gz"
    warc.write_bytes(true.warc)
    with warc.open("ab") as file:
        file.truncate(LONG)
    controller, terminal = pty.openpty()
    command = [*PROGRAM, "long.warc.gz", "--attestation", "a.json", "--trust", "trust.json"]
    with subprocess.Popen(command, cwd=parts, stdout=terminal, stderr=terminal, stdin=terminal) as process:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal is gone once the process has ended
            while piece := os.read(controller, 65_536):
                shown += piece
    os.close(controller)
    assert process.returncode == 1
    assert b"\rreading [########################################] 100%" in shown
    assert b"\x1b[31m" in shown


def test_interrupted(parts):
    os.mkfifo(parts / "slow.warc.gz")
    command = [*PROGRAM, "slow.warc.gz", "--attestation", "a.json", "--trust", "trust.json"]
    process = subprocess.Popen(command, cwd=parts, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    writer = None
    deadline = time.monotonic() + 60
    while writer is None and time.monotonic() < deadline:
        try:
            writer = os.open(parts / "slow.warc.gz", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    os.close(writer)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""


def test_a_first_argument_that_names_a_command_is_the_command():
    @click.command()
    @click.argument("file")
    def default(file):
        return 10

    @click.command()
    @click.option("--deep", is_flag=True)
    def archive(deep):
        return 20 + deep

    group = FileOrCommand(default, commands={"archive": archive})
    assert run(group, ["x.wacz"]) == 10
    assert run(group, ["archive", "--deep"]) == 21
