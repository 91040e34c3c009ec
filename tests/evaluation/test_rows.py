"""Rows: pieces written anew around what is given, judged, in their order."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from few import Few

from bachlit.corpus import FolderCorpus
from bachlit.decoding import PART_WRITING, Greedy, Rules, Sampling
from bachlit.errors import CheckpointError, CorpusError, OptionError
from bachlit.evaluation import (
    HARMONIZERS,
    Harmonizer,
    HeldOut,
    Judge,
    bachs_row,
    evaluate,
    folds_for,
    held_out,
    likelihood,
    named,
    pool,
    written_row,
)
from bachlit.evaluation.held_out import Source, source_of
from bachlit.evaluation.rows import BATCH, letters_of, log_probability
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, Chorale, cut, move_home
from bachlit.networks import TokenLSTM


@pytest.fixture(scope="module")
def pieces(bach: list[Chorale]) -> list[Chorale]:
    """Of several lengths, more than a batch."""
    return [cut(piece, 0, 8 + 4 * (index % 3)) for index, piece in enumerate(bach[: BATCH + 3])]


@pytest.mark.parametrize("missing", ["ATB", "S", "AT", "SATB"])
def test_given_voices_come_back_in_order_and_a_piece_does_not_depend_on_its_neighbours(
    small_model: LanguageModel, pieces: list[Chorale], missing: str
) -> None:
    row = written_row(small_model, Harmonizer(Sampling()), pieces, range(len(pieces)), Judge([]), missing=missing)
    given = [column for column, voice in enumerate(VOICES) if voice[0].upper() not in missing]
    for judged, piece in zip(row.pieces, pieces, strict=True):
        assert judged.chorale.name == piece.name
        assert (judged.chorale.pitches[:, given] == piece.pitches[:, given]).all()
        assert judged.figures["ter"][1] == piece.num_frames * len(missing)
    alone = written_row(small_model, Harmonizer(Sampling()), [pieces[5]], [5], Judge([]), missing=missing)
    assert alone.pieces[0].chorale == row.pieces[5].chorale
    assert row.missing == missing


def test_a_written_pieces_nats_are_the_models_own_score_of_it(
    small_model: LanguageModel, pieces: list[Chorale]
) -> None:
    row = written_row(small_model, Harmonizer(Greedy(), "none"), pieces[:3], [0] * 3, Judge([]))
    for judged in row.pieces:
        assert -judged.figures["nats_per_frame"][0] == pytest.approx(
            log_probability(small_model, judged.chorale), abs=1e-3
        )


def test_bachs_nats_are_those_of_validation(small_model: LanguageModel, pieces: list[Chorale]) -> None:
    """By whole pieces as by windows: the sum over tokens, over frames."""
    row = bachs_row(pieces, Judge([]), small_model)
    pooled = pool([piece.figures for piece in row.pieces])["nats_per_frame"].value
    told = likelihood(small_model, pieces)
    assert told["nats_per_frame"] == pytest.approx(pooled, rel=1e-4)
    assert sum(told[f"nats_per_frame/{part}"] for part in ("mark", "onset", "pitch")) == pytest.approx(pooled, rel=1e-4)


def test_a_model_at_home_in_c_is_scored_there(small_model: LanguageModel, pieces: list[Chorale]) -> None:
    at_home = LanguageModel(small_model.network, small_model.encoding, "home")
    moved = [move_home(piece) for piece in pieces]
    assert any(move.key != piece.key for move, piece in zip(moved, pieces, strict=True))
    assert likelihood(at_home, pieces) == pytest.approx(likelihood(small_model, moved))
    assert log_probability(at_home, pieces[0]) == pytest.approx(log_probability(small_model, moved[0]))


def test_progress_counts_every_piece_once(small_model: LanguageModel, pieces: list[Chorale]) -> None:
    steps: list[int] = []
    written_row(small_model, Harmonizer(Greedy()), pieces, [0] * len(pieces), Judge([]), progress=steps.append)
    assert sum(steps) == len(pieces)


def test_rules_are_kept_by_name_by_number_and_by_object(small_model: LanguageModel, pieces: list[Chorale]) -> None:
    assert Harmonizer(Greedy(), "none").weighed() == Rules()
    assert Harmonizer(Greedy(), PART_WRITING).weighed() is PART_WRITING
    assert "NoHidden" not in [str(rule) for rule in Harmonizer(Greedy(), {"NoHidden": 0}).weighed()]
    broken = [
        sum(piece.figures["parallel_fifths"][0] + piece.figures["parallel_octaves"][0] for piece in row.pieces)
        for rules in ("none", PART_WRITING)
        for row in [written_row(small_model, Harmonizer(Sampling(), rules), pieces, [0] * len(pieces), Judge([]))]
    ]
    assert broken[0] > broken[1] == 0


def test_harmonizers_are_named_by_role_class_or_path() -> None:
    assert named("beam , greedy-free") == {name: HARMONIZERS[name] for name in ("beam", "greedy-free")}
    assert isinstance(named("Greedy")["Greedy"].decoder, Greedy)
    assert isinstance(named("bachlit.decoding.Sampling")["bachlit.decoding.Sampling"].decoder, Sampling)
    assert named({"mine": Greedy()})["mine"].rules is None
    for wrong, said in (
        ("beem", "no decoder 'beem'; expected beam, "),
        ("", "No decoder is named"),
        ("Decoder", "no decoder"),
    ):
        with pytest.raises(OptionError, match=said):
            named(wrong)
    with pytest.raises(OptionError, match="There is no rule 'NoHiden'"):
        named({"mine": Harmonizer(Greedy(), {"NoHiden": 0})})
    with pytest.raises(OptionError, match="'QX' doesn't name missing voices"):
        letters_of("QX")


def test_an_evaluation_has_bach_on_top_and_a_row_a_model_mask_and_decoder(
    small_model: LanguageModel, pieces: list[Chorale]
) -> None:
    torch.manual_seed(1)
    other = TokenLSTM(small_model.encoding, layers=1, hidden=8, embedding=4)
    models = {"one": small_model, "two": LanguageModel(other.eval(), small_model.encoding)}
    its = HeldOut(pieces[:3], pieces[3:6])
    evaluation = evaluate(models, named("Greedy"), its, missing=["ATB", "ta"], resamples=5)
    assert evaluation.names() == ["Bach", "one Greedy ATB", "one Greedy AT", "two Greedy ATB", "two Greedy AT"]
    for row in evaluation.rows[1:]:
        alone = written_row(
            models[row.model], named("Greedy")["Greedy"], pieces[:3], range(3), Judge([]), missing=row.missing
        )
        assert [piece.chorale for piece in row.pieces] == [piece.chorale for piece in alone.pieces]
    assert "nats_per_frame" not in evaluation.estimates[0]  # by which of the two?
    assert evaluate({"one": small_model}, named("Greedy"), its).names() == ["Bach", "Greedy"]
    with pytest.raises(OptionError, match="expected at least one of each"):
        evaluate({}, named("Greedy"), its)


def test_held_out_pieces_are_none_that_a_model_was_trained_on(small_model: LanguageModel, bach: list[Chorale]) -> None:
    folds = folds_for([], Few(bach[:8]))
    everything = held_out(folds, "test")
    assert [piece.name for piece in everything.pieces] == [piece.name for piece in bach[6:8]]
    known = Source({"train": [bach[7].name]})
    with pytest.raises(OptionError, match=f"trained on 1 of the 2 pieces, such as {bach[7].name}; evaluate it"):
        held_out(folds, "test", models=[(small_model, known)])
    assert len(held_out(folds, "test", models=[(small_model, known)], limit=1).pieces) == 1
    for empty in ({"train": [], "valid": [], "test": []}, {"train": bach[:2], "valid": [], "test": bach[2:4]}):
        with pytest.raises(CorpusError, match="The valid fold has no usable piece"):
            held_out(empty, "valid")


def test_the_training_fold_is_judged_on_with_a_warning(small_model: LanguageModel, bach: list[Chorale]) -> None:
    folds = folds_for([], Few(bach[:8]))
    known = Source({"train": [piece.name for piece in folds["train"]]})
    pieces = held_out(folds, "train", models=[(small_model, known)])
    assert pieces.pieces == list(folds["train"])
    [doubt] = pieces.doubts
    assert "what was memorised" in doubt


def test_other_notes_under_the_same_name_are_another_piece(small_model: LanguageModel, bach: list[Chorale]) -> None:
    """As in two folders whose files are numbered."""
    its = Source({"train": [piece.name for piece in bach[:4]]}, Few(bach[:6]))
    for piece, refused in ((bach[2], True), (bach[5], False)):
        folds = {"train": [], "valid": [dataclasses.replace(piece, name=bach[2].name)], "test": []}
        if refused:
            with pytest.raises(OptionError, match="A model was trained on 1 of the 1 pieces"):
                held_out(folds, "valid", models=[(small_model, its)])
        else:
            assert not held_out(folds, "valid", models=[(small_model, its)]).doubts


def test_the_same_notes_under_another_name_raise_a_doubt(small_model: LanguageModel, bach: list[Chorale]) -> None:
    corpus = Few(bach[:6])
    its = Source({"train": [piece.name for piece in bach[:4]]}, corpus)
    renamed = [dataclasses.replace(piece.transpose(1), name=f"x{number}") for number, piece in enumerate(bach[3:6])]
    pieces = held_out({"train": [], "valid": renamed, "test": []}, "valid", models=[(small_model, its)])
    assert pieces.doubts == ["Note for note, in some key, a model was trained on 1 of the pieces: x0."]
    assert pieces.training == bach[:4]  # what it was trained on is what it may have copied
    assert not held_out({"train": [], "valid": renamed[1:], "test": []}, "valid", models=[(small_model, its)]).doubts
    lost = Source({"train": ["gone"]}, corpus)
    [doubt] = held_out({"train": [], "valid": renamed, "test": []}, "valid", models=[(small_model, lost)]).doubts
    assert "are unknown here" in doubt


def test_a_piece_that_cannot_be_written_is_left_out_with_a_reason(
    small_model: LanguageModel, bach: list[Chorale]
) -> None:
    """A tune can be moved into its range by up to six semitones; a bass below the encoding's compass isn't scored."""

    def moved(column: int, semitones: int) -> Chorale:
        pitches = bach[0].pitches.copy()
        pitches[:, column] = np.where(pitches[:, column] == 0, 0, pitches[:, column] + semitones)
        return dataclasses.replace(bach[0], pitches=pitches, name=f"{VOICES[column]} {semitones:+}")

    folds = {"train": [], "valid": [bach[1], moved(0, 5), moved(0, 12), moved(3, -24)], "test": []}
    models = [(small_model, Source())]
    soprano_given = held_out(folds, "valid", models=models, missing=["ATB"])
    assert [piece.name for piece in soprano_given.pieces] == [bach[1].name, "soprano +5"]
    assert "expected" in soprano_given.left_out["soprano +12"]
    assert "in the bass at frame" in soprano_given.left_out["bass -24"]
    nothing_given = held_out(folds, "valid", models=models, missing=["SATB"])
    assert set(nothing_given.left_out) == {"bass -24"} | ({"soprano +12"} & set(nothing_given.left_out))


def test_a_checkpoints_corpus_that_is_elsewhere_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"The checkpoint's corpus is missing: .* --corpus FolderCorpus"):
        folds_for([Source({"train": ["x"]}, FolderCorpus(tmp_path / "gone"))])


def test_a_corpus_of_ones_own_must_be_named(bach: list[Chorale]) -> None:
    foreign = Source({"train": ["x"]}, None, "own.Corpus")
    with pytest.raises(OptionError, match=r"own\.Corpus, which isn't imported here; .* --import own"):
        folds_for([foreign])
    assert folds_for([foreign], Few(bach[:8]))["test"] == bach[6:8]


class Unfolded(Few):
    def folds(self) -> None:  # type: ignore[override]
        return None


def test_a_corpus_without_folds_is_divided_as_the_model_divided_it(bach: list[Chorale]) -> None:
    split = {"train": [bach[0].name], "valid": [bach[1].name, bach[2].name], "test": []}
    folds = folds_for([Source(split)], Unfolded(bach[:8]))
    assert {fold: [piece.name for piece in its] for fold, its in folds.items()} == split
    elsewhere = folds_for([Source({"train": ["not here"]})], Unfolded(bach[:30]))
    assert sum(len(its) for its in elsewhere.values()) == 30


ODD = [None, 1, 1.5, "x", "{", "[]", "null", "1", [], ["x"], {}, {"x": "x"}, b"{}", "[" * 10**5, '{"data":' * 10**5]
ODD += ["\ud800", "NaN", "1" * 5000, torch.zeros(2), '{"train": null}', '{"train": "x"}', '{"train": {"x": 1}}']
ODD += ['{"train": [["x"]]}', '{"train": [1]}', '{"data": null}', '{"data": [1]}', '{"data": {"corpus": {}}}']
CORPORA: list[Any] = [
    *({"class_path": path} for path in (None, 1, [], {}, "", "a\nb", "x" * 10**6, "../x", "bachlit.corpus.Corpus")),
    *({"class_path": "FolderCorpus", "init_args": args} for args in (None, [], 1, "x", {}, {"path": 1}, {"path": {}})),
    *({"class_path": "BachCorpus", "init_args": {name: value}} for name in ("quantize", "path", "repeats")
      for value in (1, "x", [], {}, None)),
]  # fmt: skip


def test_what_a_checkpoint_says_of_its_pieces_is_read_or_refused(tmp_path: Path) -> None:
    """Nesting once ended in a traceback, and so did names that were none, when they were looked up."""
    checkpoints: list[Any] = [{"ChoraleDataModule": one} for one in ODD]
    checkpoints += [{"ChoraleDataModule": {"split": one}} for one in ODD]
    checkpoints += [{"bachlit_options": one} for one in ODD]
    checkpoints += [{"bachlit_options": json.dumps({"data": {"corpus": one}})} for one in (*ODD[3:10], *CORPORA)]
    refusals = []
    for index, content in enumerate(checkpoints):
        path = tmp_path / f"{index}.ckpt"
        torch.save(content, path)
        try:
            source = source_of(path)
        except CheckpointError as error:
            refusals.append(str(error))
        else:
            assert set(source.split) <= {"x"}, content
            assert source.corpus is None
    assert len(refusals) > 60
    for refusal in refusals:
        assert re.fullmatch(r".* isn't a checkpoint of bachlit, or is damaged .*\.", refusal)
    (tmp_path / "split.json").write_text("[1]")
    with pytest.raises(CheckpointError, match="isn't a checkpoint"):
        source_of(tmp_path)


@pytest.mark.parametrize("name", ["Chosen", "FOLDS", "cache", "pieces", "own.Corpus"])
def test_what_is_no_corpus_of_bachlit_is_not_made(name: str, tmp_path: Path) -> None:
    arguments = {"chorales": [], "indices": []}
    options = {"data": {"corpus": {"class_path": name, "init_args": arguments}}}
    torch.save({"bachlit_options": json.dumps(options)}, tmp_path / "a.ckpt")
    assert source_of(tmp_path / "a.ckpt") == Source({}, None, name)


def test_a_checkpoint_does_not_say_where_pieces_are_kept_or_who_reads_them(tmp_path: Path) -> None:
    arguments = {"path": str(tmp_path), "quantize": True, "cache": str(tmp_path / "cache"), "workers": 10**9}
    options = {"data": {"corpus": {"class_path": "FolderCorpus", "init_args": arguments}}}
    torch.save({"bachlit_options": json.dumps(options)}, tmp_path / "a.ckpt")
    corpus = source_of(tmp_path / "a.ckpt").corpus
    assert isinstance(corpus, FolderCorpus)
    assert (corpus.path, corpus.quantize, corpus.cache, corpus.workers) == (tmp_path, True, None, 1)
