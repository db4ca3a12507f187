"""What can go wrong, by name: every message says what was found, where, and what to do about it."""

from __future__ import annotations

__all__ = [
    "DataError",
    "DownloadError",
    "IdentificationError",
    "PanelcoopError",
    "PanelcoopWarning",
    "PlanError",
]


class PanelcoopError(Exception):
    """Base of every error this package raises on purpose."""


class DataError(PanelcoopError, ValueError):
    """A table or an array breaks its contract: the message names the column, the rows and the remedy."""


class PlanError(PanelcoopError, ValueError):
    """The plan names a key, a date or a column that cannot be: the message says which and what is allowed."""


class IdentificationError(PanelcoopError, ValueError):
    """What was asked for is not identified under the chosen effects, stages or sample."""


class DownloadError(PanelcoopError, OSError):
    """A source could not be fetched or its checksum differs; nothing half-written is left behind."""


class PanelcoopWarning(UserWarning):
    """Something a careful reader should know that does not stop the work."""
