"""Notes of a run that a loss of power left no whole bytes of."""

from datetime import UTC, datetime

import pytest

from sijill.archive.crawl.pages import PageOutcome, Planned, Step, Task
from sijill.flows.crawl.journal import RunJournal, RunPlan, leased, site_folder
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.attestation import Trigger
from sijill.provenance.errors import LogDamaged


@pytest.fixture
def archive(tmp_path, new_archive):
    return open_archive(new_archive(tmp_path / "archive"))


@pytest.fixture
def journal(archive):
    started = datetime(2026, 11, 21, tzinfo=UTC)
    plan = RunPlan(archive.new_capture_id(started), Trigger.ON_DEMAND, None, started)
    with leased(archive, "hosts") as lease:
        yield RunJournal(archive, "hosts", plan, lease), f"{site_folder('hosts')}{plan.run_id}/steps/"


def step(number):
    url = f"https://sahlan.example/{number}/"
    return Step(number, Planned(url, url, "link", Task.STATEMENT), PageOutcome.CAPTURED)


def test_what_a_loss_of_power_cut_off_is_left_out(archive, journal):
    journal, folder = journal
    steps = [step(number) for number in range(4)]
    for one in steps:
        journal.note(one)
    assert journal.steps() == tuple(steps)
    whole = archive.store.read(f"{folder}00000001", limit=10_000)
    for number, left in ((1, b""), (2, bytes(len(whole))), (3, whole[: whole.rindex(b"}")])):
        archive.store.replace(f"{folder}{number:08d}", left)
    assert journal.steps() == tuple(steps[:1])


def test_a_whole_note_that_is_no_step_is_damage(archive, journal):
    journal, folder = journal
    archive.store.replace(f"{folder}00000000", b'{"number": 0}')
    with pytest.raises(LogDamaged):
        journal.steps()
