"""No byte of a package can be changed, removed or added without notice, and nothing in it can make the verifier raise."""

import random

import pytest
from evidence import TRUE_FILES, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

SEED = 20261121


@pytest.mark.parametrize("part", range(8))
def test_no_changed_byte_is_accepted(package, verify, part):
    chance = random.Random(SEED)
    for place in range(part, len(package), 16):
        broken = bytearray(package)
        broken[place] ^= 1 << chance.randrange(8)
        assert not verify(bytes(broken)).holds, place
