"""The archive's own audit: the same checks, recorded as a signed and logged fixity check."""

import json

import pytest

from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.audit.recording import audit_archive
from sijill.flows.errors import NotSealed
from sijill.flows.signing import recorded
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.fixity import parse_fixity_statement
from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.report import Verdict
from sijill.storage.layout import object_key


@pytest.fixture
def archive(archive_settings, sites):
    opened = open_archive(archive_settings)
    for _ in range(3):
        evidence.archive_url(opened, sites.url("remedylawyers.example", "/robots.txt"))
    evidence.seal(opened)
    return opened


def fixity(archive):
    return list(recorded(archive, Kind.FIXITY, parse_fixity_statement))


def damage(archive):
    key = next(archive.store.list("objects/"))
    path = archive.folder / "store" / key
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    return key


def test_an_audit_is_recorded_and_the_next_one_covers_it(archive):
    audited = audit_archive(archive)
    assert audited.passed
    [check] = fixity(archive)
    predicate = check.statement.predicate
    assert check.ours
    assert predicate.outcome == "passed"
    assert (predicate.counts.entries, predicate.counts.captures, predicate.counts.objects) == (3, 3, 3)
    assert predicate.checkpoint == archive.log_reader.checkpoint().data.decode()
    [subject] = check.statement.subject
    report = archive.store.read(object_key(subject.digest.sha256), limit=1 << 20)
    assert digest_bytes(report) == subject.digests
    assert json.loads(report)["verdict"] == "holds"
    evidence.seal(archive)
    second = audit_archive(archive, sample=1)
    assert second.report.verdict is Verdict.HOLDS_FOR_SAMPLE
    assert second.report.counts.entries == {Kind.CAPTURE: 3, Kind.FIXITY: 1}
    assert len(fixity(archive)[-1].statement.predicate.captures) == 1


def test_damage_is_recorded(archive):
    key = damage(archive)
    audited = audit_archive(archive)
    assert not audited.passed
    predicate = fixity(archive)[0].statement.predicate
    assert predicate.outcome == "failed"
    assert {finding.code for finding in predicate.findings} == {"E-ARC-22", "E-ARC-23"}
    assert predicate.findings[0].about == key


def test_an_archive_that_was_never_sealed_has_nothing_to_audit(archive_settings):
    with pytest.raises(NotSealed, match="sijill seal"):
        audit_archive(open_archive(archive_settings))


def test_the_command(archive_settings, archive):
    from click.testing import CliRunner

    from sijill.flows.commands.audits import audit

    def call(*arguments):
        return CliRunner().invoke(audit, arguments, obj=archive_settings)

    done = call("--jobs", "1")
    assert done.exit_code == 0, done.output
    assert "Signed and logged as fixity check" in done.output
    earlier = archive.folder / "earlier"
    earlier.write_bytes(archive.store.read("log/checkpoints/3", limit=1000))
    damage(archive)
    done = call("--json", "--jobs", "1", "--since", str(earlier))
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert said["since"] == 3
    assert archive.log_reader.checkpoint().checkpoint.size == 5, "both audits are in the log"
    assert call("--since", str(archive_settings)).exit_code == 2
