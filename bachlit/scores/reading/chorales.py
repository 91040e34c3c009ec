"""Read scores into chorales: parts on one grid, with measures, keys, title and source."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import cast, get_args

import numpy as np

from bachlit.errors import OptionError, ScoreError
from bachlit.music.chorale import VOICES, Chorale, IntArray, Voice
from bachlit.music.keys import Key, Mode, home_of
from bachlit.scores.reading.bars import bars_of, spans_of
from bachlit.scores.reading.contents import SUFFIXES, ScoreFile, score_file
from bachlit.scores.reading.notes import Span, on_grid, sung_notes
from bachlit.scores.reading.opening import open_score, warn
from bachlit.scores.reading.playing import Signs, play_order
from bachlit.scores.reading.score import Part, Score, Signature, WrittenMeasure, measure_lengths
from bachlit.scores.reading.voices import chosen_part, named_parts, parts_of_voices
from bachlit.scores.source import GivenPart, ScoreSource, SungNote


def read_melody(
    path: str | ScoreFile, *, voice: Voice = "soprano", part: str | None = None, tune: str | None = None
) -> Chorale:
    """Read one voice of a score; the other three rest.

    Its part is the one with the voice's name, else the only part, else the one at the voice's place among four.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC, kern or MEI; a file, or its contents.
        voice: Which voice to read.
        part: Name or number of its part, counted from the top.
        tune: Number or title of a tune in a book of tunes.

    Returns:
        A chorale with this voice alone, and its fermatas (except those over rests).

    Raises:
        ScoreError: If the file isn't there or isn't a score, or lacks the voice or notes.
    """
    return read_voices(path, [voice], part=part, tune=tune)


def read_voices(
    path: str | ScoreFile,
    voices: Sequence[Voice] | None = None,
    *,
    also: Sequence[Voice] = (),
    part: str | None = None,
    tune: str | None = None,
    keep_parts: bool = False,
) -> Chorale:
    """Read some voices of a score; the others rest.

    Named voices are found as by `read_melody`. Without names, all voices of the score are read: parts named after
    voices, a single part as the soprano, four parts in order, or the four voices of two staves. If it has all four,
    only the soprano is read, since the others are to be composed. If unclear, the soprano is the part with the tune.

    The grid holds what sounds at the beginning of each sixteenth; the source holds all. Of simultaneous notes in a
    part, the top one is read. A ScoreWarning says what was chosen or changed.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC, kern or MEI; a file, or its contents.
        voices: Which voices to read.
        also: More voices to read, for their rhythm.
        part: Name or number of the part with the only or the highest of these voices, counted from the top.
        tune: Number or title of a tune in a book of tunes.
        keep_parts: Write parts that are no voice below the voices, too, when the chorale is written.

    Returns:
        A chorale with these voices, and the fermatas of the highest (except those over rests).

    Raises:
        OptionError: If a name isn't one of the four voices.
        ScoreError: If the file isn't there or isn't a score, the parts of the voices are unclear, or a part has no
            notes.
    """
    unknown = [voice for voice in (*(voices or ()), *also) if voice not in VOICES]
    if unknown:
        raise OptionError(f"There is no voice {unknown[0]!r}; expected one of {', '.join(VOICES)}.")
    path = score_file(path)
    score, parts = open_score(path, tune)
    wanted = [voice for voice in VOICES if voice in (*(voices or ()), *also)]
    if part is not None:
        lead = wanted[0] if wanted else "soprano"
        chosen = {lead: chosen_part(path, parts, part)}
        chosen |= named_parts(path, parts, wanted[1:]) if wanted[1:] else {}
    elif voices is None:
        found = parts_of_voices(path, parts, kept=keep_parts)
        sung = {*also, "soprano"} if len(found) == len(VOICES) else set(found)
        chosen = {voice: part for voice, part in found.items() if voice in sung}
    else:
        chosen = named_parts(path, parts, wanted)
    return _chorale(path, score, chosen, tune=True, keep_parts=keep_parts)


def read_chorale(
    path: str | ScoreFile,
    *,
    repeats: bool = False,
    fine: bool = True,
    tune: str | None = None,
    keep_parts: bool = False,
) -> Chorale:
    """Read four voices of a score, by their names, else by their order if there are four, or from two staves.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC, kern or MEI; a file, or its contents.
        repeats: Play repeats, endings and jumps instead of reading the music once, as it is written.
        fine: Take what sounds at the beginning of each sixteenth where notes are finer, instead of refusing them.
        tune: Number or title of a tune in a book of tunes.
        keep_parts: Write parts that are no voice below the voices, too, when the chorale is written.

    Returns:
        The chorale, with the soprano's fermatas (except those over rests).

    Raises:
        ScoreError: If the file isn't there, isn't a score, lacks four voices, or has finer notes and `fine` is false.
    """
    path = score_file(path)
    score, parts = open_score(path, tune)
    chosen = named_parts(path, parts, VOICES)
    chorale = _chorale(path, score, chosen, tune=False, fine=fine, keep_parts=keep_parts)
    return _played(chorale) if repeats else chorale


def _chorale(
    path: ScoreFile, score: Score, parts: dict[Voice, Part], *, tune: bool, fine: bool = True, keep_parts: bool = False
) -> Chorale:
    measures = max((part.measures for part in parts.values()), key=len)
    spans = spans_of(measure_lengths(list(parts.values()), score.parts))
    voices = _voices(path, score, parts, spans, tune=tune)
    _refuse_unsung(path, voices, fine=fine)
    num_frames = spans[-1].start + spans[-1].num_frames
    pitches = np.zeros((num_frames, len(VOICES)), np.int16)
    onsets = np.zeros((num_frames, len(VOICES)), np.bool_)
    fermatas = np.zeros(num_frames, np.bool_)
    lead = next(voice for voice in VOICES if voice in voices)
    for voice, given in voices.items():
        for note in on_grid(given.notes):
            span = slice(note.start, note.start + note.length)
            pitches[span, VOICES.index(voice)] = note.pitch
            onsets[note.start, VOICES.index(voice)] = True
            if voice == lead:
                fermatas[span] = note.fermata
    key, keys = _keys(path, parts[lead].measures, spans, pitches)
    chorale = Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        bars=_bars(path, measures, spans),
        key=key,
        keys=keys,
        order=tuple(play_order(_signs(score))),
        title=_title(path, score),
        name=path.stem,
    )
    lengths = tuple(span.length for span in spans)
    source = ScoreSource(
        score.document,
        voices,
        lengths,
        chorale.pitches,
        chorale.onsets,
        chorale.fermatas,
        chorale.title,
        keeps_parts=keep_parts,
        tempos=[
            (span.frame(time), tempo)
            for span, measure in _first_with("tempos", parts[lead], score, spans)
            for time, tempo in measure.tempos
        ],
        chords=[
            (span.frame(symbol.start), symbol.text)
            for span, measure in _first_with("chords", parts[lead], score, spans)
            for symbol in measure.chords
        ],
        figures=[
            (span.frame(symbol.start), symbol.length, symbol.text)
            for span, measure in _first_with("figures", parts[lead], score, spans)
            for symbol in measure.figures
        ],
    )
    return dataclasses.replace(chorale, source=source)


def _first_with(what: str, lead: Part, score: Score, spans: Sequence[Span]) -> Iterator[tuple[Span, WrittenMeasure]]:
    """Yield places and measures of the first part that has some tempos, chords or figures: the lead if it has."""
    for part in (lead, *score.parts):
        if any(getattr(measure, what) for measure in part.measures):
            yield from zip(spans, part.measures, strict=False)
            return


def _voices(
    path: ScoreFile, score: Score, parts: dict[Voice, Part], spans: Sequence[Span], *, tune: bool
) -> dict[Voice, GivenPart]:
    """Read the notes of each voice, and what else its part holds."""
    heads: dict[int, set[int]] = defaultdict(set)  # of each <part> of the document
    for part in score.parts:
        heads[part.place] |= {tone.head for measure in part.measures for tone in measure.tones}
    voices: dict[Voice, GivenPart] = {}
    for voice, part in parts.items():
        notes, num_left_out = sung_notes(part, spans, f"{voice} of {path}", tune=tune)
        own = frozenset(head for note in notes for head in note.heads)
        if num_left_out:
            warn(
                f"The {voice} of {path}: where several notes sound at once, the tune is the top one; left out "
                f"{num_left_out} note{'s' * (num_left_out > 1)}."
            )
        whole = own == heads[part.place]
        name = "" if any(part.name == other.name for other in score.parts) else part.name
        voices[voice] = GivenPart(part.place, part.staff, None if whole else own, tuple(notes), name)
    return voices


def _refuse_unsung(path: ScoreFile, voices: dict[Voice, GivenPart], *, fine: bool) -> None:
    """Refuse a voice without notes on the grid, and one with finer notes if that is asked for."""
    for voice, given in voices.items():
        if not on_grid(given.notes):
            raise ScoreError(
                f"The {voice} of {path} has no notes that sound on a sixteenth; expected a melody in longer values."
            )
        finer = [note for note in given.notes if not _on_sixteenths(note)]
        if finer and not fine:
            raise ScoreError(
                f"The {voice} of {path} has a note finer than a sixteenth {float(finer[0].start / 4):.4g} quarters in; "
                "expected whole sixteenths; leave the piece out, or read it as it sounds on sixteenths."
            )


def _on_sixteenths(note: SungNote) -> bool:
    return note.start.denominator == note.end.denominator == 1


def _bars(path: ScoreFile, measures: Sequence[WrittenMeasure], spans: Sequence[Span]) -> tuple:  # type: ignore[type-arg]
    try:
        return bars_of(measures, spans)
    except ValueError as error:
        raise ScoreError(f"{path} can't be read ({error}); expected shorter measures.") from error


def _signs(score: Score) -> list[Signs]:
    """Repeat signs and jumps of each measure, from all parts."""
    merged: list[Signs] = []
    for part in score.parts:
        for index, measure in enumerate(part.measures):
            if index == len(merged):
                merged.append(Signs())
            merged[index] = merged[index].merged(measure.signs)
    return merged


def _keys(
    path: ScoreFile, measures: Sequence[WrittenMeasure], spans: Sequence[Span], pitches: IntArray
) -> tuple[Key, tuple[tuple[int, Key], ...]]:
    """Find the key at the beginning, and later ones; a missing mode or signature is found in the notes, and said."""
    written = [(span.start, measure.signature) for measure, span in zip(measures, spans, strict=False)]
    first = next((signature for _, signature in written if signature is not None), None)
    if first is None:
        return _heard(path, home_of(pitches)), ()
    key = _key(first) or _heard(path, home_of(pitches, _likely(first).fifths))
    changes: list[tuple[int, Key]] = []
    before = first
    for start, signature in written:
        if signature is not None and signature != before:
            changes.append((start, _key(signature) or _likely(signature)._replace(mode=key.mode)))
            before = signature
    return key, tuple(changes)


def _key(signature: Signature) -> Key | None:
    """Key of a signature; None if it has no mode."""
    written = {"ionian": "major"}.get(signature.mode or "", signature.mode)
    return _likely(signature)._replace(mode=cast(Mode, written)) if written in get_args(Mode) else None


def _heard(path: ScoreFile, key: Key) -> Key:
    """Say which key is heard."""
    warn(f"{path}: no mode of its key is written; heard as {key}; --key says otherwise.")
    return key


def _likely(signature: Signature) -> Key:
    """Major key of a signature, with at most seven sharps or flats."""
    key = Key(signature.fifths)
    return key if -7 <= key.fifths <= 7 else key.transpose(12)


def _title(path: ScoreFile, score: Score) -> str:
    title = " ".join(score.title.split())
    # Bach's chorales in music21 have their file's name as a title, which their copies keep under other names.
    return "" if title == path.name or title.lower().endswith(SUFFIXES) else title


def _played(chorale: Chorale) -> Chorale:
    """Write out repeats and jumps: frames in the order in which they are played."""
    measures = chorale.measures
    order = chorale.order or range(len(measures))
    frames = np.concatenate([np.arange(measures[index].start, measures[index].end) for index in order])
    onsets = chorale.onsets[frames]
    onsets[1:][np.diff(frames) != 1] = True  # a note tied over a repeat's bar line begins anew
    starts = np.cumsum([0, *(measures[index].length for index in order)]).tolist()
    bars = tuple(measures[index]._replace(start=start) for index, start in zip(order, starts, strict=False))
    keys = tuple(
        (start, chorale.key_at(bar)) for start, bar in zip(starts, (measures[i].start for i in order), strict=False)
    )
    return dataclasses.replace(
        chorale,
        pitches=chorale.pitches[frames],
        onsets=onsets,
        fermatas=chorale.fermatas[frames],
        bars=bars,
        keys=tuple(change for change in keys if change[0]),
        order=(),
        source=None,
    )
