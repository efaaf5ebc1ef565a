"""Which pairs stand in the same order on both sides. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def heaviest_in_order(pairs: Sequence[tuple[int, int, int]]) -> dict[int, int]:
    """Of pairs (left, right, weight), in the order of `left`, those of the greatest weight in all whose rights ascend.

    Every left and every right is there once. The rest are what has moved. Takes n log n steps.
    """
    ranks = {right: rank for rank, right in enumerate(sorted(right for _, right, _ in pairs), 1)}
    # A Fenwick tree over the rights: the best chain that ends at one of the first `rank` of them.
    best: list[tuple[int, int]] = [(0, -1)] * (len(pairs) + 1)
    before: list[int] = []
    for position, (_, right, weight) in enumerate(pairs):
        rank = ranks[right] - 1
        found = (0, -1)
        while rank:
            found = max(found, best[rank])
            rank &= rank - 1
        before.append(found[1])
        chain = (found[0] + weight, position)
        rank = ranks[right]
        while rank < len(best):
            best[rank] = max(best[rank], chain)
            rank += rank & -rank
    last = max(best)[1]
    kept: dict[int, int] = {}
    while last >= 0:
        left, right, _ = pairs[last]
        kept[left] = right
        last = before[last]
    return kept
