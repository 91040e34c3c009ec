"""The laws of the data module."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from few import Few

from bachlit.encoding import SatbEncoding
from bachlit.errors import CorpusError, OptionError
from bachlit.music.chorale import RANGES, VOICES, Chorale, move_home
from bachlit.music.keys import estimate_key
from bachlit.scores import write_musicxml
from bachlit.tokens import START
from bachlit.training.data import ChoraleDataModule
from bachlit.training.transposing import singable_moves
from bachlit.training.windows import IGNORED, WindowLoader


def module(pieces: list[Chorale], **options: object) -> ChoraleDataModule:
    data = ChoraleDataModule(Few(pieces, held_out=(2, 0)), **{"lanes": 2} | options)  # type: ignore[arg-type]
    data.setup("fit")
    return data


def pieces_of(loader: WindowLoader) -> list[Chorale]:
    """The pieces of an epoch, decoded from its windows."""
    encoding = SatbEncoding()
    pieces = []
    for lane in zip(*[[(w.targets[i], bool(w.reset[i])) for i in range(len(w.targets))] for w in loader], strict=True):
        stream: list[int] = []
        for targets, reset in [*lane, (None, True)]:
            if reset and stream:
                pieces.append(encoding.decode([START, *stream]))
                stream = []
            if targets is not None:
                stream += targets[targets != IGNORED].tolist()
    return pieces


def test_at_home_every_piece_is_in_c_major_or_a_minor(bach: list[Chorale]) -> None:
    data = module(bach[:12], keys="home")
    for piece in pieces_of(data.train_dataloader()):
        original = next(p for p in bach[:12] if np.array_equal(p.onsets, piece.onsets))
        assert np.ptp((piece.pitches - original.pitches)[original.pitches > 0]) == 0
    for piece in bach:
        assert str(estimate_key(move_home(piece).pitches, move_home(piece).key)) in ("C major", "A minor")


def test_in_all_keys_a_piece_moves_from_epoch_to_epoch_and_stays_in_range(bach: list[Chorale]) -> None:
    in_range = [piece for piece in bach if len(singable_moves(piece)) > 3][:12]
    data = module(in_range, keys="all")
    moves = set()
    for epoch in range(4):
        loader = data.train_dataloader()
        loader.epoch = lambda epoch=epoch: epoch
        for piece in pieces_of(loader):
            original = next(p for p in in_range if np.array_equal(p.onsets, piece.onsets))
            moved = (piece.pitches.astype(int) - original.pitches)[original.pitches > 0]
            assert np.ptp(moved) == 0
            moves.add(int(moved[0]))
            for column, voice in enumerate(VOICES):
                sung = piece.pitches[:, column][piece.pitches[:, column] > 0]
                assert RANGES[voice][0] <= sung.min() <= sung.max() <= RANGES[voice][1]
    assert len(moves) > 4


def test_evaluation_is_in_the_written_keys_where_training_is_in_all(bach: list[Chorale]) -> None:
    data = module(bach[:12], keys="all")
    evaluated = pieces_of(data.val_dataloader())
    for piece in bach[10:12]:
        assert any(np.array_equal(piece.pitches, other.pitches) for other in evaluated)


def test_a_move_of_zero_is_always_open(bach: list[Chorale]) -> None:
    for piece in bach:
        assert 0 in singable_moves(piece)
        assert singable_moves(piece) == sorted(set(singable_moves(piece)))


def test_the_split_is_recorded(bach: list[Chorale]) -> None:
    data = module(bach[:6])
    assert data.split() == {
        "train": [piece.name for piece in bach[:4]],
        "valid": [piece.name for piece in bach[4:6]],
        "test": [],
    }


def test_a_fold_without_pieces_is_refused_when_it_is_wanted(bach: list[Chorale]) -> None:
    with pytest.raises(CorpusError, match="no pieces for the test fold"):
        module(bach[:6]).test_dataloader()


def test_lanes_and_windows_of_nothing_are_refused() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        ChoraleDataModule(lanes=0)


def test_batches_that_no_memory_holds_are_refused_at_once() -> None:
    for sizes in ({"lanes": 10**11}, {"evaluation_lanes": 10**8}, {"window": 10**12}):
        with pytest.raises(OptionError, match="steps; expected 2097152 at most"):
            ChoraleDataModule(**sizes)


def test_prompts_come_from_a_folder_a_file_or_the_test_pieces(tmp_path: Path, bach: list[Chorale]) -> None:
    for index, name in enumerate(("b", "a")):
        write_musicxml(bach[index].only("soprano"), tmp_path / f"{name}.musicxml")
    from_folder = [p for batch in module(bach[:6], prompts=tmp_path).predict_dataloader() for p in batch]
    assert [prompt.chorale.name for prompt in from_folder] == ["a", "b"]
    from_file = [p for b in module(bach[:6], prompts=tmp_path / "a.musicxml").predict_dataloader() for p in b]
    assert np.array_equal(from_file[0].chorale.pitches[:, 0], bach[1].pitches[:, 0])
    data = ChoraleDataModule(Few(bach[:6], held_out=(2, 0)), voice="bass")
    data.folds = {"train": [], "valid": [], "test": bach[:3]}
    from_fold = [prompt for batch in data.predict_dataloader() for prompt in batch]
    assert [prompt.given.all(axis=0).tolist() for prompt in from_fold] == [[False, False, False, True]] * 3
    with pytest.raises(CorpusError, match="no scores"):
        module(bach[:6], prompts=Path(__file__).parent).predict_dataloader()


def test_fewer_prompts_than_processes_are_refused(bach: list[Chorale]) -> None:
    """Lightning would end in an assertion of its own."""
    data = ChoraleDataModule(Few(bach[:6]))
    data.setup("predict")
    data.trainer = SimpleNamespace(world_size=3, predicting=True)  # type: ignore[assignment]
    with pytest.raises(OptionError, match="2 prompts can't be dealt to 3 processes"):
        data.predict_dataloader()
