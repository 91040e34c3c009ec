"""Check a score, from a file or as a chorale."""

import dataclasses
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bachlit.checking.faults import PROFILES, Profile
from bachlit.checking.report import Report, check_chorale
from bachlit.errors import EncodingError, OptionError, ScoreError
from bachlit.generation.named_ranges import named_ranges
from bachlit.metrics.cadences import fermata_notes
from bachlit.music.chorale import RANGES, REST, Chorale, Voice
from bachlit.music.keys import Key, key_named
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreBytes, phrase_marks, read_chorale, read_voices

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel


def check(
    score: str | Path | ScoreBytes | Chorale,
    *,
    profile: Profile = "school",
    phrases: str = "given",
    ranges: str | Mapping[Voice, tuple[int, int]] | None = None,
    tune: str | int | None = None,
    key: str | Key | None = None,
    surprise: float = 0.2,
    checkpoint: "str | Path | LanguageModel | None" = None,
) -> Report:
    """Check the part-writing of a score, and list what a model finds unlikely in it.

    Args:
        score: Four voices, or two or three that are named so, in MusicXML, MXL, MIDI, ABC, kern or MEI, as a
            file or its contents; or a chorale.
        profile: Textbooks' rules (`school`), or what fewer than one in eight of Bach's chorales does (`bach`).
        phrases: Phrase ends, where cadences are judged: `given` for the score's fermatas; `auto` for these, or found
            ones if it has none; `none` for none; or places, such as `4,8` for the last notes that begin in bars 4 and 8
            (a pickup is bar 0) and `2.3` for the note that sounds at beat 3 of bar 2.
        ranges: Lowest and highest MIDI pitch of some voices, instead of Bach's own; or text, such as "tenor:C3-G4".
        tune: The tune of a book of tunes, by its number or title.
        key: The key, instead of the written one or what is heard; or its name, such as "D dorian".
        surprise: Percentage: notes to which the model gives less are unlikely; 0 to leave the model out.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or a loaded model; the one that
            ships with the package if None.

    Returns:
        The report; its `faults` are empty if all is well. Where the model has no token for a pitch, it has faults
        alone, with a warning.

    Raises:
        ScoreError: If the score can't be read or has no such voices.
        OptionError: If the profile, a range, the key or the surprise can't be, or no note is at the place of a phrase
            end.
        CheckpointError: If the checkpoint can't be used.

    >>> fifths = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 65, 62, 50]] * 4 + [[67, 64, 60, 48]] * 4)
    >>> sorted({fault.kind for fault in check(fifths, profile="bach", surprise=0).faults})
    ['parallel_fifths', 'parallel_octaves']
    """
    refuse_surprise(surprise)
    if profile not in PROFILES:
        raise OptionError(f"There is no profile {profile!r}; expected {' or '.join(PROFILES)}; correct it.")
    ranges = named_ranges(ranges) if isinstance(ranges, str) else ranges
    key = key_named(key) if isinstance(key, str) else key
    chorale = score if isinstance(score, Chorale) else _read(score, None if tune is None else str(tune))
    if key is not None:
        chorale = dataclasses.replace(chorale, key=key, keys=())
    judge = partial(
        check_chorale,
        chorale,
        profile=profile,
        ranges={**RANGES, **(ranges or {})},
        ends=_ends(chorale, phrases),
        below=surprise / 100,
    )
    try:
        return judge(model=_model(checkpoint) if surprise else None)
    except EncodingError as error:
        warnings.warn(f"The model can't read the score, so its faults alone are listed: {error}", stacklevel=2)
        return judge()


def refuse_surprise(surprise: float) -> None:
    """Refuse what is no percentage.

    Raises:
        OptionError: If it isn't from 0 to 100.
    """
    if not 0 <= surprise <= 100:
        raise OptionError(f"A surprise of {surprise:g} % can't be; expected 0 (no model) to 100; correct --surprise.")


def _model(checkpoint: "str | Path | LanguageModel | None") -> "LanguageModel":
    from bachlit.models.language_model import LanguageModel  # noqa: PLC0415  # PyTorch takes seconds
    from bachlit.models.shipped import PRETRAINED  # noqa: PLC0415

    return checkpoint if isinstance(checkpoint, LanguageModel) else LanguageModel.load(checkpoint or PRETRAINED)


def _read(path: str | Path | ScoreBytes, tune: str | None) -> Chorale:
    """Read four voices, or the two or three that a score has by name."""
    try:
        return read_chorale(path, tune=tune)
    except ScoreError as error:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a tune that is chosen among other parts
            with suppress(ScoreError):
                chorale = read_voices(path, tune=tune)
                if (chorale.pitches != REST).any(axis=0).sum() > 1:
                    return chorale
        raise error


def _ends(chorale: Chorale, phrases: str) -> list[int] | None:
    """Frames of the last soprano notes of phrases; None for those under fermatas."""
    if phrases.strip().lower() == "given":
        return None
    from bachlit.generation.phrasing import phrased  # noqa: PLC0415  # found ends take PyTorch

    heard = phrased(Prompt.voices(chorale, "soprano"), phrases, phrase_marks(chorale)).heard
    frames: list[int] = np.flatnonzero(fermata_notes(heard)).tolist()
    return frames
