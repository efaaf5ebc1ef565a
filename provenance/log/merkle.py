"""The Merkle tree of RFC 6962 §2.1 (the same as RFC 9162 §2.1): hashes, proofs and their verification.

Pure. Proofs are made from a function that gives the hash of a perfect subtree, so that a log of any size needs only
the tiles on the way. Verification shares no code with generation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from sijill.provenance.errors import InvalidProof

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

MAX_SIZE = 2**63 - 1
"""The largest tree size accepted; a proof in such a tree has at most 63 hashes."""

NodeReader = Callable[[int, int], bytes]
"""Given `level` and `index`, the root over leaves `index * 2**level` up to, not including, `(index + 1) * 2**level`."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    # RFC 6962 §2.1: the prefixes keep a leaf from posing as a node.
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over `hashes`, whose number is a power of two."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[place], level[place + 1]) for place in range(0, len(level), 2)]
    return level[0]


def fold(subtrees: Sequence[bytes]) -> bytes:
    """The root of a tree from the roots of its maximal perfect subtrees, the largest and leftmost first."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for subtree in reversed(subtrees[:-1]):
        root = node_hash(subtree, root)
    return root


def root(read: NodeReader, size: int) -> bytes:
    """The root over the first `size` leaves."""
    return _range_root(read, 0, size) if size else EMPTY_ROOT


def inclusion_proof(read: NodeReader, index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf upwards (RFC 6962 §2.1.1).

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(read: NodeReader, old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves begins with that of `old` (RFC 6962 §2.1.2).

    Empty if the sizes are equal, or if `old` is 0: anything is consistent with the empty tree.

    Raises:
        ValueError: `old` is negative or greater than `new`.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no consistency from {old} to {new}")
    if old in (0, new):
        return ()
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, start, middle))
            start = middle
    if start:
        path.append(_range_root(read, start, end))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Check that the leaf with hash `leaf` is at `index` in the tree of `size` leaves with `expected_root`.

    The algorithm is that of RFC 9162 §2.1.3.2.

    Raises:
        InvalidProof: it is not shown: another root comes out, there is no such leaf, or a hash is missing, too many or
            not 32 bytes.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidProof(f"no leaf {index} in a tree of {size}")
    _check_sizes((leaf, expected_root, *proof))
    node, last = index, size - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            raise InvalidProof("more hashes than the tree has levels")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise InvalidProof("fewer hashes than the path has")
    if computed != expected_root:
        raise InvalidProof("leads to another root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` leaves with `new_root` begins with that of `old` leaves with `old_root`.

    The algorithm is that of RFC 9162 §2.1.4.2; from size 0 only the empty proof and the empty root are accepted.

    Raises:
        InvalidProof: it is not shown.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise InvalidProof(f"no consistency from {old} to {new}")
    _check_sizes((old_root, new_root, *proof))
    if old == 0 and old_root != EMPTY_ROOT:
        raise InvalidProof("not the root of the empty tree")
    if old in (0, new):
        if proof:
            raise InvalidProof("more hashes than none")
        if old == new and old_root != new_root:
            raise InvalidProof("two roots of one size")
        return
    if not proof:
        raise InvalidProof("no hashes")
    # When `old` is a power of two its root is itself the first node, and the proof leaves it out.
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    from_old = from_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise InvalidProof("more hashes than the tree has levels")
        if node & 1 or node == last:
            from_old = node_hash(sibling, from_old)
            from_new = node_hash(sibling, from_new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            from_new = node_hash(from_new, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise InvalidProof("fewer hashes than the path has")
    if from_old != old_root:
        raise InvalidProof("leads to another old root")
    if from_new != new_root:
        raise InvalidProof("leads to another new root")


def _check_sizes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise InvalidProof(f"a hash is not {HASH_SIZE} bytes")


def _split(count: int) -> int:
    # RFC 6962 §2.1: the largest power of two smaller than `count`.
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(read: NodeReader, start: int, end: int) -> bytes:
    # Every range asked for begins at a multiple of the largest power of two that fits into it.
    subtrees: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        subtrees.append(read(level, start >> level))
        start += 1 << level
    return fold(subtrees)
