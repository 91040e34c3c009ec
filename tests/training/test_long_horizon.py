"""However long it goes on and however large the corpus, memory stays as it is."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from fits import TWINKLE
from sizes import size

from bachlit import compose
from bachlit.__main__ import main
from bachlit.corpus import BachBotCorpus, BachCorpus, Corpus, FolderCorpus
from bachlit.corpus.cache import CachedChorales, pack
from bachlit.corpus.pieces import Chosen, Pieces
from bachlit.decoding import Generation, Model, RowGenerators, Sampling, TokenPrompt
from bachlit.encoding import BachBotEncoding
from bachlit.generation.composing import write_freely
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.scores import write_musicxml
from bachlit.training.data import ChoraleDataModule

KILOBYTES = 1000


class Given(Corpus):
    """Chorales as they are, in a list or not."""

    def __init__(self, pieces: Sequence[Chorale]) -> None:
        self.pieces = pieces

    def chorales(self) -> Sequence[Chorale]:
        return self.pieces


def growth(steps: Iterator[object], warm_up: int, rest: int) -> int:
    """How many bytes more are in use at the most after a step than after the steps to warm up."""
    tracemalloc.start()
    try:
        for _ in range(warm_up):
            next(steps)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        most = before
        for number in range(rest):
            next(steps)
            if number % (rest // 10) == 0:  # what lies about until it is collected is no growth
                gc.collect()
                most = max(most, tracemalloc.get_traced_memory()[0])
        return most - before
    finally:
        tracemalloc.stop()


def windows(data: ChoraleDataModule) -> Iterator[object]:
    """Windows of one epoch after another."""
    loader = data.train_dataloader()
    for epoch in count():
        loader.epoch = lambda epoch=epoch: epoch  # type: ignore[misc]
        yield from loader


@pytest.mark.parametrize(
    "options",
    [{"keys": "all"}, {"keys": "all", "encoding": BachBotEncoding(), "split_by": "position"}],
    ids=["by tune", "by position"],
)
def test_memory_is_flat_over_many_windows(options: dict[str, object], bach: Sequence[Chorale]) -> None:
    """Pieces of a second go by, one a window: if they stayed as chorales, a megabyte would, or ten."""
    pieces = [cut(piece, 0, 16) for piece in bach]
    data = ChoraleDataModule(Given(pieces), lanes=2, window=30, **options)  # type: ignore[arg-type]
    data.setup("fit")
    assert growth(windows(data), warm_up=size(500, 100), rest=size(10_000, 150)) < size(300, 75) * KILOBYTES


@pytest.mark.filterwarnings("ignore")  # Python remembers every warning that it shows
def test_memory_is_flat_over_many_decoded_pieces(small_model: LanguageModel) -> None:
    """Each has a kilobyte and is thrown away; tensors, which Python doesn't count as memory, are counted."""

    def composed() -> Iterator[object]:
        for seed in count(step=12):
            seeds = range(seed, seed + 12)
            yield write_freely(small_model, decoder=Sampling(), seeds=seeds, min_frames=4, max_frames=4)

    def num_tensors() -> int:
        gc.collect()
        return sum(type(one) is torch.Tensor for one in gc.get_objects())

    pieces = composed()
    next(pieces)
    before = num_tensors()
    assert growth(pieces, warm_up=3, rest=size(50, 10)) < 100 * KILOBYTES
    assert num_tensors() == before


def test_predictions_are_files_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning would hold all of them until the last."""
    returned: list[object] = []

    @wraps(pl.Trainer.predict)  # its options are the command's
    def predict(*args: Any, **options: Any) -> None:
        returned.append(predict.__wrapped__(*args, **options))  # type: ignore[attr-defined]

    monkeypatch.setattr(pl.Trainer, "predict", predict)
    monkeypatch.chdir(tmp_path)
    quiet = ["--trainer.accelerator=cpu", "--trainer.logger=false", "--trainer.enable_progress_bar=false"]
    assert main(["predict", *quiet, f"--data.prompts={TWINKLE}", "--decoder=Greedy"]) == 0
    assert returned == [None]
    assert len([*(tmp_path / "predictions").iterdir()]) == 2


def test_many_pieces_are_composed_a_few_at_a_time_and_none_is_another_for_it(
    small_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred at once took gigabytes."""
    num = size(130, 18)
    monkeypatch.setattr("bachlit.api._TOGETHER", size(8192, 1024))  # sixteenths of the pieces in a batch
    together: list[int] = []

    class Counting(Sampling):
        def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
            together.append(len(prompt.allowed))
            return super().decode(model, prompt, generator)

    pieces = compose(num, bars=4, checkpoint=small_model, decoder=Counting(), seed=3)
    assert len(together) > 1
    assert max(together) * 64 <= 8192
    assert sum(together) == 8 * len(pieces) == 8 * num  # drafts
    assert [piece.name for piece in pieces] == [f"chorale-{seed}" for seed in range(3, 3 + num)]
    for index in (0, num - 3, num - 2, num - 1):
        assert compose(1, bars=4, checkpoint=small_model, decoder=Sampling(), seed=3 + index) == [pieces[index]]


def test_memory_of_a_corpus_hardly_grows_with_its_pieces(bach: Sequence[Chorale]) -> None:
    """Of the pieces, no more than their places, moves and lengths is held: some 50 bytes each, and not 4,000."""

    def held(times: int) -> int:
        content = CachedChorales(pack((str(index), bach[index % 50]) for index in range(50 * times)))
        tracemalloc.start()
        try:
            data = ChoraleDataModule(Given(Chosen(content, range(len(content)))), lanes=2, window=100)
            data.setup("fit")
            loader = data.train_dataloader()
            for _ in zip(range(20), loader, strict=False):
                pass
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    held(1)
    assert held(20) - held(2) < 18 * 50 * 200


@pytest.mark.parametrize(
    ("corpus", "options"),
    [
        (BachCorpus, {"keys": "all"}),
        (BachCorpus, {"keys": "home"}),
        (BachBotCorpus, {"keys": "home", "encoding": BachBotEncoding(), "split_by": "position"}),
    ],
    ids=["by tune, all keys", "by tune, at home", "by position"],
)
def test_windows_of_a_corpus_in_its_cache_are_those_of_a_list(
    corpus: Callable[[], Corpus], options: dict[str, object]
) -> None:
    pieces = corpus().chorales()
    assert isinstance(pieces, CachedChorales)
    epochs = []
    for given in (pieces, list(pieces)):
        data = ChoraleDataModule(Given(given), **options)  # type: ignore[arg-type]
        data.setup("fit")
        loaders = [data.train_dataloader(), data.val_dataloader(), data.test_dataloader()]
        loaders[0].epoch = lambda: 2  # type: ignore[misc]
        epochs.append((data.split(), [[list(window) for window in loader] for loader in loaders]))
    (split, cached), (its_split, held) = epochs
    assert split == its_split
    for fold, its_fold in zip(cached, held, strict=True):
        assert len(fold) == len(its_fold) > 0
        for window, other in zip(fold, its_fold, strict=True):
            assert all(map(torch.equal, window[:4], other[:4]))


def test_pieces_in_a_cache_are_as_a_list_of_them(bach: Sequence[Chorale], tmp_path: Path) -> None:
    for piece in bach[:5]:
        write_musicxml(piece, tmp_path / f"{piece.name}.musicxml")
    pieces = FolderCorpus(tmp_path, cache=tmp_path / "cache", workers=1).chorales()
    held = list(pieces)
    assert isinstance(pieces, Pieces)
    for sequence, other in ((pieces, held), (pieces[1:4], held[1:4]), (pieces[::-2], held[::-2]), (pieces[9:], [])):
        assert len(sequence) == len(other)
        assert sequence == other
        assert [*sequence] == other
        assert bool(sequence) == bool(other)
    assert pieces[-1] == held[-1]
    assert pieces[1:][-2:] == held[1:][-2:]
    assert pieces != held[:-1]
    assert pieces != [*held[1:], held[0]]
    assert held[2] in pieces
    assert pieces.index(held[2]) == 2
    for index in (5, -6):
        with pytest.raises(IndexError):
            pieces[index]
