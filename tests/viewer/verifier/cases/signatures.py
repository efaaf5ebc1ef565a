"""Ed25519 signatures with points of small order, other spellings of points, and S beyond the order of the group."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int]


def signatures() -> Iterator[dict[str, Any]]:
    """Each: key, message, signature in hexadecimal, and whether OpenSSL says that it verifies."""
    chance = random.Random(5)
    base = point(4 * pow(5, P - 2, P) % P, 0)
    generator = next(found for y in range(2, 100) if (found := torsion(y)) is not None)
    small = [times(number, generator) for number in range(8)]
    for _ in range(12):
        secret, nonce = chance.randrange(1, ORDER), chance.randrange(1, ORDER)
        message = chance.randbytes(chance.randrange(40))
        for of_key, of_nonce in ((0, 0), (chance.randrange(8), 0), (0, chance.randrange(8)), (4, 4)):
            key = encoded(added(times(secret, base), small[of_key]))
            first = encoded(added(times(nonce, base), small[of_nonce]))
            challenge = int.from_bytes(hashlib.sha512(first + key + message).digest(), "little") % ORDER
            number = (nonce + challenge * secret) % ORDER
            yield judged(key, message, first + number.to_bytes(32, "little"))
            yield judged(key, message, first + (number + ORDER).to_bytes(32, "little"))
    spellings = [(y | sign << 255).to_bytes(32, "little") for y in range(P, 2**255) for sign in (0, 1)]
    spellings += [encoded(one) for one in small]
    for key in spellings:
        for message in (b"", b"a", b"b"):
            yield judged(key, message, encoded((0, 1)) + bytes(32))
            yield judged(key, message, spellings[2] + bytes(32))


def judged(key: bytes, message: bytes, signature: bytes) -> dict[str, Any]:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        verifies = False
    else:
        verifies = True
    return {"key": key.hex(), "message": message.hex(), "signature": signature.hex(), "verifies": verifies}


def point(y: int, sign: int) -> Point:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        raise ValueError("no point")
    return (x if x % 2 == sign else P - x, y)


def torsion(y: int) -> Point | None:
    try:
        found = times(ORDER, point(y, 0))
    except ValueError:
        return None
    return found if times(4, found) != (0, 1) else None


def added(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P


def times(number: int, one: Point) -> Point:
    total = (0, 1)
    while number:
        if number & 1:
            total = added(total, one)
        one = added(one, one)
        number >>= 1
    return total


def encoded(one: Point) -> bytes:
    return (one[1] | (one[0] & 1) << 255).to_bytes(32, "little")
