"""DecodingEvaluation judges what the model writes, and leaves the training alone."""

import csv
import dataclasses
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from few import Few
from pytorch_lightning.loggers import CSVLogger

from bachlit.callbacks import DecodingEvaluation, ModelCard, TrainingCurves
from bachlit.callbacks.showing import Shown, media
from bachlit.callbacks.training_curves import best_of
from bachlit.decoding import Greedy, Sampling
from bachlit.encoding import BachBotEncoding
from bachlit.errors import BachlitError, OptionError
from bachlit.evaluation import Column, Figure, Harmonizer, Judge, Judged, Piece, Ratio, pool, written_row
from bachlit.music.chorale import Chorale, cut
from bachlit.networks import TokenLSTM
from bachlit.scores import read_chorale
from bachlit.training.data import ChoraleDataModule
from bachlit.training.model import ChoraleModel

DECODERS = {"greedy": Harmonizer(Greedy()), "wild": Harmonizer(Sampling(1.3), "none")}


@pytest.fixture(scope="module")
def pieces(bach: list[Chorale]) -> list[Chorale]:
    return [cut(piece, 0, 24) for piece in bach[:9]]


def fit(
    pieces: list[Chorale], folder: Path, *callbacks: pl.Callback, epochs: int = 3, logger: Any = False, **options: Any
) -> tuple[pl.Trainer, ChoraleModel]:
    checkpoint, encoding = options.pop("ckpt_path", None), options.pop("encoding", None)
    pl.seed_everything(0, verbose=False)
    data = ChoraleDataModule(Few(pieces, held_out=(3, 1)), lanes=2, window=64, encoding=encoding)
    model = ChoraleModel(
        lambda encoding: TokenLSTM(encoding, layers=1, hidden=16, embedding=8, dropout=0.2), encoding=encoding
    )
    trainer = pl.Trainer(
        max_epochs=epochs,
        default_root_dir=folder,
        accelerator="cpu",
        logger=logger,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(model, data, ckpt_path=checkpoint)
    return trainer, model


def test_switching_it_on_changes_the_training_by_no_bit(pieces: list[Chorale], tmp_path: Path) -> None:
    """Dropout and the order of pieces are drawn at random in both: one draw more would move all that come after."""
    threads = torch.get_num_threads()
    _, without = fit(pieces, tmp_path)
    trainer, with_it = fit(pieces, tmp_path, DecodingEvaluation(DECODERS, every_n_epochs=1))
    assert "decoding/wild/pitch_error" in trainer.callback_metrics
    for name, weights in without.state_dict().items():
        assert torch.equal(weights, with_it.state_dict()[name]), name
    assert torch.get_num_threads() == threads
    assert with_it.training is without.training


def test_what_is_logged_is_what_the_model_writes(pieces: list[Chorale], tmp_path: Path) -> None:
    trainer, model = fit(pieces, tmp_path, DecodingEvaluation(DECODERS, every_n_epochs=3, missing="AT", seed=5))
    judge, valid = Judge(pieces[:5]), pieces[5:8]
    for name, harmonizer in DECODERS.items():
        row = written_row(model.language_model, harmonizer, valid, [5, 6, 7], judge, missing="AT")
        estimates = pool(
            [piece.figures for piece in row.pieces], [piece.histograms for piece in row.pieces], judge.reference
        )
        logged = {key: value for key, value in trainer.callback_metrics.items() if key.startswith(f"decoding/{name}/")}
        told = {
            f"decoding/{name}/{figure}": one.value for figure, one in estimates.items() if not math.isnan(one.value)
        }
        assert logged.keys() == told.keys()
        for key, value in told.items():
            assert logged[key].item() == pytest.approx(value, rel=1e-5), key


class Fermatas(Figure):
    """Frames under fermatas."""

    columns: Mapping[str, Column] = {"under_fermatas": Column("frames under fermatas, %", 1, 100)}

    def measure(self, piece: Piece) -> dict[str, Ratio]:
        return {"under_fermatas": (int(piece.chorale.fermatas.sum()), piece.chorale.num_frames)}


def test_figures_of_ones_own_are_logged(pieces: list[Chorale], tmp_path: Path) -> None:
    callback = DecodingEvaluation({"greedy": Greedy()}, every_n_epochs=1, metrics=[Fermatas()])
    trainer, _ = fit(pieces, tmp_path, callback, epochs=1)
    shares = sum(piece.fermatas.sum() for piece in pieces[5:8]) / sum(piece.num_frames for piece in pieces[5:8])
    assert trainer.callback_metrics["decoding/greedy/under_fermatas"].item() == pytest.approx(shares)


def test_it_evaluates_every_so_many_epochs_and_leaves_scores(pieces: list[Chorale], tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, "run")
    fit(
        pieces,
        tmp_path,
        DecodingEvaluation(DECODERS, every_n_epochs=2, num_pieces=2, num_shown=1),
        epochs=5,
        logger=logger,
    )
    folder = Path(logger.log_dir) / "decoding"
    assert {path.name for path in folder.iterdir()} == {"epoch-0002", "epoch-0004"}
    files = {path.name for path in (folder / "epoch-0004" / "wild").iterdir()}
    assert {name.split("-")[0] for name in files} == {"best", "worst", "piece"}
    first = next((folder / "epoch-0004" / "wild").glob("piece-1-*.musicxml"))
    assert (read_chorale(first).pitches[:, 0] == pieces[5].pitches[:, 0]).all()
    lines = (Path(logger.log_dir) / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("decoding/greedy/grade")
    assert sum(bool(line.split(",")[column]) for line in lines[1:]) == 2


def test_validate_always_evaluates(pieces: list[Chorale], tmp_path: Path) -> None:
    callback = DecodingEvaluation(DECODERS, every_n_epochs=100)
    trainer, model = fit(pieces, tmp_path, callback, epochs=1)
    assert not [name for name in trainer.callback_metrics if name.startswith("decoding/")]
    trainer.validate(model, trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    assert [name for name in trainer.callback_metrics if name.startswith("decoding/greedy/")]


def test_a_model_that_cannot_write_is_refused_before_training(pieces: list[Chorale], tmp_path: Path) -> None:
    with pytest.raises(BachlitError, match="can be scored but can't write"):
        fit(pieces, tmp_path, DecodingEvaluation(DECODERS), encoding=BachBotEncoding())


def test_it_keeps_its_distance_whatever_the_epochs_of_validation(pieces: list[Chorale], tmp_path: Path) -> None:
    """Validation comes after epochs 2, 4, 6, 8; three epochs apart at least are 4 and 8."""
    callback = DecodingEvaluation({"greedy": Greedy()}, every_n_epochs=3, num_pieces=1)
    fit(pieces, tmp_path, callback, epochs=8, check_val_every_n_epoch=2)
    assert {path.name for path in (tmp_path / "decoding").iterdir()} == {"epoch-0004", "epoch-0008"}


def test_a_resumed_fit_evaluates_when_the_uninterrupted_one_would(pieces: list[Chorale], tmp_path: Path) -> None:
    for folder, stops in (("whole", (7,)), ("parts", (4, 7))):
        checkpoint = None
        for epochs in stops:
            callback = DecodingEvaluation({"greedy": Greedy()}, every_n_epochs=3, num_pieces=1)
            trainer, _ = fit(pieces, tmp_path / folder, callback, epochs=epochs, ckpt_path=checkpoint)
            checkpoint = tmp_path / folder / "last.ckpt"
            trainer.save_checkpoint(checkpoint)
    left = [{path.name for path in (tmp_path / folder / "decoding").iterdir()} for folder in ("whole", "parts")]
    assert left[0] == left[1] == {"epoch-0003", "epoch-0006"}


def test_a_rehearsal_leaves_nothing(pieces: list[Chorale], tmp_path: Path) -> None:
    trainer, _ = fit(pieces, tmp_path, DecodingEvaluation(DECODERS), fast_dev_run=True)
    assert "decoding/wild/pitch_error" in trainer.callback_metrics
    assert not list(tmp_path.iterdir())


def test_curves_do_not_repeat_what_was_logged_before(pieces: list[Chorale], tmp_path: Path) -> None:
    """Lightning hands an old figure out again at every epoch; a curve would show it as a plateau."""
    callbacks = DecodingEvaluation(DECODERS, every_n_epochs=2, num_pieces=1), TrainingCurves(picture=False)
    fit(pieces, tmp_path, *callbacks, epochs=3)
    lines = (tmp_path / "curves.csv").read_text().splitlines()
    assert len(lines) == 4
    assert "decoding" not in lines[0]


def test_what_cannot_be_kept_does_not_end_the_fit(pieces: list[Chorale], tmp_path: Path) -> None:
    (tmp_path / "decoding").write_text("in the way")
    with pytest.warns(UserWarning, match="The written pieces aren't kept"):
        trainer, _ = fit(pieces, tmp_path, DecodingEvaluation(DECODERS, every_n_epochs=1), epochs=1)
    assert "decoding/wild/pitch_error" in trainer.callback_metrics


def test_names_of_pieces_become_names_of_files(pieces: list[Chorale], tmp_path: Path) -> None:
    odd = [dataclasses.replace(piece, name=f"../{index}\x00" + 300 * "ä") for index, piece in enumerate(pieces)]
    fit(odd, tmp_path, DecodingEvaluation({"greedy": Greedy()}, every_n_epochs=1, num_pieces=1), epochs=1)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2 * 3
    assert all(path.parent == tmp_path / "decoding" / "epoch-0001" / "greedy" for path in files)


class Html:
    """What W&B would be given of a page."""

    def __init__(self, page: str, inject: bool) -> None:
        self.page, self.inject = page, inject


class Table:
    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.rows: list[tuple[Any, ...]] = []

    def add_data(self, *row: Any) -> None:
        assert len(row) == len(self.columns)
        self.rows.append(row)


def test_names_and_titles_are_text_in_what_wandb_shows(bach: list[Chorale]) -> None:
    wicked = '"><img src=x onerror=alert(1)>'
    chorale = dataclasses.replace(bach[0], name=wicked, title=wicked)
    piece = Judged(chorale, Judge([])(chorale, log_prob=-5.0), {})
    wandb = SimpleNamespace(Html=Html, Table=Table, Image=lambda image: image)
    told = media([Shown("greedy", "best", piece)], 3)(wandb)
    cells = told["decoding/pieces"].rows[0]
    pages = [told["decoding/greedy/best"].page, *(cell.page for cell in cells if isinstance(cell, Html))]
    assert len(pages) == 3
    assert not any(wicked in page for page in pages)
    assert cells[0] == 3


def test_a_second_fit_with_the_same_callbacks_starts_anew(pieces: list[Chorale], tmp_path: Path) -> None:
    evaluation, curves = DecodingEvaluation({"greedy": Greedy()}, every_n_epochs=2), TrainingCurves(picture=False)
    for name, its in (("first", pieces), ("second", [piece.transpose(1) for piece in pieces[::-1]])):
        fit(its, tmp_path / name, evaluation, curves, epochs=2)
        assert [path.name for path in (tmp_path / name / "decoding").iterdir()] == ["epoch-0002"]
        shown = next((tmp_path / name).rglob("piece-1-*.musicxml"))
        assert (read_chorale(shown).pitches[:, 0] == its[5].pitches[:, 0]).all()
        assert len((tmp_path / name / "curves.csv").read_text().splitlines()) == 3


def test_of_several_validations_an_epoch_the_last_counts(pieces: list[Chorale], tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, "run")
    evaluation = DecodingEvaluation({"greedy": Greedy()}, every_n_epochs=1, num_pieces=1)
    trainer, _ = fit(pieces, tmp_path, evaluation, epochs=2, logger=logger, val_check_interval=0.34)
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        lines = list(csv.DictReader(file))
    batches = trainer.num_training_batches
    assert sum(bool(line["val/nats_per_frame"]) for line in lines) > 2
    assert [int(line["step"]) for line in lines if line["decoding/greedy/ter"]] == [
        3 * (batches // 3) - 1, batches + 3 * (batches // 3) - 1,
    ]  # fmt: skip


def test_of_validations_by_the_clock_the_first_of_an_epoch_counts(pieces: list[Chorale], tmp_path: Path) -> None:
    evaluation = DecodingEvaluation("greedy", every_n_epochs=1, num_pieces=1, num_shown=0)
    trainer, _ = fit(pieces, tmp_path, evaluation, epochs=2, val_check_interval={"milliseconds": 1})
    assert "decoding/greedy/ter" in trainer.callback_metrics
    written = {path.name for path in (tmp_path / "decoding").iterdir()}
    assert written == {"epoch-0001", "epoch-0002"}


def test_curves_that_cannot_be_kept_do_not_end_the_fit(pieces: list[Chorale], tmp_path: Path) -> None:
    (tmp_path / "curves.csv").mkdir()
    with pytest.warns(UserWarning, match="The curves can't be kept"):
        trainer, _ = fit(pieces, tmp_path, TrainingCurves(), epochs=1)
    assert trainer.state.finished


def test_a_resumed_fits_card_knows_the_best_epoch_of_both_parts(pieces: list[Chorale], tmp_path: Path) -> None:
    first = TrainingCurves(picture=False)
    trainer, _ = fit(pieces, tmp_path, first, epochs=2)
    first.rows[0]["val/nats_per_frame"] = 0.5  # as if nothing came near it later
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    second = TrainingCurves(picture=False)
    trainer, model = fit(pieces, tmp_path, second, epochs=3, ckpt_path=tmp_path / "last.ckpt")
    assert best_of(second.rows) == first.rows[0]
    assert "| best, epoch 1 |" in ModelCard().card(trainer, model)
    fit(pieces, tmp_path, second, epochs=1)
    assert best_of(second.rows)["val/nats_per_frame"] > 0.5


def test_no_validation_fold_is_told_before_training(pieces: list[Chorale], tmp_path: Path) -> None:
    _, model = fit(pieces, tmp_path, epochs=1)
    data = ChoraleDataModule(Few(pieces, held_out=(0, 1)), lanes=2, window=64)
    trainer = pl.Trainer(accelerator="cpu", logger=False, callbacks=[DecodingEvaluation(DECODERS)], max_epochs=1,
                         enable_checkpointing=False, enable_progress_bar=False)  # fmt: skip
    with pytest.raises(OptionError, match="DecodingEvaluation found no validation pieces"):
        trainer.fit(model, data)


def test_no_validation_is_told_before_training(pieces: list[Chorale], tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="DecodingEvaluation evaluates nothing"):
        fit(pieces, tmp_path, DecodingEvaluation(DECODERS), epochs=1, limit_val_batches=0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"every_n_epochs": 0}, "every 0 epochs"),
        ({"missing": "XY"}, "doesn't name missing voices"),
        ({"decoders": "beem"}, "no decoder 'beem'"),
        ({"decoders": {"../up": Greedy()}}, "'../up' can't name a decoder"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        DecodingEvaluation(**options)


def test_without_the_extra_the_evaluation_goes_on(
    pieces: list[Chorale], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("verovio", "resvg_py", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    trainer, _ = fit(pieces, tmp_path, DecodingEvaluation(DECODERS, every_n_epochs=1), epochs=1)
    assert "decoding/wild/grade" in trainer.callback_metrics
