"""`sijill init`: a settings file that documents itself, two keys, and the trust root to hand to auditors."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sijill.flows.errors import BadSettings
from sijill.flows.settings import FILE_NAME

_TEMPLATE = """\
# sijill: settings of one archive. Unknown keys are refused. Relative paths start at this file's folder.

[operator]
name = {name}        # who archives; stands in every attestation
contact = {contact}  # where a site's owner can ask; sent in the User-Agent header (ASCII)
conceal = false      # true: attestations carry a commitment to the name; keys/collector.salt opens it
# egress = "203.0.113.7"   # the public address that requests leave from, if you know it

[store]
url = {store}        # "./folder", "file:///absolute/folder", "s3://bucket/prefix?endpoint=https://host&region=name"
lock = "none"        # Object Lock of everything immutable: "governance", or "compliance", which nobody can end early
lock_days = 3650     # for how long, from when it is stored
hold = false         # true: put a legal hold on everything of each new capture, until: sijill release ID
require = []         # what sijill store probe must have shown before anything is archived, any of: "consistency",
                     # "conditional-write", "versioning", "object-lock", "checksum", "clock"

[keys]               # Ed25519 private keys; never leave this machine, keep a copy offline
attestation = "keys/attestation.pem"
log = "keys/log.pem"
trust = "trust.json" # what auditors get; names every key this archive ever used

[log]
origin = {origin}    # the log's name in every checkpoint; must never change

# Who else bears witness. Everything works without; an auditor then has only this archive's own word for times.
# [[timestamps]]                  # an RFC 3161 authority, asked for a token over each checkpoint; name two or more
# name = "example-tsa"
# url = "https://tsa.example/"
# roots = "tsa/example-tsa.pem"   # its root certificates, got by a way you trust; they go into trust.json
# intermediates = "tsa/example-tsa-chain.pem"
#
# [[witnesses]]                   # a witness (c2sp.org/tlog-witness), asked to cosign each checkpoint
# url = "https://witness.example/"
# vkey = "witness.example+xxxxxxxx+..."

[limits]                          # of one capture: sizes in bytes, times in seconds
exchange_bytes = 1_073_741_824    # one response; what exceeds it is cut and marked
exchange_seconds = 60             # one request and its response
capture_bytes = 3_221_225_472     # all responses of a capture; 3 GiB is the most a package holds
capture_seconds = 300
redirects = 10
requisites = 500                  # styles, images, fonts, scripts, frames, linked documents
header_bytes = 65_536
parallel = 6                      # requests at once within one page

[network]
allow = []                        # networks to reach although they are not public, e.g. ["127.0.0.0/8"]
reject_invalid_certificates = false   # false: capture all the same, and record why the certificate is not valid
# ca_file = "roots.pem"           # trust anchors for TLS instead of the system's
# user_agent = "..."              # instead of the default, which names operator and contact

[network.pins]                    # as curl --resolve; recorded in the attestation
# "example.org:443" = "203.0.113.10"

[browser]                         # Chromium without a network of its own: pages as a person saw them, with pictures
mode = "never"                    # "auto": shown in Chromium if there is one, else plain HTTP, which the attestation
                                  # says; "always": not without it. sites.toml, --browser, --no-browser go before this
# executable = "/usr/bin/chromium"   # instead of the one that is found
width = 1280                      # of the window, in CSS pixels
height = 900
scale_thousandths = 1000          # pixels of the pictures for each of these, times 1,000
language = "en-US"                # what pages are told to be read in
time_zone = "UTC"                 # IANA name
colour_scheme = "light"           # or "dark"
memory_bytes = 2_147_483_648      # of the whole browser; beyond, it is ended and the capture is partial
quality = true                    # replay each capture without a network and compare it with the page: the score is
                                  # attested, and a capture that is not what was seen is partial

[prefect]                         # only for sijill deploy, sijill worker and sijill up
pool = "sijill"                   # the work pool; another one for each archive on the same Prefect server
# notify = "slack-webhook/archivists"   # block told of failed runs and of sites where nothing was found: type/name
seal_minutes = 15                 # how often the log is sealed by schedule: 1, 2, 5, 10, 15, 20, 30 or 60

[notifications]                   # who is told after a crawl that a statement has changed or vanished
urls = []                         # addresses of apprise, e.g. "mailto://...", or "$NAME": what this variable holds

[secrets]                         # variables that must be set, and the Prefect Secret block that flows read instead
# AWS_SECRET_ACCESS_KEY = "sijill-s3-secret"
"""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `init` wrote."""

    settings: Path
    trust: Path
    attestation_keyid: str
    log_vkey: str


def initialise(folder: Path, *, operator: str, contact: str, store: str = "./store") -> Initialised:
    """Write `sijill.toml`, two private keys (mode 0600) and `trust.json` into `folder`.

    Raises:
        BadSettings: one of the files is there already (nothing is overwritten), or a value is not usable.
    """
    from sijill.provenance.attest.attestation import SALT_SIZE
    from sijill.provenance.attest.keys import SigningKey, write_signing_key
    from sijill.provenance.log.note import NoteSigner
    from sijill.provenance.verify.trust import TrustRoot, format_trust

    settings, trust = folder / FILE_NAME, folder / "trust.json"
    keys = folder / "keys"
    attestation_path, log_path, salt = keys / "attestation.pem", keys / "log.pem", keys / "collector.salt"
    for path in (settings, trust, attestation_path, log_path, salt):
        if path.exists():
            raise BadSettings(f"{path} is there already; nothing was written. Choose another folder")
    attestation_key, log_key = SigningKey.generate(), SigningKey.generate()
    origin = f"sijill/{log_key.public.keyid[:16]}"
    text = _TEMPLATE.format(
        name=_toml_string(operator),
        contact=_toml_string(contact),
        store=_toml_string(store),
        origin=_toml_string(origin),
    )
    _check(text, settings)
    log = NoteSigner(origin, log_key).verifier
    root = TrustRoot(attestation_keys=(attestation_key.public,), log_keys=(log,))
    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_signing_key(attestation_path, attestation_key)
        write_signing_key(log_path, log_key)
        _write_new(salt, secrets.token_hex(SALT_SIZE) + "\n", mode=0o600)
        _write_new(trust, format_trust(root).decode())
        _write_new(settings, text)
    except OSError as err:
        raise BadSettings(f"{err.filename or folder}: {err.strerror}") from err
    return Initialised(settings, trust, attestation_key.public.keyid, log.vkey)


def _check(text: str, path: Path) -> None:
    """Refuse values that the settings reader would refuse, before anything is written."""
    import tomllib

    from pydantic import ValidationError

    from sijill.flows.settings import Settings, first_fault

    try:
        Settings.model_validate(tomllib.loads(text))
    except ValidationError as err:
        raise BadSettings(f"{path}: {first_fault(err)}") from err


def _toml_string(text: str) -> str:
    # JSON strings are TOML basic strings, but for DEL, which TOML wants escaped (TOML 1.0, String).
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_new(path: Path, text: str, *, mode: int = 0o644) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
