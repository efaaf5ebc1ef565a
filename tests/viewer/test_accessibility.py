"""axe-core looks at every page of the viewer and the page that verifies: nothing that it calls serious or critical."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "viewer" / "verifier" / "node_modules" / "axe-core" / "axe.min.js"
VERIFY_PAGE = ROOT / "provenance" / "verify.html"
JOINT = "zarqunfamilies.example/en/statements/keep-the-records/"
BAD = {"serious", "critical"}


@pytest.fixture(scope="session")
def axe():
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: apt-get install nodejs npm; npm ci --prefix viewer/verifier")
    return AXE.read_text("utf-8")


@pytest.fixture
def faults(axe):
    """`faults(tab)` lists what is wrong with the page that is shown."""

    def find(tab):
        tab.evaluate(axe)
        # What is in an archived page is not ours to mend.
        found = tab.evaluate("axe.run({exclude: [['iframe']]}, {iframes: false})")["violations"]
        return [
            f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:300]}"
            for one in found
            for node in one["nodes"]
            if one["impact"] in BAD
        ]

    return find


def addresses(sample):
    first, second = sample.captures[JOINT][:2]
    return [
        "/",
        "/statements",
        "/statements?q=records",
        f"/statements/{first}",
        f"/statements/{first}/changes?before={first}&after={second}",
        "/organisations/zarqun",
        "/changes",
        "/organisations",
        "/captures",
        f"/captures/{first}",
        f"/captures/{first}/text",
        f"/captures/{first}/custody",
        f"/captures/{first}/replay",
        "/runs",
        "/log",
        "/log/0",
        "/about",
        "/nowhere",
    ]


def test_a_fault_would_be_found(tab, faults):
    tab.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src=x><p style='color:#ddd'>pale</p></main>")
    assert {fault.partition(":")[0] for fault in faults(tab)} == {"image-alt", "color-contrast"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_of_the_viewer(chromium, site, sample, faults, language, scheme):
    context = chromium.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    found = {}
    for address in addresses(sample):
        joint = "&" if "?" in address else "?"
        tab.goto(f"{site.url}{address}{joint}lang={language}")
        tab.wait_for_selector(".waiting", state="detached", timeout=60_000)
        if wrong := faults(tab):
            found[address] = wrong
    context.close()
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_that_verifies(chromium, faults, scheme):
    context = chromium.new_context(color_scheme=scheme, offline=True)
    tab = context.new_page()
    tab.goto(VERIFY_PAGE.as_uri())
    found = faults(tab)
    context.close()
    assert found == []
