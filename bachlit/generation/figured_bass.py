"""Figured bass: from figures to the tones above each note of a bass."""

import re
from collections.abc import Iterator, Sequence

from bachlit.decoding import FiguredBass
from bachlit.errors import OptionError
from bachlit.music.chorale import REST, Chorale
from bachlit.music.keys import Key
from bachlit.music.measures import whole_bars
from bachlit.music.notes import Note, notes_of

_OPEN = "."
_ACCIDENTALS = {"": None, "#": 1, "+": 1, "##": 2, "b": -1, "bb": -2, "n": 0}
_SIGN = r"##?|bb?|n|\+|"


def figured_bass(chorale: Chorale, figures: str | Sequence[tuple[int, int, str]]) -> FiguredBass:
    """Make the rule that the voices above a bass keep to its figures.

    In text, `|` separates bars, a pickup is the first, and the figures of a bar belong to the notes that begin in its
    bass, one after the other; a dot leaves a note open, as does a missing figure. Stacked figures are joined by commas
    or slashes: 6,4 or 6/5. An accidental stands before or after its figure, or alone for the third. Figures joined by
    a hyphen or an underscore, such as 4-3, share the time of one note, as do all figures of a bar with a single one.

    Figures are completed as usual: a third unless there is a 2 or a 4, a fifth unless there is a 6; 2 is 6,4,2 and 4,3
    is 6,4,3. Tones are those of the key in force; # and + raise by a semitone what isn't sharp yet, b likewise lowers,
    n makes natural.

    Args:
        chorale: With the bass.
        figures: Text, or first frame, length (0: until the next, at most as long as the bass holds its note) and text
            of each figure.

    Raises:
        OptionError: If there is no bass, a figure can't be read, or there are more than notes or bars.

    >>> melody = Chorale.from_pitches([[72, 0, 0, 52]] * 4 + [[74, 0, 0, 55]] * 4)
    >>> figured_bass(melody, "6 4-3").spans
    ((0, 4, (0, 4, 7)), (4, 6, (0, 2, 7)), (6, 8, (2, 7, 11)))
    """
    bass = [note for note in notes_of(chorale, "bass") if note.pitch != REST]
    if not bass:
        raise OptionError("Figures need a bass, and it only rests; expected a score whose bass is given.")
    placed = _of_text(chorale, bass, figures) if isinstance(figures, str) else _of_data(bass, figures)
    spans = []
    for start, end, text, pitch in placed:
        parts = re.split(r"[-_]", text)
        for index, part in enumerate(parts):
            first, last = (start + (end - start) * place // len(parts) for place in (index, index + 1))
            if part != _OPEN and first < last:
                spans.append((first, last, tones(part, pitch, chorale.key_at(start))))
    return FiguredBass(spans=tuple(spans))


def tones(figure: str, bass: int, key: Key) -> tuple[int, ...]:
    """Pitch classes over a bass that a figure leaves, the bass's own among them.

    Args:
        figure: Such as 6, #6, 4,3 or n.
        bass: MIDI pitch.
        key: Whose signature holds.

    Raises:
        OptionError: If it can't be read.

    >>> tones("7", 55, Key()), tones("6,5", 54, Key(1)), tones("#", 52, Key(0, "minor"))
    ((2, 5, 7, 11), (0, 2, 6, 9), (4, 8, 11))
    """
    lowest = key.fifths - (2 if key.parallel.mode == "minor" else 3)
    step = 4 * (lowest + (7 * bass - lowest) % 12)  # on the line of fifths, then on the staff
    found = {bass % 12}
    for number, sign in _completed(figure).items():
        if number == 8:
            continue
        fifths = next(one for one in range(key.fifths - 1, key.fifths + 6) if (4 * one - step - number + 1) % 7 == 0)
        found.add(7 * (fifths + 7 * _raised((fifths + 1) // 7, sign)) % 12)
    return tuple(sorted(found))


def _raised(alter: int, sign: int | None) -> int:
    """Semitones by which an accidental changes a step that the signature alters."""
    if sign is None:
        return 0
    if sign in (1, -1):
        return 0 if alter * sign > 0 else sign
    return sign - alter


def _completed(figure: str) -> dict[int, int | None]:
    """Numbers of a figure with their accidentals, and those that go without saying."""
    numbers: dict[int, int | None] = {}
    for part in re.split("[,/]", figure):
        match = re.fullmatch(rf"({_SIGN})([2-9]?)({_SIGN})", part)
        if not match or not part or (match[1] and match[3]) or int(match[2] or 3) in numbers:
            raise OptionError(
                f"There is no figure {figure!r}; expected numbers from 2 to 9 with #, b, n or + beside them, joined by "
                "commas, such as 6, 6,4 or #3, or a dot."
            )
        numbers[int(match[2] or 3)] = _ACCIDENTALS[match[1] or match[3]]
    implied: set[int] = set()
    if 2 in numbers:
        implied = {4, 6} - ({4} if numbers.keys() & {3, 5} else set()) - ({6} if numbers.keys() & {5, 7} else set())
    elif {3, 4} <= numbers.keys():
        implied = {6}
    else:
        implied = ({3} if 4 not in numbers else set()) | ({5} if 6 not in numbers else set())
    return numbers | dict.fromkeys(implied - numbers.keys())


_Placed = Iterator[tuple[int, int, str, int]]  # start, end, figure, pitch of the bass


def _of_text(chorale: Chorale, bass: Sequence[Note], figures: str) -> _Placed:
    """Place the figures of each bar over its notes."""
    bars = whole_bars(chorale.measures)
    texts = [re.sub(r"\s*([-_])\s*", r"\1", text).split() for text in figures.split("|")]
    filled = max((number for number, text in enumerate(texts, start=1) if text), default=0)
    if filled > len(bars):
        raise OptionError(f"The figures fill {filled} bars, but the piece has {len(bars)}; give fewer.")
    for bar, figures_of_bar in zip(bars, texts, strict=False):
        notes = [note for note in bass if bar.start <= note.start < bar.end]
        shared = len(notes) == 1 and len(figures_of_bar) > 1
        text = ["-".join(figures_of_bar)] if shared else figures_of_bar
        if len(text) > len(notes):
            raise OptionError(
                f"Bar {bar.number} has {len(text)} figures, but {len(notes)} notes begin in its bass; expected at most "
                "one for each."
            )
        for figure, note in zip(text, notes, strict=False):
            yield note.start, note.start + note.length, figure, note.pitch


def _of_data(bass: Sequence[Note], figures: Sequence[tuple[int, int, str]]) -> _Placed:
    """Place figures at their frames; those over a rest are left out."""
    figures = sorted(figures)
    following = [start for start, _, _ in figures[1:]]
    for (start, length, figure), after in zip(figures, [*following, None], strict=True):
        under = next((note for note in bass if note.start <= start < note.start + note.length), None)
        if under is not None:
            end = start + length if length else under.start + under.length
            yield start, end if after is None else min(end, after), figure, under.pitch
