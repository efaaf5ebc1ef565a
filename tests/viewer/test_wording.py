"""Every sentence of the templates has an Arabic one with the same placeholders."""

import re

import pytest

from sijill.archive.capture.exchange import Outcome, Purpose
from sijill.archive.crawl.pages import PageOutcome, Task
from sijill.flows.custody.events import Step
from sijill.provenance.attest.members import BERKELEY_ITEMS
from sijill.provenance.log.entry import Kind
from sijill.viewer.wording import wording

_SAID = re.compile(r"""\bt\(\s*(?:"([^"]+)"|'([^']+)')\s*[,)]|parts\.(?:fact\(|title\([^,()]+, )"([^"]+)"\)""")


@pytest.fixture(scope="module")
def sentences(repository):
    texts = [path.read_text(encoding="utf-8") for path in sorted((repository / "viewer" / "templates").glob("*.html"))]
    return {next(filter(None, found)) for text in texts for found in _SAID.findall(text)}


def test_all_sentences_are_translated(sentences):
    arabic = wording("ar")
    assert len(sentences) > 150
    assert {sentence for sentence in sentences if not arabic.knows(sentence)} == set()
    for sentence in sentences:
        placeholders = re.findall(r"\{[a-z]+\}", sentence)
        assert sorted(re.findall(r"\{[a-z]+\}", arabic(sentence))) == sorted(placeholders)


def test_all_codes_have_words_in_both_languages():
    codes = {one.value for kind in (PageOutcome, Task, Outcome, Purpose) for one in kind}
    codes |= {f"step {step.value}" for step in Step} | {f"entry {kind.value}" for kind in Kind}
    codes |= {f"berkeley {item}" for item in BERKELEY_ITEMS}
    for language in ("en", "ar"):
        assert {code for code in codes if not wording(language).knows(code)} - {"statement"} == set()
