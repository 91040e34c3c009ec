"""Prompts for a model: moved to its keys, as the tokens that may stand at each step and the grid behind them."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bachlit.decoding import FREE, Ranges, Rules
from bachlit.encoding import SatbEncoding, prompt_mask
from bachlit.errors import PromptError, RangeWarning
from bachlit.generation.metre import heard, written_frames
from bachlit.music.chorale import RANGES, REST, VOICES, BoolArray, Chorale, Voice, move_into_range
from bachlit.music.keys import Keys, estimate_key, semitones_home
from bachlit.music.measures import Measure, whole_bars
from bachlit.music.notes import name_of
from bachlit.music.playing import last_played
from bachlit.music.prompt import Prompt

_OCTAVES = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5)


@dataclass(frozen=True, eq=False)
class ModelPrompt:
    """One piece as a model is asked for it.

    Attributes:
        piece: The chorale, moved for the model: its measures, keys, order of playing, and phrase ends as fermatas.
        allowed: (N, V) the tokens that may stand at each step.
        given: (T, 4) the given pitches, 0 a rest, `FREE` where a cell is free.
        ending: The frame in which the last given note begins, in what is played last.
        end: The frame after the last that may sound, in what is played last.
        move: Semitones by which it was moved for the model.
        into_range: Those of them that brought it into the voices' ranges.
        scale: Frames for each written sixteenth.
        measures: Measures as written, in written sixteenths; those of the piece if None.
    """

    piece: Chorale
    allowed: BoolArray
    given: npt.NDArray[np.int64]
    ending: int
    end: int
    move: int = 0
    into_range: int = 0
    scale: Fraction = Fraction(1)
    measures: tuple[Measure, ...] | None = None

    @property
    def written_bars(self) -> tuple[Measure, ...]:
        """Bars as written, in written sixteenths."""
        return whole_bars(self.piece.measures if self.measures is None else self.measures)

    @property
    def written_frames(self) -> npt.NDArray[np.int64]:
        """Written sixteenth (T,) of each frame."""
        return written_frames(int(self.piece.num_frames / self.scale), self.scale)


def model_prompt(
    encoding: SatbEncoding, prompt: Prompt, moves: tuple[int, int] = (0, 0), scale: Fraction = Fraction(1)
) -> ModelPrompt:
    """Move a prompt to a model's keys, note values and bars.

    Args:
        encoding: The model's.
        prompt: What is given.
        moves: From `move_for`.
        scale: From `scale_of`.
    """
    move, into_range = moves
    unsure = prompt.found and encoding.unknown_fermatas
    measures = prompt.chorale.measures
    prompt = _resting_together(prompt)
    prompt = heard(dataclasses.replace(prompt, chorale=prompt.heard, phrase_ends=None), scale)
    end = _end_of_given(prompt)
    moved = marked = dataclasses.replace(prompt.chorale, source=None).transpose(move)
    if unsure:
        # Told of them, the model follows wrong ones, too; the rules make it end the right ones without that.
        marked = dataclasses.replace(moved, fermatas=np.zeros(moved.num_frames, np.bool_))
    return ModelPrompt(
        moved,
        prompt_mask(encoding, marked, prompt.given, prompt.rhythm, _unwritten(moved.num_frames, scale)),
        np.where(prompt.given, moved.pitches.astype(np.int64), FREE),
        _last_onset(prompt, end),
        end,
        move,
        into_range,
        scale,
        measures,
    )


def _unwritten(num_frames: int, scale: Fraction) -> BoolArray:
    """Mask (T,) of frames within a written sixteenth, in which no note begins."""
    within: BoolArray = np.diff(written_frames(int(num_frames / scale), scale), prepend=-1) == 0
    return within


def _resting_together(prompt: Prompt) -> Prompt:
    """Give rests to all voices before the given ones begin, after they end, and where they rest for a bar or more.

    Where voices are given in part, or their rhythm, the prompt stays as it is.
    """
    if prompt.rhythm.any() or (prompt.given.any(axis=0) & ~prompt.given.all(axis=0)).any():
        return prompt
    sounding = (prompt.given & (prompt.chorale.pitches != REST)).any(axis=1)
    silent = prompt.given.any(axis=1) & ~sounding
    edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)).tolist()
    tacet = np.zeros(len(silent), np.bool_)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        bar = next(measure.full for measure in prompt.chorale.measures if begin < measure.end)
        tacet[begin:end] = begin == 0 or end == len(silent) or end - begin >= bar
    cells = tacet[:, None] & ~prompt.given
    if not cells.any() or not sounding.any():
        return prompt
    onsets = prompt.chorale.onsets.copy()
    onsets[1:] |= cells[:-1] != cells[1:]
    chorale = dataclasses.replace(
        prompt.chorale, pitches=np.where(cells, REST, prompt.chorale.pitches), onsets=onsets, source=None
    )
    return dataclasses.replace(prompt, chorale=chorale, given=prompt.given | cells)


def _end_of_given(prompt: Prompt) -> int:
    """Find the end of the last given note, in what is played last; the end of the piece if the last isn't given."""
    first, end = last_played(prompt.chorale)
    open_cells = ~prompt.given | (prompt.chorale.pitches != REST)
    sounding = np.flatnonzero(open_cells[first:end].any(axis=1))
    return first + int(sounding[-1]) + 1 if sounding.size else end


def _last_onset(prompt: Prompt, end: int) -> int:
    """Find where the last given note begins, within two measures of the end; a quarter before it if none does."""
    chorale = prompt.chorale
    first, _ = last_played(chorale)
    closing = next(measure for measure in chorale.measures if end <= measure.end)
    first = max(first, end - 2 * max(closing.full, closing.length))
    begins = (prompt.given & chorale.onsets & (chorale.pitches != REST))[first:end].any(axis=1)
    return first + int(np.flatnonzero(begins)[-1]) if begins.any() else max(first, end - 4)


def move_for(prompt: Prompt, keys: Keys, ranges: Mapping[Voice, tuple[int, int]] = RANGES) -> tuple[int, int]:
    """Find the semitones to move a prompt by, and those of them for the voices' ranges.

    Args:
        prompt: What is given.
        keys: Those that the model knows.
        ranges: Lowest and highest pitch of each voice.

    Raises:
        PromptError: If a voice that is given whole only rests.
    """
    octaves, rest = _move_into_range(prompt, ranges)
    into_range = 12 * octaves + rest
    if keys != "home":
        return into_range, into_range
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    return 12 * octaves + semitones_home(estimate_key(pitches, prompt.chorale.key)), into_range


def ranges_in(rules: Rules) -> dict[Voice, tuple[int, int]]:
    """Ranges of the voices under some rules; Bach's own where no rule has any.

    >>> ranges_in(Rules() & Ranges(tenor=(48, 67)))["tenor"]
    (48, 67)
    """
    rule = next((rule for rule in rules if isinstance(rule, Ranges)), Ranges())
    return {voice: getattr(rule, voice) for voice in VOICES}


def _move_into_range(prompt: Prompt, ranges: Mapping[Voice, tuple[int, int]]) -> tuple[int, int]:
    """Find the fewest octaves, and then semitones, that bring every given voice into its range."""
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    compasses: dict[Voice, tuple[int, int]] = {}
    for column, voice in enumerate(VOICES):
        sounding = pitches[:, column][pitches[:, column] != REST]
        if sounding.size:
            compasses[voice] = (int(sounding.min()), int(sounding.max()))
    name = prompt.chorale.name or "the prompt"
    if not compasses and prompt.given.all(axis=0).any():
        raise PromptError(
            f"The voice that {name} gives only rests; expected a melody in it. Name the voice that the melody is in."
        )
    for octaves in _OCTAVES:
        moved = {voice: (low + 12 * octaves, high + 12 * octaves) for voice, (low, high) in compasses.items()}
        rest = move_into_range(moved, ranges)
        if rest is not None:
            if octaves:
                _warn_of_octaves(name, list(compasses), octaves)
            return octaves, rest
    return _nearest_move(name, compasses, ranges)


def _nearest_move(
    name: str, compasses: Mapping[Voice, tuple[int, int]], ranges: Mapping[Voice, tuple[int, int]]
) -> tuple[int, int]:
    """Find the octaves and semitones after which voices of wide compass leave their ranges least, with a warning."""

    def outside(move: int) -> int:
        return sum(
            max(0, ranges[voice][0] - low - move) + max(0, high + move - ranges[voice][1])
            for voice, (low, high) in compasses.items()
        )

    move = min(range(-72, 73), key=lambda move: (outside(move), abs(move)))
    voice, (low, high) = max(compasses.items(), key=lambda item: item[1][1] - item[1][0])
    warnings.warn(
        f"The {voice} of {name} goes from {name_of(low)} to {name_of(high)}, which is wider than a voice's range, "
        f"{name_of(ranges[voice][0])} to {name_of(ranges[voice][1])}; its outermost notes stay outside.",
        RangeWarning,
        stacklevel=2,
    )
    octaves = round(move / 12)
    return octaves, move - 12 * octaves


def _warn_of_octaves(name: str, voices: Sequence[Voice], octaves: int) -> None:
    """Warn that all parts will lie octaves away from where voices sing."""
    distance = f"{abs(octaves)} octave{'s' * (abs(octaves) > 1)} {'below' if octaves > 0 else 'above'}"
    warnings.warn(
        f"The {' and '.join(voices)} of {name}: {distance} where voices sing, and so are the parts around it; "
        f"--transpose {12 * octaves} moves all.",
        RangeWarning,
        stacklevel=2,
    )
