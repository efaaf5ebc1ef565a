"""RFC 6962 hashes and proofs, against the standard's own definitions and vectors."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.provenance.errors import InvalidProof
from sijill.provenance.log.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "rfc6962" / "inclusion"
INCLUSION = sorted(VECTORS.rglob("*.json"))

# The leaves and roots that implementations of RFC 6962 have shared since the first of them.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MOST = 300
MANY = [number.to_bytes(2, "big") for number in range(MOST)]


def split(count):
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def mth(leaves):
    # RFC 6962 §2.1.
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = split(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(m, leaves):
    # RFC 6962 §2.1.1.
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m, leaves, whole):
    # RFC 6962 §2.1.2.
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


class Nodes:
    """Perfect subtrees over the first `size` leaves; it fails if asked for what a log of that size does not have."""

    def __init__(self, leaves):
        self.levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([node_hash(below[n], below[n + 1]) for n in range(0, len(below) - 1, 2)])

    def __call__(self, level, index):
        return self.levels[level][index]


def test_roots():
    for size, expected in enumerate(ROOTS, start=1):
        assert root(Nodes(LEAVES[:size]), size).hex() == expected
        assert mth(LEAVES[:size]).hex() == expected
    assert root(Nodes([]), 0) == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_all_vectors_are_there():
    assert len(INCLUSION) == 98


@pytest.mark.parametrize("file", INCLUSION, ids=lambda file: str(file.relative_to(VECTORS)))
def test_inclusion_vectors(file):
    vector = json.loads(file.read_text())
    proof = [base64.b64decode(item) for item in vector["proof"] or ()]
    leaf, expected = (base64.b64decode(vector[name] or "") for name in ("leafHash", "root"))
    accepted = True
    try:
        verify_inclusion(leaf, vector["leafIdx"], vector["treeSize"], proof, expected)
    except InvalidProof:
        accepted = False
    assert accepted is not vector["wantErr"], vector["desc"]


def test_proofs_are_the_recursive_definition():
    nodes = Nodes(MANY[:40])
    for size in range(1, 41):
        leaves = MANY[:size]
        assert root(nodes, size) == mth(leaves)
        for index in range(size):
            assert list(inclusion_proof(nodes, index, size)) == path(index, leaves)
        for old in range(1, size + 1):
            assert list(consistency_proof(nodes, old, size)) == subproof(old, leaves, True)


sizes = st.integers(1, MOST)
NODES = Nodes(MANY)
MTH = {0: EMPTY_ROOT} | {size: root(NODES, size) for size in range(1, MOST + 1)}


@settings(max_examples=150)
@given(st.data())
def test_inclusion_at_any_size(data):
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    assert MTH[size] == mth(MANY[:size])
    proof = inclusion_proof(NODES, index, size)
    assert list(proof) == path(index, MANY[:size])
    verify_inclusion(leaf_hash(MANY[index]), index, size, proof, MTH[size])


@settings(max_examples=150)
@given(st.data())
def test_consistency_at_any_sizes(data):
    new = data.draw(sizes)
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(NODES, old, new)
    assert list(proof) == (subproof(old, MANY[:new], True) if old else [])
    verify_consistency(old, new, proof, MTH[old], MTH[new])


def mutations(data, proof, total):
    """One change to a proof: a hash flipped, dropped, doubled, swapped, cut or put in anywhere."""
    proof = list(proof)
    kind = data.draw(st.sampled_from(["flip", "drop", "insert", "cut", "longer"] if proof else ["insert"]))
    place = data.draw(st.integers(0, max(0, len(proof) - 1)))
    if kind == "flip":
        changed = bytearray(proof[place])
        changed[data.draw(st.integers(0, 31))] ^= data.draw(st.integers(1, 255))
        proof[place] = bytes(changed)
    elif kind == "drop":
        del proof[place]
    elif kind == "insert":
        proof.insert(data.draw(st.integers(0, len(proof))), data.draw(st.sampled_from([MTH[total], bytes(32)])))
    elif kind == "cut":
        proof[place] = proof[place][:-1]
    else:
        proof[place] += b"\0"
    return proof


@settings(max_examples=300)
@given(st.data())
def test_no_changed_inclusion_proof_is_accepted(data):
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    proof = mutations(data, inclusion_proof(NODES, index, size), size)
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf_hash(MANY[index]), index, size, proof, MTH[size])


@settings(max_examples=300)
@given(st.data())
def test_no_proof_holds_for_another_place_leaf_or_root(data):
    size = data.draw(st.integers(2, MOST))
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    proof = inclusion_proof(NODES, index, size)
    leaf = leaf_hash(MANY[index])
    for attempt in (
        (leaf, other, size, proof, MTH[size]),
        (leaf_hash(MANY[other]), index, size, proof, MTH[size]),
        (leaf, index, size, proof, MTH[size - 1]),
        (leaf, index, size, proof, b""),
        (leaf[:-1], index, size, proof, MTH[size]),
        (leaf, -1, size, proof, MTH[size]),
        (leaf, size, size, proof, MTH[size]),
        (leaf, 2**63, 2**63 + 1, proof, MTH[size]),
    ):
        with pytest.raises(InvalidProof):
            verify_inclusion(*attempt)


@settings(max_examples=300)
@given(st.data())
def test_no_changed_consistency_proof_is_accepted(data):
    new = data.draw(sizes)
    old = data.draw(st.integers(0, new))
    proof = mutations(data, consistency_proof(NODES, old, new), new)
    with pytest.raises(InvalidProof):
        verify_consistency(old, new, proof, MTH[old], MTH[new])


@settings(max_examples=200)
@given(st.data())
def test_no_consistency_with_another_tree(data):
    new = data.draw(sizes)
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(NODES, old, new)
    with pytest.raises(InvalidProof):
        verify_consistency(old, new, proof, bytes(32), MTH[new])
    # Nothing can be inconsistent with the empty tree, so its proof says nothing of the new root.
    if old:
        with pytest.raises(InvalidProof):
            verify_consistency(old, new, proof, MTH[old], bytes(32))
    with pytest.raises(InvalidProof):
        verify_consistency(new + 1, new, proof, MTH[old], MTH[new])
    with pytest.raises(InvalidProof):
        verify_consistency(-1, new, proof, MTH[old], MTH[new])


def test_proofs_that_do_not_exist():
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(NODES, 5, 5)
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(NODES, -1, 5)
    with pytest.raises(ValueError, match="no consistency"):
        consistency_proof(NODES, 6, 5)


def test_leaf_cannot_pose_as_node():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
