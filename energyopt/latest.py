"""Which folder a user means by the path of a run."""

from __future__ import annotations

from pathlib import Path

from energyopt.errors import DataError

_LONGEST = 200
"""Bytes that a name of a run never has."""


def run_folder(run: Path) -> Path:
    """Return the folder of a run; the file ``latest`` names one beside it.

    Raises
    ------
    DataError
        If it is a file of another kind, such as a case.
    """
    if not run.is_file():
        return run
    with run.open("rb") as file:
        lines = file.read(_LONGEST).decode("utf-8", "replace").splitlines()
    folder = run.parent / lines[0].strip() if len(lines) == 1 else None
    if run.suffix or folder is None or "\0" in str(folder):
        raise DataError(
            f"{run}: is a file; give the folder of a solved run, or `latest` beside it"
        )
    return folder
