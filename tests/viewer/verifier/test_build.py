"""`provenance/verify.html` is what the sources give, wherever it is built."""

import base64
import hashlib
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "provenance" / "verify.html"


def build(node, sources, target):
    subprocess.run([node, sources / "build.mjs", target], check=True, capture_output=True, timeout=120)
    return target.read_bytes()


def test_the_committed_page_is_what_the_sources_give(node, copied_verifier, tmp_path):
    built = build(node, copied_verifier, tmp_path / "built.html")
    same = built == COMMITTED.read_bytes()
    assert same, "provenance/verify.html is not what viewer/verifier gives: run make verifier"


def test_a_build_knows_no_time_and_no_place(node, copied_verifier, tmp_path):
    first = build(node, copied_verifier, tmp_path / "first.html")
    assert build(node, copied_verifier, tmp_path / "second.html") == first
    for place in (ROOT, copied_verifier, tmp_path, Path.home()):
        assert str(place).encode() not in first


def test_the_page_is_one_file_with_the_licences_of_all_that_is_in_it():
    text = COMMITTED.read_text("utf-8")
    assert not re.findall(
        r'<(?:link|img|iframe|object|embed|base)\b|\ssrc="|@import|url\(', text.partition("<script>")[0]
    )
    listed = re.findall(r"^(\S+) (\d+\.\d+\.\d+) \(MIT.*\)$", text, re.MULTILINE)
    bundled = set(re.findall(r"^ *// node_modules/((?:@[^/]+/)?[^/]+)/", text, re.MULTILINE))
    assert {name for name, _ in listed} == bundled != set()
    assert text.count("Permission is hereby granted, free of charge") == len(listed)


def test_its_policy_lets_only_its_own_program_and_style_in():
    text = COMMITTED.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == rules["img-src"] == rules["form-action"] == "'none'"
    assert rules["worker-src"] == "blob:"
    for rule, tag in (("script-src", "script"), ("style-src", "style")):
        inside = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = hashlib.sha256(inside.encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in rules[rule].split()
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy


def test_the_digest_in_the_readme_is_that_of_the_page():
    stated = re.findall(r"([0-9a-f]{64})  (?:provenance/)?verify\.html", (ROOT / "README.md").read_text("utf-8"))
    assert set(stated) <= {hashlib.sha256(COMMITTED.read_bytes()).hexdigest()}, (
        "README.md states another: make verifier"
    )
