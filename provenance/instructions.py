"""The text of `VERIFY.txt`: how to check an evidence package by stock tools, and what that shows.

Its commands are the lines indented by four spaces; a test runs them as they are printed. Nothing that a server or a
target chose is in it, since it is text that people paste into a shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_TEXT: Final = r"""How to verify this evidence package without the software that made it
====================================================================

What you need
-------------
From the archive's operator, but by another way than this package (a printed page, a court file, a second person):

  trusted.pem    the public key that signs attestations
  trusted.vkey   the public key of the log, one line of text

A copy of each is in this package as attestation.pem and log.vkey. A copy proves nothing: whoever forges a package puts
in keys of their own. Put the two files that you were given into the folder that holds this package, which should be
called @ID@.wacz.

Tools: unzip, coreutils, sed, openssl (3.0 or newer), xxd, b3sum; warcio (a Python package) for step 4.
Start a shell in that folder (sh) and run the indented lines, all in the same shell; it ends at the first line that
fails, and then the package is not what it claims to be. What they work out is left in a folder @ID@.check.

1. Unpack
---------

    set -e
    id=@ID@
    check=../$id.check
    unzip -q -d $id $id.wacz
    cd $id
    mkdir $check

2. The attestation is signed by the key you trust
-------------------------------------------------
The envelope is DSSE (github.com/secure-systems-lab/dsse): what is signed is the payload type and the payload, each
with its length before it.

    sed 's/.*"payload":"\([^"]*\)".*/\1/' \
      provenance/attestation.dsse.json | base64 -d > $check/payload.json
    sed 's/.*"keyid":"@KEYID@","sig":"\([^"]*\)".*/\1/' \
      provenance/attestation.dsse.json | base64 -d > $check/signature
    printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < $check/payload.json)" > $check/pae
    cat $check/payload.json >> $check/pae
    openssl pkeyutl -verify -pubin -inkey ../trusted.pem -rawin -in $check/pae -sigfile $check/signature

payload.json is what the collector signed: what was asked for, what came, when, from which address, with which software.

3. The files are those that the attestation names
-------------------------------------------------
Each grep must find the size and both digests of a file in the attestation; it prints 1.
@SUBJECTS@
The remaining files are only for convenience. These two lists help to notice a damaged copy; they are not signed.

    sha256sum -c provenance/SHA256SUMS
    b3sum -c provenance/B3SUMS

4. The WARC is sound
--------------------

    warcio check archive/data.warc.gz

5. The log's checkpoint is signed by the log you trust
------------------------------------------------------
A checkpoint is a signed note (c2sp.org/signed-note): text, an empty line, signatures.

    sed '/^$/,$d' provenance/checkpoint > $check/head
    test "$(head -n 1 $check/head)" = "$(cut -d+ -f1 ../trusted.vkey)"
    sed '1,/^$/d' provenance/checkpoint | head -n 1 | cut -d' ' -f3 | \
      base64 -d | tail -c 64 > $check/head.signature
    printf '\060\052\060\005\006\003\053\145\160\003\041\000' > $check/log.der
    cut -d+ -f3- ../trusted.vkey | base64 -d | tail -c 32 >> $check/log.der
    openssl pkeyutl -verify -pubin -keyform DER -inkey $check/log.der \
      -rawin -in $check/head -sigfile $check/head.signature

6. The attestation is in the log
--------------------------------
The entry names the attestation by its digest. The proof (c2sp.org/tlog-proof) leads from the entry's hash to the root
in the checkpoint, by the rules of RFC 9162, 2.1.3.2. The last but one line compares.

    sed '1,/^$/d' provenance/inclusion.tlog-proof | cmp - provenance/checkpoint
    printf '{"envelopeSha256":"%s","id":"%s","kind":"capture","type":"https://sijill.org/log-entry/v1"}' \
      "$(sha256sum provenance/attestation.dsse.json | cut -d' ' -f1)" $id > $check/entry.json
    hash=$({ printf '\000'; cat $check/entry.json; } | sha256sum | cut -d' ' -f1)
    node=$(sed -n 's/^index //p' provenance/inclusion.tlog-proof)
    last=$(($(sed -n 2p $check/head) - 1))
    for line in $(sed -e '1,2d' -e '/^$/,$d' provenance/inclusion.tlog-proof); do
      other=$(printf '%s' "$line" | base64 -d | xxd -p -c 32)
      if [ $((node % 2)) -eq 1 ] || [ "$node" -eq "$last" ]; then
        hash=$(printf '01%s%s' "$other" "$hash" | xxd -r -p | sha256sum | cut -d' ' -f1)
        while [ $((node % 2)) -eq 0 ] && [ "$node" -ne 0 ]; do node=$((node / 2)); last=$((last / 2)); done
      else
        hash=$(printf '01%s%s' "$hash" "$other" | xxd -r -p | sha256sum | cut -d' ' -f1)
      fi
      node=$((node / 2)); last=$((last / 2))
    done
    test "$last" -eq 0
    test "$(printf '%s' "$hash" | xxd -r -p | base64)" = "$(sed -n 3p $check/head)"
    echo "$id is in the log"

What this shows
---------------
The collector signed a statement that it received these bytes. The statement is in the log, and neither the bytes nor
the statement has changed since. The times in it are the collector's own; only a timestamp by someone else, if there is
one, says when the statement existed at the latest, and only the checkpoint quoted in it, if there is one, says after
what it was made. It does not prove what the server sent.

The same checks and more by one command, which also compares the WARC with the attestation record by record and makes
the index, the page list and this text anew to compare them:

  sijill-verify @ID@.wacz --trust trust.json
"""

_SUBJECT: Final = r"""
    printf '{"annotations":{"size":%d},"digest":{"blake3":"%s","sha256":"%s"},"mediaType":"%s","name":"%s"}' \
      "$(wc -c < @PATH@)" "$(b3sum --no-names @PATH@)" \
      "$(sha256sum @PATH@ | cut -d' ' -f1)" @TYPE@ @NAME@ > $check/subject
    grep -cFf $check/subject $check/payload.json
"""


def instructions(capture_id: str, keyid: str, subjects: Sequence[tuple[str, str, str]]) -> bytes:
    """`VERIFY.txt` of a package.

    Args:
        capture_id: of the capture; the package is expected to be called `<capture id>.wacz`.
        keyid: of the key whose signature step 2 checks.
        subjects: name, path in the package and media type of each subject.
    """
    steps = "".join(
        _SUBJECT.replace("@NAME@", name).replace("@PATH@", path).replace("@TYPE@", media_type)
        for name, path, media_type in subjects
    )
    text = _TEXT.replace("@SUBJECTS@", steps).replace("@ID@", capture_id).replace("@KEYID@", keyid)
    return text.encode("ascii")
