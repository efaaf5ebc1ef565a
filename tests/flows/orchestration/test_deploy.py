"""What `sijill deploy` makes of settings and sites file on a real server, and what it leaves alone."""

import json
import runpy
from pathlib import Path

import pytest

from sijill.flows.crawl.sites import read_sites
from sijill.flows.errors import DeploymentTaken
from sijill.flows.orchestration import deploy as orchestration
from sijill.flows.orchestration.deploy import prefect_client
from sijill.flows.orchestration.plan import make_plan
from sijill.flows.settings import read_settings

pytestmark = pytest.mark.timeout(300)

_HERE = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
write_sites, set_prefect = _HERE["write_sites"], _HERE["set_prefect"]


@pytest.fixture
def archive(tmp_path, new_archive):
    """`archive(pool, sites)`: the settings of an archive with a sites file."""

    def make(pool, sites, **more):
        settings = new_archive(tmp_path / pool)
        set_prefect(settings, pool=pool)
        write_sites(settings.parent / "sites.toml", sites, **more)
        return settings

    return make


@pytest.fixture
def deploy(prefect):
    """`deploy(settings)` does what the command does, without starting Python for it: name -> what was done."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def call(settings, *, dry_run=False):
        plan = make_plan(read_settings(settings).prefect, read_sites(settings.parent / "sites.toml"))
        with temporary_settings({PREFECT_API_URL: prefect.server.url}), prefect_client() as client:
            changes = orchestration.deploy(plan, client, dry_run=dry_run)
        return {(one.kind, one.name): one.action.value for one in changes}

    return call


def everything(prefect, pool):
    """All that is on the server for a pool, as it is stored, with its ids."""
    limits = prefect.all("v2/concurrency_limits", {"limit": 200})
    automations = prefect.all("automations", {"limit": 200})
    volatile = ("updated", "last_polled", "status", "updated_by")
    return {
        "deployments": {
            name: {key: value for key, value in one.items() if key not in volatile}
            for name, one in prefect.deployments(pool).items()
        },
        "limits": sorted((one["id"], one["name"], one["limit"]) for one in limits if one["name"].startswith(pool)),
        "automations": sorted((one["id"], one["updated"]) for one in automations if one["name"].startswith(pool)),
    }


def test_twice_changes_nothing_and_what_is_taken_out_goes(prefect, archive, deploy, run):
    sites = {"first": "http://first.example/", "second": "http://second.example:8080/"}
    settings = archive("idem", sites, cron="15 3 * * *")
    asked = deploy(settings, dry_run=True)
    assert set(asked.values()) == {"created"}
    assert prefect.deployments("idem") == {}, "a dry run made something"
    assert deploy(settings) == asked
    made = everything(prefect, "idem")
    assert set(made["deployments"]) == {
        f"idem-{name}"
        for name in (
            "crawl-first", "crawl-second", "crawl-all", "take-up", "seal", "audit", "timestamp", "archive-url",
        )
    }  # fmt: skip
    crawl = made["deployments"]["idem-crawl-first"]
    [schedule] = crawl["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("15 3 * * *", "UTC")
    assert crawl["entrypoint"] == "sijill.flows.crawl.flow.crawl_site_flow"
    assert (crawl["work_pool_name"], crawl["work_queue_name"]) == ("idem", "crawl")
    assert {name for _, name, _ in made["limits"]} == {
        "idem:sealer", "idem:host:first.example", "idem:host:second.example:8080",
    }  # fmt: skip
    assert len(made["automations"]) == 3

    told = run("sijill", "--config", settings, "deploy", "--json", env=prefect.env)
    assert told.returncode == 0, told.stderr
    assert {one["action"] for one in json.loads(told.stdout)["changes"]} == {"kept"}
    assert everything(prefect, "idem") == made

    write_sites(settings.parent / "sites.toml", {"first": "http://first.example/"}, cron="30 4 * * *")
    changed = {name: action for name, action in deploy(settings).items() if action != "kept"}
    assert changed == {
        ("deployment", "crawl-site/idem-crawl-first"): "changed",
        ("deployment", "crawl-site/idem-crawl-second"): "removed",
        ("concurrency limit", "idem:host:second.example:8080"): "removed",
    }
    left = everything(prefect, "idem")
    assert left["deployments"]["idem-crawl-first"]["id"] == crawl["id"]
    assert left["deployments"]["idem-crawl-first"]["schedules"][0]["schedule"]["cron"] == "30 4 * * *"
    assert "idem-crawl-second" not in left["deployments"]
    assert left["automations"] == made["automations"]


def test_what_an_operator_paused_stays_paused_and_other_pools_stay(prefect, archive, deploy):
    settings = archive("paused", {"only": "http://only.example/"}, cron="15 3 * * *")
    other = archive("other", {"only": "http://only.example/"})
    deploy(settings)
    deploy(other)
    before = everything(prefect, "other")
    [schedule] = prefect.deployments("paused")["paused-crawl-only"]["schedules"]
    prefect.command("deployment", "schedule", "pause", "crawl-site/paused-crawl-only", schedule["id"])
    assert set(deploy(settings).values()) == {"kept"}
    write_sites(settings.parent / "sites.toml", {"only": "http://only.example/"}, cron="30 4 * * *")
    deploy(settings)
    [schedule] = prefect.deployments("paused")["paused-crawl-only"]["schedules"]
    assert (schedule["active"], schedule["schedule"]["cron"]) == (False, "30 4 * * *")
    assert everything(prefect, "other") == before


def test_a_deployment_that_is_not_ours_is_left_alone(prefect, archive, deploy):
    flow = prefect.deployments("paused")["paused-crawl-only"]["flow_id"]
    foreign = prefect.server.post("/deployments/", {"name": "taken-crawl-only", "flow_id": flow})
    with pytest.raises(DeploymentTaken, match="crawl-site/taken-crawl-only: is there already"):
        deploy(archive("taken", {"only": "http://only.example/"}))
    assert prefect.deployments("taken") == {}
    assert foreign["id"] in {one["id"] for one in prefect.all("deployments")}


def test_a_block_that_is_not_there_is_refused_before_anything_is_made(prefect, archive, run):
    settings = archive("blockless", {"only": "http://only.example/"})
    for given, said in (("slack-webhook/nobody", "has no block"), ("Nobody", "type/name")):
        refused = run("sijill", "--config", settings, "deploy", "--notify", given, env=prefect.env)
        assert refused.returncode == 2
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert prefect.deployments("blockless") == {}


@pytest.mark.parametrize("command", ["deploy", "worker"])
def test_without_a_server_it_says_what_to_do(archive, run, tmp_path, command):
    settings = archive("serverless", {"only": "http://only.example/"})
    alone = {"PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": ""}
    done = run("sijill", "--config", settings, command, env=alone)
    assert (done.returncode, done.stdout) == (3, "")
    assert "PREFECT_API_URL" in done.stderr
    assert "sijill up" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_does_not_answer_is_one_line(archive, run, tmp_path):
    settings = archive("silent", {"only": "http://only.example/"})
    gone = {"PREFECT_HOME": str(tmp_path / "home"), "PREFECT_API_URL": "http://127.0.0.1:1/api"}
    done = run("sijill", "--config", settings, "deploy", env=gone)
    assert (done.returncode, done.stdout) == (3, "")
    assert "http://127.0.0.1:1/api" in done.stderr
    assert done.stderr.count("\n") == 1
