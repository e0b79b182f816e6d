"""Where solved points are kept: a folder each, there and whole or not there at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energyopt.errors import CaseError
from energyopt.pipeline import KEPT
from energyopt.sweep.work import LEAST, Answer

RECORD = "point.json"
"""In a point's folder: how it ended; the rest is its run folder."""
SOLVED = ("optimal", "limit")
_HIDDEN = ".writing-"


@dataclass(frozen=True)
class Store:
    """The points of a sweep folder, by their keys.

    Only the process that sends the tasks writes here: a folder is filled under a
    hidden name and renamed in one step, so that it may be killed at any moment.
    """

    home: Path

    @staticmethod
    def open(folder: Path) -> Store:
        """Return the store of a sweep folder; what a killed sweep left is cleared."""
        home = folder / "points"
        try:
            home.mkdir(parents=True, exist_ok=True)
            for left in home.glob(f"{_HIDDEN}*"):
                if not _is_alive(left.name):
                    shutil.rmtree(left, ignore_errors=True)
        except OSError as error:
            raise CaseError(f"{folder}: cannot write there: {error.strerror}") from None
        return Store(home)

    def folder(self, key: str) -> Path:
        """Return where a point stands, or will stand."""
        return self.home / key

    def record(self, key: str) -> dict[str, Any] | None:
        """Return how a point ended, ``None`` if it is not there."""
        try:
            text = (self.folder(key) / RECORD).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return json.loads(text)

    def summary(self, key: str) -> dict[str, Any]:
        """Return the summary of a solved point."""
        return self._json(key, "summary.json")

    def sizes(self, key: str) -> dict[str, Any]:
        """Return the decisions of a solved point, sizes among them."""
        return self._json(key, "decisions.json")

    def least(self, key: str) -> float:
        """Return the least of a limit, as a run that was asked for it found."""
        return float(self._json(key, LEAST)["least"])

    def kept(self, key: str) -> bytes | None:
        """Return the cuts of a point, where there are any."""
        try:
            return (self.folder(key) / KEPT).read_bytes()
        except FileNotFoundError:
            return None

    def has_cuts(self, key: str) -> bool:
        """Return whether the cuts of a point are there."""
        return (self.folder(key) / KEPT).is_file()

    def write(
        self, key: str, answer: Answer, about: Mapping[str, Any], keep: bool
    ) -> None:
        """Keep an answer; without ``keep``, not its cuts, the largest of its files."""
        hidden = self.home / f"{_HIDDEN}{key}-{os.getpid()}"
        hidden.mkdir()
        cuts = False
        if answer.folder:
            with tarfile.open(fileobj=io.BytesIO(answer.folder)) as tar:
                tar.extractall(hidden, filter="data")
            cuts = (hidden / KEPT).is_file()
            if cuts and not keep:
                (hidden / KEPT).unlink()
        told = {
            "key": key,
            "status": answer.status,
            "reason": answer.reason,
            "cuts": cuts,
            **about,
        }
        text = json.dumps(told, indent=2, ensure_ascii=False)
        (hidden / RECORD).write_text(text + "\n", encoding="utf-8")
        self.forget(key)
        try:
            hidden.rename(self.folder(key))
        except OSError:  # another sweep was faster: the same point
            shutil.rmtree(hidden, ignore_errors=True)

    def forget(self, key: str) -> None:
        """Take a point away, in one step."""
        gone = self.home / f"{_HIDDEN}{key}-{os.getpid()}-old"
        with suppress(FileNotFoundError):
            self.folder(key).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _json(self, key: str, name: str) -> dict[str, Any]:
        return json.loads((self.folder(key) / name).read_text(encoding="utf-8"))


def _is_alive(name: str) -> bool:
    """Whether the process that a hidden folder is named after is at work."""
    number = name.removeprefix(_HIDDEN).split("-")[1]
    if int(number) == os.getpid() or os.name == "nt":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step."""
    hidden = path.with_name(f".{path.name}-{os.getpid()}")
    hidden.write_bytes(content)
    hidden.replace(path)
