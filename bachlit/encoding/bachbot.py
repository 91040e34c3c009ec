"""BachBotEncoding: the tokens of BachBot, to compare losses."""

from typing import Any

import numpy as np

from bachlit.encoding.base import Encoding, Kind, Tokens, check_compass, check_pitches
from bachlit.music.chorale import REST, BoolArray, Chorale
from bachlit.tokens import END, START

_DELIMITER, _FERMATA, _FIRST_PITCH = 2, 3, 4


class BachBotEncoding(Encoding):
    """(pitch, tied) tokens per frame, from soprano to bass; delimiters between frames, fermatas before them.

    Unisons share one token and rests have none, so the voices can't be recovered: this encoding can train and score,
    but not decode (Liang, *BachBot*, 2016, section 4.2).

    Args:
        lowest: Lowest MIDI pitch.
        highest: Highest MIDI pitch.

    Raises:
        OptionError: If they aren't pitches in this order.

    >>> encoding = BachBotEncoding()
    >>> unison = Chorale.from_pitches([[60, 60, 55, 48]] * 2)
    >>> [encoding.describe(token) for token in encoding.encode(unison)]
    ['START', '60', '55', '48', 'DELIMITER', '60 tied', '55 tied', '48 tied', 'END']
    """

    slot_names = ("mark", "note")

    def __init__(self, lowest: int = 30, highest: int = 87) -> None:
        check_compass(lowest, highest)
        self.lowest, self.highest = lowest, highest

    @property
    def config(self) -> dict[str, Any]:
        """Keyword arguments that rebuild this encoding."""
        return {"lowest": self.lowest, "highest": self.highest}

    @property
    def vocabulary_size(self) -> int:
        """V: four marks and two tokens per pitch."""
        return _FIRST_PITCH + 2 * (self.highest - self.lowest + 1)

    def encode(self, chorale: Chorale) -> Tokens:
        """Encode a chorale: START, its tokens, END."""
        check_pitches(chorale.pitches, self.lowest, self.highest, chorale.name)
        stream = [START]
        for frame, (pitches, onsets) in enumerate(zip(chorale.pitches, chorale.onsets, strict=True)):
            if frame:
                stream.append(_DELIMITER)
            if chorale.fermatas[frame]:
                stream.append(_FERMATA)
            tokens = [
                _FIRST_PITCH + 2 * (int(pitch) - self.lowest) + (not onset)
                for pitch, onset in zip(pitches, onsets, strict=True)
                if pitch != REST
            ]
            stream += dict.fromkeys(tokens)
        return np.array([*stream, END], np.int64)

    def slots(self, targets: Tokens) -> Tokens:
        """Slot of each target: 0 a mark, 1 a note."""
        return (targets >= _FIRST_PITCH).astype(np.int64)

    def completes_frame(self) -> BoolArray:
        """Mask (V,) of the tokens that end a frame: delimiters, and END for the last."""
        ids = np.arange(self.vocabulary_size)
        completes: BoolArray = (ids == _DELIMITER) | (ids == END)
        return completes

    def kinds(self) -> Tokens:
        """Kind of each token (V,): a tied note is a hold; rests have no token."""
        ids = np.arange(self.vocabulary_size)
        tied = (ids - _FIRST_PITCH) % 2 == 1
        return np.where(ids < _FIRST_PITCH, Kind.MARK, np.where(tied, Kind.HOLD, Kind.ONSET))

    def describe(self, token: int) -> str:
        """Name a token, such as `67 onset` or `FERMATA`."""
        if token >= _FIRST_PITCH:
            pitch, tied = divmod(int(token) - _FIRST_PITCH, 2)
            return f"{self.lowest + pitch}{' tied' if tied else ''}"
        return ("END", "START", "DELIMITER", "FERMATA")[token]
