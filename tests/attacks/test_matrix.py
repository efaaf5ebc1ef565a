"""The matrix: each attack on a stored archive or a package is caught by the code named for it."""

import subprocess
import sys
from pathlib import Path

import package_attacks  # noqa: F401 - for the attacks that it adds
import pytest
from matrix import ARCHIVES, MADE, PACKAGES
from operator_attacks import KEEPS
from victim import audited, keys_alone, warc_of
from warc_editing import with_later_date


@pytest.mark.parametrize("name", ARCHIVES)
def test_attack_on_an_archive(victim, tmp_path, name):
    check(ARCHIVES[name], victim, tmp_path)


@pytest.mark.parametrize("name", PACKAGES)
def test_attack_on_a_package(victim, tmp_path, name):
    check(PACKAGES[name], victim, tmp_path)


def check(attack, victim, folder):
    verdict = attack.make(victim, folder)
    MADE[attack.where, attack.name] = tuple(verdict.failed)
    if attack.code is None:
        assert (verdict.status, verdict.failed) == (0, [])
    else:
        assert attack.code in verdict.failed
        assert verdict.status == 1
        assert verdict.findings(attack.code)
        # Where an outside party was needed, nothing else saw it.
        assert attack.needed != KEEPS or verdict.failed == [attack.code]


def test_warcio_finds_nothing_wrong_with_altered_headers(victim, tmp_path, copy):
    altered = tmp_path / "altered.warc.gz"
    altered.write_bytes(with_later_date(copy.read(warc_of(copy, victim.captures[0]))))
    warcio = Path(sys.executable).parent / "warcio"
    if not warcio.exists():
        pytest.skip("warcio is not installed: pip install --group dev")
    done = subprocess.run([warcio, "check", altered], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_version_in_a_versioned_bucket(victim, copy, versioned):
    import boto3

    url = versioned.store_url("versioned", "attacked")
    client = boto3.client("s3", endpoint_url=versioned.endpoint, region_name="us-east-1")
    for key in copy.keys(""):
        client.put_object(Bucket="versioned", Key=f"attacked/{key}", Body=copy.read(key))
    copy.trust = keys_alone(copy.trust)
    assert audited(copy, store=url).failed == []
    key = warc_of(copy, victim.captures[0])
    client.put_object(Bucket="versioned", Key=f"attacked/{key}", Body=b"what the attacker wants to be found")
    verdict = audited(copy, store=url)
    MADE["archive", "a second version put into a versioned bucket"] = tuple(verdict.failed)
    assert verdict.failed == ["E-ARC-31"]
    assert key in verdict.findings("E-ARC-31")
