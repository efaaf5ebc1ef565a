"""What waits: each URL once, the most promising first, only of hosts whose turn it is, and never too many."""

from datetime import UTC, datetime

import pytest

from sijill.archive.crawl.frontier import Frontier
from sijill.archive.crawl.pages import KNOWN, Planned, Task


def planned(url, *, how="link", task=Task.STATEMENT, depth=1, lastmod=None):
    return Planned(url, "http://a.example/", how, task, depth, lastmod)


def anyone(host):
    return True


def order(frontier, ready=anyone):
    taken = []
    while (one := frontier.take(ready)) is not None:
        taken.append(one.url.rpartition("/")[2])
    return taken


def test_what_names_others_comes_first_then_the_near_then_the_new():
    frontier = Frontier()
    day = [datetime(2024, 1, n, tzinfo=UTC) for n in (1, 2)]
    for one in (
        planned("http://a.example/known", how=KNOWN, depth=0),
        planned("http://a.example/deep", depth=2),
        planned("http://a.example/undated"),
        planned("http://a.example/old", lastmod=day[0]),
        planned("http://a.example/new", lastmod=day[1]),
        planned("http://a.example/map", task=Task.SITEMAP, depth=0),
        planned("http://a.example/start", how="start", task=Task.LIST, depth=0),
    ):
        assert frontier.add(one)
    assert order(frontier) == ["map", "start", "new", "old", "undated", "deep", "known"]


def test_a_url_is_let_in_once_even_after_it_was_taken():
    frontier = Frontier()
    assert frontier.add(planned("http://a.example/x"))
    assert not frontier.add(planned("http://a.example/x", depth=0))
    assert order(frontier) == ["x"]
    assert not frontier.add(planned("http://a.example/x"))
    frontier.done("http://a.example/y")
    assert not frontier.add(planned("http://a.example/y"))
    assert len(frontier) == 0


def test_a_host_that_is_not_ready_keeps_its_urls():
    frontier = Frontier()
    frontier.add(planned("http://a.example/a1"))
    frontier.add(planned("http://b.example:8080/b1"))
    frontier.add(planned("http://a.example/a2"))
    assert order(frontier, lambda host: host == "b.example:8080") == ["b1"]
    assert frontier.hosts() == ("a.example",)
    assert [one.url[-2:] for one in frontier.drain("a.example")] == ["a1", "a2"]
    assert frontier.take(anyone) is None


def test_what_was_put_back_comes_again():
    frontier = Frontier()
    frontier.add(planned("http://a.example/x"))
    frontier.put_back(frontier.take(anyone))
    assert (len(frontier), order(frontier)) == (1, ["x"])


def test_taking_one_out_leaves_the_others_in_their_order():
    frontier = Frontier()
    for name in "dbeac":
        frontier.add(planned(f"http://a.example/{name}"))
    frontier.remove("http://a.example/e")
    frontier.remove("http://a.example/never")
    frontier.remove("http://elsewhere.example/")
    assert (len(frontier), order(frontier)) == (4, ["d", "b", "a", "c"])
    frontier.put_back(planned("http://a.example/last"))
    frontier.remove("http://a.example/last")
    assert frontier.hosts() == ()


@pytest.mark.parametrize("most", [1, 5])
def test_no_more_than_so_many_are_let_in(most):
    frontier = Frontier(most=most)
    let_in = [frontier.add(planned(f"http://a.example/{n}")) for n in range(most + 3)]
    assert let_in == [True] * most + [False] * 3
    assert frontier.full
    assert len(frontier) == most
