"""The laws of training."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from few import Few
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import nn
from torchmetrics import Metric

from bachlit.api import harmonize
from bachlit.decoding import Greedy
from bachlit.encoding import BachBotEncoding, Encoding, SatbEncoding
from bachlit.errors import OptionError
from bachlit.metrics import CalibrationError, Entropy
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.networks import Network, TokenLSTM
from bachlit.testing import check_network
from bachlit.tokens import START
from bachlit.training.data import ChoraleDataModule
from bachlit.training.losses import divergence
from bachlit.training.model import ChoraleModel
from bachlit.training.windows import IGNORED


def small_network(encoding: Encoding) -> TokenLSTM:
    return TokenLSTM(encoding, layers=1, hidden=16, embedding=8, dropout=0.1)


def fit(
    pieces: list[Chorale],
    folder: Path,
    *,
    epochs: int = 2,
    encoding: Encoding | None = None,
    network: Callable[[int], Network] | None = None,
    ckpt_path: Path | None = None,
    **options: Any,
) -> tuple[pl.Trainer, ChoraleModel, ChoraleDataModule]:
    pl.seed_everything(0, verbose=False)
    data = ChoraleDataModule(Few(pieces), encoding=encoding, lanes=3, window=64, keys="all")
    model = ChoraleModel(network or small_network, encoding=encoding, keys="all", **options)
    trainer = pl.Trainer(
        max_epochs=epochs,
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
    )
    trainer.fit(model, data, ckpt_path=ckpt_path)
    return trainer, model, data


@pytest.mark.parametrize("encoding", [SatbEncoding(), BachBotEncoding()], ids=lambda encoding: type(encoding).__name__)
def test_training_learns(encoding: Encoding, bach: list[Chorale], tmp_path: Path) -> None:
    trainer, *_ = fit(bach[:10], tmp_path, epochs=1, encoding=encoding)
    early = trainer.callback_metrics["val/nats_per_token"].item()
    trainer, *_ = fit(bach[:10], tmp_path, epochs=5, encoding=encoding)
    late = trainer.callback_metrics["val/nats_per_token"].item()
    assert late < early - 0.2
    assert {"train/loss_epoch", "val/nats_per_frame", "val/nats_per_pitch_token"} <= set(trainer.callback_metrics)


class Hits(Metric):
    """Named by its values."""

    def __init__(self) -> None:
        super().__init__()
        self.add_state("hits", torch.zeros(2), dist_reduce_fx="sum")

    def update(self, logits: torch.Tensor, targets: torch.Tensor, slots: torch.Tensor) -> None:
        assert slots.shape == targets.shape == logits.shape[:2]
        real = targets >= 0
        self.hits = self.hits + torch.stack([(logits.argmax(-1) == targets)[real].sum(), real.sum()])

    def compute(self) -> dict[str, torch.Tensor]:
        return {"mine/hits": self.hits[0] / self.hits[1]}


def test_own_metrics_are_logged_by_validation_and_test(bach: list[Chorale], tmp_path: Path) -> None:
    """And change nothing else: neither the weights nor the other figures."""
    trainer, model, data = fit(bach[:10], tmp_path, epochs=1, metrics=[Entropy(), CalibrationError(), Hits()])
    seen = trainer.callback_metrics
    assert seen["val/mine/hits"] == seen["val/accuracy"]
    assert 0 < seen["val/calibrationerror"] < 1
    assert 0 < seen["val/entropy"] < math.log(model.encoding.vocabulary_size)
    plain, other, _ = fit(bach[:10], tmp_path, epochs=1)
    assert plain.callback_metrics["val/nats_per_token"] == seen["val/nats_per_token"]
    assert model.state_dict().keys() == other.state_dict().keys()
    [figures] = trainer.test(model, data, verbose=False)
    assert figures["test/mine/hits"] == pytest.approx(figures["test/accuracy"])
    assert figures["test/entropy"] != seen["val/entropy"].item()


def test_evaluation_is_the_sum_of_whole_pieces_scores(bach: list[Chorale], tmp_path: Path) -> None:
    """The windows' figures are those of pieces scored one by one from a fresh memory."""
    trainer, model, data = fit(bach[:10], tmp_path)
    [figures] = trainer.test(model, data, verbose=False)
    nats = frames = targets = 0.0
    for piece in data.folds["test"]:
        tokens = torch.from_numpy(model.encoding.encode(piece))[None, 1:]
        nats -= model.language_model.score(tokens, torch.tensor([model.encoding.start(piece.key)])).item()
        frames += piece.num_frames
        targets += tokens.shape[1]
    assert figures["test/nats_per_frame"] == pytest.approx(nats / frames, rel=1e-5)
    assert figures["test/nats_per_pitch_token"] == pytest.approx(nats / frames / 4, rel=1e-5)
    assert figures["test/nats_per_token"] == pytest.approx(nats / targets, rel=1e-5)


def test_the_same_seed_gives_the_same_weights_bit_for_bit(bach: list[Chorale], tmp_path: Path) -> None:
    _, first, _ = fit(bach[:8], tmp_path)
    _, again, _ = fit(bach[:8], tmp_path)
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_resumed_fit_equals_the_uninterrupted_one_bit_for_bit(bach: list[Chorale], tmp_path: Path) -> None:
    trainer, whole, _ = fit(bach[:8], tmp_path, epochs=4)
    trainer, _, _ = fit(bach[:8], tmp_path, epochs=2)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    torch.manual_seed(99)  # as if another process had gone on
    _, resumed, _ = fit(bach[:8], tmp_path, epochs=4, ckpt_path=tmp_path / "half.ckpt")
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


class Bigram(Network):
    """A network without memory."""

    def __init__(self, encoding: Encoding) -> None:
        super().__init__()
        self.config = {}
        self.table = nn.Embedding(encoding.vocabulary_size, encoding.vocabulary_size)

    def initial_memory(self, batch_size: int) -> tuple[torch.Tensor, ...]:
        return ()

    def forward(
        self, tokens: torch.Tensor, memory: tuple[torch.Tensor, ...], prompt: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        return self.table(tokens), memory


class Norms(pl.Callback):
    """The norms of the gradients that reach the optimiser."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_before_zero_grad(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        gradients = [part.grad.norm() for part in pl_module.parameters() if part.grad is not None]
        self.seen += [float(torch.stack(gradients).norm())] if gradients else []


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("clip", [None, 0.001])
def test_gradients_of_a_fused_optimiser_are_clipped(
    precision: Any, clip: float | None, bach: list[Chorale], tmp_path: Path
) -> None:
    norms = Norms()
    scaled = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu")) if precision == "16-mixed" else None
    trainer = pl.Trainer(
        max_steps=3,
        default_root_dir=tmp_path,
        accelerator="cpu",
        precision=None if scaled else precision,
        plugins=scaled,
        gradient_clip_val=clip,
        callbacks=[norms],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(ChoraleModel(Bigram), ChoraleDataModule(Few(bach[:3]), lanes=3, window=64))
    [optimizer] = trainer.optimizers
    assert optimizer.defaults["fused"]
    assert norms.seen
    assert all(norm > 0.002 for norm in norms.seen) if clip is None else max(norms.seen) < 0.00101


def test_pieces_that_fill_their_windows_to_the_last_frame_train(tmp_path: Path) -> None:
    """Their last window holds END alone, a single row for batch normalisation."""
    pieces = [Chorale.from_pitches([[67, 64, 60, 48]] * 24, name=str(index)) for index in range(6)]
    pl.seed_everything(0, verbose=False)
    data = ChoraleDataModule(Few(pieces), lanes=1, window=60)
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
                         enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    model = ChoraleModel(small_network)
    trainer.fit(model, data)
    assert all(torch.isfinite(part).all() for part in model.state_dict().values())


def test_a_network_without_memory_trains(bach: list[Chorale], tmp_path: Path) -> None:
    trainer, *_ = fit(bach[:8], tmp_path, epochs=2, network=Bigram)
    assert trainer.callback_metrics["val/nats_per_token"].isfinite()


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        (None, "no attribute 'config'"),
        ({}, r"embedding\.weight is \[145, 6\], and \[145, 4\] with its config {}"),
        ({"size": 6, "layers": 2}, r"lstms\.1\.weight_ih_l0 is missing, and \[24, 6\] with its config"),
        ({"wide": 6}, "unexpected keyword argument 'wide'"),
        ({"size": 0}, "can't be built"),
        ({"size": torch.tensor(6)}, "not JSON serializable"),
    ],
    ids=["none", "empty", "more layers", "another's", "too small", "a tensor"],
)
def test_a_network_that_can_not_be_rebuilt_is_refused_before_training(
    config: dict[str, Any] | None, fault: str
) -> None:
    """It once trained to the end, and its checkpoint was then called damaged."""

    class Forgetful(TokenLSTM):
        def __init__(self, encoding: Encoding, *, size: int = 4, layers: int = 1) -> None:
            super().__init__(encoding, layers=layers, hidden=6, embedding=size)
            if config is None:
                del self.config
            else:
                self.config = config

    with pytest.raises(OptionError, match=rf"^Forgetful can't be rebuilt from a checkpoint \(.*{fault}") as refused:
        ChoraleModel(lambda encoding: Forgetful(encoding, size=6))
    assert "\n" not in str(refused.value)
    encoding = SatbEncoding()
    with pytest.raises(AssertionError, match="its class and `config` rebuild a network"):
        check_network(Forgetful(encoding, size=6), encoding)


def test_random_numbers_go_on_as_if_no_network_had_been_rebuilt() -> None:
    def drawn() -> tuple[float, float, float]:
        return float(torch.rand(())), float(np.random.random()), random.random()  # noqa: NPY002

    class Drawing(TokenLSTM):
        def __init__(self, encoding: Encoding) -> None:
            super().__init__(encoding, layers=1, hidden=4, embedding=4)
            self.config = {}
            self.drawn = drawn()

    pl.seed_everything(0, verbose=False)
    Drawing(SatbEncoding())
    alone = drawn()
    pl.seed_everything(0, verbose=False)
    ChoraleModel(Drawing)
    assert drawn() == alone


@pytest.mark.parametrize("difference", [{"keys": "home"}, {"encoding": BachBotEncoding()}], ids=["keys", "encoding"])
def test_data_and_model_that_disagree_are_refused(
    difference: dict[str, Any], bach: list[Chorale], tmp_path: Path
) -> None:
    data = ChoraleDataModule(Few(bach[:8]), **difference)
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, default_root_dir=tmp_path)
    with pytest.raises(OptionError, match="give both the same"):
        trainer.fit(ChoraleModel(small_network), data)


def test_a_model_just_trained_writes_as_it_would_after_loading(bach: list[Chorale], tmp_path: Path) -> None:
    """No dropout while writing, and no trace of it in the statistics."""
    trainer, model, _ = fit(bach[:8], tmp_path, epochs=1)
    model.train()
    before = {name: part.clone() for name, part in model.state_dict().items()}
    tune = cut(bach[0], 0, 32).only("soprano")
    first, again = (harmonize(tune, checkpoint=model.language_model, decoder=Greedy()) for _ in range(2))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    assert first == again == harmonize(tune, checkpoint=tmp_path / "model.ckpt", decoder=Greedy())
    assert model.network.training
    for name, part in model.state_dict().items():
        assert torch.equal(part, before[name])


def test_a_model_in_training_says_what_to_give_in_its_place(bach: list[Chorale]) -> None:
    with pytest.raises(OptionError, match="give its attribute language_model"):
        harmonize(bach[0], checkpoint=ChoraleModel())  # type: ignore[arg-type]


def test_memory_is_detached_and_fresh_where_a_piece_begins(bach: list[Chorale]) -> None:
    data = ChoraleDataModule(Few(bach[:8]), lanes=3, window=64)
    data.setup("fit")
    model = ChoraleModel(small_network)
    seen_reset = False
    for index, window in enumerate(data.train_dataloader()):
        logits = model._carry("train", window, index)
        assert not any(part.requires_grad for part in model._carried["train"])
        if window.reset.any():
            fresh, _ = model.network(window.tokens, model.network.initial_memory(3))
            model.network.eval()
            row = int(window.reset.nonzero()[0])
            carried_again = model._carry("train", window, index)
            fresh, _ = model.network(window.tokens, model.network.initial_memory(3))
            assert torch.allclose(carried_again[row], fresh[row], atol=1e-6)
            model.network.train()
            seen_reset = True
        assert logits.requires_grad
    assert seen_reset


def test_any_loss_can_be_swapped_in_and_sees_no_padding(bach: list[Chorale], tmp_path: Path) -> None:
    class Counting(nn.Module):
        seen: ClassVar[list[int]] = []

        def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            assert logits.shape[0] == targets.shape[0]
            assert targets.min() >= 0
            self.seen.append(len(targets))
            return nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)

    fit(bach[:8], tmp_path, epochs=1, loss=Counting())
    encoding = SatbEncoding()
    assert sum(Counting.seen) == sum(len(encoding.encode(piece)) - 1 for piece in bach[:4])


def test_two_readings_without_dropout_are_one(bach: list[Chorale], tmp_path: Path) -> None:
    def steady(encoding: Encoding) -> TokenLSTM:
        return TokenLSTM(encoding, layers=1, hidden=16, embedding=8, dropout=0.0)

    _, once, _ = fit(bach[:8], tmp_path, epochs=1, network=steady)
    trainer, twice, _ = fit(bach[:8], tmp_path, epochs=1, network=steady, consistency=2.0)
    assert trainer.callback_metrics["train/inconsistency"] == pytest.approx(0.0, abs=1e-7)
    for one, other in zip(once.network.parameters(), twice.network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_consistency_teaches_to_predict_alike_under_any_dropout(bach: list[Chorale], tmp_path: Path) -> None:
    def left(consistency: float) -> float:
        trainer, model, _ = fit(bach[:8], tmp_path, epochs=6, network=forgetful, consistency=consistency)
        # What is logged as the loss is the likelihood alone.
        assert trainer.callback_metrics["train/loss_epoch"] < math.log(model.encoding.vocabulary_size)
        return trainer.callback_metrics["train/inconsistency"].item()

    def forgetful(encoding: Encoding) -> TokenLSTM:
        return TokenLSTM(encoding, layers=1, hidden=16, embedding=8, dropout=0.5)

    assert 0 < left(5.0) < left(0.01) / 2


@pytest.mark.parametrize("consistency", [0.0, 0.5])
def test_a_network_that_rules_tokens_out_trains_and_meets_windows_of_padding(
    consistency: float, bach: list[Chorale], tmp_path: Path
) -> None:
    """As one process of several does. Infinite logits made the loss NaN there, and with consistency anywhere."""

    class Never(TokenLSTM):
        def forward(self, tokens: torch.Tensor, memory: Any, prompt: Any = None) -> Any:
            logits, memory = super().forward(tokens, memory, prompt)
            return logits.masked_fill(torch.arange(logits.shape[-1]) == START, -math.inf), memory

    class PadOut(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, index: int) -> None:
            if index == 1:
                batch.targets.fill_(IGNORED)

    data = ChoraleDataModule(Few(bach[:8]), lanes=3, window=64)
    model = ChoraleModel(lambda encoding: Never(encoding, layers=1, hidden=16), consistency=consistency)
    trainer = pl.Trainer(
        max_epochs=1, default_root_dir=tmp_path, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[PadOut()],
    )  # fmt: skip
    trainer.fit(model, data)
    assert trainer.callback_metrics["train/loss_epoch"].isfinite()
    assert all(part.isfinite().all() for part in model.parameters())


def test_divergence_is_the_mean_of_both_directions() -> None:
    p, q = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0)).log_softmax(2)
    both = [nn.functional.kl_div(a, b, reduction="batchmean", log_target=True) for a, b in ((p, q), (q, p))]
    assert divergence(torch.cat([p, q])).item() == pytest.approx(sum(both).item() / 2, rel=1e-5)


@pytest.mark.parametrize("consistency", [-1.0, math.inf, math.nan])
def test_a_consistency_that_can_not_be_weighed_is_refused(consistency: float) -> None:
    with pytest.raises(OptionError, match="can't be weighed"):
        ChoraleModel(small_network, consistency=consistency)


def test_a_checkpoint_is_a_language_model(bach: list[Chorale], tmp_path: Path) -> None:
    trainer, model, _ = fit(bach[:8], tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    loaded = LanguageModel.load(tmp_path / "model.ckpt")
    tokens = torch.from_numpy(model.encoding.encode(bach[0]))[None, 1:]
    assert torch.equal(loaded.score(tokens), model.language_model.score(tokens))
    assert loaded.keys == "all"


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_evaluating_twice_gives_the_same_figures(stage: str, bach: list[Chorale], tmp_path: Path) -> None:
    trainer, model, data = fit(bach[:8], tmp_path)
    first, again = (getattr(trainer, stage)(model, data, verbose=False) for _ in range(2))
    assert first == again
