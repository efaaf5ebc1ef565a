"""What an auditor does without our software: commands as VERIFY.txt and the README print them, tools of the field."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from captures import CAPTURE_ID, HTML, OTHER_ID, capture
from evidence import FOREIGN_KEY, FOREIGN_LOG, FULL_TRUST, QUOTED_SIZE, evidence, log_head, proof_of, zipped
from parties import ALPHA, QUOTED_AT, SEALED_AT, THIRD_WITNESS, stamp
from revisits import MEMBERS, SHARING, TAKEN
from tsa import authority
from vector import flipped

from sijill.provenance.instructions import instructions
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.package_layout import About, Token
from sijill.provenance.verify.trust import format_trust

NEEDED = {"unzip": "unzip", "openssl": "openssl", "b3sum": "b3sum", "xxd": "xxd", "sha256sum": "coreutils"}
INSTRUCTIONS = "provenance/VERIFY.txt"
T0 = f"T0: {QUOTED_AT:%Y-%m-%dT%H:%M:%SZ} by "
T1 = "T1: 2026-11-21T01:16:38Z by the timestamp provenance/attestation.alpha.tsr\n"


@pytest.fixture
def environment(tool):
    """All commands that VERIFY.txt uses; those of Python packages are beside the interpreter."""
    for name, package in NEEDED.items():
        tool(name, package)
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C", "TZ": "Asia/Damascus"}


@pytest.fixture
def given(folder):
    """The folder of an auditor who also has the roots of authorities and the keys of witnesses."""
    certificates = (*FULL_TRUST.tsa_roots, *FULL_TRUST.tsa_intermediates)
    (folder / "trusted-tsa.pem").write_text("".join(certificates))
    (folder / "trusted-witnesses.vkey").write_text("".join(f"{witness.vkey}\n" for witness in FULL_TRUST.witnesses))
    return folder


def commands(text: bytes) -> str:
    return "".join(f"{line[4:]}\n" for line in text.decode().splitlines() if line.startswith("    "))


def run_instructions(folder, text, environment):
    return subprocess.run(
        ["sh"],
        cwd=folder,
        env=environment,
        input=commands(text),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def put(folder, files):
    (folder / f"{CAPTURE_ID}.wacz").write_bytes(zipped(files))


def run_package(folder, made, environment):
    """The commands of the package of `made`, run on it."""
    files = made.files()
    put(folder, files)
    return run_instructions(folder, files[INSTRUCTIONS], environment)


def test_the_printed_commands_verify_a_good_package(given, true, environment):
    done = run_instructions(given, true.files()[INSTRUCTIONS], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert f"{CAPTURE_ID} is in the log\n" in done.stdout
    assert "\n1\n" in done.stdout
    assert "does not count" not in done.stdout
    assert T0 in done.stdout
    assert done.stdout.endswith(T1)
    checked = given / f"{CAPTURE_ID}.check"
    assert b'"captureId"' in (checked / "payload.json").read_bytes()
    # Three over the checkpoint and the attestation, two over what it quotes; and so two witnesses each.
    assert len((checked / "times").read_text().splitlines()) == 3 + 2 + 2 + 2


def test_the_printed_commands_verify_a_capture_that_takes_something_from_others(given, environment):
    done = run_package(given, SHARING, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(T1)
    assert len((given / f"{CAPTURE_ID}.check" / "members").read_text().splitlines()) == 3


@pytest.mark.parametrize("taken", [flipped(TAKEN), TAKEN + MEMBERS[0], MEMBERS[1] + MEMBERS[0] + MEMBERS[2]])
def test_the_printed_commands_stop_at_what_others_did_not_receive(given, environment, taken):
    files = SHARING.files()
    put(given, {**files, "archive/dependencies.warc.gz": taken})
    # Not at the sums, which whoever changes a file makes anew.
    text = re.sub(rb"^    (sha256sum -c|b3sum -c|warcio check).*\n", b"", files[INSTRUCTIONS], flags=re.MULTILINE)
    done = run_instructions(given, text, environment)
    assert done.returncode != 0
    assert "is in the log" not in done.stdout


def test_what_nobody_outside_vouches_for_has_no_times(folder, environment):
    made = evidence(freshness=b"")
    made = dataclasses.replace(made, proof=proof_of(made.envelope, witnesses=()), tokens={})
    done = run_package(folder, made, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{CAPTURE_ID} is in the log\n")
    text = made.files()[INSTRUCTIONS].decode()
    assert "neither T0 nor T1" in text
    assert "trusted-tsa.pem" not in text
    assert "trusted-witnesses.vkey" not in text


@pytest.mark.parametrize("freshness", [b"", log_head(QUOTED_SIZE)], ids=["nothing quoted", "no cosignature quoted"])
def test_witnesses_alone_give_times(given, environment, freshness):
    (given / "trusted-tsa.pem").unlink()
    made = evidence(freshness=freshness, freshness_timestamps={})
    done = run_package(given, dataclasses.replace(made, tokens={}), environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"T0: none\nT1: {SEALED_AT:%Y-%m-%dT%H:%M:%SZ} by witness-one.example\n")


def test_timestamps_alone_give_times(given, true, environment):
    (given / "trusted-witnesses.vkey").unlink()
    made = evidence(freshness=log_head(QUOTED_SIZE)).sealed(proof_of(true.envelope, witnesses=()))
    made = made.sealed(proof_of(made.envelope, witnesses=()))
    done = run_package(given, made, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{T0}the timestamp provenance/freshness." in done.stdout
    assert done.stdout.endswith(T1)


def test_a_timestamp_counts_after_its_certificates_have_expired(given, true, environment):
    """At the time of the token they were valid; at the time of this test, if ever, by chance."""
    later = subprocess.run(
        ["openssl", "verify", "-CAfile", "trusted-tsa.pem", "-attime", "4102444800", "trusted-tsa.pem"],
        cwd=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "certificate has expired" in later.stderr
    text = true.files()[INSTRUCTIONS].decode()
    assert '-attime "$time"' in text
    late = text.replace('-attime "$time"', "-attime 4102444800").encode()
    done = run_instructions(given, late, environment)
    assert done.stdout.count("does not count") == 5
    assert "T1: 2026-11-21T01:20:05Z by witness" in done.stdout


@pytest.mark.parametrize("known", ["alpha", "neither"])
def test_a_timestamp_of_an_authority_that_is_not_trusted_does_not_count(given, true, environment, known):
    (given / "trusted-tsa.pem").write_text(ALPHA.root.pem if known == "alpha" else _foreign_root())
    done = run_instructions(given, true.files()[INSTRUCTIONS], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "provenance/checkpoint.beta.tsr does not count" in done.stdout
    assert ("attestation.alpha.tsr does not count" in done.stdout) == (known == "neither")
    assert done.stdout.endswith(T1) == (known == "alpha")


def _foreign_root():
    return authority("a stranger").root.pem


def test_a_timestamp_over_other_bytes_does_not_count(given, true, environment):
    token = Token(About.ATTESTATION, "alpha")
    early = stamp(ALPHA, b"something else", QUOTED_AT)
    done = run_package(given, dataclasses.replace(true, tokens={**true.tokens, token: early}), environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{token.path} does not count" in done.stdout
    assert "T1: 2026-11-21T01:20:05Z by" in done.stdout


def test_a_timestamp_that_the_attestation_does_not_name_gives_no_earliest_time(given, true, environment):
    """It may have been made after the attestation, so it says nothing of what came before."""
    message = parse_proof(true.proof).checkpoint.first_signed
    freshness = Token(About.FRESHNESS, "alpha")
    quoted = true.statement["predicate"]["freshness"].partition("\n\n")
    message = f"{quoted[0]}\n\n{quoted[2].splitlines()[0]}\n".encode()
    files = true.files() | {freshness.path: stamp(ALPHA, message, SEALED_AT)}
    put(given, files)
    # The sums notice it as well; an auditor who leaves them out must not be misled either.
    text = b"\n".join(line for line in files[INSTRUCTIONS].split(b"\n") if b"SUMS" not in line)
    done = run_instructions(given, text, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{freshness.path} does not count" in done.stdout
    assert T0 in done.stdout


def test_a_cosignature_of_a_witness_that_is_not_trusted_does_not_count(given, true, environment):
    (given / "trusted-tsa.pem").write_text(_foreign_root())
    (given / "trusted-witnesses.vkey").write_text(f"{THIRD_WITNESS.verifier.vkey}\n")
    done = run_instructions(given, true.files()[INSTRUCTIONS], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("T0: none\nT1: none\n")


def test_the_printed_commands_stop_at_a_false_cosignature(given, true, environment):
    proof = true.proof
    line = proof.rstrip(b"\n").rpartition(b"\n")[2]
    wrong = line[:-6] + (b"AAAA" if line[-6:-2] != b"AAAA" else b"BBBB") + line[-2:]
    made = true.sealed(proof.replace(line, wrong))
    done = run_package(given, made, environment)
    assert done.returncode != 0
    assert "is in the log" in done.stdout
    assert "T1: " not in done.stdout


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (1, 2), (2, 3), (6, 7), (5, 8), (12, 13)])
def test_the_printed_commands_follow_any_path(given, true, environment, index, size):
    done = run_package(given, true.sealed(proof_of(true.envelope, index=index, size=size)), environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(T1)


@pytest.mark.parametrize(
    ("step", "broken"),
    [
        ("attestation key", {"trusted.pem": FOREIGN_KEY.public.pem.encode()}),
        ("log key", {"trusted.vkey": f"{FOREIGN_LOG.verifier.vkey}\n".encode()}),
    ],
)
def test_the_printed_commands_stop_at_a_key_that_did_not_sign(given, true, environment, step, broken):
    for name, data in broken.items():
        (given / name).write_bytes(data)
    done = run_instructions(given, true.files()[INSTRUCTIONS], environment)
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
def test_the_printed_commands_stop_at_a_changed_file(given, true, environment, name):
    files = true.files()
    other = evidence(capture(OTHER_ID, html=HTML.replace(b"seal", b"logo"))).files()
    content = other[name] if other[name] != files[name] else files[name].replace(b"A", b"B", 1)
    put(given, {**files, name: content})
    done = run_instructions(given, files[INSTRUCTIONS], environment)
    assert done.returncode != 0
    assert "is in the log" not in done.stdout


@pytest.mark.parametrize("timestamped", [True, False])
@pytest.mark.parametrize("cosigned", [True, False])
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("dependent", [True, False])
def test_the_instructions_hold_no_placeholder_and_no_long_line(timestamped, cosigned, quoted, dependent):
    subjects = [("data.warc.gz", "archive/data.warc.gz", "application/warc")]
    made = instructions(
        CAPTURE_ID,
        "0" * 64,
        subjects,
        timestamped=timestamped,
        cosigned=cosigned,
        quoted=quoted,
        dependent=dependent,
    )
    text = made.decode("ascii")
    assert "@" not in text.replace('"@$time"', "")
    assert max(map(len, text.splitlines())) <= 130
    done = subprocess.run(["sh", "-n"], input=commands(made), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


def auditor_commands(readme: str) -> tuple[str, str]:
    """The shell blocks of the README's auditor chapter: the one that installs, and all others in one."""
    chapter = readme.partition("## For the auditor\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", chapter, re.MULTILINE | re.DOTALL)
    texts = [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]
    return texts[0], "".join(texts[1:])


@pytest.fixture
def readme(repository):
    return (repository / "README.md").read_text(encoding="utf-8")


def run_readme(folder, readme, environment):
    (folder / "statement.wacz").write_bytes((folder / f"{CAPTURE_ID}.wacz").read_bytes())
    (folder / "trust.json").write_bytes(format_trust(FULL_TRUST))
    # Where the commands of the first block would have put what they install.
    (folder / "verify").symlink_to(sys.prefix)
    return subprocess.run(
        ["sh"],
        cwd=folder,
        env=environment,
        input=auditor_commands(readme)[1],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_commands_of_the_readme_verify_a_good_package(folder, readme, environment):
    done = run_readme(folder, readme, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "statement.wacz: VERIFIED" in done.stdout
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert "\n1\n" in done.stdout
    assert "attestation: 2026-11-21T01:16:38Z" in done.stdout
    assert f"freshness: {QUOTED_AT:%Y-%m-%dT%H:%M:%SZ}" in done.stdout
    assert done.stdout.count("Verification: OK") == 5


def test_what_the_readme_installs_is_there(readme, repository):
    install, _ = auditor_commands(readme)
    assert "-r requirements-verify.lock" in install
    assert (repository / "requirements-verify.lock").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "archive/data.warc.gz",
        "provenance/attestation.dsse.json",
        "provenance/checkpoint",
        "provenance/inclusion.tlog-proof",
    ],
)
def test_the_commands_of_the_readme_stop_at_a_changed_file(folder, true, readme, environment, name):
    other = evidence(capture(OTHER_ID, html=HTML.replace(b"seal", b"logo"))).files()
    put(folder, {**true.files(), name: other[name]})
    # Our tool and the sums would notice first; here the other tools must.
    stock = "\n".join(line for line in readme.splitlines() if "SUMS" not in line and "sijill-verify" not in line)
    done = run_readme(folder, stock, environment)
    assert done.returncode != 0
    assert "Verification: OK" not in done.stdout


def test_the_commands_of_the_readme_stop_at_a_timestamp_of_a_stranger(folder, true, readme, environment):
    message = parse_proof(true.proof).checkpoint.first_signed
    token = Token(About.CHECKPOINT, "zulu")
    strange = stamp(authority("a stranger"), message, SEALED_AT)
    put(folder, dataclasses.replace(true, tokens={**true.tokens, token: strange}).files())
    done = run_readme(folder, readme, environment)
    assert done.returncode != 0
    assert "statement.wacz: VERIFIED" in done.stdout
