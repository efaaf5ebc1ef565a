"""`sijill serve` as a command: prints its address, guards itself, ends cleanly."""

import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(200)

SIJILL = Path(sys.executable).with_name("sijill")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    from sijill.flows.init import initialise

    folder = tmp_path_factory.mktemp("archive")
    return initialise(folder, operator="Test <archive>", contact="test@sijill.example", store="./store").settings


def start(settings, *options):
    return subprocess.Popen(
        [SIJILL, "--config", settings, "serve", "--listen", "127.0.0.1:0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_cleanly(settings, number):
    with start(settings) as process:
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=60) as answer:
            text = answer.read().decode()
        assert "Test &lt;archive&gt;" in text
        assert "Nothing is in the log yet" in text
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert errors == ""


def test_an_address_that_others_reach_demands_a_guard(settings):
    done = subprocess.run(
        [SIJILL, "--config", settings, "serve", "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "--token-file" in done.stderr
    assert done.stderr.count("\n") == 1
    # Replay shows the same archive.
    done = subprocess.run(
        [SIJILL, "--config", settings, "serve", "--listen", "127.0.0.1:0", "--replay-listen", "0.0.0.0:0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--listen", "nowhere"],
        ["--listen", "127.0.0.1:99999"],
        ["--listen", "192.0.2.1:0", "--behind-proxy"],
        ["--token", "short"],
        ["--token", "long enough but with spaces"],
        ["--public-url", "archive.example"],
        ["--public-url", "https://archive.example/path"],
        ["--public-url", "https://archive.example", "--replay-url", "https://archive.example"],
    ],
)
def test_bad_options_are_one_line_and_exit_status_2(settings, options, monkeypatch, capsys):
    from sijill.flows.cli import main

    monkeypatch.setattr(sys, "argv", ["sijill", "--config", str(settings), "serve", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_a_token_file_is_made_for_its_owner_alone(settings, tmp_path):
    path = tmp_path / "token"
    with start(settings, "--token-file", path) as process:
        address = process.stdout.readline().strip()
        token = path.read_text().strip()
        assert len(token) >= 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert b"Nothing is in the log yet" in answer.read()
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.url.endswith("/login?next=%2F")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    path.chmod(0o644)
    done = subprocess.run(
        [SIJILL, "--config", settings, "serve", "--token-file", path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
