"""The journal of a crawl in the store: what outlives a killed worker, and who is at work on a site.

`pending/crawls/<site>/<run id>/plan` says that the run exists; `…/steps/<number>` what became of each URL; `…/report`
what the run came to, once it is over. They go when the run's statement is stored. `pending/crawls/<site>/lease` names
the worker that is at it, and `pending/crawls/<site>/last` the last run that was recorded.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sijill.archive.crawl.pages import PageOutcome, Planned, Step, Task
from sijill.flows.errors import LeaseLost, OutputUnusable, SiteBusy
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Trigger
from sijill.provenance.attest.timestamps import format_timestamp, parse_timestamp
from sijill.provenance.errors import LogDamaged, MalformedTimestamp
from sijill.storage.errors import NotFound
from sijill.storage.layout import PENDING

STALE = timedelta(minutes=5)
"""How long after its last sign of life another machine's worker counts as dead, by the store's clock."""
_RENEWED = timedelta(seconds=30)
_LARGEST_STEP = 128 << 20
_LARGEST_NOTE = 1 << 20


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run that has begun and is not recorded yet."""

    run_id: str
    trigger: Trigger
    due: datetime | None
    started: datetime


class RunJournal:
    """The journal of one run, for a worker that holds the lease; safe to share between threads."""

    def __init__(self, archive: Archive, site_id: str, plan: RunPlan, lease: Lease) -> None:
        self._archive = archive
        self._folder = f"{site_folder(site_id)}{plan.run_id}/"
        self._lease = lease

    def note(self, step: Step) -> None:
        """Remember a step, in place of what was remembered under its number.

        It outlives this process, and is not waited for to outlast a loss of power: the capture that it names does, and
        if nobody knows of that any more, the page is captured once more.
        """
        self._archive.store.replace(f"{self._folder}steps/{step.number:08d}", _json(step_json(step)), durable=False)

    def alive(self) -> None:
        """Show that the run is worked at.

        Raises:
            LeaseLost: another worker has taken it over.
        """
        self._lease.renew()

    def steps(self) -> tuple[Step, ...]:
        """What earlier workers noted, in the order of beginning; without what a loss of power left no whole note of.

        Raises:
            LogDamaged: a step is not what `note` writes.
        """
        keys = list(self._archive.store.list(f"{self._folder}steps/"))
        noted = ((key, self._archive.store.read(key, limit=_LARGEST_STEP)) for key in keys)
        return tuple(_step(key, data) for key, data in noted if _is_whole(data))

    def keep_report(self, report: bytes) -> None:
        """Remember what the run came to, so that whoever records it after a death records the same."""
        self._archive.store.replace(f"{self._folder}report", report)

    def report(self) -> bytes | None:
        """What the run came to, if it is over."""
        try:
            return self._archive.store.read(f"{self._folder}report", limit=_LARGEST_STEP)
        except NotFound:
            return None

    def forget(self) -> None:
        """Remove the journal: the run is recorded."""
        for key in [*self._archive.store.list(f"{self._folder}steps/"), f"{self._folder}report", f"{self._folder}plan"]:
            self._archive.store.delete(key)


def site_folder(site_id: str) -> str:
    """Where what is kept about runs of a site is."""
    return f"{PENDING}crawls/{site_id}/"


def begin_run(archive: Archive, site_id: str, plan: RunPlan) -> None:
    """Note that a run has begun."""
    value = {
        "runId": plan.run_id,
        "trigger": plan.trigger.value,
        "due": None if plan.due is None else format_timestamp(plan.due),
        "started": format_timestamp(plan.started),
    }
    archive.store.replace(f"{site_folder(site_id)}{plan.run_id}/plan", _json(value))


def unfinished_run(archive: Archive, site_id: str) -> RunPlan | None:
    """The oldest run of a site that has begun and is not recorded.

    Raises:
        LogDamaged: what is stored is not a plan.
    """
    for key in archive.store.list(site_folder(site_id)):
        if key.endswith("/plan"):
            value = _object(key, archive.store.read(key, limit=_LARGEST_NOTE))
            try:
                return RunPlan(
                    value["runId"],
                    Trigger(value["trigger"]),
                    None if value["due"] is None else parse_timestamp(value["due"]),
                    parse_timestamp(value["started"]),
                )
            except (KeyError, TypeError, ValueError, MalformedTimestamp) as err:
                raise LogDamaged(key, "not the plan of a run") from err
    return None


def last_run(archive: Archive, site_id: str) -> str | None:
    """The id of the last run of a site that was recorded, as far as that was noted."""
    try:
        return archive.store.read(f"{site_folder(site_id)}last", limit=_LARGEST_NOTE).decode("ascii").strip()
    except (NotFound, UnicodeDecodeError):
        return None


def noted_runs(archive: Archive) -> frozenset[str]:
    """The ids of the runs that were noted as the last of their sites."""
    notes = [key for key in archive.store.list(f"{PENDING}crawls/") if key.endswith("/last")]
    return frozenset(filter(None, (last_run(archive, key.split("/")[-2]) for key in notes)))


def note_last_run(archive: Archive, site_id: str, run_id: str) -> None:
    """Note which run of a site was recorded last."""
    archive.store.replace(f"{site_folder(site_id)}last", f"{run_id}\n".encode("ascii"))


def last_sign_of_life(archive: Archive, site_id: str) -> datetime | None:
    """When the worker that holds the lease of a site last showed that it lives; None if nobody holds it."""
    held = _holder(archive, f"{site_folder(site_id)}lease")
    return None if held is None else held[1]


class Lease:
    """The right to work at a site, renewed now and then."""

    def __init__(self, archive: Archive, key: str, token: str) -> None:
        self._archive = archive
        self._key = key
        self._token = token
        self._renewed = archive.clock()
        self._lock = threading.Lock()

    def renew(self) -> None:
        """Show that the worker lives, unless that was done just now.

        Raises:
            LeaseLost: another worker has taken over.
        """
        with self._lock:
            now = self._archive.clock()
            if timedelta(0) <= now - self._renewed < _RENEWED:
                return
            held = _holder(self._archive, self._key)
            if held is None or held[0] != self._token:
                raise LeaseLost(self._key)
            self._archive.store.replace(self._key, _lease(self._token, now))
            self._renewed = now


@contextmanager
def leased(archive: Archive, site_id: str) -> Iterator[Lease]:
    """The lease of a site, given back at the end.

    A worker of this archive's folder holds a file lock, too, which ends with its process: if it was killed, the next
    one here takes over at once. That of another machine counts as dead after `STALE`.

    Raises:
        SiteBusy: another worker is at it.
    """
    key = f"{site_folder(site_id)}lease"
    with _locked_here(archive.folder / "work" / "crawls" / site_id, site_id) as mine:
        token = secrets.token_hex(8)
        earlier = mine.read()
        # All are kept until the lease is had: whoever is killed in between is known by one of them.
        mine.write(*earlier[-8:], token)
        if not archive.store.create(key, _lease(token, archive.clock())):
            held = _holder(archive, key)
            if held is not None and held[0] not in earlier and _silence(archive, key) < STALE:
                raise SiteBusy(site_id, held[1])
            archive.store.delete(key)
            archive.store.create(key, _lease(token, archive.clock()))
            # Somebody else may have thought the same of the dead worker at the same time.
            held = _holder(archive, key)
            if held is None or held[0] != token:
                raise SiteBusy(site_id, archive.clock())
        mine.write(token)
        try:
            yield Lease(archive, key, token)
        finally:
            held = _holder(archive, key)
            if held is not None and held[0] == token:
                archive.store.delete(key)


def _silence(archive: Archive, key: str) -> timedelta:
    """How long ago a lease was written; no clock but the store's is asked, since those of machines may differ."""
    asked = f"{key}-asked"
    archive.store.replace(asked, b"")
    try:
        now, written = archive.store.stat(asked), archive.store.stat(key)
    finally:
        archive.store.delete(asked)
    return timedelta(0) if now is None or written is None else now.modified - written.modified


@dataclass(frozen=True, slots=True)
class _TokenFile:
    path: Path

    def read(self) -> list[str]:
        return self.path.read_text(encoding="ascii", errors="replace").split()

    def write(self, *tokens: str) -> None:
        self.path.write_text("".join(f"{token}\n" for token in tokens), encoding="ascii")


@contextmanager
def _locked_here(path: Path, site_id: str) -> Iterator[_TokenFile]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as err:
        raise OutputUnusable(f"{path}: {err.strerror}; the work folder must be writable") from err
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield _TokenFile(path)
    except BlockingIOError as err:
        raise SiteBusy(site_id, None) from err
    finally:
        os.close(descriptor)


def _lease(token: str, now: datetime) -> bytes:
    return _json({"token": token, "at": format_timestamp(now)})


def _holder(archive: Archive, key: str) -> tuple[str, datetime] | None:
    """Who holds the lease, and when it showed that it lives; None if nobody does, or what is there is no lease."""
    try:
        value = json.loads(archive.store.read(key, limit=_LARGEST_NOTE))
        return str(value["token"]), parse_timestamp(str(value["at"]))
    except (NotFound, ValueError, KeyError, TypeError, MalformedTimestamp):
        return None


def step_json(step: Step) -> dict[str, Any]:
    """A step as it is stored."""
    return {
        "number": step.number,
        "planned": _planned_json(step.planned),
        "outcome": None if step.outcome is None else step.outcome.value,
        "reason": step.reason,
        "captureId": step.capture_id,
        "earlier": list(step.earlier),
        "attempts": step.attempts,
        "finalUrl": step.final_url,
        "status": step.status,
        "sha256": step.sha256,
        "textSha256": step.text_sha256,
        "size": step.size,
        "milliseconds": step.milliseconds,
        "found": [_planned_json(planned) for planned in step.found],
        "problems": list(step.problems),
        "refused": dict(step.refused),
    }


def _is_whole(data: bytes) -> bool:
    """Whether a note that was not waited for reached its medium: what did not is empty, cut off, or zeros."""
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _step(key: str, data: bytes) -> Step:
    value = _object(key, data)
    try:
        return Step(
            number=value["number"],
            planned=_planned(value["planned"]),
            outcome=None if value["outcome"] is None else PageOutcome(value["outcome"]),
            reason=value["reason"],
            capture_id=value["captureId"],
            earlier=tuple(value["earlier"]),
            attempts=value["attempts"],
            final_url=value["finalUrl"],
            status=value["status"],
            sha256=value["sha256"],
            text_sha256=value["textSha256"],
            size=value["size"],
            milliseconds=value["milliseconds"],
            found=tuple(_planned(one) for one in value["found"]),
            problems=tuple(value["problems"]),
            refused=tuple(value["refused"].items()),
        )
    except (AttributeError, KeyError, TypeError, ValueError, MalformedTimestamp) as err:
        raise LogDamaged(key, "not a step of a run") from err


def _planned_json(planned: Planned) -> list[Any]:
    moment = None if planned.lastmod is None else format_timestamp(planned.lastmod)
    return [planned.url, planned.via, planned.how, planned.task.value, planned.depth, moment]


def _planned(value: Any) -> Planned:
    url, via, how, task, depth, moment = value
    return Planned(url, via, how, Task(task), depth, None if moment is None else parse_timestamp(moment))


def _object(key: str, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as err:
        raise LogDamaged(key, "not JSON") from err
    if not isinstance(value, dict):
        raise LogDamaged(key, "not an object")
    return value


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
