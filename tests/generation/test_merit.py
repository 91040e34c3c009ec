"""Merit: how pieces under one prompt are ranked."""

import dataclasses
import math

import pytest

from bachlit import harmonize
from bachlit.decoding import LIVELY, BeamSearch, NoOverlap, Ranges, Sampling
from bachlit.errors import CheckpointError
from bachlit.generation.harmonizing import CANDIDATES, harmonizer, rules_for, write_several
from bachlit.generation.merit import AIMED, figures, merit, require_known
from bachlit.generation.named_rules import weighed_rules
from bachlit.generation.written import Written
from bachlit.models.calibration import Calibration, Weighed
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt

STILL = {"notes": Weighed(1.0, 0.0, 0.5), "nats": Weighed(0.01, 0.0, 1.0)}


@pytest.fixture
def calibrated(small_model: LanguageModel) -> LanguageModel:
    """One that has most merit where it moves least."""
    return LanguageModel(small_model.network, small_model.encoding, "all", Calibration({"InKey": [0.4]}, STILL))


@pytest.fixture
def prompt(bach: list[Chorale]) -> Prompt:
    return Prompt.voices(cut(bach[0], 0, 48), "soprano")


def written(model: LanguageModel, prompt: Prompt, **options: object) -> list[Written]:
    decoder = BeamSearch(8, groups=4)
    return write_several(model, [prompt], decoder=decoder, seeds=[0], num=4, **options)[0]  # type: ignore[arg-type]


def test_figures_are_rates_whatever_the_piece(bach: list[Chorale]) -> None:
    silent = Chorale.from_pitches([[0, 0, 0, 0]] * 8)
    for piece in (*bach[:3], silent, Chorale.from_pitches([[72, 0, 0, 0]])):
        found = figures(piece, None, -30.0)
        assert found["nats"] == 30 / piece.num_frames
        assert all(math.isfinite(value) for value in found.values())
        assert set(found) >= AIMED


def test_phrase_ends_may_be_given(bach: list[Chorale]) -> None:
    piece = next(piece for piece in bach if piece.name == "bwv269")
    bare = dataclasses.replace(piece, fermatas=piece.fermatas & False)
    ends = [frame for frame in range(1, piece.num_frames) if piece.fermatas[frame] and piece.onsets[frame, 0]]
    assert figures(bare, None, 0.0)["five_one"] == 0 < figures(bare, ends, 0.0)["five_one"]
    assert figures(bare, ends, 0.0) == figures(piece, None, 0.0)


def test_calibrated_pieces_are_ranked_by_figures(calibrated: LanguageModel, prompt: Prompt) -> None:
    pieces = written(calibrated, prompt)
    assert len(pieces) == 4
    for piece in pieces:
        heard = dataclasses.replace(piece.chorale, fermatas=prompt.heard.fermatas)
        assert piece.merit == merit(figures(heard, None, piece.log_prob), STILL)
    assert [piece.merit for piece in pieces] == sorted((piece.merit for piece in pieces), reverse=True)


def test_other_soft_rules_rank_by_what_they_cost(calibrated: LanguageModel, prompt: Prompt) -> None:
    usual = rules_for(BeamSearch(), calibration=calibrated.calibration)
    for piece in written(calibrated, prompt, rules=usual & NoOverlap(2.0)):
        assert piece.merit == piece.log_prob - piece.cost
        assert not piece.figures
    assert all(piece.figures for piece in written(calibrated, prompt, rules=usual & Ranges(bass=(36, 65))))


def test_a_calibration_leaves_hard_rules_as_they_are() -> None:
    hard = {str(rule): [0.0] for rule in LIVELY if rule.weight == math.inf}
    assert rules_for(BeamSearch(), calibration=Calibration(hard)) == LIVELY


def test_a_rule_that_a_model_switches_off_leaves_the_ranking(small_model: LanguageModel, prompt: Prompt) -> None:
    off = Calibration({"Suspension": [0.0]}, STILL)
    model = LanguageModel(small_model.network, small_model.encoding, "all", off)
    typed = weighed_rules(None, BeamSearch(), calibration=off)  # leaves it out
    assert all(piece.figures for piece in written(model, prompt, rules=typed))


def test_the_default_takes_the_best_of_its_candidates(calibrated: LanguageModel, prompt: Prompt) -> None:
    several = write_several(calibrated, [prompt], decoder=harmonizer(), seeds=[0], num=CANDIDATES)[0]
    likeliest = write_several(calibrated, [prompt], decoder=harmonizer(), seeds=[0], num=1)[0]
    chosen = harmonize(prompt, phrases="given", checkpoint=calibrated)
    assert (chosen.pitches == several[0].chorale.pitches).all()
    assert several[0].merit == max(piece.merit for piece in several) > likeliest[0].merit


def test_an_unknown_figure_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"'charm'.*expected figures.*calibrate it anew"):
        require_known({"charm": Weighed(1.0, 0.0, 1.0)})
    require_known({name: Weighed(1.0, 0.0, 1.0) for name in AIMED})


def test_typed_numbers_beat_the_models_and_these_the_usual() -> None:
    model = Calibration({"InKey": [0.4], "Motion": [-0.7]})
    rules = weighed_rules({"InKey": 2}, BeamSearch(), calibration=model)
    assert [rule.weight for rule in rules if str(rule) in ("InKey", "Motion")] == [2.0, -0.7, -0.5]
    assert rules_for(Sampling(), calibration=model) == rules_for(Sampling())
