"""`sijill-verify archive` as a process: on folders, on a real S3 server, interrupted and resumed."""

import json
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "vectors"))

COMMAND = [sys.executable, "-c", "from sijill.flows.verify import main; main()"]


@pytest.fixture(scope="module")
def auditor(tmp_path_factory):
    """A folder with a store of 120 captures, and the trust root for it."""
    from archives import archive
    from evidence import TRUST

    from sijill.provenance.verify.trust import format_trust

    folder = tmp_path_factory.mktemp("auditor")
    made = archive(120, batches=4)
    made.write(folder / "store")
    (folder / "trust.json").write_bytes(format_trust(TRUST))
    (folder / "earlier").write_bytes(made.head(60))
    return folder


@pytest.fixture
def verify(auditor):
    def call(*arguments, store="./store", trust="trust.json"):
        return subprocess.run(
            [*COMMAND, "archive", store, "--trust", trust, *map(str, arguments)],
            cwd=auditor,
            capture_output=True,
            text=True,
            timeout=110,
        )

    return call


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_good_archive_is_audited_and_nothing_is_written_to_it(verify, auditor, tmp_path, jobs):
    before = snapshot(auditor / "store")
    report = tmp_path / "audit"
    done = verify("--since", "earlier", "--report", report, "--jobs", jobs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "THE ARCHIVE HOLDS" in done.stdout
    assert "120, 120 of them read" in done.stdout
    assert snapshot(auditor / "store") == before
    assert sorted(path.name for path in report.iterdir()) == ["checkpoint", "report.html", "report.json"]
    said = json.loads((report / "report.json").read_text())
    assert said["verdict"] == "holds"
    assert said["since"] == 60
    again = verify("--since", report / "checkpoint", "--sample", 3, "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["verdict"] == "holds-for-what-was-checked"


def test_the_page_is_self_contained_and_harmless(verify, auditor, tmp_path):
    from archives import archive

    made = archive(2)
    evil = "captures/2026/11/21/20261121t011630z-222222222222/attestation.dsse.json"
    made.objects[evil] = b'{"payload":"","payloadType":"<script>alert(1)</script>","signatures":[]}'
    made.objects["log/checkpoint"] = "بيان <b>‮ evil\n\nx".encode()
    made.write(tmp_path / "store")
    report = tmp_path / "audit"
    done = verify("--report", report, store=str(tmp_path / "store"))
    assert done.returncode == 1
    page = Page((report / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "b"}
    assert not [one for _, one in page.tags for name in one if name.startswith("on") or name in ("src", "href")]
    assert "DOES NOT HOLD" in page.text
    assert "E-ARC-14" in page.text
    assert "\u202e" not in page.text + done.stdout
    assert ("bdi", {"dir": "auto"}) in page.tags


def test_an_interrupted_audit_goes_on_where_it_was(verify, auditor, tmp_path):
    report = tmp_path / "audit"
    arguments = ["archive", "./store", "--trust", "trust.json", "--report", str(report), "--jobs", "2"]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=auditor, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:
            if line.startswith("examining entries: 50%"):
                process.send_signal(signal.SIGINT)
                break
        said, rest = process.communicate(timeout=60)
        assert process.returncode == 130, said + rest
    assert "Traceback" not in rest
    assert "run the same command again" in rest
    assert (report / "journal.sqlite").exists()
    other = verify("--report", report, "--sample", 5)
    assert other.returncode == 2
    assert "another audit" in other.stderr
    done = verify("--report", report, "--jobs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    [first] = re.findall(r"examining entries: (\d+)%", done.stderr)[:1]
    assert int(first) >= 50, "what was examined before is not examined again"
    assert "recomputing the log" not in done.stderr
    whole = json.loads(verify("--json").stdout)
    resumed = json.loads((report / "report.json").read_text())
    assert {**whole, "started": "", "ended": ""} == {**resumed, "started": "", "ended": ""}
    finished = verify("--report", report)
    assert finished.returncode == 2
    assert "holds the report" in finished.stderr


def test_damage_is_found_by_any_number_of_processes(verify, auditor, tmp_path):
    import shutil

    store = tmp_path / "store"
    shutil.copytree(auditor / "store", store)
    victim = sorted(path for path in (store / "objects").rglob("*") if path.is_file())[50]
    data = bytearray(victim.read_bytes())
    data[200] ^= 1
    victim.write_bytes(data)
    for jobs in (1, 2):
        done = verify("--json", "--jobs", jobs, store=str(store))
        assert done.returncode == 1
        said = json.loads(done.stdout)
        failed = {check["code"]: check["findings"] for check in said["checks"] if check["status"] == "failed"}
        assert set(failed) == {"E-ARC-22", "E-ARC-23"}
        assert victim.name in failed["E-ARC-22"][0]["about"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--full", "--sample", "3"], "exclude each other"),
        (["--seed", "ab"], "goes with --sample"),
        (["--sample", "3", "--seed", "XY"], "hexadecimal"),
        (["--sample", "0"], "0"),
        (["--since", "no-such-file"], "No such file"),
        (["--since", "trust.json"], "not a checkpoint"),
        (["--report", "store/mine"], "inside the archive"),
        (["--report", "store"], "inside the archive"),
        (["--report", "."], "not empty"),
        (["--write"], "No such option"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(verify, arguments, says):
    done = verify(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_not_there_leaves_nothing_behind(verify, auditor, tmp_path):
    done = verify("--report", tmp_path / "audit", store="./no-such-store")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "audit").exists()
    assert not (auditor / "no-such-store").exists()
    assert verify(store="ftp://example.org/store").returncode == 2
    assert verify(trust="earlier").returncode == 2


def test_a_folder_needs_only_the_auditors_small_lock(auditor):
    text = (ROOT / "requirements-verify.lock").read_text(encoding="utf-8")
    allowed = {name.lower().replace("-", "_") for name in re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)}
    program = (
        "import sys\nfrom sijill.flows.verify import main\n"
        "try:\n    main(['archive', './store', '--trust', 'trust.json', '--jobs', '1', '--sample', '2'])\n"
        "except SystemExit as err:\n    assert err.code == 0\n"
        "import importlib.metadata as m\n"
        "owners = m.packages_distributions()\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print('OWNERS', *sorted({owner for top in tops for owner in owners.get(top, [])}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=auditor, capture_output=True, text=True, check=True)
    names = done.stdout.splitlines()[-1].removeprefix("OWNERS ").split()
    used = {name.lower().replace("-", "_") for name in names} - {"sijill", "setuptools", "pip"}
    assert used - allowed == set()


def test_version_and_help_load_nothing_heavy():
    program = (
        "import sys\nfrom sijill.flows import verify\n"
        "for arguments in (['--version'], ['archive', '--help']):\n"
        "    try:\n        verify.main(arguments)\n    except SystemExit as err:\n        assert err.code == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'requests', 'prefect', 'pydantic', 'lxml', 'rich', 'cryptography', 'boto3', 'sqlite3', 'blake3'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--since" in done.stdout


def test_a_file_is_still_verified(auditor):
    done = subprocess.run(
        [*COMMAND, "earlier", "--trust", "trust.json"], cwd=auditor, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "E-PKG-01" in done.stdout


@pytest.mark.parametrize("bucket", ["versioned"])
def test_on_a_real_s3_server(s3_archive, s3, run, sites, tmp_path, bucket):
    import boto3

    from sijill.flows.wiring import open_archive

    settings = s3_archive(bucket)
    captured = run(
        "sijill", "--config", settings, "capture", "--json", sites.url("remedylawyers.example", "/robots.txt")
    )
    assert captured.returncode == 0, captured.stderr
    key = json.loads(captured.stdout)["captures"][0]["warcKey"]
    url = open_archive(settings).store.url
    trust = settings.parent / "trust.json"

    def audit(name):
        done = subprocess.run(
            [*COMMAND, "archive", url, "--trust", trust, "--report", tmp_path / name],
            capture_output=True,
            text=True,
            timeout=110,
        )
        report = json.loads((tmp_path / name / "report.json").read_text())
        return done, [check["code"] for check in report["checks"] if check["status"] == "failed"]

    done, failed = audit("good")
    assert (done.returncode, failed) == (0, []), done.stdout + done.stderr
    client = boto3.session.Session().client("s3", endpoint_url=s3.endpoint)
    prefix = url.partition("?")[0].removeprefix(f"s3://{bucket}/")
    client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=b"another WARC")
    client.delete_object(Bucket=bucket, Key=f"{prefix}/{key}")
    client.put_object(Bucket=bucket, Key=f"{prefix}/captures/planted", Body=b"planted")
    done, failed = audit("tampered")
    assert done.returncode == 1
    assert failed == ["E-ARC-30", "E-ARC-31"], "the first version is what counts, and it is still there"
