"""What the solve is doing, shown while it works, and Ctrl-C heard."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live

    from energyopt.pipeline import Stage

LINE_EVERY_S = 10.0


class Progress:
    """What the solve is doing: a live line on a terminal, else a line every 10 s.

    It writes to a copy of stderr made beforehand, since file descriptors 1 and 2 are
    captured while HiGHS works.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.stage: Stage | None = None
        self.note = ""  # shown in place of a stage
        self.began = time.monotonic()
        self.ended = threading.Event()
        self.live: Live | None = None
        self.file: TextIO = sys.stderr
        self.owned = False

    def __enter__(self) -> Progress:
        with suppress(OSError, ValueError):  # no descriptor behind it, as under a test
            self.file = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")
            self.owned = True
        if self.quiet:
            return self
        if self.file.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live
            from rich.text import Text

            self.live = Live(
                console=Console(file=self.file),
                get_renderable=lambda: Text(self.line(), no_wrap=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.live.start()
        else:
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self.owned:
            self.file.close()

    def __call__(self, stage: Stage) -> None:
        """Take note of where the work is; a new stage gets a line at once."""
        begins = self.stage is None or stage.name != self.stage.name
        self.stage = stage
        if begins and self.live is None and not self.quiet:
            self.say(self.line())

    def line(self) -> str:
        """Return one line: stage, time, best plant, bound and gap."""
        stage = self.stage
        if stage is None:
            return self.note
        parts = [f"{stage.name:<8}{time.monotonic() - self.began:6.0f} s"]
        if stage.incumbent_usd is not None:
            parts.append(f"best {stage.incumbent_usd / 1e6:,.2f} M$/yr")
        if stage.bound_usd is not None:
            parts.append(f"bound {stage.bound_usd / 1e6:,.2f} M$/yr")
        if stage.gap_frac is not None:
            parts.append(f"gap {stage.gap_frac:.2%}")
        return "  ".join(parts)

    def say(self, text: str) -> None:
        """Print a line, above the live one if there is one."""
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self.file, flush=True)

    def stop(self) -> None:
        """Clear the live line and give the cursor back."""
        self.ended.set()
        if self.live is not None:
            self.live.stop()

    def _tick(self) -> None:
        while not self.ended.wait(LINE_EVERY_S):
            if self.stage is not None:
                self.say(self.line())


class Interrupt:
    """Ctrl-C once makes ``stop()`` true; twice ends the process at once, with 130.

    A thread reads the signals: while HiGHS works the main one runs no Python.
    """

    def __init__(
        self, progress: Progress, keeps: str = "stopping with the best plant so far"
    ) -> None:
        self.progress = progress
        self.keeps = keeps
        self.asked = False
        self.active = threading.current_thread() is threading.main_thread()

    def __call__(self) -> bool:
        """Whether to stop and keep the best plant so far."""
        return self.asked

    def __enter__(self) -> Interrupt:
        if self.active:
            self.reads, self.writes = socket.socketpair()
            self.writes.setblocking(False)
            self.handler = signal.signal(signal.SIGINT, lambda *_: None)
            self.wakeup = signal.set_wakeup_fd(
                self.writes.fileno(), warn_on_full_buffer=False
            )
            self.thread = threading.Thread(target=self._watch, daemon=True)
            self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.active:
            signal.set_wakeup_fd(self.wakeup)
            signal.signal(signal.SIGINT, self.handler)
            self.writes.close()
            self.thread.join()
            self.reads.close()

    def _watch(self) -> None:
        while number := self.reads.recv(1):
            if number[0] != signal.SIGINT:
                continue
            if self.asked:
                self.progress.stop()
                self.progress.say("ended at once; nothing was kept")
                os._exit(130)
            self.asked = True
            self.progress.say(f"{self.keeps}; Ctrl-C again: at once")
