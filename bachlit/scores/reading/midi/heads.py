"""Voices of MIDI -> symbols, bar by bar. Times are units, 48 a quarter."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from bachlit.music.keys import Key
from bachlit.scores.reading.midi.bars import Bar
from bachlit.scores.reading.midi.voices import Chord
from bachlit.scores.reading.midi.words import Syllable
from bachlit.scores.writing.durations import beat_length
from bachlit.scores.writing.notation import Symbol, beam
from bachlit.scores.writing.spelling import Spelling, spell, spell_voice
from bachlit.scores.writing.tuplets import UNITS_PER_FRAME, Piece, divide, triplets


@dataclass
class NotatedPart:
    """Part to be written.

    Attributes:
        id: Unique name of its element.
        name: To print.
        channel: 1 to 16.
        program: 0 to 127.
        voices: Chords of each voice, the highest first.
        words: Syllables of notes, by index.
    """

    id: str
    name: str
    channel: int
    program: int
    voices: Sequence[Sequence[Chord]]
    words: Mapping[int, Syllable]


class Head(NamedTuple):
    """Symbol of one note head, with its voice, and what is sung on it."""

    symbol: Symbol
    voice: int
    chord: bool
    word: Syllable | None


def num_heads(part: NotatedPart, bars: Sequence[Bar]) -> int:
    """Count note heads, as many for each as bars that it sounds in, and bars."""
    starts = [bar.start for bar in bars]
    return len(bars) + sum(
        len(chord.pitches) * (bisect_left(starts, chord.end) - bisect_right(starts, chord.start) + 1)
        for voice in part.voices
        for chord in voice
    )


def heads_of(part: NotatedPart, bars: Sequence[Bar], keys: Sequence[tuple[int, Key]]) -> Iterator[list[Head]]:
    """Yield the heads of each bar, voice by voice."""
    starts = [bar.start for bar in bars]
    heads: list[list[Head]] = [[] for _ in bars]
    for number, chords in enumerate(part.voices, start=1):
        within: dict[int, list[tuple[Chord, list[Spelling]]]] = defaultdict(list)
        for chord, spellings in zip(chords, _spellings(chords, starts, keys), strict=True):
            for index in range(bisect_right(starts, chord.start) - 1, bisect_left(starts, chord.end)):
                within[index].append((chord, spellings))
        for index in range(len(bars)) if number == 1 else sorted(within):
            heads[index] += _bar(within.get(index, []), bars[index], number, part.words)
    yield from heads


def _spellings(
    chords: Sequence[Chord], starts: Sequence[int], keys: Sequence[tuple[int, Key]]
) -> Iterator[list[Spelling]]:
    """Yield the spellings of chords: tops as a melody, in the key in force."""
    begun = [chord.start for chord in chords]
    edges = [bisect_left(begun, starts[index]) for index, _ in keys[1:]]
    for (_, key), (first, last) in zip(keys, pairwise([0, *edges, len(chords)]), strict=True):
        run = chords[first:last]
        for chord, top in zip(run, spell_voice([chord.pitches[0] for chord in run], key), strict=True):
            # To spell_voice pitch 0 is a rest; in MIDI it is a note.
            yield [top or spell(chord.pitches[0], key), *(spell(pitch, key) for pitch in chord.pitches[1:])]


class _Span(NamedTuple):
    """Chord, or rest, within a bar, and how it is spelled."""

    begin: int
    end: int
    chord: Chord | None = None
    spellings: Sequence[Spelling] = ()


def _bar(
    chords: Sequence[tuple[Chord, list[Spelling]]], bar: Bar, voice: int, words: Mapping[int, Syllable]
) -> Iterator[Head]:
    """Yield the heads of a voice in a bar, rests between its chords."""
    if not chords:
        rest = Symbol(spelling=None, position=0, length=_sixteenths(bar.length), fills_measure=True)
        yield Head(rest, voice, chord=False, word=None)
        return
    spans = list(_spans(chords, bar))
    groups = triplets([edge for span in spans for edge in (span.begin, span.end)], bar.metre)
    symbols: list[Symbol] = []
    origins: list[_Span] = []
    for span in spans:
        pieces = divide(span.begin, span.end - span.begin, bar.metre, groups, rest=span.chord is None)
        symbols += _symbols(pieces, span, bar)
        origins += [span] * len(pieces)
    for symbol, span in zip(beam(symbols, beat_length(bar.metre)), origins, strict=True):
        word = None
        if span.chord is not None and not symbol.tied_back:
            word = next((words[number] for number in span.chord.numbers if number in words), None)
        yield Head(symbol, voice, chord=False, word=word)
        for spelling in span.spellings[1:]:
            yield Head(replace(symbol, spelling=spelling), voice, chord=True, word=None)


def _spans(chords: Sequence[tuple[Chord, list[Spelling]]], bar: Bar) -> Iterator[_Span]:
    """Yield the chords of a bar and the rests between them."""
    now = 0
    for chord, spellings in chords:
        begin, end = max(chord.start - bar.start, 0), min(chord.end - bar.start, bar.length)
        if begin > now:
            yield _Span(now, begin)
        yield _Span(begin, end, chord, spellings)
        now = end
    if now < bar.length:
        yield _Span(now, bar.length)


def _symbols(pieces: Sequence[Piece], span: _Span, bar: Bar) -> Iterator[Symbol]:
    """Yield the symbols of a span; all but its first are tied back, and so is what began in the bar before."""
    begin, chord = span.begin, span.chord
    for piece in pieces:
        end = begin + piece.length
        yield Symbol(
            spelling=span.spellings[0] if chord else None,
            position=_sixteenths(begin),
            length=_sixteenths(piece.length),
            tied_back=chord is not None and chord.start < bar.start + begin,
            tied_on=chord is not None and chord.end > bar.start + end,
            tuplet=piece.tuplet,
        )
        begin = end


def _sixteenths(units: int) -> int | Fraction:
    return Fraction(units, UNITS_PER_FRAME) if units % UNITS_PER_FRAME else units // UNITS_PER_FRAME
