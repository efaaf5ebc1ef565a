/** The Merkle tree of RFC 6962 §2.1 (the same as RFC 9162 §2.1): hashes, and the verification of inclusion. */

import { sha256 } from "@noble/hashes/sha2";

import { joined, sameBytes } from "../encoding.js";
import { InvalidProof } from "../errors.js";

export const HASH_SIZE = 32;

/** The root of the tree without leaves. */
export const EMPTY_ROOT = sha256(new Uint8Array());

/** The largest tree size accepted; a proof in such a tree has at most 63 hashes. */
export const MAX_SIZE = 2n ** 63n - 1n;

// RFC 6962 §2.1: the prefixes keep a leaf from posing as a node.
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/**
 * The hash of a leaf.
 *
 * @param {Uint8Array} data
 * @returns {Uint8Array}
 */
export function leafHash(data) {
  return sha256(joined(LEAF, data));
}

/**
 * The hash of an inner node.
 *
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 * @returns {Uint8Array}
 */
export function nodeHash(left, right) {
  return sha256(joined(NODE, left, right));
}

/**
 * Check that the leaf with hash `leaf` is at `index` in the tree of `size` leaves with `expectedRoot`. The algorithm is
 * that of RFC 9162 §2.1.3.2.
 *
 * @param {Uint8Array} leaf
 * @param {bigint} index
 * @param {bigint} size
 * @param {Uint8Array[]} proof
 * @param {Uint8Array} expectedRoot
 */
export function verifyInclusion(leaf, index, size, proof, expectedRoot) {
  if (index < 0n || index >= size || size > MAX_SIZE) {
    throw new InvalidProof(`no leaf ${index} in a tree of ${size}`);
  }
  if ([leaf, expectedRoot, ...proof].some((hash) => hash.length !== HASH_SIZE)) {
    throw new InvalidProof(`a hash is not ${HASH_SIZE} bytes`);
  }
  let node = index;
  let last = size - 1n;
  let computed = leaf;
  for (const sibling of proof) {
    if (last === 0n) {
      throw new InvalidProof("more hashes than the tree has levels");
    }
    if (node & 1n || node === last) {
      computed = nodeHash(sibling, computed);
      while (!(node & 1n) && node) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      computed = nodeHash(computed, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last) {
    throw new InvalidProof("fewer hashes than the path has");
  }
  if (!sameBytes(computed, expectedRoot)) {
    throw new InvalidProof("leads to another root");
  }
}
