from datetime import UTC, datetime, timedelta

from sijill.viewer.plots import WIDTH, over_time

DAY = timedelta(days=1)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def test_nothing_gives_no_plot():
    assert over_time({}, DAY) is None


def test_bars_are_few_fit_and_count_everything():
    plot = over_time({FIRST + DAY * number: 3 for number in range(400)}, DAY)
    assert len(plot.bars) <= 60
    assert sum(bar.value for bar in plot.bars) == 1200
    assert plot.each == "7 d"
    assert plot.bars[-1].x + plot.bars[-1].width <= WIDTH
    assert max(bar.height for bar in plot.bars) == 150
    assert (plot.first, plot.last) == ("2024-01-01", "2025-02-03")


def test_days_without_any_leave_a_gap_and_a_sum_goes_on():
    times = {FIRST: 2, FIRST + 3 * DAY: 1}
    assert [bar.value for bar in over_time(times, DAY).bars] == [2, 0, 0, 1]
    assert [bar.value for bar in over_time(times, DAY, summed=True).bars] == [2, 2, 2, 3]


def test_one_moment_is_one_bar():
    [bar] = over_time({FIRST: 5}, timedelta(seconds=1)).bars
    assert bar.value == 5
    assert bar.width < WIDTH / 10
