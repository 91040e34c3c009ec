"""Pieces as plain data: score, picture, notes in ticks, faults and merits."""

import base64
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from bachlit.checking.faults import KINDS, Fault, Profile, sung_frames
from bachlit.checking.sentences import names_at
from bachlit.files.marks import seal
from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale, Voice
from bachlit.music.measures import whole_bars
from bachlit.scores import to_midi
from bachlit.scores.source import tempos_of
from bachlit.serving.melodies import DIVISION, TICKS
from bachlit.serving.sheets import Sheet, SheetNote

if TYPE_CHECKING:
    from bachlit.generation.written import Written


def piece_of(
    chorale: Chorale,
    sheet: Sheet,
    width: int,
    *,
    given: BoolArray | None = None,
    phrases: Sequence[int] = (),
) -> dict[str, Any]:
    """Describe a chorale with its score.

    Args:
        chorale: The music.
        sheet: Its score.
        width: Of the picture, in pixels.
        given: (T, 4) the cells that were given; all if None.
        phrases: Frames in which the last notes of phrases begin.
    """
    return {
        "title": chorale.title,
        "musicxml": seal(sheet.music.encode(), ".musicxml").decode(),
        "midi": base64.b64encode(seal(to_midi(chorale, voices=list(sheet.notes)), ".mid")).decode(),
        "svg": sheet.svg(width),
        "division": DIVISION,
        "ticks": chorale.num_frames * TICKS,
        "fifths": chorale.key.fifths,
        "mode": chorale.key.mode,
        "key": str(chorale.key),
        "metre": "{}/{}".format(*chorale.time_signature),
        "pickup": chorale.pickup * TICKS,
        "bars": _bars(chorale),
        "phrases": [frame * TICKS for frame in phrases],
        "fermatas": [[first * TICKS, end * TICKS] for first, end in _runs(chorale.fermatas)],
        "tempo": round(tempos_of(chorale)[0][1], 2),
        "voices": {voice: _line(notes, chorale.num_frames * TICKS) for voice, notes in sheet.notes.items()},
        "notes": _notes(chorale, sheet, given),
    }


def merits_of(written: "Written") -> dict[str, Any]:
    """Give the figures that rank a piece; without those that a calibration weighs, merit is log_prob minus cost."""
    named = {"merit": written.merit, "log_prob": written.log_prob, "cost": written.cost}
    rounded, figures = ({name: round(value, 4) for name, value in one.items()} for one in (named, written.figures))
    return {**rounded, "figures": figures, "yielded": written.yielded}


def faults_of(chorale: Chorale, faults: Sequence[Fault], profile: Profile, sheet: Sheet) -> list[dict[str, Any]]:
    """Describe faults with the ids of their notes."""
    kinds = KINDS[profile]
    return [
        {
            "kind": fault.kind,
            "title": kinds[fault.kind].title,
            "why": kinds[fault.kind].why,
            "bar": fault.place.bar,
            "beat": fault.place.beat,
            "voices": list(fault.voices),
            "details": fault.details,
            "from": fault.start * TICKS,
            "to": fault.end * TICKS,
            "ids": _ids_of(chorale, fault, sheet),
        }
        for fault in faults
    ]


def ids_at(sheet: Sheet, voice: Voice, frame: int) -> list[str]:
    """List the ids of a voice's note at a frame; none if it rests."""
    for note, ids in sheet.notes.get(voice, ()):
        if math.ceil(note.start) <= frame < math.ceil(note.end):
            return list(ids)
    return []


def _ids_of(chorale: Chorale, fault: Fault, sheet: Sheet) -> list[str]:
    """List the ids of a fault's notes, each once; of the whole chord if it names no voice."""
    ids: dict[str, None] = {}
    for voice in fault.voices or VOICES:
        for frame in sung_frames(chorale, fault, VOICES.index(voice)):
            ids |= dict.fromkeys(ids_at(sheet, voice, frame))
    return list(ids)


def _bars(chorale: Chorale) -> list[dict[str, Any]]:
    """List the measures as drawn, each with the bar number that the option `bars` takes."""
    bars = whole_bars(chorale.measures)
    numbered = {bar.start: bar.number for bar in bars}
    if bars[0].position:
        numbered[0] = "0"
    listed = []
    number = ""
    for measure in chorale.measures:
        number = numbered.get(measure.start, number)
        listed.append({"number": number, "from": measure.start * TICKS, "to": measure.end * TICKS})
    return listed


def _runs(mask: BoolArray) -> list[tuple[int, int]]:
    """List the first frame and the end of each run of a mask (T,)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _ticks(frame: Fraction | int) -> int:
    return round(frame * TICKS)


def _line(notes: Sequence[SheetNote], ticks: int) -> list[list[int | None]]:
    """List the notes and rests of a voice without gaps, as in requests."""
    line: list[list[int | None]] = []
    now = 0
    for note, _ in notes:
        start, end = max(now, _ticks(note.start)), _ticks(note.end)
        if start > now:
            line.append([None, start - now])
        if end > start:
            line.append([note.pitch, end - start])
            now = end
    if ticks > now:
        line.append([None, ticks - now])
    return line


def _notes(chorale: Chorale, sheet: Sheet, given: BoolArray | None) -> list[dict[str, Any]]:
    """List the notes of all voices in order of time."""
    listed: list[dict[str, Any]] = []
    for voice, notes in sheet.notes.items():
        column = VOICES.index(voice)
        frames = [min(math.ceil(note.start), chorale.num_frames - 1) for note, _ in notes]
        names = names_at(chorale, column, frames) if notes else []
        for (note, ids), frame, name in zip(notes, frames, names, strict=True):
            listed.append(
                {
                    "voice": voice,
                    "pitch": note.pitch,
                    "name": name,
                    "from": _ticks(note.start),
                    "to": _ticks(note.end),
                    "ids": list(ids),
                    "given": given is None or bool(given[frame, column]),
                }
            )
    return sorted(listed, key=lambda note: note["from"])  # voices from the top down, as they were listed


def sounding(chorale: Chorale) -> list[Voice]:
    """List the voices that don't rest throughout."""
    heard = (chorale.pitches != REST).any(axis=0)
    return [voice for voice, sounds in zip(VOICES, heard, strict=True) if sounds]
