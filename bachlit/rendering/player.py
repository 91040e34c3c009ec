"""Play a chorale in a browser: its notes as plain data, and the script that plays them without a network."""

from pathlib import Path
from typing import Any

from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.notes import notes_of
from bachlit.rendering.organ import frame_times

PLAYED_TEMPO = 80.0
"""Quarters per minute in a browser."""


def player() -> str:
    """Read the script: `organ(partials)` makes a function that plays or stops a score, given a button and a bar."""
    return (Path(__file__).parent / "player.js").read_text(encoding="utf-8")


def played(chorale: Chorale) -> dict[str, Any]:
    """Give what the script plays, as plain data.

    Args:
        chorale: The music; it is played in the order in which it is written.

    Returns:
        The `notes`, each its start and length in seconds and its MIDI pitch, and the `seconds` of the whole.

    >>> played(Chorale.from_pitches([[67, 0, 0, 48]] * 4))
    {'notes': [[0.0, 0.75, 67], [0.0, 0.75, 48]], 'seconds': 0.75}
    """
    times = frame_times(chorale, PLAYED_TEMPO)
    notes = [
        [round(float(begin), 3), round(float(end - begin), 3), note.pitch]
        for voice in VOICES
        for note in notes_of(chorale, voice)
        for begin, end in [times[[note.start, note.start + note.length]]]
        if note.pitch != REST
    ]
    return {"notes": notes, "seconds": round(float(times[-1]), 3)}
