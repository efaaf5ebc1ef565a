"""The archive in a real S3 store: from URL to verified package, probe, locks, copies, and what faults are told."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from sijill.flows.wiring import open_archive


@pytest.fixture
def sijill(run):
    def call(settings, *arguments, env=None):
        return run("sijill", "--config", settings, *arguments, env=env)

    return call


def capture(sijill, settings, sites):
    done = sijill(settings, "capture", "--json", sites.url("remedylawyers.example", "/robots.txt"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["captures"][0]


@pytest.mark.parametrize("bucket", ["plain", "versioned", "locked"])
def test_from_url_to_verified_package(s3_archive, sijill, run, sites, tmp_path, bucket):
    settings = s3_archive(bucket)
    captured = capture(sijill, settings, sites)
    assert captured["leafIndex"] == 0
    package = tmp_path / "page.wacz"
    assert sijill(settings, "export", captured["captureId"], "-o", package).returncode == 0
    verified = run("sijill-verify", package, "--trust", settings.parent / "trust.json")
    assert verified.returncode == 0, verified.stdout


def test_a_locked_capture_cannot_be_deleted_and_show_says_until_when(s3_archive, s3, sijill, sites):
    settings = s3_archive("locked", lock="compliance", lock_days=1)
    captured = capture(sijill, settings, sites)
    shown = sijill(settings, "show", captured["captureId"])
    assert "Locked until  20" in shown.stdout
    client = boto3.session.Session().client("s3", endpoint_url=s3.endpoint)
    for lock in json.loads(sijill(settings, "show", "--json", captured["captureId"]).stdout)["locks"]:
        assert lock["lockedUntil"]
        prefix = open_archive(settings).store.url.partition("?")[0].removeprefix("s3://locked/")
        name = f"{prefix}/{lock['key']}"
        [version] = client.list_object_versions(Bucket="locked", Prefix=name)["Versions"]
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket="locked", Key=name, VersionId=version["VersionId"])


def test_a_capture_is_held_and_released(s3_archive, sijill, sites):
    settings = s3_archive("locked")
    captured = capture(sijill, settings, sites)["captureId"]
    held = sijill(settings, "hold", captured, "--json")
    assert held.returncode == 0, held.stderr
    assert [lock["held"] for lock in json.loads(held.stdout)["locks"]] == [True, True, True]
    assert "legal hold" in sijill(settings, "show", captured).stdout
    released = sijill(settings, "release", captured, "--json")
    assert [lock["held"] for lock in json.loads(released.stdout)["locks"]] == [False, False, False]


def test_settings_put_every_new_capture_on_hold(s3_archive, sijill, sites):
    settings = s3_archive("locked", hold=True)
    captured = capture(sijill, settings, sites)["captureId"]
    locks = json.loads(sijill(settings, "show", captured, "--json").stdout)["locks"]
    assert all(lock["held"] for lock in locks if not lock["key"].endswith("leaf-index"))


def test_hold_on_a_store_that_has_none_is_one_clear_line(archive_settings, sijill, sites):
    captured = capture(sijill, archive_settings, sites)["captureId"]
    done = sijill(archive_settings, "hold", captured)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_probe_is_shown_signed_logged_and_demanded(s3_archive, sijill, sites):
    settings = s3_archive("locked", require=["versioning", "object-lock"])
    refused = sijill(settings, "capture", sites.url("remedylawyers.example", "/robots.txt"))
    assert refused.returncode == 2
    assert "sijill store probe" in refused.stderr
    probed = sijill(settings, "store", "probe", "--json")
    assert probed.returncode == 0, probed.stderr
    found = {one["name"]: one["holds"] for one in json.loads(probed.stdout)["capabilities"]}
    assert set(found) == {"consistency", "conditional-write", "versioning", "object-lock", "checksum", "clock"}
    assert found["versioning"] is found["object-lock"] is found["consistency"] is True
    assert found["checksum"] is False, "this gateway accepts a wrong x-amz-checksum-sha256"
    assert open_archive(settings).log_reader.checkpoint().checkpoint.size == 1
    assert capture(sijill, settings, sites)["leafIndex"] == 1


def test_what_the_probe_did_not_show_is_refused(s3_archive, sijill, sites):
    settings = s3_archive("plain", require=["object-lock"])
    assert sijill(settings, "store", "probe").returncode == 0
    refused = sijill(settings, "capture", sites.url("remedylawyers.example", "/robots.txt"))
    assert refused.returncode == 2
    assert "object-lock" in refused.stderr
    assert list(open_archive(settings).store.list("objects/")) != [], "the probe's own report"
    assert list(open_archive(settings).store.list("captures/")) == []


def test_an_archive_is_copied_and_compared(archive_settings, s3, sijill, sites, tmp_path):
    for _ in range(3):
        capture(sijill, archive_settings, sites)
    url = s3.store_url("versioned", f"copy-{tmp_path.name}")
    copied = sijill(archive_settings, "copy", url, "--json")
    assert copied.returncode == 0, copied.stderr
    first = json.loads(copied.stdout)
    assert first["equal"]
    assert first["copied"] > 10
    again = json.loads(sijill(archive_settings, "copy", url, "--json").stdout)
    assert again["copied"] == 0
    assert again["equal"]
    capture(sijill, archive_settings, sites)
    compared = sijill(archive_settings, "copy", url, "--compare", "--json")
    assert compared.returncode == 1
    assert json.loads(compared.stdout)["differences"]


@pytest.mark.parametrize("change", [{"AWS_SECRET_ACCESS_KEY": "wrong"}, {"AWS_ACCESS_KEY_ID": "NOBODY"}])
def test_wrong_credentials_are_one_line_and_status_3(s3_archive, sijill, change):
    done = sijill(s3_archive("versioned"), "list", env=change)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1


def test_no_bucket_and_no_s3_are_one_line_and_status_3(s3, sites, tmp_path, new_archive, sijill):
    for number, url in enumerate(
        (
            s3.store_url("nosuchbucket"),
            f"s3://bucket?endpoint=http://127.0.0.1:{sites.port}",
            "s3://bucket?endpoint=http://127.0.0.1:1",
        )
    ):
        done = sijill(new_archive(tmp_path / str(number), url=url), "list")
        assert done.returncode == 3, (url, done.stdout, done.stderr)
        assert done.stderr.count("\n") == 1


def test_a_lock_on_a_bucket_without_it_is_refused_before_anything_is_stored(s3_archive, sijill, sites):
    settings = s3_archive("versioned", lock="compliance")
    done = sijill(settings, "capture", sites.url("remedylawyers.example", "/robots.txt"))
    assert done.returncode in (2, 3)
    assert done.stderr.count("\n") <= 2
    assert "Traceback" not in done.stderr


def test_audit_reports_second_versions_and_deletions_and_readers_keep_the_first(s3_archive, s3, sijill, sites):
    settings = s3_archive("versioned")
    captured = capture(sijill, settings, sites)
    assert sijill(settings, "audit").returncode == 0
    client = boto3.session.Session().client("s3", endpoint_url=s3.endpoint)
    prefix = open_archive(settings).store.url.partition("?")[0].removeprefix("s3://versioned/")
    client.put_object(Bucket="versioned", Key=f"{prefix}/{captured['warcKey']}", Body=b"forged")
    client.delete_object(Bucket="versioned", Key=f"{prefix}/log/checkpoints/1")
    audited = sijill(settings, "audit", "--json")
    assert audited.returncode == 1
    checks = json.loads(audited.stdout)["checks"]
    [failed] = [check for check in checks if check["status"] == "failed"]
    assert failed["code"] == "E-ARC-31"
    assert {finding["about"] for finding in failed["findings"]} == {captured["warcKey"], "log/checkpoints/1"}
    assert any("a second version, of 6 bytes" in finding["found"] for finding in failed["findings"])
    assert any("deleted" in finding["found"] for finding in failed["findings"])
    shown = sijill(settings, "export", captured["captureId"], "-o", settings.parent / "page.wacz")
    assert shown.returncode == 0, shown.stderr


def test_audit_reports_damage(archive_settings, sijill, sites):
    captured = capture(sijill, archive_settings, sites)
    warc = archive_settings.parent / "store" / captured["warcKey"]
    data = bytearray(warc.read_bytes())
    data[-1] ^= 1
    warc.chmod(0o644)
    warc.write_bytes(data)
    audited = sijill(archive_settings, "audit")
    assert audited.returncode == 1
    assert captured["warcKey"] in audited.stdout
