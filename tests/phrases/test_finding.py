"""The shipped finder: phrase ends of tunes, by note and frame."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bachlit import Chorale
from bachlit.corpus.splits import split_by_tune
from bachlit.errors import CheckpointError
from bachlit.music.phrase_marks import PhraseMark
from bachlit.phrases.decoding import PhraseLengths
from bachlit.phrases.finding import SHIPPED, WEIGHTS, PhraseFinder, phrase_ends, shipped
from bachlit.phrases.line import line_of
from bachlit.phrases.network import PhraseNetwork
from bachlit.scores import read_melody

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_phrases_of_twinkle_are_two_bars() -> None:
    tune = read_melody(EXAMPLES / "twinkle.musicxml")
    assert [frame // 16 + 1 for frame in phrase_ends(tune)] == [2, 4, 6, 8, 10, 12]


def test_fermatas_are_not_heeded(bach: list[Chorale]) -> None:
    piece = split_by_tune(bach)["test"][0]
    bare = Chorale(
        pitches=piece.pitches, onsets=piece.onsets, fermatas=np.zeros(piece.num_frames), pickup=piece.pickup,
        key=piece.key,
    )  # fmt: skip
    assert phrase_ends(piece) == phrase_ends(bare)


def test_ends_are_notes_with_probabilities_and_the_last() -> None:
    tune = read_melody(EXAMPLES / "ode_to_joy.musicxml")
    found = shipped().find(tune)
    starts = line_of(tune).frames.tolist()
    assert {end.frame for end in found} <= set(starts)
    assert found[-1].frame == starts[-1]
    assert all(0 < end.probability < 1 for end in found)


def test_a_mark_before_a_frame_is_evidence_for_the_note_before() -> None:
    tune = read_melody(EXAMPLES / "twinkle.musicxml")
    frame = line_of(tune).frames[3]
    assert frame not in phrase_ends(tune)
    marks = [PhraseMark(int(line_of(tune).frames[4]), kind) for kind in ("breath", "stop", "double bar", "breath")]
    assert frame in phrase_ends(tune, marks=marks)
    assert phrase_ends(tune, marks=[PhraseMark(marks[0].frame, "line")] * 9) == phrase_ends(tune)


def test_a_bass_has_phrases_too(bach: list[Chorale]) -> None:
    piece = split_by_tune(bach)["valid"][3]
    lines = [line_of(piece, voice) for voice in ("soprano", "bass")]
    soprano, bass = (set(line.frames[shipped().ends(line)].tolist()) for line in lines)
    assert len(soprano & bass) >= len(soprano) - 2


def test_saved_weights_find_the_same_phrases(tmp_path: Path, bach: list[Chorale]) -> None:
    torch.manual_seed(0)
    shipped().save(tmp_path)
    again = PhraseFinder.load(tmp_path)
    assert len(again.networks) == len(shipped().networks)
    assert again.lengths == shipped().lengths != PhraseLengths()
    line = line_of(bach[0])
    assert np.array_equal(again.logits(line), shipped().logits(line))


@pytest.mark.parametrize("damage", ["absent", "text", "other weights"])
def test_damaged_weights_end_in_one_sentence(damage: str, tmp_path: Path) -> None:
    if damage == "text":
        (tmp_path / WEIGHTS).write_text("no weights")
    elif damage == "other weights":
        save_file({"0.weight": torch.zeros(3)}, tmp_path / WEIGHTS)
    with pytest.raises(CheckpointError, match="holds no weights of a phrase finder"):
        PhraseFinder.load(tmp_path)


def test_what_ships_is_small() -> None:
    assert (SHIPPED / WEIGHTS).stat().st_size < 1_000_000
    assert sum(part.numel() for part in PhraseNetwork().parameters()) < 100_000


def test_a_long_tune_takes_no_time(bach: list[Chorale]) -> None:
    """Some 280 notes take 50 ms; a busy machine may be slower."""
    tune = next(piece for piece in bach if line_of(piece).num_notes >= 100)
    line = line_of(Chorale.from_pitches(np.tile(tune.pitches, (3, 1))))
    assert line.num_notes > 200
    start = time.process_time()
    shipped().ends(line)
    assert time.process_time() - start < 1
