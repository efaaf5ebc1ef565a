"""`trust.json` kept in step with settings, and signed trust roots from the operator's hand to the auditor's."""

import dataclasses
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from sijill.flows.commands.trust import trust as trust_commands
from sijill.flows.errors import BadSettings
from sijill.flows.keys.rotation import rotate
from sijill.flows.keys.trust import refresh, write_trust
from sijill.flows.keys.trust_signing import begin, published, rotate_root, sign_trust
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.key_event import Purpose
from sijill.provenance.attest.keys import SigningKey, read_signing_key
from sijill.provenance.errors import KeyFileUnusable
from sijill.provenance.log.note import Algorithm, NoteVerifier
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import Policy, format_trust, parse_trust
from sijill.provenance.verify.trust_updates import load_trust

NOW = datetime(2026, 11, 21, 1, 16, 30, tzinfo=UTC)
WITNESSES = [
    NoteVerifier(f"witness-{number}.example", SigningKey(bytes([number]) * 32).public, Algorithm.COSIGNATURE_V1).vkey
    for number in range(4)
]


@pytest.fixture
def archive_file(tmp_path, new_archive):
    return new_archive(tmp_path / "archive")


@pytest.fixture
def archive(archive_file):
    return open_archive(archive_file)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory, tool):
    """Three self-signed certificates in PEM, made by OpenSSL."""
    tool("openssl", "openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("one", "two", "three"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "30", "-subj", f"/CN={name}",
             "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    return {name: (folder / f"{name}.pem").read_text() for name in ("one", "two", "three")}


@pytest.fixture
def configure(archive_file):
    """Puts authorities (name to PEM of roots, or None) and witnesses in the place of those in the settings."""
    plain = archive_file.read_text(encoding="utf-8")

    def call(authorities=None, witnesses=(), intermediates=None):
        text = plain
        for name, pem in (authorities or {}).items():
            text += f'\n[[timestamps]]\nname = "{name}"\nurl = "http://tsa.example/{name}"\n'
            for key, content in (("roots", pem), ("intermediates", intermediates)):
                if content is not None:
                    (archive_file.parent / f"{name}-{key}.pem").write_text(content)
                    text += f'{key} = "{name}-{key}.pem"\n'
        for number, vkey in enumerate(witnesses):
            text += f'\n[[witnesses]]\nurl = "http://witness.example/{number}/"\nvkey = "{vkey}"\n'
        archive_file.write_text(text, encoding="utf-8")
        return open_archive(archive_file)

    return call


def names(trust):
    return [witness.name for witness in trust.witnesses]


def test_authorities_and_witnesses_of_the_settings_go_into_the_trust_root(configure, certificates):
    text = "subject=/CN=one\n" + certificates["one"].replace("\n", "\r\n") + certificates["two"]
    archive = configure({"first": text, "second": certificates["two"], "third": None}, WITNESSES[:3])
    done = refresh(archive)
    assert done.changed
    assert done.without_roots == ("third",)
    trust = parse_trust((archive.folder / "trust.json").read_bytes())
    assert trust == done.trust
    assert trust.tsa_roots == (certificates["one"], certificates["two"]), "as OpenSSL writes them, each once"
    assert [witness.vkey for witness in trust.witnesses] == WITNESSES[:3]
    assert trust.policy == Policy(witnesses=2, timestamps=2)
    assert trust.attestation_keys == archive.attestation_keys
    again = refresh(configure({"first": text, "second": certificates["two"], "third": None}, WITNESSES[:3]))
    assert (again.changed, again.trust) == (False, trust)


@pytest.mark.parametrize(
    ("authorities", "witnesses", "policy"),
    [(0, 0, Policy()), (1, 1, Policy(1, 1)), (2, 2, Policy(2, 2)), (3, 3, Policy(2, 2)), (0, 4, Policy(3))],
)
def test_what_is_demanded_if_nothing_is_said(configure, certificates, authorities, witnesses, policy):
    chosen = dict(list(certificates.items())[:authorities])
    assert refresh(configure(chosen, WITNESSES[:witnesses])).trust.policy == policy


def test_what_is_demanded_can_be_said_and_stays(configure, certificates):
    archive = configure(certificates, WITNESSES[:3])
    assert refresh(archive, witnesses=3, timestamps=1).trust.policy == Policy(3, 1)
    assert refresh(open_archive(archive.folder / "sijill.toml")).trust.policy == Policy(3, 1)
    before = (archive.folder / "trust.json").read_bytes()
    with pytest.raises(BadSettings, match="more than the 3"):
        refresh(archive, witnesses=4)
    assert (archive.folder / "trust.json").read_bytes() == before


def test_what_settings_no_longer_name_stays_until_it_is_to_be_forgotten(configure, certificates):
    refresh(configure({"first": certificates["one"]}, WITNESSES[:1], intermediates=certificates["three"]))
    archive = configure({"second": certificates["two"]}, WITNESSES[1:3])
    trust = refresh(archive).trust
    assert trust.tsa_roots == (certificates["one"], certificates["two"])
    assert trust.tsa_intermediates == (certificates["three"],)
    assert names(trust) == ["witness-0.example", "witness-1.example", "witness-2.example"]
    assert trust.policy == Policy(1, 1), "what older captures have is enough"
    trust = refresh(archive, forget=True).trust
    assert trust.tsa_roots == (certificates["two"],)
    assert trust.tsa_intermediates == ()
    assert names(trust) == ["witness-1.example", "witness-2.example"]
    nobody = refresh(configure(), forget=True).trust
    assert (nobody.tsa_roots, nobody.witnesses, nobody.policy) == ((), (), Policy())


def test_keys_and_their_history_stay(configure, archive_file):
    configure({}, WITNESSES[:1])
    refresh(open_archive(archive_file))
    rotated = rotate(lambda: open_archive(archive_file), Purpose.ATTESTATION, seal=lambda archive: None)
    before = open_archive(archive_file).trust
    after = refresh(configure({}, WITNESSES[:2])).trust
    assert after.validity == before.validity != ()
    assert after.attestation_keys == before.attestation_keys
    assert rotated.old.public in after.attestation_keys


def test_a_refresh_goes_by_the_file_as_it_is_now(configure, archive_file):
    slow = configure({}, WITNESSES[:1])
    rotated = rotate(lambda: open_archive(archive_file), Purpose.LOG, seal=lambda archive: None)
    refresh(slow)
    assert rotated.new.name in {key.vkey for key in open_archive(archive_file).log_keys}


def test_bad_settings_leave_the_file_as_it_is(configure, certificates, archive):
    own_witness = NoteVerifier("own.example", archive.log_key.public, Algorithm.COSIGNATURE_V1).vkey
    before = (archive.folder / "trust.json").read_bytes()
    for authorities, witnesses, complaint in (
        ({"first": "no certificate"}, (), "first-roots.pem: no certificates in PEM"),
        ({"first": certificates["one"].replace("M", "N")}, (), "first-roots.pem: no certificates in PEM"),
        ({}, (own_witness,), "the key of a log"),
    ):
        with pytest.raises(BadSettings, match=complaint):
            refresh(configure(authorities, witnesses))
        assert (archive.folder / "trust.json").read_bytes() == before
    missing = configure({"first": certificates["one"]})
    (archive.folder / "first-roots.pem").unlink()
    with pytest.raises(BadSettings, match=r"first-roots\.pem: No such file"):
        refresh(missing)


def test_a_trust_root_that_would_be_refused_is_not_written(archive):
    path = archive.folder / "trust.json"
    before = path.read_bytes()
    with pytest.raises(BadSettings, match=r"policy\.witnesses"):
        write_trust(path, dataclasses.replace(archive.trust, policy=Policy(witnesses=1)))
    assert path.read_bytes() == before
    assert sorted(found.name for found in archive.folder.iterdir() if found.name.startswith(".")) == []


@pytest.fixture
def root_key(tmp_path):
    return tmp_path / "stick" / "root.pem"


@pytest.fixture
def signed(tmp_path, root_key, archive):
    """A folder with the archive's trust root signed once; and its first root metadata."""
    root_key.parent.mkdir()
    folder = tmp_path / "published"
    begun = begin(root_key, folder, now=NOW)
    sign_trust(root_key, folder, format_trust(archive.trust), now=NOW)
    return folder, begun.path.read_bytes()


def test_an_auditor_follows_from_the_first_root_metadata(signed, root_key, archive, tmp_path):
    folder, first = signed
    assert root_key.stat().st_mode & 0o777 == 0o600
    assert load_trust(folder, first, now=NOW).trust == archive.trust
    more = dataclasses.replace(
        archive.trust, attestation_keys=(*archive.attestation_keys, SigningKey.generate().public)
    )
    second = sign_trust(root_key, folder, format_trust(more), now=NOW + timedelta(days=30))
    assert (second.version, second.trust) == (2, more)
    assert second.expires == NOW + timedelta(days=30 + 365)
    new_key = tmp_path / "stick" / "new.pem"
    rotated = rotate_root(root_key, new_key, folder, now=NOW + timedelta(days=40))
    assert (rotated.version, rotated.key_made) == (2, True)
    update = load_trust(folder, first, now=NOW + timedelta(days=41), known_version=2)
    assert (update.root_version, update.version, update.trust) == (2, 3, more)
    assert update.expires == second.expires, "no longer than the owner of the key has said"
    assert load_trust(folder, update.root, now=NOW + timedelta(days=41)).trust == more
    with pytest.raises(BadSettings, match="not the root key"):
        sign_trust(root_key, folder, format_trust(archive.trust), now=NOW)
    third = sign_trust(new_key, folder, format_trust(archive.trust), now=NOW + timedelta(days=50))
    assert (third.version, third.trust) == (4, archive.trust)
    assert sorted(path.name for path in folder.iterdir() if "trust.json" not in path.name) == [
        "1.root.json", "1.targets.json", "2.root.json", "2.targets.json", "3.targets.json", "4.targets.json",
    ]  # fmt: skip


def test_published_names_are_keys_of_a_store_that_keeps_what_it_has(signed):
    from sijill.storage.layout import TRUST, check_immutable

    for path in signed[0].iterdir():
        check_immutable(f"{TRUST}{path.name}")


def test_root_metadata_is_renewed_with_the_same_key(signed, root_key, archive):
    folder, first = signed
    late = NOW + timedelta(days=3651)
    with pytest.raises(BadSettings, match="rotate-root"):
        sign_trust(root_key, folder, format_trust(archive.trust), now=late)
    renewed = rotate_root(root_key, root_key, folder, now=late)
    assert (renewed.version, renewed.key_made) == (2, False)
    with pytest.raises(MalformedTrustRoot, match="expired"):
        load_trust(folder, first, now=late)
    sign_trust(root_key, folder, format_trust(archive.trust), now=late)
    assert load_trust(folder, first, now=late).trust == archive.trust


@pytest.mark.parametrize("killed_before", ["2.targets.json", "2.root.json"])
def test_an_interrupted_root_rotation_leaves_something_good_and_is_completed(
    signed, root_key, tmp_path, archive, killed_before
):
    folder, first = signed
    new_key = tmp_path / "stick" / "new.pem"
    pid = os.fork()
    if pid == 0:
        import sys

        def hook(event, arguments):
            if event == "os.rename" and str(arguments[1]).endswith(killed_before):
                os._exit(7)

        sys.addaudithook(hook)
        rotate_root(root_key, new_key, folder, now=NOW)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert load_trust(folder, first, now=NOW).trust == archive.trust
    assert rotate_root(root_key, new_key, folder, now=NOW).version == 2
    update = load_trust(folder, first, now=NOW)
    assert (update.root_version, update.trust) == (2, archive.trust)
    assert read_signing_key(new_key)


def test_what_others_put_into_the_folder_is_not_signed_again(signed, root_key, tmp_path, archive):
    folder, _ = signed
    forged = tmp_path / "forged"
    thief = tmp_path / "thief.pem"
    begin(thief, forged, now=NOW)
    evil = dataclasses.replace(archive.trust, attestation_keys=(SigningKey.generate().public,))
    for _ in range(2):
        sign_trust(thief, forged, format_trust(evil), now=NOW)
    for path in forged.iterdir():
        if path.name != "1.root.json" and path.name != "1.targets.json":
            (folder / path.name).write_bytes(path.read_bytes())
    before = sorted(path.name for path in folder.iterdir())
    new_key = tmp_path / "stick" / "new.pem"
    for attempt in (
        lambda: rotate_root(root_key, new_key, folder, now=NOW),
        lambda: sign_trust(root_key, folder, format_trust(archive.trust), now=NOW),
    ):
        with pytest.raises(BadSettings, match=r"2\.targets\.json: not signed"):
            attempt()
    assert sorted(path.name for path in folder.iterdir()) == before
    assert not new_key.exists()


def test_what_cannot_be_signed(signed, root_key, tmp_path, archive):
    folder, _ = signed
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(BadSettings, match="has root metadata already"):
        begin(root_key, folder, now=NOW)
    with pytest.raises(BadSettings, match="unknown member"):
        sign_trust(root_key, folder, b'{"everyone": true}', now=NOW)
    with pytest.raises(BadSettings, match="no such folder"):
        sign_trust(root_key, tmp_path / "nowhere", format_trust(archive.trust), now=NOW)
    with pytest.raises(BadSettings, match="sijill trust init"):
        sign_trust(root_key, tmp_path, format_trust(archive.trust), now=NOW)
    with pytest.raises(KeyFileUnusable):
        sign_trust(tmp_path / "no.pem", folder, format_trust(archive.trust), now=NOW)
    with pytest.raises(BadSettings, match="not the root key"):
        sign_trust(archive.folder / "keys" / "log.pem", folder, format_trust(archive.trust), now=NOW)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_published_is_looked_at_as_an_auditor_does(signed, root_key):
    folder, _ = signed
    assert published(folder, now=NOW).version == 1
    with pytest.raises(BadSettings, match="expired"):
        published(folder, now=NOW + timedelta(days=366))


def test_the_commands(archive_file, archive, tmp_path, configure):
    def call(*arguments):
        return CliRunner().invoke(trust_commands, [*map(str, arguments), "--json"], obj=archive_file)

    folder, key, new_key = tmp_path / "published", tmp_path / "root.pem", tmp_path / "new-root.pem"
    begun = json.loads(call("init", folder, "--root-key", key).output)
    assert (begun["version"], begun["rootKeyMade"]) == (1, True)
    assert begun["rootKeyid"] == read_signing_key(key).public.keyid
    one = json.loads(call("sign", folder, "--root-key", key).output)
    assert one["version"] == 1
    assert one["trustRoot"] == json.loads((archive.folder / "trust.json").read_bytes())
    configure({}, WITNESSES[:1])
    assert json.loads(call("refresh").output)["witnessesNeeded"] == 1
    copied = tmp_path / "copied.json"
    copied.write_bytes((archive.folder / "trust.json").read_bytes())
    two = json.loads(call("sign", folder, "--root-key", key, "--trust", copied, "--expires", 10).output)
    assert (two["version"], two["witnessesNeeded"]) == (2, 1)
    assert json.loads(call("rotate-root", folder, "--root-key", key, "--new-root-key", new_key).output)["version"] == 2
    shown = json.loads(call("show", folder).output)
    assert (shown["version"], shown["rootVersion"], shown["trustRoot"]) == (3, 2, two["trustRoot"])
    assert json.loads(call("show").output)["trustRoot"] == two["trustRoot"]
    assert load_trust(folder, (folder / "1.root.json").read_bytes(), now=datetime.now(UTC)).version == 3
    for arguments in (
        ("init", folder),
        ("sign", folder),
        ("sign", folder, "--root-key", key, "--expires", 0),
        ("refresh", "--witnesses", 0),
    ):
        assert call(*arguments).exit_code == 2, arguments
    assert isinstance(call("sign", folder, "--root-key", key, "--trust", tmp_path / "none").exception, BadSettings)


def test_the_commands_for_people(archive_file, archive, tmp_path, configure):
    def call(*arguments):
        return CliRunner().invoke(trust_commands, list(map(str, arguments)), obj=archive_file).output

    folder, key = tmp_path / "published", tmp_path / "root.pem"
    assert "take it offline" in call("init", folder, "--root-key", key)
    assert archive.attestation_key.public.keyid in call("sign", folder, "--root-key", key)
    configure({"first": None}, WITNESSES[:2])
    told = call("refresh")
    assert "2 of 2" in told
    assert "names no roots" in told
    assert "Version" in call("show", folder)
    assert WITNESSES[1] in call("show")
    rotated = call("rotate-root", folder, "--root-key", key, "--new-root-key", key)
    assert "2.root.json" in rotated
    assert "take it offline" not in rotated


def test_sijill_verify_follows_a_signed_trust_root(archive_file, archive, run, sites, tmp_path):
    def sijill(*arguments):
        done = run("sijill", "--config", archive_file, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    pins = "".join(f'"{name}" = "{address}"\n' for name, address in sites.pins.items())
    text = archive_file.read_text(encoding="utf-8")
    archive_file.write_text(text.replace("[network.pins]", f"[network.pins]\n{pins}", 1), encoding="utf-8")
    captured = json.loads(sijill("capture", sites.url("remedylawyers.example", "/robots.txt"), "--json"))
    package, folder, key = tmp_path / "robots.wacz", tmp_path / "published", tmp_path / "root.pem"
    sijill("export", captured["captures"][0]["captureId"], "-o", package)
    sijill("trust", "init", "--root-key", key, folder)
    for _ in range(2):
        sijill("trust", "sign", "--root-key", key, folder)
        write_trust(archive_file.parent / "trust.json", dataclasses.replace(archive.trust, policy=Policy()))
    root = tmp_path / "mine.json"
    root.write_bytes((folder / "1.root.json").read_bytes())
    for subject in ([package], ["archive", archive.store.url]):
        signed = [*subject, "--trust", folder, "--root", root]
        good = run("sijill-verify", *signed)
        assert good.returncode == 0, good.stdout + good.stderr
        assert "next time add: --trust-version" in good.stderr
        for arguments, says in (
            ([*subject, "--trust", folder], "name your root metadata with --root"),
            ([*subject, "--trust", archive_file.parent / "trust.json", "--root", root], "--root goes with a folder"),
            ([*signed, "--trust-version", "99"], "rolled back"),
            ([*subject, "--trust", folder, "--root", archive_file.parent / "trust.json"], "not a trust root"),
        ):
            refused = run("sijill-verify", *arguments)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert says in refused.stderr
            assert "Traceback" not in refused.stderr
