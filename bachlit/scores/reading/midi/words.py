"""Words in MIDI: lyrics and karaoke texts, and the notes that sing them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bachlit.scores.reading.midi.events import Line, MidiFile, MidiTrack
from bachlit.scores.writing.musicxml import one_line

_MOST_LETTERS = 100  # of a syllable


class Syllable(NamedTuple):
    """Syllable, and whether it is a "single", "begin", "middle" or "end" of a word, as in MusicXML."""

    text: str
    syllabic: str


def title_of(file: MidiFile) -> str:
    """Title: of karaoke, else the name of a first track without notes."""
    for track in file.tracks:
        for _, text in track.texts:
            if text.startswith("@T"):
                return one_line(text[2:])
    return one_line(file.tracks[0].name) if len(file.tracks) > 1 and not file.tracks[0].notes else ""


def words_of(file: MidiFile, lines: Sequence[Line]) -> list[dict[int, Syllable]]:
    """Find the words of lines: for each line the syllables of its notes, by index.

    Words of a track without notes, or with several lines, belong to the line whose notes begin with them.
    """
    words: list[dict[int, Syllable]] = [{} for _ in lines]
    for track in file.tracks:
        sung = _sung(track)
        if not sung:
            continue
        own = [index for index, line in enumerate(lines) if line.track == track.number] or range(len(lines))
        found = {index: _notes_of(lines[index], [time for time, _ in sung], file.ticks // 8) for index in own}
        if not found:
            continue
        best = max(found, key=lambda index: len(set(found[index]) - {None}))
        for note, (_, syllable) in zip(found[best], sung, strict=True):
            if note is not None:
                words[best].setdefault(note, syllable)
    return words


def _notes_of(line: Line, times: Sequence[int], tolerance: int) -> list[int | None]:
    """Index of the note that begins nearest to each time; None if none does within the tolerance."""
    starts = np.array([note.start for note in line.notes])
    after = np.clip(np.searchsorted(starts, times), 1, max(len(starts) - 1, 1))
    before = starts[after - 1]
    found = []
    for time, place, left in zip(times, after.tolist(), before.tolist(), strict=True):
        nearest = place if place < len(starts) and starts[place] - time <= time - left else place - 1
        found.append(nearest if abs(int(starts[nearest]) - time) <= tolerance else None)
    return found


def _sung(track: MidiTrack) -> list[tuple[int, Syllable]]:
    """Times and syllables of a track's words."""
    karaoke = any(text[:1] in ("@", "\\", "/") for _, text in track.texts)
    events = track.lyrics or (track.texts if karaoke else [])
    if not events:
        return []
    events = [(time, text) for time, text in events if not text.startswith("@") and len(text) <= _MOST_LETTERS]
    spaced = any(text.strip() != text or text[:1] in ("\\", "/") for _, text in events[1:])
    syllables: list[tuple[int, str, bool]] = []  # time, text, whether it begins a word
    begins = True
    for time, text in events:
        begins |= spaced and (text[:1].isspace() or text[:1] in ("\\", "/"))
        sung = one_line(text.lstrip("\\/")).rstrip("-")
        if sung:
            syllables.append((time, sung, begins))
            begins = False
        if text.rstrip().endswith("-"):
            begins = False
        elif text[-1:].isspace() or (sung and not spaced):
            begins = True
    ends = [*(first for _, _, first in syllables[1:]), True]
    kinds = {(True, True): "single", (True, False): "begin", (False, False): "middle", (False, True): "end"}
    return [
        (time, Syllable(text, kinds[first, last])) for (time, text, first), last in zip(syllables, ends, strict=False)
    ]
