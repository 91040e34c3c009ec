"""SatbEncoding: five tokens per frame, one per voice and a mark, and their grammar."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bachlit.encoding.base import Encoding, Kind, Tokens, check_compass, check_pitches
from bachlit.errors import EncodingError, OptionError
from bachlit.music.chorale import C_MAJOR, REST, VOICES, BoolArray, Chorale, Voice
from bachlit.music.keys import Key, key_of
from bachlit.tokens import END, START

FRAME, FERMATA, REST_TOKEN, FIRST_PITCH = 2, 3, 4, 5

# By length of the measure in sixteenths.
_TIME_SIGNATURES = {8: (2, 4), 12: (3, 4), 16: (4, 4), 24: (3, 2), 32: (4, 2)}


class SatbEncoding(Encoding):
    """Frames of a mark (FRAME, FERMATA or END), then one token per voice: onset or hold of a pitch, or rest.

    A piece starts with a token for its key, so that the model needn't guess it: a melody that begins on E is harmonised
    differently in E minor and in C major. Likelihoods are then conditional on the key.

    With bars, the first frame of a measure has another mark. A model then learns strong beats and the metre, which it
    predicts like all marks.

    With unknown fermatas, a piece without any begins with a fermata on its first frame alone, which no piece has: it
    says that phrases end somewhere, but not where.

    Step t of a piece is slot t mod 5, so the grammar is a mask: marks in slot 0, voices in the others, holds only of
    the voice's previous pitch.

    Args:
        order: Order of the voices within a frame.
        lowest: Lowest MIDI pitch.
        highest: Highest MIDI pitch.
        keys: Begin pieces with a token for the key, instead of START.
        bars: Mark the beginnings of measures.
        unknown_fermatas: Tell a piece whose fermatas are unknown from one without fermatas.

    >>> encoding = SatbEncoding()
    >>> chord = Chorale.from_pitches([[67, 64, 60, 48]] * 2)
    >>> [encoding.describe(token) for token in encoding.encode(chord)[:7]]
    ['C major', 'FRAME', '67 onset', '48 onset', '64 onset', '60 onset', 'FRAME']
    >>> encoding.decode(encoding.encode(chord)) == chord
    True
    """

    def __init__(
        self,
        order: Sequence[Voice] = ("soprano", "bass", "alto", "tenor"),
        lowest: int = 30,
        highest: int = 87,
        keys: bool = True,
        bars: bool = False,
        unknown_fermatas: bool = False,
    ) -> None:
        if sorted(order) != sorted(VOICES):
            raise OptionError(f"The order is {list(order)}; expected each of {', '.join(VOICES)} once.")
        check_compass(lowest, highest)
        self.order = tuple(order)
        self.lowest, self.highest, self.keys, self.bars = lowest, highest, keys, bars
        self.unknown_fermatas = unknown_fermatas
        self._first_key = FIRST_PITCH + 2 * (highest - lowest + 1)
        self._first_bar = self._first_key + (24 if keys else 0)
        self.slot_names = ("mark", *self.order)
        self.frame_size = 1 + len(VOICES)
        self.columns = [VOICES.index(voice) for voice in self.order]
        """Column of each voice slot in a chorale's grid."""
        ids = np.arange(self.vocabulary_size)
        has_pitch = (ids >= FIRST_PITCH) & (ids < self._first_key)
        self.token_pitch = np.where(has_pitch, lowest + (ids - FIRST_PITCH) // 2, REST)
        """(V,) pitch of each token, 0 if it has none."""
        self.token_holds = has_pitch & ((ids - FIRST_PITCH) % 2 == 1)
        """(V,) true for holds."""
        self.begins_bar = ids >= self._first_bar
        """(V,) true for the marks that begin measures, if the encoding has bars."""
        self._marks = np.array([[FRAME, FERMATA], [self._first_bar, self._first_bar + 1] if bars else [FRAME, FERMATA]])

    @property
    def marks_with_fermata(self) -> Tokens:
        """Marks of frames under a fermata: FERMATA, and BAR FERMATA with bars."""
        return self._marks[:, 1]

    @property
    def config(self) -> dict[str, Any]:
        """Keyword arguments that rebuild this encoding."""
        return {
            "order": list(self.order),
            "lowest": self.lowest,
            "highest": self.highest,
            "keys": self.keys,
            "bars": self.bars,
            "unknown_fermatas": self.unknown_fermatas,
        }

    @property
    def vocabulary_size(self) -> int:
        """V: four marks (with START), a rest, two tokens per pitch; 24 more with keys, two more with bars."""
        return self._first_bar + (2 if self.bars else 0)

    @property
    def slot_tokens(self) -> BoolArray:
        """Mask (5, V) of the tokens of each slot."""
        allowed = np.zeros((self.frame_size, self.vocabulary_size), np.bool_)
        allowed[0, [END, *self._marks.flat]] = True
        allowed[1:, REST_TOKEN : self._first_key] = True
        return allowed

    def cells(self, chorale: Chorale) -> Tokens:
        """Tokens of a chorale's cells, (T, 4) in this encoding's order.

        Raises:
            EncodingError: If a pitch has no token.
        """
        return self.tokens_of(chorale.pitches, chorale.onsets, chorale.name)

    def tokens_of(self, pitches: npt.NDArray[np.integer], onsets: BoolArray, name: str = "") -> Tokens:
        """Tokens of any grid, (T, 4) in this encoding's order."""
        check_pitches(pitches, self.lowest, self.highest, name)
        tokens = FIRST_PITCH + 2 * (pitches.astype(np.int64) - self.lowest) + ~onsets
        return np.where(pitches != REST, tokens, REST_TOKEN)[:, self.columns]

    def encode(self, chorale: Chorale) -> Tokens:
        """Encode a chorale: the start token, 5 T cells and marks, END."""
        frames = np.column_stack([self.marks(chorale), self.cells(chorale)])  # (T, 5)
        return np.concatenate([[self.start(chorale.key)], frames.ravel(), [END]])

    def marks(self, chorale: Chorale) -> Tokens:
        """Marks of a chorale's frames, (T,): a pickup and the second half of a split bar begin no bar."""
        begins_bar = np.zeros(chorale.num_frames, np.bool_)
        if chorale.bars:
            begins_bar[[measure.start for measure in chorale.bars if not measure.position]] = True
        else:
            begins_bar[chorale.pickup :: chorale.measure_length] = True
        fermatas = chorale.fermatas.astype(np.int64)
        if self.unknown_fermatas and not fermatas.any():
            fermatas[0] = 1
        marks: Tokens = self._marks[begins_bar.astype(np.int64), fermatas]
        return marks

    def start(self, key: Key) -> int:
        """Token that begins a piece in a key, or in the parallel one of a church mode."""
        key = key.parallel
        return self._first_key + 2 * key.tonic + (key.mode == "minor") if self.keys else START

    def transposition(self, semitones: int) -> Tokens:
        """Transposed token of each token, (V,); unchanged if it has no pitch or leaves the compass.

        >>> encoding = SatbEncoding()
        >>> chord = Chorale.from_pitches([[67, 64, 60, 48]] * 2)
        >>> bool((encoding.transposition(2)[encoding.encode(chord)] == encoding.encode(chord.transpose(2))).all())
        True
        """
        ids = np.arange(self.vocabulary_size)
        moved = self.token_pitch + semitones
        has_token = (self.token_pitch != REST) & (moved >= self.lowest) & (moved <= self.highest)
        is_key = (ids >= self._first_key) & (ids < self._first_bar)
        key = self._first_key + (ids - self._first_key + 2 * semitones) % 24
        transposed: Tokens = np.where(is_key, key, ids + 2 * semitones * has_token)
        return transposed

    def decode(self, tokens: npt.ArrayLike) -> Chorale:
        """Decode tokens, with or without a start token, up to the first END.

        Raises:
            EncodingError: If they break the grammar.
        """
        stream = np.asarray(tokens, np.int64)
        key = C_MAJOR
        if stream.size and (stream[0] == START or self._first_key <= stream[0] < self._first_bar):
            key = C_MAJOR if stream[0] == START else self._key(stream[0])
            stream = stream[1:]
        ends = np.flatnonzero(stream == END)
        stream = stream[: ends[0]] if ends.size else stream
        fault = self.fault(stream)
        if fault:
            raise EncodingError(f"The tokens don't make a chorale: {fault}.")
        frames = stream.reshape(-1, self.frame_size)
        cells = np.empty((len(frames), len(VOICES)), np.int64)
        cells[:, self.columns] = frames[:, 1:]
        measure, pickup = _metre(self.begins_bar[frames[:, 0]])
        fermatas = np.isin(frames[:, 0], self.marks_with_fermata)
        if self.unknown_fermatas and fermatas[0] and not fermatas[1:].any():
            fermatas[0] = False
        return Chorale(
            pitches=self.token_pitch[cells],
            onsets=~self.token_holds[cells],
            fermatas=fermatas,
            time_signature=_TIME_SIGNATURES.get(measure, (measure, 16)),
            pickup=pickup,
            key=key,
        )

    def _key(self, token: int) -> Key:
        tonic, minor = divmod(int(token) - self._first_key, 2)
        return key_of(tonic, "minor" if minor else "major")

    def fault(self, stream: Tokens) -> str | None:
        """Describe where a stream (without start and END) breaks the grammar; None if it doesn't."""
        if stream.size == 0 or stream.size % self.frame_size:
            return f"{stream.size} tokens, expected whole frames of {self.frame_size}"
        if ((stream < 0) | (stream >= self.vocabulary_size)).any():
            return f"an id outside 0 to {self.vocabulary_size - 1}"
        frames = stream.reshape(-1, self.frame_size)
        misplaced = ~self.slot_tokens[np.arange(self.frame_size), frames]
        misplaced[:, 0] |= frames[:, 0] == END
        pitch = self.token_pitch[frames]
        before = np.vstack([np.zeros((1, self.frame_size), np.int64), pitch[:-1]])
        unfounded = self.token_holds[frames] & (pitch != before)
        for broken, reason in ((misplaced, "doesn't belong there"), (unfounded, "holds a pitch that didn't sound")):
            if broken.any():
                frame, slot = (int(index[0]) for index in np.nonzero(broken))
                return f"'{self.describe(frames[frame, slot])}' at frame {frame}, {self.slot_names[slot]}, {reason}"
        return None

    def describe(self, token: int) -> str:
        """Name a token, such as `67 onset` or `FERMATA`."""
        if token >= self._first_bar:
            return ("BAR", "BAR FERMATA")[token - self._first_bar]
        if token >= self._first_key:
            return str(self._key(token))
        if token >= FIRST_PITCH:
            return f"{self.token_pitch[token]} {'hold' if self.token_holds[token] else 'onset'}"
        return ("END", "START", "FRAME", "FERMATA", "REST")[token]

    def slots(self, targets: Tokens) -> Tokens:
        """Slot of each target: its step modulo 5."""
        return np.arange(len(targets)) % self.frame_size

    def completes_frame(self) -> BoolArray:
        """Mask (V,) of the tokens that stand once per frame: the marks except END."""
        ids = np.arange(self.vocabulary_size)
        completes: BoolArray = np.isin(ids, self._marks)
        return completes

    def kinds(self) -> Tokens:
        """Kind of each token (V,); keys count as marks."""
        sung = np.where(self.token_holds, Kind.HOLD, Kind.ONSET)
        kinds = np.where(self.token_pitch == REST, Kind.MARK, sung)
        kinds[REST_TOKEN] = Kind.REST
        return kinds


def _metre(begins_bar: BoolArray) -> tuple[int, int]:
    """Most frequent length of a measure, and the pickup; 4/4 if no measure is complete.

    >>> _metre(np.arange(40) % 12 == 4)
    (12, 4)
    """
    begins = np.flatnonzero(begins_bar)
    if len(begins) < 2:
        return 16, int(begins[0]) % 16 if begins.size else 0
    measure = int(np.bincount(np.diff(begins)).argmax())
    return measure, int(begins[0]) % measure
