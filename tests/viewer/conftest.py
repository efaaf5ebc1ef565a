import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest


def _sample_script():
    path = Path(__file__).with_name("sample.py")
    spec = importlib.util.spec_from_file_location("viewer_sample", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sampling():
    """The script that makes the archive to look at."""
    return _sample_script()


@pytest.fixture(scope="session")
def chromium_path():
    """Chromium, or a skip that says how to get it."""
    from sijill.archive.capture.browser.chromium import find_chromium
    from sijill.archive.errors import BrowserUnavailable

    try:
        return find_chromium()
    except BrowserUnavailable as err:
        pytest.skip(f"no Chromium: apt-get install chromium ({err})")


@pytest.fixture(scope="session")
def sample(sampling, tmp_path_factory):
    """An archive of the bundled sites, of which one page changed and changed back, and of a hostile page."""
    from sijill.archive.capture.browser.chromium import find_chromium
    from sijill.archive.errors import BrowserUnavailable

    try:
        find_chromium()
    except BrowserUnavailable:
        return sampling.make_sample(tmp_path_factory.mktemp("sample"), browser=False)
    return sampling.make_sample(tmp_path_factory.mktemp("sample"))


@contextmanager
def _served(settings, **options):
    from sijill.flows.viewing.site import Site, served
    from sijill.flows.wiring import open_archive
    from sijill.viewer.serving import Place

    site = Site(Place("127.0.0.1", 0), Place("127.0.0.1", 0), **options)
    told = []
    with served(open_archive(settings), site, show=told.append) as found:
        yield found
    assert told == []


@pytest.fixture(scope="session")
def served():
    """`served(settings, **options)` serves an archive while the context is open."""
    return _served


@pytest.fixture(scope="session")
def site(sample, served):
    """The site of the sample, served for the whole session."""
    with served(sample.settings) as found:
        yield found


@pytest.fixture(scope="session")
def chromium(chromium_path):
    """The one browser that looks at pages: a second one cannot be driven from the same thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium_path), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium):
    """A page of a new browser context; what its console complained about is in `tab.complaints`."""
    context = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda err: page.complaints.append(str(err)))
    page.on("dialog", lambda dialog: page.complaints.append(f"dialog: {dialog.message}"))
    yield page
    context.close()
