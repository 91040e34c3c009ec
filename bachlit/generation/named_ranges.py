"""Ranges of voices, as typed."""

from bachlit.errors import OptionError
from bachlit.music.chorale import VOICES, Voice
from bachlit.music.notes import pitch_named


def named_ranges(typed: str) -> dict[Voice, tuple[int, int]]:
    """Read the ranges of voices, in MIDI pitches.

    Args:
        typed: Voices with their lowest and highest note, such as "tenor:C3-G4, bass:E2-C4".

    Raises:
        OptionError: If it is no such list, names a voice twice, or a highest note is below its lowest.

    >>> named_ranges("tenor:C3-G4, bass:E2-Bb3")
    {'tenor': (48, 67), 'bass': (40, 58)}
    """
    ranges: dict[Voice, tuple[int, int]] = {}
    for part in typed.split(","):
        name, _, notes = part.strip().partition(":")
        voice = next((one for one in VOICES if one == name.strip().lower()), None)
        try:
            low, high = (pitch_named(note) for note in notes.split("-"))
        except ValueError:
            voice = None
        if voice is None or voice in ranges or low > high:
            raise OptionError(
                f"The range {part.strip()!r} isn't possible; expected each voice at most once, with its lowest and "
                "highest note, such as tenor:C3-G4, and commas between several."
            )
        ranges[voice] = low, high
    return ranges
