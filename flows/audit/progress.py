"""How far an audit is, on standard error: a bar on a terminal, a line for each tenth elsewhere."""

from __future__ import annotations

from typing import Final, TextIO

from sijill.provenance.verify.archive.audit import Step

_WIDTH: Final = 30
_EVERY: Final = 10_000
"""Where the end is not known, so many make a step."""


class AuditProgress:
    """Shows what an audit reports of itself."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._terminal = output.isatty()
        self._shown: tuple[Step, int] | None = None

    def __call__(self, step: Step, done: int, total: int) -> None:
        """Show that `done` of `total` is done; the total is 0 if it is not known."""
        parts = 100 if self._terminal else 10
        reached = done * parts // total if total else done // _EVERY
        if (step, reached) == self._shown:
            return
        before, self._shown = self._shown, (step, reached)
        if not self._terminal:
            known = f"{step}: {reached * 100 // parts}%" if total else f"{step}: {done}"
            self._output.write(f"{known if reached or total else step}\n")
        else:
            end = "\n" if before is not None and before[0] is not step else ""
            bar = f"[{'#' * (reached * _WIDTH // parts):{_WIDTH}}] {reached:3}%" if total else str(done)
            self._output.write(f"{end}\r\x1b[K{step} {bar}")
        self._output.flush()

    def finish(self) -> None:
        """End the line of the bar."""
        if self._terminal and self._shown is not None:
            self._output.write("\n")
            self._output.flush()
