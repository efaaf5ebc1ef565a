"""`sites.toml`: the documented example is valid, and every fault is one line that names file, line and key."""

import json
from urllib.parse import unquote
from zoneinfo import available_timezones

import pytest
from click.testing import CliRunner

from sijill.archive.crawl.site import CrawlLimits, Politeness, Schedule
from sijill.flows.commands.sites import sites as sites_command
from sijill.flows.crawl.sites import EXAMPLE, LimitsSection, PolitenessSection, pick_sites, read_sites
from sijill.flows.errors import BadSites

SMALLEST = """
[[sites]]
id = "a"
name = "A"
start = ["https://Example.org:443/news#top"]
statements = ["/news/*"]
"""


def read(tmp_path, text):
    path = tmp_path / "sites.toml"
    path.write_text(text, encoding="utf-8")
    return read_sites(path)


def fault(tmp_path, text):
    with pytest.raises(BadSites) as err:
        read(tmp_path, text)
    message = str(err.value)
    assert "\n" not in message
    assert message.startswith(str(tmp_path / "sites.toml"))
    return message.removeprefix(str(tmp_path / "sites.toml"))


def test_the_example_documents_every_key_with_its_default(tmp_path):
    (site,) = read(tmp_path, EXAMPLE)
    assert site.schedule == Schedule("15 3 * * *", "Asia/Beirut")
    assert site.limits == CrawlLimits()
    assert site.politeness == Politeness()
    assert site.is_statement("https://example.org/ar/%D8%A8%D9%8A%D8%A7%D9%86%D8%A7%D8%AA/x")
    assert not site.scope("https://example.org/shop/x").in_scope
    for section in (LimitsSection, PolitenessSection):
        for key in section.model_fields:
            assert f"\n{key} = " in EXAMPLE


def test_the_smallest_site_has_the_hosts_of_its_start(tmp_path):
    (site,) = read(tmp_path, SMALLEST)
    assert site.start == ("https://example.org/news",)
    assert [str(host) for host in site.hosts] == ["example.org"]
    assert site.limits == CrawlLimits()
    (other,) = read(tmp_path, SMALLEST.replace("https://Example.org:443", "http://مثال.example:8080"))
    assert [str(host) for host in other.hosts] == ["xn--mgbh0fb.example:8080"]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("\nstart = ", "\nstrat = ", 8, "sites[0].strat: unknown key, is 'start' meant?"),
        ("depth = 3", "depht = 3", 35, "sites[0].limits.depht: unknown key, is 'depth' meant?"),
        ("pages = 1000", "pages = 0", 34, "sites[0].limits.pages: Input should be greater than or equal to 1"),
        ("cron = \"15 3", "cron = \"75 3", 30, "'75 3 * * *' is no schedule (bad minute)"),
        ('"15 3 * * *"', '"0 0 30 2 *"', 30, "is no schedule (bad day-of-month)"),
        ('"15 3 * * *"', '"* * * * * *"', 30, "has not 5 fields"),
        ('"15 3 * * *"', '"@daily"', 30, "has not 5 fields"),
        ('"Asia/Beirut"', '"Asia/Beruit"', 31, "is not a time zone of the IANA database"),
        ('"Asia/Beirut"', '"../../etc/passwd"', 31, "is not a time zone of the IANA database"),
        ('"/statements/*"', '"/a**b"', 24, "statements[0]: '/a**b': '**' must stand alone"),
        ('"/statements/*"', '"news/*"', 24, "it must begin with '/'"),
        ('"/statements/*"', '"/^x$"', 24, "regular expression"),
        ('"/statements/*"', '"/a/../b"', 24, "it can never match"),
        ('"/shop/**"', '"/statements/*"', 24, "can never match, because exclude has it too"),
        ('"/shop/**"', '"/**"', 15, "leaves nothing of the site"),
        ('hosts = ["example.org"', 'hosts = ["other.org"', 8, "out of scope: example.org is not one of"),
        ('hosts = ["example.org"', 'hosts = ["https://example.org"', 13, "give the host alone"),
        ('feeds = ["https://', 'feeds = ["mailto:', 9, "its scheme is 'mailto'"),
        ('["ar", "en"]', '["arabic!"]', 7, "languages[0]: 'arabic!' is not written as"),
        ('languages = ["ar", "en"]', 'languages = "ar"', 7, "must be a list"),
        ('"/statements/*"', "7", 24, "must be text in quotes"),
        ("obey_robots = true", 'obey_robots = "yes"', 46, "should be a valid boolean"),
        ('id = "example-network"', 'id = "Example"', 5, "sites[0].id: 'Example' is not written as"),
        ("\nname = ", "\n# name = ", 4, "sites[0].name: missing"),
        ("delay_seconds = 1.0", "delay_seconds = -1", 44, "greater than or equal to 0"),
        ("delay_seconds = 1.0", "delay_seconds = inf", 44, "less than or equal to 3600"),
    ],
)  # fmt: skip
def test_faults_are_named_by_line_and_key(tmp_path, old, new, line, told):
    assert EXAMPLE.count(old) >= 1
    changed = EXAMPLE.replace(old, new, 1)
    message = fault(tmp_path, changed)
    assert message.startswith(f", line {line}: "), message
    assert told in message


def test_faults_of_a_later_site_are_named_by_its_own_line(tmp_path):
    message = fault(tmp_path, SMALLEST + SMALLEST.replace('"a"', '"b"') + "limits = {pages = -1}\n")
    assert message.startswith(", line 13: sites[1].limits.pages")
    assert "'a' is there twice" in fault(tmp_path, SMALLEST + SMALLEST)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sites: missing"),
        ("sites = []", "at least 1 item"),
        ("[[sites]", "not TOML"),
        ("a = " + "[" * 100_000, "not TOML"),
        ("[[site]]\nid = 'x'\n", ", line 1: site: unknown key, is 'sites' meant?"),
        ("sites = 3", "must be a list"),
        ("[[sites]]\n[[sites]]\n", "sites[0].id: missing"),
    ],
)
def test_what_is_no_sites_file(tmp_path, text, told):
    assert told in fault(tmp_path, text)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(BadSites, match="sijill sites example"):
        read_sites(tmp_path / "none.toml")
    (tmp_path / "sites.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadSites, match="not UTF-8 at byte 0"):
        read_sites(tmp_path / "sites.toml")
    with pytest.raises(BadSites):
        read_sites(tmp_path)


def test_every_time_zone_there_is_will_do(tmp_path):
    for zone in sorted(available_timezones())[::50]:
        read(tmp_path, SMALLEST + f'[sites.schedule]\ncron = "0 3 * * MON-FRI"\ntimezone = "{zone}"\n')


def test_picking_sites(tmp_path):
    sites = read(tmp_path, SMALLEST + SMALLEST.replace('"a"', '"beta"'))
    assert [site.id for site in pick_sites(sites, ["beta", "a", "beta"])] == ["beta", "a"]
    with pytest.raises(BadSites, match="no site has the id 'bete'; is it 'beta'"):
        pick_sites(sites, ["bete"])


def check(config, *arguments):
    return CliRunner().invoke(sites_command, ["check", *arguments], obj=config)


def test_the_command_prints_an_example_that_it_accepts(tmp_path):
    printed = CliRunner().invoke(sites_command, ["example"])
    (tmp_path / "sites.toml").write_text(printed.stdout, encoding="utf-8")
    checked = check(tmp_path / "sijill.toml", "--json")
    assert checked.exit_code == 0, checked.output
    (site,) = json.loads(checked.stdout)["sites"]
    assert site["id"] == "example-network"
    assert site["schedule"]["next"][10:16] == "T03:15"
    plain = check(tmp_path / "sijill.toml")
    assert "example-network" in plain.stdout
    assert "/ar/بيانات/*" in plain.stdout


ZARQUN = """
[[sites]]
id = "zarqun"
name = "Families of Zarqun"
start = ["{start}"]
statements = ["/bayanat/*", "/en/statements/*"]
{more}
politeness.delay_seconds = 0
"""


def test_online_says_what_a_crawl_would_find(archive_settings, sites):
    start = sites.url("zarqunfamilies.example")
    (archive_settings.parent / "sites.toml").write_text(ZARQUN.format(start=start, more=""), encoding="utf-8")
    seen = check(archive_settings, "--online", "--depth", "2", "--json")
    assert seen.exit_code == 0, seen.output
    (site,) = json.loads(seen.stdout)["sites"]
    assert sorted(unquote(page["url"]).partition(f":{sites.port}")[2] for page in site["wouldCapture"]) == [
        "/bayanat/sijillat-al-qalaa/",
        "/bayanat/الذكرى-العاشرة/",
        "/en/statements/keep-the-records/",
    ]
    assert {row["outcome"] for row in site["notFollowed"]} >= {"out-of-scope"}
    assert site["robots"] == [{"origin": start.rstrip("/"), "source": "robots.txt was read"}]
    plain = check(archive_settings, "--online", "--depth", "2")
    assert "3 statement pages would be captured" in plain.stdout
    assert "is not one of the site's hosts" in plain.stdout


def test_online_fails_where_nothing_is_found_or_a_listed_feed_is_not_there(archive_settings, sites):
    start = sites.url("zarqunfamilies.example")
    path = archive_settings.parent / "sites.toml"
    path.write_text(ZARQUN.format(start=start, more=f'feeds = ["{start}no-feed"]'), encoding="utf-8")
    seen = check(archive_settings, "--online")
    assert seen.exit_code == 1
    assert "no-feed: HTTP status 404" in seen.stdout
    path.write_text(
        ZARQUN.format(start=start, more="").replace('"/bayanat/*", "/en/statements/*"', '"/none"'), encoding="utf-8"
    )
    seen = check(archive_settings, "--online")
    assert seen.exit_code == 1
    assert "no statement page was found" in seen.stdout
