"""FrameReader says where each frame is and how long its notes have lasted, at once or frame by frame."""

import dataclasses

import numpy as np
import pytest
import torch

from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import Chorale
from bachlit.networks.frames import (
    BAR_POSITIONS,
    CYCLE,
    LONGEST,
    PICKUP_POSITIONS,
    Features,
    FrameReader,
    Frames,
)
from bachlit.networks.opening import Opening
from bachlit.tokens import END

CHORD = [67, 64, 60, 48]


def groups(encoding: SatbEncoding, chorale: Chorale) -> torch.Tensor:
    """(1, T, 5) the inputs of its frames."""
    return torch.from_numpy(encoding.encode(chorale))[: 5 * chorale.num_frames].view(1, -1, 5)


def read(encoding: SatbEncoding, chorale: Chorale, cut: int = 0) -> Frames:
    """Its frames, read in two calls if they are to be cut."""
    reader, tokens = FrameReader(encoding), groups(encoding, chorale)
    state, parts = reader.begin(1), []
    for part in (tokens[:, :cut], tokens[:, cut:]) if cut else (tokens,):
        frames, *state = reader.read(part, *state)
        parts.append(frames)
    return Frames(*(torch.cat(both, 1) for both in zip(*parts, strict=True)))


@pytest.mark.parametrize("cut", [0, 1, 4, 17, 20])
def test_positions_start_again_at_each_bar_and_a_pickup_has_its_own(cut: int) -> None:
    piece = dataclasses.replace(Chorale.from_pitches([CHORD] * 40, pickup=4), time_signature=(3, 4))
    frames = read(SatbEncoding(bars=True), piece, cut)
    pickup, bar = list(range(4)), list(range(PICKUP_POSITIONS, PICKUP_POSITIONS + 12))
    assert frames.position[0].tolist() == [*pickup, *bar, *bar, *bar]
    # Before a frame's mark is known, a bar goes on.
    longer = [*range(PICKUP_POSITIONS + 1, PICKUP_POSITIONS + 13)]
    assert frames.expected[0].tolist() == [0, 1, 2, 3, 4, *longer, *longer, *longer[:-1]]


def test_positions_of_bars_and_pickups_without_end_stay_the_last() -> None:
    encoding = SatbEncoding(bars=True)
    endless = torch.from_numpy(np.tile([[4, 2, 4, 4, 4]], (80, 1)))[None]  # no frame begins a bar
    endless[0, 0, 0] = encoding.start(Chorale.from_pitches([CHORD]).key)
    frames, *_ = FrameReader(encoding).read(endless, *FrameReader(encoding).begin(1))
    assert frames.position[0].tolist() == [*range(PICKUP_POSITIONS), *[PICKUP_POSITIONS - 1] * (80 - PICKUP_POSITIONS)]
    endless[0, 0, 1] = int(np.flatnonzero(encoding.begins_bar)[0])
    frames, *_ = FrameReader(encoding).read(endless, *FrameReader(encoding).begin(1))
    last = PICKUP_POSITIONS + BAR_POSITIONS - 1
    assert frames.position[0].tolist() == [*range(PICKUP_POSITIONS, last + 1), *[last] * (80 - BAR_POSITIONS)]


def test_without_bars_frames_are_counted_round() -> None:
    frames = read(SatbEncoding(), Chorale.from_pitches([CHORD] * 100), 7)
    assert frames.position[0].tolist() == [frame % CYCLE for frame in range(100)]


@pytest.mark.parametrize("cut", [0, 1, 5, 39])
def test_runs_are_how_long_the_notes_before_have_lasted(cut: int) -> None:
    pitches = np.tile(CHORD, (50, 1))
    pitches[4:, 0] = 69  # the soprano moves at frame 4, the bass rests from 6 to 8
    pitches[6:9, 3] = 0
    frames = read(SatbEncoding(), Chorale.from_pitches(pitches), cut)
    soprano, bass = frames.run[0, :, 0].tolist(), frames.run[0, :, 1].tolist()
    assert soprano[1:5] == [1, 2, 3, 4]
    assert soprano[5:] == [min(lasted, LONGEST) for lasted in range(1, 46)]
    assert bass[1:10] == [1, 2, 3, 4, 5, 6, 1, 1, 1]
    assert bass[10:14] == [1, 2, 3, 4]
    assert frames.before[0, 0].tolist() == [END] * 4


def test_frame_by_frame_is_as_at_once(bach: list[Chorale]) -> None:
    for encoding in (SatbEncoding(), SatbEncoding(bars=True, order=("bass", "tenor", "alto", "soprano"))):
        reader, tokens = FrameReader(encoding), groups(encoding, bach[0])
        features, num = Features(encoding, reader, 8, 0.0), encoding.vocabulary_size
        frames, *_ = reader.read(tokens, *reader.begin(1))
        rows, columns = features.known_rows(frames), torch.arange(num).repeat(4, 1)
        opening = Opening(reader, features, columns)
        known, past = opening.begin()
        position, chosen = torch.tensor([-1]), tokens[:, 0, 2:]
        for t, frame in enumerate(tokens.unbind(1)):
            opened, past = opening.enter(frame[:, 0], chosen, known, position, past)
            known, chosen = opened.known, frame[:, 2:]
            position = reader.place(frame[:, 1], known[:, Opening.EXPECTED])
            assert torch.equal(opened.rows, rows[:, t]), t
            assert torch.equal(known[:, Opening.EXPECTED], frames.expected[:, t])
            assert torch.equal(known[:, Opening.BEFORE : Opening.ECHO], frames.before[:, t])
            assert torch.equal(known[:, Opening.ECHO :], frames.echo[:, t].transpose(1, 2).flatten(1))
            assert torch.equal(opened.lengths, frames.echoed[:, t])
            assert position == frames.position[0, t]


def test_features_go_missing_whole_in_training_but_never_where_a_frame_stands(bach: list[Chorale]) -> None:
    torch.manual_seed(0)
    encoding = SatbEncoding(bars=True)
    reader = FrameReader(encoding)
    features = Features(encoding, reader, 8, 0.3)
    tokens = torch.from_numpy(encoding.encode(bach[0]))[:300].view(1, -1, 5)
    frames, *_ = reader.read(tokens, *reader.begin(1))
    marks = tokens[:, :, 1]
    sizes = [table.embedding_dim for table in features.tables()]
    *known, mark, position = ((part == 0).all(2) for part in features.train()(frames, marks).split(sizes, 2))
    assert 0.2 < torch.stack(known).float().mean() < 0.4
    assert not mark.any()
    assert not position.any()
    assert not any((part == 0).all(2).any() for part in features.eval()(frames, marks).split(sizes, 2))
