"""Every command that the README prints for the archivist runs as printed; the auditor's are run in test_stock_tools."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sijill.flows.cli import sijill
from sijill.flows.verify import cli as sijill_verify

BIN = Path(sys.executable).parent
INIT = 'sijill init my-archive --operator "Example Archive" --contact archive@example.org'
PRINTED_ID = "20261121t011630z-k3j5x2m4q7ab"
SITES = """
[[sites]]
id = "lawyers"
name = "Remedy Lawyers"
start = ["{start}"]
statements = ["/news/*/"]
politeness = {{ delay_seconds = 0 }}
"""
RUN_ELSEWHERE = {
    "make demo": "by hand and by CI: it takes minutes",
    "make test": "it is what runs this",
    "make capture": "its three commands are run here",
    ".venv/bin/sijill --config demo-archive/sijill.toml serve": "tests/viewer/test_serve.py, on another archive",
}


def blocks(readme):
    """The shell blocks of the chapters before the auditor's, comments and folded lines taken out."""
    for block in re.findall(
        r"^```sh\n(.*?)^```$", readme.partition("## For the auditor\n")[0], re.MULTILINE | re.DOTALL
    ):
        lines = block.replace("\\\n", " ").splitlines()
        yield [re.sub(r"  +", " ", line.partition("  #")[0].strip()) for line in lines]


@pytest.fixture(scope="module")
def readme(repository):
    return (repository / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def shell(tmp_path):
    """`shell(line)` runs a line as somebody would who has read "the commands are in `.venv/bin`"."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}

    def call(line, cwd=tmp_path, status=0):
        done = subprocess.run(
            line, shell=True, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == status, (line, done.stdout, done.stderr)
        return done.stdout

    return call


def may_reach(folder, sites):
    """Let the archive in `folder` reach the sites that are served here."""
    settings = folder / "sijill.toml"
    pins = "".join(f'"{name}" = "{address}"\n' for name, address in sites.pins.items())
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    settings.write_text(text.replace("[network.pins]", f"[network.pins]\n{pins}", 1), encoding="utf-8")


def test_each_block_is_run_by_a_test(readme):
    covered = {line for block in (PAGES, WHOLE_SITES, WITNESS, S3) for line in block}
    for line in (line for block in blocks(readme) for line in block):
        assert line in covered or any(line.startswith(known) for known in RUN_ELSEWHERE), f"run by no test: {line}"
    assert covered <= {line for block in blocks(readme) for line in block}


PAGES = [
    INIT,
    "cd my-archive",
    "sijill capture https://example.org/statement https://example.org/another",
    "sijill list",
    f"sijill show {PRINTED_ID}",
    f"sijill export {PRINTED_ID} -o statement.wacz",
]


def test_pages(shell, sites, tmp_path):
    init, _, capture, list_, show, export = PAGES
    shell(init)
    folder = tmp_path / "my-archive"
    may_reach(folder, sites)
    for printed, path in (("statement", "/news/appeal-court-upholds-verdict/"), ("another", "/")):
        capture = capture.replace(f"https://example.org/{printed}", sites.url("remedylawyers.example", path))
    shell(capture, folder)
    first, _ = (line.split()[0] for line in shell(list_, folder).splitlines())
    assert "appeal-court" in shell(show.replace(PRINTED_ID, first), folder)
    shell(export.replace(PRINTED_ID, first), folder)
    shell("sijill-verify statement.wacz --trust trust.json", folder)


WHOLE_SITES = ["sijill sites example > sites.toml", "sijill sites check --online", "sijill crawl --all"]


def test_whole_sites(shell, sites, tmp_path):
    example, check, crawl = WHOLE_SITES
    shell(INIT)
    folder = tmp_path / "my-archive"
    may_reach(folder, sites)
    shell(example, folder)
    shell("sijill sites check", folder)
    (folder / "sites.toml").write_text(SITES.format(start=sites.url("remedylawyers.example")), encoding="utf-8")
    assert "appeal-court-upholds-verdict" in shell(check, folder)
    shell(crawl, folder)
    assert "appeal-court-upholds-verdict" in shell("sijill list", folder)


WITNESS = [
    "sijill witness init my-witness --name witness.example/w1",
    "sijill witness trust my-witness LOG_VKEY",
    "sijill witness serve my-witness --listen 127.0.0.1:7380",
]


def test_a_witness(shell, tmp_path):
    init, trust, serve = WITNESS
    shell(INIT)
    [log_key] = json.loads((tmp_path / "my-archive" / "trust.json").read_text(encoding="utf-8"))["logKeys"]
    assert "witness.example/w1+" in shell(init)
    shell(trust.replace("LOG_VKEY", shlex.quote(log_key)))
    command = [BIN / "sijill", *shlex.split(serve.replace("7380", "0"))[1:]]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert "http://127.0.0.1:" in server.stdout.readline()
        finally:
            server.terminate()


S3 = [
    f'{INIT} --store "s3://bucket/prefix?endpoint=https://s3.example.org&region=eu-1"',
    "sijill store probe",
]


def test_s3(shell, s3, tmp_path):
    init, probe = S3
    printed = "s3://bucket/prefix?endpoint=https://s3.example.org&region=eu-1"
    shell(init.replace(printed, f"{s3.store_url('locked', tmp_path.name)}&region=us-east-1"))
    assert "object-lock" in shell(probe, tmp_path / "my-archive")


def named(readme):
    """The commands that stand in the text, each with its words."""
    text = re.sub(r"```.*?```", "", readme, flags=re.DOTALL)
    for code in re.findall(r"`((?:sijill|sijill-verify) [^`]+)`", text.replace("\n", " ")):
        yield shlex.split(code.replace("[", "").replace("]", "").replace("…", "X"))


def test_commands_that_stand_in_the_text_have_these_options(readme):
    found = list(named(readme))
    assert len(found) > 20
    for program, *words in found:
        command = sijill if program == "sijill" else sijill_verify
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if command is sijill_verify:
            command = command._default
        elif isinstance(command, click.Group):
            assert words in (["COMMAND", "--help"], []), words
            continue
        known = {option for parameter in command.params for option in parameter.opts}
        for option in (word for word in words if word.startswith("-")):
            assert option in known | {"--help"}, f"{program} {command.name} has no {option}"
