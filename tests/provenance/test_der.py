import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from sijill.provenance.der import SEQUENCE, element, elements


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_an_element_of_any_length_is_taken_as_it_came(length):
    inner = core.OctetString(b"x" * length).dump()
    whole = b"\x30" + core.OctetString(inner).dump()[1:]
    (outer,) = elements(whole)
    assert (outer.tag, outer.whole, outer.contents) == (SEQUENCE, whole, inner)
    (octets,) = outer.elements
    assert octets.contents == b"x" * length
    assert element(4, b"", b"x" * length) == inner


def test_a_row_of_elements():
    assert elements(b"") == []
    assert [one.whole for one in elements(b"\x02\x01\x05\x05\x00\xa0\x00")] == [
        b"\x02\x01\x05",
        b"\x05\x00",
        b"\xa0\x00",
    ]
    assert len(elements(b"\x05\x00" * 100)) == 100


@pytest.mark.parametrize(
    "data",
    [
        b"\x30",
        b"\x30\x01",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x05hello",
        b"\x30\x82\x00\x80" + b"x" * 128,
        b"\x30\x82\x01",
        b"\x30\xff",
        b"\x1f\x01\x00",
        b"\x05\x00" * 101,
    ],
)
def test_what_is_no_row_of_elements_is_refused(data):
    with pytest.raises(ValueError):
        elements(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_row_or_refused(data):
    try:
        found = elements(data)
    except ValueError:
        return
    assert b"".join(one.whole for one in found) == data
