"""URLs that look like one of endlessly many, and those that only look odd."""

import pytest

from sijill.archive.crawl.traps import Traps, trap


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a?PHPSESSID=0123456789abcdef", "session id (phpsessid)"),
        ("/x;jsessionid=ABC123DEF", "session id (jsessionid)"),
        ("/?sid=ab12ab12ab12ab12ab12ab12", "session id (sid)"),
        ("/(S(abcdefghij0123456789abcd))/p", "session id in its path"),
        ("/calendar/2030/05/", "calendar"),
        ("/events/month/2019-05/", "calendar"),
        ("/%D8%AA%D9%82%D9%88%D9%8A%D9%85/2030/01/02", "calendar"),
        ("/events/?tribe-bar-date=2031-01-01", "calendar"),
        ("/a/b/a/b/a/b/", "repeats 'a/b'"),
        ("/css/css/css/x", "repeats 'css'"),
        ("/" + "/".join(f"s{n}" for n in range(21)), "21 segments"),
        ("/?" + "&".join(f"p{n}=1" for n in range(9)), "9 query parameters"),
        ("/?a=1&a=2&a=3&a=4", "'a' 4 times"),
        ("/p?replytocom=3", "another rendering"),
        ("/login?to=http%25253A%25252F%25252Fx", "URLs within URLs"),
    ],
)
def test_traps(path, reason):
    assert reason in trap(f"https://example.org{path}")
    assert Traps().trap(f"https://example.org{path}") == trap(f"https://example.org{path}")


@pytest.mark.parametrize(
    "path",
    ["/", "/blog/2018/11/15/title/", "/2011/11/11/11/", "/node/12345", "/story?sid=12345678", "/?s=prisoners2018",
     "/events/annual-report-2019/", "/events/2018/", "/a/b/a/b/", "/?f[]=1&f[]=2&f[]=3&f[]=4", "/view.php?id=3&lang=ar",
     "/%D8%A8%D9%8A%D8%A7%D9%86%D8%A7%D8%AA/%D8%A8%D9%8A%D8%A7%D9%86"],
)  # fmt: skip
def test_no_traps(path):
    assert trap(f"https://example.org{path}") is None


def test_lists_that_differ_only_in_numbers_are_counted():
    traps = Traps(per_shape=100)
    reasons = [traps.trap(f"https://example.org/list?page={n}", is_list=True) for n in range(150)]
    assert reasons[:100] == [None] * 100
    assert all("more than 100" in reason for reason in reasons[100:])
    assert traps.trap("https://example.org/other", is_list=True) is None
    assert traps.trap("https://example.org/list?page=999") is None  # a statement page is bounded by its own limit


def test_made_up_shapes_end_too():
    traps = Traps(per_shape=10)
    names = ["".join(chr(97 + n // 26**k % 26) for k in range(4)) for n in range(12_000)]
    reasons = [traps.trap(f"https://example.org/{name}", is_list=True) for name in names]
    assert reasons[9_999] is None
    assert reasons[-1] is not None
