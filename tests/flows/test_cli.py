import json
import subprocess
import sys

import pytest

from sijill.archive.digest import digest_stream

PAGE = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"


@pytest.fixture
def sijill(run, archive_settings):
    def call(*arguments, stdin=None):
        return run("sijill", "--config", archive_settings, *arguments, stdin=stdin)

    return call


def test_from_url_to_verified_package(sijill, run, sites, tmp_path, archive_settings):
    url = sites.url("sahlandoc.example", PAGE)
    captured = sijill("capture", "--json", url)
    assert captured.returncode == 0, captured.stderr
    [capture] = json.loads(captured.stdout)["captures"]
    assert capture["outcome"] == "complete"
    assert capture["leafIndex"] == 0
    assert capture["target"] == url
    package = tmp_path / "page.wacz"
    exported = sijill("export", capture["captureId"], "-o", package, "--json")
    assert exported.returncode == 0, exported.stderr
    with package.open("rb") as file:
        assert digest_stream(file).sha256.hex == json.loads(exported.stdout)["sha256"]
    trust = archive_settings.parent / "trust.json"
    verified = run("sijill-verify", package, "--trust", trust, "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    again = tmp_path / "again.wacz"
    assert sijill("capture", sites.url("remedylawyers.example")).returncode == 0
    assert sijill("export", capture["captureId"], "-o", again).returncode == 0
    assert again.read_bytes() == package.read_bytes(), "a log that grew meanwhile does not change the package"


def test_show_and_list_say_what_was_captured(sijill, sites):
    assert sijill("capture", sites.url("sahlandoc.example", PAGE)).returncode == 0
    listed = sijill("list")
    assert listed.stdout.count("\n") == 1
    capture_id = listed.stdout.split()[0]
    shown = sijill("show", capture_id)
    assert shown.returncode == 0
    assert "by this archive's key" in shown.stdout
    assert "text/css" in shown.stdout
    assert "joint-statement-keep-the-records" in shown.stdout.replace("\n", "")


def test_one_url_that_fails_does_not_stop_the_others(sijill, sites):
    good = sites.url("remedylawyers.example")
    listed = f"# a comment\n{good}\n\nhttp://no-such-host.invalid/\n"
    done = sijill("capture", "--json", "http://[bad", "--from", "-", stdin=listed)
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert [capture["outcome"] for capture in answer["captures"]] == ["complete", "failed"]
    assert [refused["target"] for refused in answer["refused"]] == ["http://[bad"]
    assert answer["log"]["size"] == 2, "the failure is archived and logged too"
    assert "Traceback" not in done.stderr


def test_a_failed_capture_ends_with_1_and_its_package_verifies(sijill, run, tmp_path, archive_settings):
    done = sijill("capture", "--json", "http://no-such-host.invalid/")
    assert done.returncode == 1
    [capture] = json.loads(done.stdout)["captures"]
    assert capture["outcome"] == "failed"
    package = tmp_path / "failed.wacz"
    assert sijill("export", capture["captureId"], "-o", package).returncode == 0
    verified = run("sijill-verify", package, "--trust", archive_settings.parent / "trust.json")
    assert verified.returncode == 0, verified.stdout


def test_an_unsealed_capture_is_not_exported(sijill, sites, archive_settings, tmp_path):
    from sijill.flows import evidence
    from sijill.flows.wiring import open_archive

    archived = evidence.archive_url(open_archive(archive_settings), sites.url("remedylawyers.example", "/robots.txt"))
    package = tmp_path / "page.wacz"
    refused = sijill("export", archived.capture.id, "-o", package)
    assert refused.returncode == 1
    assert "sijill seal" in refused.stderr
    assert not package.exists()
    assert "1" in sijill("seal").stdout
    assert sijill("export", archived.capture.id, "-o", package).returncode == 0


def test_damaged_bytes_are_not_exported(sijill, sites, archive_settings, tmp_path):
    done = sijill("capture", "--json", sites.url("remedylawyers.example", "/robots.txt"))
    [capture] = json.loads(done.stdout)["captures"]
    warc = archive_settings.parent / "store" / capture["warcKey"]
    data = bytearray(warc.read_bytes())
    data[len(data) // 2] ^= 1
    warc.chmod(0o644)
    warc.write_bytes(data)
    package = tmp_path / "page.wacz"
    refused = sijill("export", capture["captureId"], "-o", package)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.glob("*.wacz*")) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["capture"], "no URL given"),
        (["capture", "--from", "/no/such/file"], "No such file"),
        (["capture", "ftp://example.org/"], "http"),
        (["show", "20261121t011630z-aaaaaaaaaaaa"], "sijill list"),
        (["show", "../../etc/passwd"], "sijill list"),
        (["export", "20261121t011630z-aaaaaaaaaaaa"], "sijill list"),
        (["nonsense"], "No such command"),
        (["seal", "--nonsense"], "No such option"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(sijill, arguments, says):
    done = sijill(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "\n" not in done.stderr.strip() or arguments == ["capture", "ftp://example.org/"]


def test_without_settings_it_says_how_to_begin(run, tmp_path):
    done = run("sijill", "list", cwd=tmp_path)
    assert done.returncode == 2
    assert "sijill init" in done.stderr


def test_a_key_that_others_can_read_is_refused(sijill, archive_settings):
    (archive_settings.parent / "keys" / "attestation.pem").chmod(0o644)
    done = sijill("list")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


def test_init_asks_for_what_is_missing(run, tmp_path):
    done = run("sijill", "init", tmp_path / "new", stdin="")
    assert done.returncode == 2
    assert "--operator" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_concealed_operator_is_a_commitment_that_the_salt_opens(archive_settings, sijill, sites):
    from sijill.provenance.attest.attestation import CollectorCommitment

    text = archive_settings.read_text(encoding="utf-8")
    archive_settings.write_text(text.replace("conceal = false", "conceal = true"), encoding="utf-8")
    done = sijill("capture", "--json", sites.url("remedylawyers.example", "/robots.txt"))
    [capture] = json.loads(done.stdout)["captures"]
    shown = json.loads(sijill("show", "--json", capture["captureId"]).stdout)
    assert "Test archive" not in json.dumps(shown)
    salt = bytes.fromhex((archive_settings.parent / "keys" / "collector.salt").read_text())
    commitment = CollectorCommitment(shown["statement"]["predicate"]["collector"]["commitment"])
    assert commitment.opens_to("Test archive", salt)


def test_version_and_help_load_nothing_heavy():
    program = (
        "import sys\nfrom sijill.flows import cli\n"
        "sys.argv = ['sijill', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'requests', 'prefect', 'pydantic', 'lxml', 'rich', 'cryptography', 'boto3'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Example" in done.stdout
