"""Showing the page of an evidence package again, from the package alone."""

from __future__ import annotations

from pathlib import Path

import click

from sijill.flows.commands.options import as_json
from sijill.flows.errors import ExitStatus


@click.command(epilog="Example: sijill replay statement.wacz --picture statement.jpg")
@click.argument("package", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write a JPEG of what it shows.")
@click.option("--text", type=click.Path(path_type=Path, dir_okay=False), help="Write the text that it shows.")
@as_json
def replay(package: Path, picture: Path | None, text: Path | None, as_json: bool) -> None:
    """Show the page of a package in Chromium without a network, and compare it with the text and picture in it.

    The package is not verified: sijill-verify does that. Exit status 1 if the page is not what was seen.
    """
    from sijill.flows.durable import replace_durably
    from sijill.flows.printing import print_facts, print_json
    from sijill.flows.replay import replay_package

    replayed = replay_package(package)
    quality, attested = replayed.quality, replayed.attested
    if picture is not None and replayed.picture is not None:
        replace_durably(picture, replayed.picture)
    if text is not None:
        replace_durably(text, replayed.text.encode("utf-8", "replace"))
    scores = {"text": quality.text, "resources": quality.resources, "picture": quality.picture, "score": quality.score}
    if as_json:
        print_json(
            {
                "captureId": replayed.capture_id,
                "asked": replayed.asked,
                "missing": list(replayed.missing),
                "quality": scores | {"reason": quality.reason},
                "attestedScore": None if attested is None else attested.score,
            }
        )
    else:
        parts = f"text {quality.text}, resources {quality.resources}, picture {quality.picture}"
        print_facts(
            {
                "Capture": replayed.capture_id,
                "Replayed": f"{quality.score} of 1000 ({parts})",
                "Attested": "not compared when it was captured" if attested is None else f"{attested.score} of 1000",
                "Requests": f"{replayed.asked}, {len(replayed.missing)} not in the package",
                "Verdict": quality.reason or "as it was seen",
            }
        )
    if quality.reason:
        raise SystemExit(ExitStatus.FAILED)
