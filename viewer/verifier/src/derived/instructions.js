/**
 * The text of `VERIFY.txt`: how to check an evidence package by stock tools, and what that shows.
 *
 * What is in capitals between at signs is filled in. The text is part of the format: a change to it is a change of
 * format.
 */

const TEXT = `How to verify this evidence package without the software that made it
====================================================================

What you need
-------------
From the archive's operator, but by another way than this package (a printed page, a court file, a second person):

  trusted.pem             the public key that signs attestations
  trusted.vkey            the public key of the log, one line of text
@BRING@
A copy of the first two is in this package as attestation.pem and log.vkey. A copy proves nothing: whoever forges a
package puts in keys of their own, and may put in other commands than these. Read them before you run them; the README
of sijill leads the same way. An archive may have had several keys: the one needed here has the keyid (SHA-256 of its
DER) @KEYID@.

Put the files that you were given into the folder that holds this package, which should be called
@ID@.wacz.
Tools: unzip, coreutils, sed, openssl (3.0 or newer), xxd, b3sum; warcio (a Python package) for step 4.
Start a shell in that folder (sh) and run the indented lines, all in the same shell; it ends at the first line that
fails, and then the package is not what it claims to be. What they work out is left in a folder
@ID@.check.

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

    sed 's/.*"payload":"\\([^"]*\\)".*/\\1/' \\
      provenance/attestation.dsse.json | base64 -d > $check/payload.json
    sed 's/.*"keyid":"@KEYID@","sig":"\\([^"]*\\)".*/\\1/' \\
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
@DEPENDENCIES@
5. The log's checkpoint is signed by the log you trust
------------------------------------------------------
A checkpoint is a signed note (c2sp.org/signed-note): text, an empty line, signatures. The log's signature is the first;
those of witnesses may follow.

    sed '/^$/,$d' provenance/checkpoint > $check/head
    test "$(head -n 1 $check/head)" = "$(cut -d+ -f1 ../trusted.vkey)"
    sed '1,/^$/d' provenance/checkpoint | head -n 1 | cut -d' ' -f3 | \\
      base64 -d | tail -c 64 > $check/head.signature
    printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000' > $check/log.der
    cut -d+ -f3- ../trusted.vkey | base64 -d | tail -c 32 >> $check/log.der
    openssl pkeyutl -verify -pubin -keyform DER -inkey $check/log.der \\
      -rawin -in $check/head -sigfile $check/head.signature

6. The attestation is in the log
--------------------------------
The entry names the attestation by its digest. The proof (c2sp.org/tlog-proof) leads from the entry's hash to the root
in the checkpoint, by the rules of RFC 9162, 2.1.3.2. The last but one line compares.

    sed '1,/^$/d' provenance/inclusion.tlog-proof | cmp - provenance/checkpoint
    printf '{"envelopeSha256":"%s","id":"%s","kind":"capture","type":"https://sijill.org/log-entry/v1"}' \\
      "$(sha256sum provenance/attestation.dsse.json | cut -d' ' -f1)" $id > $check/entry.json
    hash=$({ printf '\\000'; cat $check/entry.json; } | sha256sum | cut -d' ' -f1)
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

7. Times for which others vouch
-------------------------------
@TIMES@
What this shows
---------------
The collector signed a statement that it received these bytes. The statement is in the log, and neither the bytes nor
the statement has changed since. It existed no later than T1, and was made no earlier than T0, if step 7 found them and
as far as those are believed whose times they are. Without them the only times are the collector's own, and all of this
could have been made at any time. It does not prove what the server sent.

The same checks and more by one command, which also compares the WARC with the attestation record by record and makes
the index, the page list, the report and this text anew to compare them:

  sijill-verify @ID@.wacz --trust trust.json
@PAGE@`;

const BRING_ROOTS = `  trusted-tsa.pem         root certificates of timestamping authorities, PEM, and those between them and the signer's
`;

const BRING_WITNESSES = `  trusted-witnesses.vkey  the public keys of witnesses, one a line
`;

const NO_TIMES = `There is no timestamp in this package and no cosignature of a witness, so that there is neither T0 nor T1.
`;

const TIMES = `T1: what someone outside the archive put a time on existed then. T0: what quotes such a thing was made after it. The
attestation is in the checkpoint, and may quote an older one. What was timestamped of a checkpoint is its text with the
log's signature alone.

    : > $check/times
    cp provenance/attestation.dsse.json $check/attestation.data
    cp provenance/checkpoint $check/checkpoint.note
@QUOTED@    for note in $check/*.note; do
      { sed '/^$/q' $note; sed '1,/^$/d' $note | head -n 1; } > \${note%.note}.data
    done
`;

const QUOTED = `    quoted=$(sed 's/.*"freshness":"\\([^"]*\\)".*/\\1/' $check/payload.json)
    printf '%b' "$quoted" > $check/freshness.note
`;

const TIMESTAMPS = `
Timestamps (RFC 3161) are the files *.tsr: checkpoint.* are over the checkpoint, attestation.* over the attestation,
freshness.* over the checkpoint that the attestation quotes; the attestation names those by their SHA-256, so that it
must be younger. Each is verified at its own time, so that a certificate that has expired since does not matter. One
that is under none of your roots does not count. If you were given no roots, leave these lines out.

    for token in provenance/*.tsr; do
      about=$(basename "$token" | cut -d. -f1)
      openssl ts -reply -in "$token" -token_out -out $check/token
      openssl ts -reply -in $check/token -token_in -text > $check/token.txt
      time=$(date -d "$(sed -n 's/^Time stamp: //p' $check/token.txt | head -n 1)" +%s)
      digest=$(sha256sum < "$token" | cut -d' ' -f1)
      if openssl ts -verify -in $check/token -token_in -data $check/$about.data \\
          -CAfile ../trusted-tsa.pem -attime "$time" > $check/verified.txt 2>&1 &&
        grep -q '^Hash Algorithm: sha\\(256\\|384\\|512\\)$' $check/token.txt &&
        { [ "$about" != freshness ] || grep -qF "\\"sha256\\":\\"$digest\\"}" $check/payload.json; }
      then
        echo "$about: $(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ) by the timestamp $token" >> $check/times
      else
        echo "$token does not count"
      fi
    done

openssl says more about each: openssl ts -reply -in FILE -text. An accuracy stated there is to be added to T1 and taken
from T0.
`;

const COSIGNATURES = `
Witnesses sign a checkpoint with the time at which they saw it (c2sp.org/tlog-cosignature). If you were given no keys of
witnesses, leave these lines out.

    for note in $check/*.note; do
      sed '/^$/,$d' $note > $check/text
      while IFS= read -r vkey; do
        printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000' > $check/witness.der
        printf '%s' "$vkey" | cut -d+ -f3- | base64 -d | tail -c 32 >> $check/witness.der
        sed '1,/^$/d' $note | cut -d' ' -f3 | while read -r line; do
          line=$(printf '%s' "$line" | base64 -d | xxd -p -c 100)
          case $line in "$(printf '%s' "$vkey" | cut -d+ -f2)"*)
            time=$((0x$(printf '%s' "$line" | cut -c 9-24)))
            { printf 'cosignature/v1\\ntime %d\\n' "$time"; cat $check/text; } > $check/cosigned
            printf '%s' "$line" | cut -c 25- | xxd -r -p > $check/cosignature
            openssl pkeyutl -verify -pubin -keyform DER -inkey $check/witness.der \\
              -rawin -in $check/cosigned -sigfile $check/cosignature > $check/verified.txt
            echo "$(basename $note .note): $(date -u -d "@$time" +%Y-%m-%dT%H:%M:%SZ) by \${vkey%%+*}" >> $check/times
          esac
        done
      done < ../trusted-witnesses.vkey
    done
`;

const BOUNDS = `
T0 is the latest time of what the attestation quotes, T1 the earliest of what holds the attestation.

    cat $check/times
    t0=$(grep '^freshness' $check/times | sort -k 2 | tail -n 1 | cut -d' ' -f2-)
    t1=$(grep -v '^freshness' $check/times | sort -k 2 | head -n 1 | cut -d' ' -f2-)
    echo "T0: \${t0:-none}"
    echo "T1: \${t1:-none}"
`;

const DEPENDENCIES = `
Some of what the page needs was not stored again, because another capture of the archive holds the same bytes. The WARC
says so by records of the type revisit; dependencies.warc.gz holds the records that they stand for, cut out of the WARCs
of those captures. The attestation says, under dependencies, from which capture each comes and when it was received, and
at each exchange, under revisit, why it was not stored again:

  identical       it was fetched again, and the bytes were the same
  not-modified    the server was asked, and said that it has not changed
  reused          the server was not asked again: for another page of the same run it was received, or one of the above

The attestations of those captures are not in this package. This one names each by its SHA-256, and binds the records
by length and two digests, in their order; these lines compare.

    warcio check archive/dependencies.warc.gz
    grep -o '"digest":{"blake3":"[0-9a-f]*","sha256":"[0-9a-f]*"},"length":[0-9]*' \\
      $check/payload.json > $check/members
    at=1
    for length in $(sed 's/.*://' $check/members); do
      tail -c +$at archive/dependencies.warc.gz | head -c $length > $check/member
      printf '"digest":{"blake3":"%s","sha256":"%s"},"length":%d\\n' "$(b3sum --no-names $check/member)" \\
        "$(sha256sum $check/member | cut -d' ' -f1)" "$(wc -c < $check/member)"
      at=$((at + length))
    done > $check/found
    cmp $check/found $check/members
    test "$(wc -c < archive/dependencies.warc.gz)" -eq $((at - 1))
`;

const SUBJECT = `
    printf '{"annotations":{"size":%d},"digest":{"blake3":"%s","sha256":"%s"},"mediaType":"%s","name":"%s"}' \\
      "$(wc -c < @PATH@)" "$(b3sum --no-names @PATH@)" \\
      "$(sha256sum @PATH@ | cut -d' ' -f1)" @TYPE@ @NAME@ > $check/subject
    grep -cFf $check/subject $check/payload.json
`;

const PAGE = `
The same again with nothing installed: provenance/verify.html is that verifier as a page. Open it in a browser, which
may be offline, and drop this package and the trust root on it. Whoever forges a package can forge the page in it, too:
take it from elsewhere, or compare what this prints with the digest that is published with sijill.

  sha256sum provenance/verify.html
`;

/**
 * `VERIFY.txt` of a package.
 *
 * @param {string} captureId
 * @param {string} keyid of the key whose signature step 2 checks
 * @param {{name: string, path: string, mediaType: string}[]} subjects
 * @param {{timestamped: boolean, cosigned: boolean, quoted: boolean, dependent: boolean, page: boolean}} has whether the package holds
 *   timestamps; whether its checkpoint, or the one that the attestation quotes, has more than one signature; whether
 *   the attestation quotes a checkpoint; whether the capture takes records from other captures; whether the package
 *   holds the page that verifies it
 * @returns {string}
 */
export function instructions(captureId, keyid, subjects, { timestamped, cosigned, quoted, dependent, page }) {
  const steps = subjects.map(({ name, path, mediaType }) =>
    SUBJECT.replaceAll("@NAME@", () => name)
      .replaceAll("@PATH@", () => path)
      .replaceAll("@TYPE@", () => mediaType),
  );
  const bring = (timestamped ? BRING_ROOTS : "") + (cosigned ? BRING_WITNESSES : "");
  return TEXT.replaceAll("@BRING@", () => bring)
    .replaceAll("@SUBJECTS@", () => steps.join(""))
    .replaceAll("@DEPENDENCIES@", () => (dependent ? DEPENDENCIES : ""))
    .replaceAll("@TIMES@", () => times(timestamped, cosigned, quoted))
    .replaceAll("@PAGE@", () => (page ? PAGE : ""))
    .replaceAll("@ID@", () => captureId)
    .replaceAll("@KEYID@", () => keyid);
}

/** @param {boolean} timestamped @param {boolean} cosigned @param {boolean} quoted */
function times(timestamped, cosigned, quoted) {
  if (!timestamped && !cosigned) return NO_TIMES;
  return [
    TIMES.replaceAll("@QUOTED@", () => (quoted ? QUOTED : "")),
    timestamped ? TIMESTAMPS : "",
    cosigned ? COSIGNATURES : "",
    BOUNDS,
  ].join("");
}
