"""Describe a chorale in a line: name, title, bars, metres, keys, compass of each voice."""

from collections.abc import Iterable

from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.keys import Key
from bachlit.music.notes import name_of

_LONGEST = 60  # letters of a title or a name
_MOST = 3  # metres or keys that are named
_SHARPS = {"Eb": "D#", "Ab": "G#", "Bb": "A#"}
_FLATS = {"C#": "Db", "F#": "Gb"}


def described(chorale: Chorale) -> str:
    """Describe a chorale in a line, whatever its length and its title.

    >>> described(Chorale.from_pitches([[67, 64, 0, 48]] * 36, pickup=4, name="bwv1"))
    'bwv1: 2 bars of 4/4 after a pickup, C major, soprano G4, alto E4, bass C3'
    """
    title = f'"{_short(chorale.title)}"' if chorale.title.strip() else ""
    named = " ".join(part for part in (_short(chorale.name), title) if part)
    num_bars = sum(measure.position == 0 for measure in chorale.measures)
    metres = _some("{}/{}".format(*measure.time_signature) for measure in chorale.measures)
    bars = f"{num_bars} {'bar' if num_bars == 1 else 'bars'} of {metres}{' after a pickup' if chorale.pickup else ''}"
    keys = _some(str(key) for key in (chorale.key, *(key for _, key in chorale.keys)))
    compasses = ((voice, chorale.only(voice).compass) for voice in VOICES)
    voices = [f"{voice} {_span(*compass, chorale.key)}" for voice, compass in compasses if compass]
    about = ", ".join([bars, keys, *(voices or ["all voices rest"])])
    return f"{named}: {about}" if named else about


def _span(low: int, high: int, key: Key) -> str:
    """Name a compass, with the sharps or flats of its key.

    >>> _span(56, 70, Key(3)), _span(56, 70, Key(-1)), _span(61, 61, Key(-5))
    ('G#3 to A#4', 'Ab3 to Bb4', 'Db4')
    """
    first, last = (_spelled(name_of(pitch), key) for pitch in (low, high))
    return first if low == high else f"{first} to {last}"


def _spelled(name: str, key: Key) -> str:
    others = _SHARPS if key.fifths > 0 else _FLATS if key.fifths < -3 else {}  # D minor has C sharp, G minor F sharp
    return others.get(name[:2], name[:2]) + name[2:]


def _some(words: Iterable[str]) -> str:
    """Join different words, the first ones if there are many.

    >>> _some(["4/4", "3/4", "4/4", "2/2", "6/8"])
    '4/4, 3/4, 2/2 and 1 more'
    """
    different = list(dict.fromkeys(words))
    more = len(different) - _MOST
    return ", ".join(different[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    """Put a text on one line, without what can't be printed, and shorten it."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"
