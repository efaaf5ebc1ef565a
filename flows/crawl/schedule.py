"""Which runs were due by a site's schedule, and did not happen."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from sijill.archive.crawl.site import Schedule, Site
from sijill.provenance.attest.run import MAX_MISSED

GRACE = timedelta(hours=1)
"""How late a run may begin before somebody else's run calls it missed."""


def accounted_until(started: datetime, due: datetime | None) -> datetime:
    """Until when a run says what was missed: up to when it was due, or an hour before somebody started it."""
    return due if due is not None else started - GRACE


def missed_runs(schedule: Schedule, *, since: datetime, until: datetime, due: datetime | None) -> tuple[datetime, ...]:
    """When runs were due after `since` and not after `until`, the one that is happening now left out; in UTC.

    Args:
        schedule: of the site.
        since: until when the run before accounted for what was due.
        until: see `accounted_until`.
        due: when the run that is happening now was due; None if nobody but a person wanted it.
    """
    from cronsim import CronSim

    times = CronSim(schedule.cron, since.astimezone(ZoneInfo(schedule.timezone)))
    moments = (moment.astimezone(UTC) for moment in times)
    kept = deque(takewhile(lambda moment: moment <= until, moments), maxlen=MAX_MISSED + 1)
    return tuple(moment for moment in kept if moment != due and moment > since)[-MAX_MISSED:]


def is_superseded(site: Site, due: datetime, now: datetime) -> bool:
    """Whether a run that was due comes so late that it is better left out: a later date of the schedule has come."""
    if site.schedule is None or now - due <= GRACE:
        return False
    return bool(missed_runs(site.schedule, since=due, until=now, due=None))
