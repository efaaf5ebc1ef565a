"""How alike two showings of a page are: their text, what they needed, their pictures. In thousandths; pure.

- Text: words in order. Twice the longest common subsequence by the number of words of both.
- Resources: the different requests that the replay made and that the capture answers, by all that it made.
- Picture: of the first picture, in grey, squares of 16 pixels that are more than background in either of the two; the
  share of them whose mean brightness is the same but for 24 of 255. So a picture that is missing on a white page
  counts for the place it took, and the white around it for nothing. What moves, and what lies behind it, differs.

The score is 45% text, 30% resources and 25% picture. Text is what a statement is; pictures differ also where a page
shows something else each time it is asked for.

The thresholds stand between what was measured with Chromium on the bundled sites. Their pages replayed whole score
1000; without a favicon, a font, a menu's script or one picture 907 to 970; without all pictures 707 to 862; without the
main style sheet 686 to 789; without the script or the figures of a table with bars 715 and 730; without the script or
the JSON of the page that they draw 341 and 356.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from typing import Final

from PIL import Image, ImageChops

from sijill.archive.capture.browser.rendering import Quality

THRESHOLD: Final = 900
"""Scores below it make a capture partial."""
TEXT_THRESHOLD: Final = 900
"""So does a text below it, whatever the rest is like."""
RESOURCES_THRESHOLD: Final = 700

_WORD: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\\w+|[^\\w\\s]")
"""A word, a mark, or a character of a script that is written without spaces."""
_READ: Final = 2 << 20
"""Characters of a text that are looked at."""
_LONGEST: Final = 30_000
"""Words that are compared in their order, after those at both ends that are the same."""
_CELL: Final = 16
_SAME: Final = 24
_WEIGHTS: Final = (45, 30, 25)
_NAMED: Final = 3
_SHORT: Final = 120


def text_similarity(live: str, replayed: str) -> int:
    """How much of the words of two texts is the same and in the same order, in thousandths; 1000 of two empty ones."""
    first, second = _WORD.findall(live[:_READ]), _WORD.findall(replayed[:_READ])
    total = len(first) + len(second)
    if not total:
        return 1000
    same = _common_ends(first, second)
    if max(len(first), len(second)) > _LONGEST:
        # Order is not looked at in texts that are so long and so different.
        same += (Counter(first) & Counter(second)).total()
    else:
        same += _longest_common(first, second)
    return 2000 * same // total


def _common_ends(first: list[str], second: list[str]) -> int:
    """Take off the words that both begin and end with; how many those are."""
    most = min(len(first), len(second))
    head = next((place for place in range(most) if first[place] != second[place]), most)
    most -= head
    tail = next((place for place in range(most) if first[-1 - place] != second[-1 - place]), most)
    for words in (first, second):
        words[:] = words[head : len(words) - tail]
    return head + tail


def _longest_common(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence, a bit for each word of `first` (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & full
    return len(first) - row.bit_count()


def share(found: int, of: int) -> int:
    """`found` of `of`, in thousandths; 1000 of nothing."""
    return 1000 * found // of if of else 1000


def picture_similarity(live: Image.Image, replayed: Image.Image) -> int:
    """How much of what two reduced pictures show is the same, in thousandths; 1000 if both are empty.

    What only one of them covers counts as different.
    """
    size = (max(live.width, replayed.width), max(live.height, replayed.height))
    counts = live.histogram()
    background = counts.index(max(counts))
    canvases = []
    for picture in (live, replayed):
        canvas = Image.new("L", size, background)
        canvas.paste(picture)
        canvases.append(canvas)
    first, second = (ImageChops.difference(one, Image.new("L", size, background)) for one in canvases)
    content = ImageChops.lighter(first, second).point([255 * (value > _SAME // 2) for value in range(256)])
    differs = ImageChops.difference(*canvases).point([255 * (value > _SAME) for value in range(256)])
    shown = content.histogram()[255]
    return 1000 * (shown - ImageChops.darker(content, differs).histogram()[255]) // shown if shown else 1000


def reduced(picture: bytes) -> Image.Image:
    """A picture in grey, a pixel for each square of 16.

    Raises:
        OSError: it is no picture.
    """
    return Image.open(io.BytesIO(picture)).convert("L").reduce(_CELL)


def quality(text: int, resources: int, picture: int, missing: tuple[str, ...] = ()) -> Quality:
    """The scores together, and what is wrong if they are too low.

    Args:
        text: of `text_similarity`.
        resources: of `share`.
        picture: of `picture_similarity`.
        missing: URLs that the replay asked for in vain.
    """
    score = sum(weight * part for weight, part in zip(_WEIGHTS, (text, resources, picture), strict=True)) // 100
    if score >= THRESHOLD and text >= TEXT_THRESHOLD and resources >= RESOURCES_THRESHOLD:
        return Quality(text, resources, picture, score, "")
    reason = (
        f"a replay from the capture alone is not the page that was seen: {score} of 1000 "
        f"(text {text}, resources {resources}, picture {picture})"
    )
    if missing:
        named = ", ".join(url if len(url) <= _SHORT else url[: _SHORT - 1] + "…" for url in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        reason += f"; not in it: {named}{more}"
    return Quality(text, resources, picture, score, reason)
