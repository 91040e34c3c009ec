"""Standard MIDI files -> MusicXML tree, one part per track and channel, on a grid of notes that can be written."""

from collections import Counter
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from bachlit.music.keys import Key, home_of
from bachlit.scores.reading.limits import MAX_MIDI_HEADS, MAX_MIDI_NOTES, MAX_MIDI_PARTS
from bachlit.scores.reading.midi.events import Line, MidiFile, parse_midi
from bachlit.scores.reading.midi.general_midi import INSTRUMENTS
from bachlit.scores.reading.midi.heads import NotatedPart, num_heads
from bachlit.scores.reading.midi.timing import Timing, notate
from bachlit.scores.reading.midi.tree import Direction, score_tree
from bachlit.scores.reading.midi.voices import voices_of
from bachlit.scores.reading.midi.words import title_of, words_of
from bachlit.scores.writing.musicxml import one_line
from bachlit.scores.writing.tuplets import UNITS, UNITS_PER_FRAME

_MOST_LETTERS = 100  # of a marker or a name


def midi_document(data: bytes) -> tuple[Element, list[str]]:
    """Turn a MIDI file into a MusicXML tree.

    Each track and channel with notes is a part, except drums (channel 10). Notes exactly on sixteenths or triplets
    stay as they are; others are rounded. MIDI has no pickup: bars begin at time 0.

    Returns:
        A `<score-partwise>`, and sentences about what was changed.

    Raises:
        ValueError: If it is damaged, too long, or counts time in seconds.
    """
    file = parse_midi(data)
    lines = [line for track in file.tracks for line in track.lines]
    if not lines:
        return Element("score-partwise", version="4.0"), []
    if len(lines) > MAX_MIDI_PARTS:
        raise ValueError(f"it has more than {MAX_MIDI_PARTS} parts")
    if sum(len(line.notes) for line in lines) > MAX_MIDI_NOTES:
        raise ValueError(f"it has more than {MAX_MIDI_NOTES} notes")
    timing = notate(file, lines)
    names, words = _names(lines), words_of(file, lines)
    parts = [
        NotatedPart(
            f"T{line.track}-C{line.channel}", name, line.channel, line.program or 0, voices_of(notes), syllables
        )
        for line, name, notes, syllables in zip(lines, names, timing.notes, words, strict=True)
    ]
    if sum(num_heads(part, timing.bars) for part in parts) > MAX_MIDI_HEADS:
        raise ValueError(f"it has more than {MAX_MIDI_HEADS} measures and note heads in all parts")
    keys, modes = _keys(file, timing)
    tree = score_tree(title_of(file), parts, timing.bars, keys, _directions(file, timing), modes=modes)
    return tree, timing.sentences


def _names(lines: Sequence[Line]) -> list[str]:
    """Names of parts, each different: of the track if it is one part's, else of the instrument, else by numbers."""
    num_parts = Counter(line.track for line in lines)
    names = []
    for line in lines:
        name = one_line(line.name)[:_MOST_LETTERS] if num_parts[line.track] == 1 else ""
        names.append(name or ("" if line.program is None else INSTRUMENTS[line.program]))
    times = Counter(names)
    places = [f"track {line.track}, channel {line.channel}" for line in lines]
    return [
        (name if times[name] == 1 else f"{name} ({place})") if name else place.capitalize()
        for name, place in zip(names, places, strict=True)
    ]


def _keys(file: MidiFile, timing: Timing) -> tuple[list[tuple[int, Key]], bool]:
    """Find indices of bars and the keys that begin there, and whether the file says their modes.

    Many programs write major whatever the mode is: it isn't believed where another mode's tonic ends the music.
    """
    written = sorted(event for track in file.tracks for event in track.signatures)
    starts = np.array([bar.start for bar in timing.bars])
    keys: dict[int, Key] = {}
    for tick, (fifths, mode) in written:
        place = timing.clock.units([tick])[0]
        index = int(np.abs(starts - place).argmin())
        if place <= starts[index] + timing.bars[index].length:
            keys[index] = Key(fifths, "minor" if mode == "minor" else "major")
    first = next(iter(keys.values()), None)
    keys[0] = keys.get(0) or first or _home(timing)[0]
    home, last = _home(timing, keys[0].fifths)
    believed = home == keys[0] or home.tonic != last % 12 or any(key.mode == "minor" for key in keys.values())
    if first is None or not believed:
        keys = {index: key._replace(mode=home.mode) for index, key in keys.items()}
    changes = sorted(keys.items())
    return [
        change for index, change in enumerate(changes) if index == 0 or change[1] != changes[index - 1][1]
    ], first is not None and believed


def _home(timing: Timing, fifths: int | None = None) -> tuple[Key, int]:
    """Find the key of all notes, under a signature if there is one, and the pitch that ends them."""
    notes = sorted((note for line in timing.notes for note in line), key=lambda note: (note.start, -note.pitch))
    sixteenths = [max(1, (note.end - note.start) // UNITS_PER_FRAME) for note in notes]
    return home_of(np.repeat([note.pitch for note in notes], sixteenths), fifths), notes[-1].pitch


def _directions(file: MidiFile, timing: Timing) -> list[Direction]:
    """Tempos and markers, at the nearest sixteenths."""
    end = timing.bars[-1].start + timing.bars[-1].length
    if timing.clock.beats is None:
        tempos = [(tick, 60e6 / length) for tick, length in timing.clock.tempos]
    else:
        tempos = [(0, timing.clock.beats.per_minute * timing.clock.beats.length / UNITS)]
    texts = [event for track in file.tracks for event in track.markers]
    events = [(tick, tempo, "") for tick, tempo in tempos] + [
        (tick, None, text) for tick, text in texts if text.strip()
    ]
    places = np.round(timing.clock.units([tick for tick, _, _ in events]) / UNITS_PER_FRAME) * UNITS_PER_FRAME
    directions = [
        Direction(int(place), tempo, text[:_MOST_LETTERS])
        for place, (_, tempo, text) in zip(places, events, strict=True)
        if place < end
    ]
    return sorted(directions, key=lambda direction: direction.time)
