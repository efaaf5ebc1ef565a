"""A statement changes between two crawls: that is an event of Prefect and a notification, and told once."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1800)

_HERE = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
write_sites, until, HANG = _HERE["write_sites"], _HERE["until"], _HERE["HANG"]

PARAGRAPHS = (
    "We, the undersigned organisations, welcome the arrest warrants that a court issued on Monday after long work.",
    "Families of the disappeared have waited for an answer since the spring of 2012, and no authority gave them one.",
    "We call on all states to cooperate with the court, to protect witnesses and to hand over whoever is wanted.",
)


def statement(word):
    text = "".join(f"<p>{one}</p>" for one in PARAGRAPHS).replace("welcome", word)
    head = '<head><title>Joint Statement</title><meta property="og:type" content="article"></head>'
    return f'<!doctype html><html lang="en">{head}<body><article><h1>Joint Statement</h1>{text}</article></body></html>'


@pytest.fixture
def changing(publish, new_archive, tmp_path, alarm):
    """An archive of a site with one statement page: its settings, and that page."""
    sites = publish({"changing.example": 1})
    settings = new_archive(tmp_path / "archive", sites.pins)
    settings.write_text(settings.read_text(encoding="utf-8").replace("urls = []", 'urls = ["$TELL"]'), encoding="utf-8")
    write_sites(settings.parent / "sites.toml", {"changing": sites.url("changing.example")})
    page = tmp_path / "published" / "changing.example" / "s" / "000.html"
    page.write_text(statement("welcome"), encoding="utf-8")
    return settings, page


def test_a_flow_raises_an_event_and_notifies_once(prefect, changing, alarm):
    settings, page = changing
    address, arrived = f"json://{alarm.place}", alarm.arrived
    program = (
        "import sys; from sijill.flows.crawl.flow import crawl_site_flow\n"
        "print(crawl_site_flow('changing', config=sys.argv[1], return_state=True).message)"
    )

    def crawl():
        done = subprocess.run(
            [sys.executable, "-c", program, settings],
            env={**os.environ, **prefect.env, "TELL": address},
            capture_output=True,
            text=True,
            timeout=HANG,
        )
        assert done.returncode == 0, done.stderr
        assert address not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def events():
        wanted = {"filter": {"event": {"prefix": ["sijill.statement."]}}}
        return prefect.server.post("/events/filter", wanted)["events"]

    crawl()
    assert arrived == []
    page.write_text(statement("condemn"), encoding="utf-8")
    said = crawl()
    until("the event arrives", events)
    assert len(arrived) == 1, said
    crawl()
    [event] = events()
    assert event["event"] == "sijill.statement.changed"
    assert event["payload"]["what"] == ["text: 1 word added, 1 word removed"]
    assert event["payload"]["before"] < event["payload"]["after"]
    assert any(related["prefect.resource.id"].startswith("prefect.flow-run.") for related in event["related"])
    assert [one["title"] for one in arrived] == ["Test archive: statements 1 changed"]


def test_the_plain_command_notifies_once_too(changing, alarm, run):
    settings, page = changing
    address, arrived = f"json://{alarm.place}", alarm.arrived

    def crawl():
        done = run("sijill", "--config", settings, "crawl", "--all", env={"TELL": address})
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "told" not in crawl()
    page.write_text(statement("condemn"), encoding="utf-8")
    assert "1 changed or vanished statements told" in crawl()
    crawl()
    assert [one["title"] for one in arrived] == ["Test archive: statements 1 changed"]
    unset = run("sijill", "--config", settings, "crawl", "--all", env={"TELL": ""})
    assert unset.returncode == 0
