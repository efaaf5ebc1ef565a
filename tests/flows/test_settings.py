import stat
import tomllib

import pytest

from sijill.flows.errors import BadSettings
from sijill.flows.init import initialise
from sijill.flows.settings import read_settings

MINIMAL = """
[operator]
name = "A"
contact = "a@example.org"
[store]
url = "./store"
[log]
origin = "example.org/log"
"""


def write(tmp_path, text):
    path = tmp_path / "sijill.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_init_writes_settings_that_are_read_back(tmp_path):
    made = initialise(tmp_path, operator='منظمة "مثال"\\', contact="https://example.org/contact")
    settings = read_settings(made.settings)
    assert settings.operator.name == 'منظمة "مثال"\\'
    assert settings.operator.contact == "https://example.org/contact"
    assert settings.limits.exchange_seconds == 60


def test_the_written_file_documents_every_key(tmp_path):
    made = initialise(tmp_path, operator="A", contact="a@example.org")
    text = made.settings.read_text(encoding="utf-8")
    written = tomllib.loads(text)
    for name, section in read_settings(made.settings).model_dump().items():
        for key in section:
            assert key in written.get(name, {}) or f"# {key} = " in text or f"[{name}.{key}]" in text, f"{name}.{key}"


def test_init_keys_are_private_and_never_overwritten(tmp_path):
    made = initialise(tmp_path, operator="A", contact="a@example.org")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name in ("attestation.pem", "log.pem", "collector.salt"):
        assert stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) == 0o600
    with pytest.raises(BadSettings, match="nothing was written"):
        initialise(tmp_path, operator="B", contact="b@example.org")
    made.settings.unlink()
    with pytest.raises(BadSettings, match="nothing was written"):
        initialise(tmp_path, operator="B", contact="b@example.org")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == {
        path: data for path, data in before.items() if path != made.settings
    }


def test_init_refuses_what_the_settings_would_refuse_and_writes_nothing(tmp_path):
    with pytest.raises(BadSettings, match=r"operator\.contact"):
        initialise(tmp_path, operator="A", contact="اتصل")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (MINIMAL + "[limits]\nbytes = 3", r"limits\.bytes: unknown key"),
        (MINIMAL + "[limits]\nredirects = -1", r"limits\.redirects: .*greater than or equal to 0"),
        (MINIMAL + '[limits]\nredirects = "3"', r"limits\.redirects: .*integer"),
        (MINIMAL + '[network]\nallow = ["10.0.0.0/33"]', "10.0.0.0/33"),
        (MINIMAL + '[network]\nallow = ["10.0.0.1/8"]', "10.0.0.1/8"),
        (MINIMAL + '[network.pins]\n"example.org" = "10.0.0.1"', "host:port"),
        (MINIMAL + '[network.pins]\n"example.org:443" = "x"', "not an IP address"),
        (MINIMAL.replace('name = "A"', ""), r"operator\.name: missing"),
        (MINIMAL.replace('"A"', '"A\\nB"'), r"operator\.name: .*one line"),
        (MINIMAL.replace("example.org/log", "two words"), r"log\.origin"),
        (MINIMAL + "[operator", "not TOML"),
        (MINIMAL + "[limits]\nexchange_bytes = 999999999999", r"limits\.exchange_bytes"),
        (MINIMAL.replace('name = "A"', 'name = "A"\negress = "nowhere"'), r"operator\.egress"),
    ],
)
def test_bad_settings_name_file_and_key_in_one_line(tmp_path, change, message):
    path = write(tmp_path, change)
    with pytest.raises(BadSettings, match=message) as caught:
        read_settings(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(BadSettings, match="sijill init"):
        read_settings(tmp_path / "sijill.toml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "sijill.toml"
    path.write_bytes(MINIMAL.encode() + b"\n# \xff\n")
    with pytest.raises(BadSettings, match="not UTF-8"):
        read_settings(path)
