"""What a sweep says on stderr while it works."""

from __future__ import annotations

import time

from energyopt.progress import LINE_EVERY_S, Progress
from energyopt.sweep.engine import Told
from energyopt.sweep.store import SOLVED


class Board:
    """Points done and failed, and when the rest will be: a line now and then.

    Every failure has a line of its own at once.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.last = 0.0

    def __call__(self, told: Told) -> None:
        """Say how far it is, if it is time to, or if something failed."""
        if self.progress.quiet:
            return
        record = told.record or {}
        failed = record.get("status", "optimal") not in SOLVED
        if failed:
            held = " (fixed)" if record.get("held") else ""
            self.progress.say(
                f"{record['label']}{held}: {record['status']}: {record['reason']}"
            )
        self.progress.note = self.line(told)
        now = time.monotonic()
        if now - self.last > LINE_EVERY_S or told.done == told.total:
            self.last = now
            self.progress.say(self.line(told))

    @staticmethod
    def line(told: Told) -> str:
        """Return done, failed, elapsed and what is left."""
        parts = [f"{told.done:,} of {told.total:,} solved"]
        if told.failed:
            parts.append(f"{told.failed:,} without an answer")
        parts.append(f"{_time(told.elapsed_s)} so far")
        if told.left_s is not None and told.done < told.total:
            parts.append(f"about {_time(told.left_s)} left")
        return "  ".join(parts)


def _time(seconds: float) -> str:
    """Return a duration as one reads it.

    Examples
    --------
    >>> _time(42), _time(754), _time(7300)
    ('42 s', '13 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
