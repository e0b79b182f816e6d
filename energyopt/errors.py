"""The few errors a user meets; the command prints each in one line per fault."""

from __future__ import annotations


class EnergyoptError(Exception):
    """A fault with a name, an exit code and a message for the user."""

    exit_code = 1


class CaseError(EnergyoptError):
    """The case file, or a ``--set``, is wrong. One line per fault."""

    exit_code = 3


class InfeasibleError(EnergyoptError):
    """No plant meets every limit; the message says which limits and by how much."""

    exit_code = 4


class NoSolutionError(EnergyoptError):
    """The solver stopped without a plant: a limit was reached, or it failed."""

    exit_code = 6


class DataError(EnergyoptError):
    """A table is missing, incomplete or out of range."""

    exit_code = 7


class VerificationError(EnergyoptError):
    """The independent check of the answer failed; the answer is not to be used."""

    exit_code = 9


class UnreachableError(InfeasibleError):
    """No plant reaches the uptime target; the message names what stands in the way."""
