"""Looking up what the archived pages say."""

from __future__ import annotations

import json
import sys

from command import Command, step

WORDS = "سجلات القلعة"
"""The records of the fortress, written without the article and vowel signs that the pages may have."""
_PUBLICATIONS = 4


def look_up(command: Command, joint: str) -> bool:
    """Search in Arabic, and show the joint statement with all its publications; `joint` is the id of a capture of it.

    Returns whether all was found.
    """
    step("10. What the pages say: a search in Arabic, and one statement on two sites in two languages")
    print(f"   sijill search {WORDS}\n")
    print(command("search", WORDS, "--limit", "2").rstrip())
    print(f"\n   sijill statement {joint}\n")
    print(command("statement", joint).rstrip())
    hits = json.loads(command("search", WORDS, "--language", "ar", "--json"))["hits"]
    found = json.loads(command("statement", joint, "--json"))
    if any(hit["statement"] == found["statement"] for hit in hits) and len(found["publications"]) == _PUBLICATIONS:
        return True
    print("demo: the joint statement was not found with all its publications", file=sys.stderr)
    return False
