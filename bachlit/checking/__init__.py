"""Checking: the faults of a score, and what a model finds unlikely in it."""

from bachlit.checking.faults import KINDS, PROFILES, Fault, Kind, Profile, Ranges, find_faults
from bachlit.checking.reading import check, refuse_surprise
from bachlit.checking.report import Report, check_chorale
from bachlit.checking.surprise import UNLIKELY, Beat, Unlikely, surprise

__all__ = [
    "Beat", "Fault", "KINDS", "Kind", "PROFILES", "Profile", "Ranges", "Report", "UNLIKELY", "Unlikely",
    "check", "check_chorale", "find_faults", "refuse_surprise", "surprise",
]  # fmt: skip
