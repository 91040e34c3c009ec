"""Random chorales and small melodies that the tests of every room share. Import it as `chorales`."""

import dataclasses

import numpy as np
from hypothesis import strategies as st

from bachlit.music.chorale import RANGES, REST, VOICES, Chorale
from bachlit.music.keys import MODES, Key
from bachlit.music.measures import Measure
from bachlit.scores.writing.spelling import Spelling

METRES = [(4, 4), (3, 4), (2, 4), (2, 2), (3, 2), (4, 2), (5, 4), (6, 8), (3, 8), (9, 8), (12, 8), (5, 8), (6, 16)]
C_MAJOR = Key()
KEYS = [Key(fifths, mode) for fifths in range(-7, 8) for mode in ("major", "minor")]
LENGTHS = [1, 2, 2, 3, 4, 4, 4, 5, 6, 7, 8, 8, 10, 12, 16, 20]


def random_chorale(
    seed: int, *, num_frames: int, metre: tuple[int, int] = (4, 4), pickup: int = 0, key: Key = C_MAJOR, title: str = ""
) -> Chorale:
    """Four random walks with rests and repeated notes; one soprano note in five has a fermata."""
    random = np.random.default_rng(seed)
    pitches = np.zeros((num_frames, 4), dtype=int)
    onsets = np.zeros((num_frames, 4), dtype=bool)
    fermatas = np.zeros(num_frames, dtype=bool)
    for column, (low, high) in enumerate(RANGES.values()):
        frame, pitch = 0, int(random.integers(low, high + 1))
        while frame < num_frames:
            length = int(random.choice(LENGTHS))
            span = slice(frame, frame + length)
            onsets[frame, column] = True
            pitches[span, column] = REST if random.random() < 0.15 else pitch
            if column == 0 and pitches[frame, 0] != REST:
                fermatas[span] = random.random() < 0.2
            pitch = int(np.clip(pitch + random.choice([-4, -2, -1, -1, 0, 0, 1, 1, 2, 3]), low, high))
            frame += length
    return Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        time_signature=metre,
        pickup=pickup,
        key=key,
        title=title,
    )


@st.composite
def chorales(draw: st.DrawFn) -> Chorale:
    metre = draw(st.sampled_from(METRES))
    full = 16 * metre[0] // metre[1]
    pickup = draw(st.sampled_from([0, full // 4, full - 1]) | st.integers(0, full - 1))
    num_frames = pickup + full + draw(st.integers(0, 2 * full))
    title = draw(st.sampled_from(["", "Jesu, meine Freude", "Wachet auf, „ruft“ & <uns>"]))
    key = draw(st.sampled_from(KEYS))
    seed = draw(st.integers(0, 2**32))
    return random_chorale(seed, num_frames=num_frames, metre=metre, pickup=pickup, key=key, title=title)


def random_bars(seed: int) -> list[Measure]:
    """Two to eight measures of changing metre: a pickup or none, full, short, long and split ones."""
    random = np.random.default_rng(seed)
    bars: list[Measure] = []
    metre, start, left, number = METRES[int(random.integers(len(METRES)))], 0, 0, int(random.integers(2))
    for index in range(int(random.integers(2, 9))):
        metre = METRES[int(random.integers(len(METRES)))] if random.random() < 0.3 and not left else metre
        full = 16 * metre[0] // metre[1]
        kind = random.random()
        position = full - left if left else int(random.integers(1, full)) if not index and kind < 0.5 else 0
        length = left or (full - position if kind < 0.7 or full == 1 else int(random.integers(1, full + 3)))
        left = full - length if not left and not position and length < full and random.random() < 0.7 else 0
        bars.append(Measure(str(number), start, length, position, metre))
        start, number = start + length, number + (not left)
    return bars


def barred_chorale(seed: int) -> Chorale:
    """A random chorale of irregular measures whose key changes, in any mode."""
    random, bars = np.random.default_rng([1, seed]), random_bars(seed)
    num_frames = bars[-1].end
    keys = [Key(int(random.integers(-5, 6)), MODES[int(random.integers(len(MODES)))]) for _ in range(3)]
    starts = np.flatnonzero(random.random(num_frames) < 1 / num_frames)[:2].tolist()
    chorale = random_chorale(seed, num_frames=num_frames, key=keys[0])
    changes = tuple((start, key) for start, key in zip(starts, keys[1:], strict=False) if start)
    return dataclasses.replace(chorale, bars=tuple(bars), keys=changes)


def repeated_chorale(seed: int) -> Chorale:
    """A random chorale of irregular measures, with repeats, endings and jumps in any order."""
    random, chorale = np.random.default_rng([2, seed]), barred_chorale(seed)
    num = len(chorale.measures)
    order, index = [], int(random.integers(num))
    for _ in range(int(random.integers(2, 3 * num))):
        order.append(index)
        index = (index + 1) % num if random.random() < 0.6 else int(random.integers(num))
    return dataclasses.replace(chorale, order=tuple(order))


voices = st.sampled_from(VOICES)


def melody(*notes: tuple[int, int], metre: tuple[int, int] = (4, 4), fermata_at: int | None = None) -> Chorale:
    """A soprano of (pitch, length), the fermata on the note at one index."""
    pitches = np.repeat([pitch for pitch, _ in notes], [length for _, length in notes])
    onsets = np.concatenate([np.arange(length) == 0 for _, length in notes])
    index = np.repeat(np.arange(len(notes)), [length for _, length in notes])
    four = np.zeros((len(pitches), 4), dtype=int)
    four[:, 0] = pitches
    return Chorale(
        pitches=four,
        onsets=np.repeat(onsets[:, None], 4, axis=1),
        fermatas=index == (-1 if fermata_at is None else fermata_at),
        time_signature=metre,
    )


def midi_pitch(spelling: Spelling) -> int:
    """The MIDI pitch that a name stands for."""
    return (
        12 * (spelling.octave + 1)
        + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[spelling.step]
        + spelling.alter
    )
