"""What an auditor does without our software: the commands that VERIFY.txt prints, and the tools of the field."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from evidence import CAPTURE_ID, FOREIGN_KEY, FOREIGN_LOG, evidence, proof_of, zipped

NEEDED = {"unzip": "unzip", "openssl": "openssl", "b3sum": "b3sum", "xxd": "xxd", "sha256sum": "coreutils"}


@pytest.fixture
def environment(tool):
    """All commands that VERIFY.txt uses; those of Python packages are beside the interpreter."""
    for name, package in NEEDED.items():
        tool(name, package)
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C"}


def commands(instructions: bytes) -> str:
    return "".join(f"{line[4:]}\n" for line in instructions.decode().splitlines() if line.startswith("    "))


def run_instructions(folder, instructions, environment):
    return subprocess.run(
        ["sh"],
        cwd=folder,
        env=environment,
        input=commands(instructions),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def put(folder, files):
    (folder / f"{CAPTURE_ID}.wacz").write_bytes(zipped(files))


def test_the_printed_commands_verify_a_good_package(folder, true, environment):
    done = run_instructions(folder, true.files()["provenance/VERIFY.txt"], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert done.stdout.endswith(f"{CAPTURE_ID} is in the log\n")
    assert "\n1\n" in done.stdout
    assert b'"captureId"' in (folder / f"{CAPTURE_ID}.check" / "payload.json").read_bytes()


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (1, 2), (2, 3), (6, 7), (5, 8), (12, 13)])
def test_the_printed_commands_follow_any_path(folder, true, environment, index, size):
    import dataclasses

    files = dataclasses.replace(true, proof=proof_of(true.envelope, index=index, size=size)).files()
    put(folder, files)
    done = run_instructions(folder, files["provenance/VERIFY.txt"], environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("step", "broken"),
    [
        ("attestation key", {"trusted.pem": FOREIGN_KEY.public.pem.encode()}),
        ("log key", {"trusted.vkey": f"{FOREIGN_LOG.verifier.vkey}\n".encode()}),
    ],
)
def test_the_printed_commands_stop_at_a_key_that_did_not_sign(folder, true, environment, step, broken):
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    done = run_instructions(folder, true.files()["provenance/VERIFY.txt"], environment)
    assert done.returncode != 0
    assert "is in the log" not in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "archive/data.warc.gz",
        "indexes/index.cdx.gz",
        "provenance/attestation.dsse.json",
        "provenance/checkpoint",
        "provenance/inclusion.tlog-proof",
        "provenance/attestation.pem",
    ],
)
def test_the_printed_commands_stop_at_a_changed_file(folder, true, environment, name):
    from evidence import HTML, OTHER_ID, capture

    files = true.files()
    other = evidence(capture(OTHER_ID, html=HTML.replace(b"seal", b"logo"))).files()
    content = other[name] if other[name] != files[name] else files[name].replace(b"A", b"B", 1)
    put(folder, {**files, name: content})
    done = run_instructions(folder, files["provenance/VERIFY.txt"], environment)
    assert done.returncode != 0
    assert "is in the log" not in done.stdout


@pytest.fixture
def unpacked(folder, tmp_path):
    """The package unpacked by Python."""
    place = tmp_path / "unpacked"
    shutil.unpack_archive(folder / f"{CAPTURE_ID}.wacz", place, "zip")
    return place


@pytest.mark.parametrize(
    ("program", "debian", "sums"),
    [("sha256sum", "coreutils", "provenance/SHA256SUMS"), ("b3sum", "b3sum", "provenance/B3SUMS")],
)
def test_sums_cover_every_file_but_themselves_and_the_data_package(unpacked, tool, program, debian, sums):
    done = subprocess.run([tool(program, debian), "-c", sums], cwd=unpacked, capture_output=True, text=True, check=True)
    named = {line.rpartition(": OK")[0] for line in done.stdout.splitlines()}
    present = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    left_out = {"provenance/SHA256SUMS", "provenance/B3SUMS", "datapackage.json", "datapackage-digest.json"}
    assert named == present - left_out


def command(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: pip install --group dev")
    return str(path)


def test_warcio_and_fastwarc_find_nothing_wrong(unpacked):
    warc = str(unpacked / "archive" / "data.warc.gz")
    subprocess.run([command("warcio"), "check", warc], check=True, capture_output=True)
    subprocess.run([command("fastwarc"), "check", "--verify-payloads", warc], check=True, capture_output=True)


def test_wacz_validates_the_package(folder):
    package = str(folder / f"{CAPTURE_ID}.wacz")
    done = subprocess.run([command("wacz"), "validate", "-f", package], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Valid" in done.stdout + done.stderr
