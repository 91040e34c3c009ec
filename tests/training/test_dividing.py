"""The laws of streams and of the split by position, on Bach's chorales."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import yaml
from few import Few

from bachlit.__main__ import main
from bachlit.corpus import FOLDS, BachBotCorpus, Corpus
from bachlit.corpus.splits import split_by_position
from bachlit.encoding import BachBotEncoding
from bachlit.errors import CorpusError, OptionError
from bachlit.evaluation.held_out import Source, held_out
from bachlit.music.chorale import Chorale
from bachlit.networks import TokenLSTM
from bachlit.tokens import END, START
from bachlit.training.data import ChoraleDataModule
from bachlit.training.dividing import cut_stream
from bachlit.training.model import ChoraleModel
from bachlit.training.windows import IGNORED, Window, WindowLoader

ENCODING = BachBotEncoding()


class Bare(Corpus):
    """Pieces without folds of their own."""

    def __init__(self, pieces: list[Chorale]) -> None:
        self.pieces = pieces

    def chorales(self) -> list[Chorale]:
        return self.pieces


def steps_of(pieces: Sequence[Chorale]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the pieces one after another."""
    encoded = [ENCODING.encode(piece) for piece in pieces]
    return np.concatenate([tokens[:-1] for tokens in encoded]), np.concatenate([tokens[1:] for tokens in encoded])


def loader(pieces: Sequence[Chorale], *, start: int = 0, stop: int | None = None, **options: int) -> WindowLoader:
    encoded = [ENCODING.encode(piece) for piece in pieces]
    layout = partial(cut_stream, start=start, stop=stop)
    return WindowLoader(lambda random: encoded, ENCODING, layout=layout, **{"lanes": 4, "window": 128} | options)  # type: ignore[arg-type]


def lanes_of(windows: Sequence[Window]) -> list[tuple[list[int], list[int]]]:
    """Each lane's inputs and targets, without padding."""
    tokens, targets = (torch.cat([getattr(window, name) for window in windows], 1) for name in ("tokens", "targets"))
    real = targets != IGNORED
    return [(tokens[lane, real[lane]].tolist(), targets[lane, real[lane]].tolist()) for lane in range(len(tokens))]


def module(pieces: list[Chorale], corpus: Corpus | None = None, **options: object) -> ChoraleDataModule:
    chosen = {"keys": "home", "lanes": 3, "encoding": ENCODING, "split_by": "position"} | options
    data = ChoraleDataModule(corpus or Bare(pieces), **chosen)  # type: ignore[arg-type]
    data.setup("fit")
    return data


def joined(windows: Sequence[Window]) -> list[int]:
    """The targets of a whole epoch, lane after lane."""
    return [target for _, targets in lanes_of(windows) for target in targets]


@pytest.mark.parametrize("lanes", [1, 4, 7])
@pytest.mark.parametrize("part", [{}, {"start": 701, "stop": 5003}])
def test_lanes_put_together_are_the_stream_with_nothing_lost_or_twice(
    lanes: int, part: dict[str, int], bach: list[Chorale]
) -> None:
    pieces = bach[:12]
    inputs, targets = (steps[part.get("start", 0) : part.get("stop")] for steps in steps_of(pieces))
    read = lanes_of(list(loader(pieces, lanes=lanes, **part)))
    assert [token for lane, _ in read for token in lane] == inputs.tolist()
    assert [token for _, lane in read for token in lane] == targets.tolist()
    assert np.ptp([len(lane) for lane, _ in read]) <= 1


def test_only_last_windows_are_padded_and_only_first_ones_begin_anew(bach: list[Chorale]) -> None:
    windows = list(loader(bach[:12]))
    assert len(windows) == len(loader(bach[:12])) > 3
    for index, window in enumerate(windows):
        assert window.tokens.shape == (4, 128)
        assert (window.reset == (index == 0)).all()
        padding = window.targets == IGNORED
        assert (window.tokens[padding] == END).all()
        assert (window.tokens[~padding] != END).all()
        assert index == len(windows) - 1 or not padding.any()
        assert torch.equal(window.slots[~padding], torch.from_numpy(ENCODING.slots(window.targets[~padding].numpy())))


def test_fewer_steps_than_lanes_leave_lanes_of_padding(bach: list[Chorale]) -> None:
    (window,) = loader(bach[:1], lanes=4, start=10, stop=13)
    assert (window.targets != IGNORED).sum() == 3


@pytest.mark.parametrize("num_ranks", [2, 4])
def test_ranks_have_equally_many_windows_and_share_the_lanes(num_ranks: int, bach: list[Chorale]) -> None:
    whole = list(loader(bach[:12]))
    ranks = [list(loader(bach[:12], rank=rank, num_ranks=num_ranks)) for rank in range(num_ranks)]
    assert {len(windows) for windows in ranks} == {len(whole)}
    for index, window in enumerate(whole):
        for rank in range(num_ranks):
            for field in Window._fields[:4]:
                assert torch.equal(getattr(ranks[rank][index], field), getattr(window, field)[rank::num_ranks])


def test_memory_is_carried_over_the_borders_of_pieces(bach: list[Chorale]) -> None:
    """What the model makes of one lane's windows is what its network makes of the whole stream at once."""
    pieces = bach[:3]
    model = ChoraleModel(lambda encoding: TokenLSTM(encoding, layers=1, hidden=8, embedding=4), encoding=ENCODING)
    model.eval()
    inputs, _ = steps_of(pieces)
    assert (inputs == START).sum() == 3
    with torch.no_grad():
        carried = torch.cat(
            [
                model._carry("val", window, index)[window.targets != IGNORED]
                for index, window in enumerate(loader(pieces, lanes=1))
            ]
        )
        whole, _ = model(torch.from_numpy(inputs)[None])
    assert torch.allclose(carried, whole[0], atol=1e-5)


def test_folds_share_no_token_and_together_are_the_corpus(bach: list[Chorale]) -> None:
    data = module(bach[:20], keys="written")
    folds = [joined(list(load())) for load in (data.train_dataloader, data.val_dataloader, data.test_dataloader)]
    _, targets = steps_of(bach[:20])
    assert folds[0] + folds[1] + folds[2] == targets.tolist()
    assert [len(fold) / len(targets) for fold in folds] == pytest.approx([0.8, 0.1, 0.1], abs=1e-4)


def test_a_piece_that_is_cut_counts_where_it_begins(bach: list[Chorale]) -> None:
    data = module(bach[:20])
    names = [name for fold in FOLDS for name in data.split()[fold]]
    assert names == [piece.name for piece in bach[:20]]
    lengths = np.array([len(ENCODING.encode(piece)) - 1 for piece in bach[:20]])
    begins = np.cumsum(lengths) - lengths
    assert [bach[i].name for i in np.flatnonzero(begins < 0.8 * lengths.sum())] == data.split()["train"]
    cut = data.split()["train"][-1]
    assert data._division.read["valid"][0].name == cut
    assert cut in data.describe_split()


def test_what_was_cut_is_never_judged_on(bach: list[Chorale]) -> None:
    data = module(bach[:20])
    source = Source(data.split(), Bare(bach[:20]))
    cut = data._division.read["valid"][0]
    judged = held_out(data.folds, "valid", models=[(_Anything(), source)])  # type: ignore[list-item]
    assert cut.name not in [piece.name for piece in judged.pieces]
    with pytest.raises(OptionError, match=f"trained on 1 of the 1 pieces, such as {cut.name}"):
        held_out(data.folds | {"valid": [cut]}, "valid", models=[(_Anything(), source)])  # type: ignore[list-item]


class _Anything:
    """A model that can write every piece."""

    encoding = ENCODING
    keys = "home"

    def at_home(self, chorale: Chorale) -> Chorale:
        return chorale


def test_what_was_trained_on_with_its_repeats_is_known_without_them(bach: list[Chorale]) -> None:
    played = BachBotCorpus().chorales()
    longer = next(piece for piece in played if piece.name == "bwv269")
    (once,) = (piece for piece in bach if piece.name == "bwv269")
    assert longer.num_frames > once.num_frames
    source = Source({"train": ["bwv269"]}, Bare([longer]))
    with pytest.raises(OptionError, match="trained on 1 of the 1 pieces"):
        held_out({"train": [], "valid": [once], "test": []}, "valid", models=[(_Anything(), source)])  # type: ignore[list-item]


def test_a_corpus_keeps_its_own_folds_each_one_stream(bach: list[Chorale]) -> None:
    data = module([], Few(bach[:8]), keys="written")
    assert [len(data.split()[fold]) for fold in FOLDS] == [4, 2, 2]
    assert joined(list(data.val_dataloader())) == steps_of(bach[4:6])[1].tolist()


def test_in_all_keys_a_stream_is_drawn_anew_each_epoch(bach: list[Chorale]) -> None:
    data = module(bach[:12], keys="all")
    train = data.train_dataloader()
    epochs = []
    for epoch in (0, 1, 0):
        train.epoch = lambda epoch=epoch: epoch  # type: ignore[misc]
        epochs.append(joined(list(train)))
    assert epochs[0] == epochs[2] != epochs[1]
    assert joined(list(data.val_dataloader())) == joined(list(module(bach[:12], keys="written").val_dataloader()))


def test_validation_has_lanes_of_its_own(bach: list[Chorale]) -> None:
    data = module(bach[:12], keys="written", lanes=2, evaluation_lanes=5)
    assert next(iter(data.train_dataloader())).tokens.shape == (2, 128)
    for held_out_pieces in (data.val_dataloader(), data.test_dataloader()):
        assert {len(window.tokens) for window in held_out_pieces} == {5}
    assert joined(list(data.val_dataloader())) == joined(list(module(bach[:12], keys="written").val_dataloader()))


def test_lanes_that_can_not_be_dealt_to_all_processes_are_refused(bach: list[Chorale]) -> None:
    data = module(bach[:12], lanes=4, evaluation_lanes=5)
    data.trainer = SimpleNamespace(world_size=2, global_rank=1, current_epoch=0)  # type: ignore[assignment]
    assert next(iter(data.train_dataloader())).tokens.shape == (2, 128)
    with pytest.raises(OptionError, match="5 lanes can't be dealt to 2 processes"):
        data.val_dataloader()


def test_windows_of_whole_frames_are_not_cut_by_position(bach: list[Chorale]) -> None:
    with pytest.raises(OptionError, match="SatbEncoding hold whole frames"):
        ChoraleDataModule(split_by="position")


def test_an_empty_fold_is_refused_when_it_is_wanted(bach: list[Chorale]) -> None:
    data = module(bach[:6], shares=(0.9, 0.1, 0.0))
    assert data.split()["test"] == []
    with pytest.raises(CorpusError, match="no pieces for the test fold"):
        data.test_dataloader()


def test_a_piece_may_hold_several_folds(bach: list[Chorale]) -> None:
    folds = split_by_position(bach[:1], [100])
    assert [(stretch.start, stretch.stop) for stretch in folds.values()] == [(0, 80), (80, 90), (90, 100)]
    assert [len(stretch.begun()) for stretch in folds.values()] == [1, 0, 0]


def test_shares_that_are_none_are_refused(bach: list[Chorale]) -> None:
    with pytest.raises(OptionError, match="add up to 1"):
        split_by_position(bach[:2], [10, 10], shares=(0.8, 0.3, 0.1))


def test_validation_is_over_every_token_and_the_same_on_one_lane_as_by_hand(bach: list[Chorale]) -> None:
    """Lightning's figure, against the network read once over the whole fold."""
    data = module(bach[:20], lanes=1)
    model = ChoraleModel(
        lambda encoding: TokenLSTM(encoding, layers=1, hidden=8, embedding=4), encoding=ENCODING, keys="home"
    )
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    (figures,) = trainer.validate(model, data, verbose=False)
    pairs = [(window.tokens, window.targets) for window in data.val_dataloader()]
    tokens, targets = (torch.cat(part, 1) for part in zip(*pairs, strict=True))
    logits, _ = model.eval()(tokens)
    nats = torch.nn.functional.cross_entropy(logits[0], targets[0], ignore_index=IGNORED)
    assert figures["val/nats_per_token"] == pytest.approx(nats.item(), rel=1e-4)


def test_the_config_of_parity_is_bachbots_corpus_with_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    """An option of the default corpus once came along with the typed class, and switched the repeats off."""
    config = Path(__file__).parents[2] / "configs" / "parity.yaml"
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(config), "--print_config"])
    corpus = yaml.safe_load(capsys.readouterr().out)["data"]["corpus"]
    assert corpus["class_path"] == "bachlit.corpus.BachBotCorpus"
    assert corpus["init_args"]["repeats"] is True
