"""Calibrating a model: numbers of rules, weights of figures, and work that goes on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bachlit.calibrate import __main__ as command
from bachlit.calibrate import critic
from bachlit.calibrate.candidates import WAYS, Piece, Rivals, Way
from bachlit.calibrate.critic import train_critic
from bachlit.calibrate.fitting import fit, folds, judged, merits, result, standards
from bachlit.calibrate.numbers import AIMS, Step, badness, next_numbers, usual_numbers
from bachlit.decoding import LIVELY, BeamSearch
from bachlit.errors import OptionError
from bachlit.evaluation.held_out import HeldOut
from bachlit.files.keeping import Work
from bachlit.models.calibration import CALIBRATION
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut

GOOD = Chorale.from_pitches([[72, 67, 64, 48]] * 64)
POOR = Chorale.from_pitches([[72, 67, 60, 48]] * 64)


def rivals(num: int) -> list[Rivals]:
    """Bach's pieces have fewer bare beats and more off-beat notes, by chance more or less."""
    rng = np.random.default_rng(0)
    found = []
    for tune in range(num):
        pieces = []
        for bare, off_beat, chorale in ((0.1, 0.5, GOOD), (0.3, 0.2, POOR), (0.3, 0.2, POOR)):
            noise = rng.normal(0, 0.1, 3)
            values = {"bare": bare + noise[0], "off_beat": off_beat + noise[1], "nats": noise[2]}
            pieces.append(Piece(chorale, 0.0, {name: float(value) for name, value in values.items()}))
        found.append(Rivals(tune, "way", pieces[0], pieces[1:]))
    return found


def test_weights_put_bach_on_top_of_tunes_they_never_saw() -> None:
    some = rivals(40)
    shares = []
    for known, held in folds(some):
        weights = fit(known, standards([one.bach for one in known]), 0.01)
        shares += judged(held, lambda pieces, weights=weights: merits(pieces, weights))
    assert result(shares).first > 0.8
    assert len(shares) == len(some)


def test_a_fault_that_no_candidate_has_still_counts() -> None:
    some = [one._replace(candidates=[one.bach]) for one in rivals(10)]
    weights = fit(some, standards([one.bach for one in some]), 0.1)
    assert weights["bare"].weight > 0 == weights["off_beat"].weight == weights["nats"].weight


def test_no_weight_is_below_zero_and_a_ridge_shrinks_them() -> None:
    some = rivals(40)
    swapped = [one._replace(bach=one.candidates[0], candidates=[one.bach]) for one in some]
    standard = standards([one.bach for one in some])
    small, large = (fit(some, standard, ridge) for ridge in (0.01, 1.0))
    assert small["bare"].weight > large["bare"].weight > 0
    assert all(weighed.weight == 0 for name, weighed in fit(swapped, standard, 0.01).items() if name == "bare")


def test_folds_share_no_tune_and_judge_each_once() -> None:
    some = [one._replace(tune=one.tune // 2) for one in rivals(20)]
    judged_tunes = []
    for known, held in folds(some):
        assert not {one.tune for one in known} & {one.tune for one in held}
        judged_tunes += [one.tune for one in held]
    assert sorted(judged_tunes) == [one.tune for one in some]


def test_a_critic_learns_what_the_notes_tell() -> None:
    merit = train_critic(rivals(12), seed=0)
    good, poor = merit([Piece(GOOD, 0.0, {}), Piece(POOR, 0.0, {})])
    assert good > poor


def test_numbers_go_towards_bach_and_keep_their_bounds() -> None:
    begun = usual_numbers()
    assert {name: [rule.weight for rule in LIVELY if str(rule) == name] for name in begun} == begun
    bach = dict.fromkeys(AIMS, 0.5)
    few = Step(begun, dict.fromkeys(AIMS, 0.2))
    onward = next_numbers([few], bach)
    assert all(onward[aim.rule][aim.place] < begun[aim.rule][aim.place] for aim in AIMS.values())  # more of all
    there = Step(onward, {name: aim.share * bach[name] for name, aim in AIMS.items()})
    assert next_numbers([few, there], bach) == onward
    assert badness(there.figures, bach) == 0 < badness(few.figures, bach)
    steps = [few]
    for _ in range(20):
        steps.append(Step(next_numbers(steps, bach), few.figures))
    assert all(steps[-1].numbers[aim.rule][aim.place] == aim.low for aim in AIMS.values())


def test_kept_work_is_not_done_again(tmp_path: Path) -> None:
    work = Work(tmp_path, {"seed": 0})
    made = {"notes": np.arange(4)}
    assert work.data("one", lambda: [1.5]) == Work(tmp_path, {"seed": 0}).data("one", lambda: [2.5]) == [1.5]
    work.arrays("two", lambda: made)
    assert (work.arrays("two", dict)["notes"] == made["notes"]).all()
    with pytest.raises(OptionError, match="other options; expected the same"):
        Work(tmp_path, {"seed": 1})


@pytest.mark.parametrize("name", ["one.json", "two.npz"])
def test_damaged_work_and_pickles_are_refused(name: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", notes=np.array([{}], object))
    (tmp_path / "one.json").write_text("{")
    work = Work(tmp_path, {})
    with pytest.raises(OptionError, match=rf"{name} is damaged .*; remove it"):
        (work.data if name.endswith("json") else work.arrays)(name.split(".", maxsplit=1)[0], dict)


def test_arrays_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    work = Work(tmp_path, {})
    work.arrays("two", lambda: {"notes": np.arange(400)})
    (tmp_path / "two.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:100])
    with pytest.raises(OptionError, match=r"two.npz is damaged .*; remove it"):
        work.arrays("two", dict)


def test_work_that_cannot_be_kept_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "options.json").mkdir()
    with pytest.raises(OptionError, match=r"can't be written .*another --output"):
        Work(tmp_path, {})


def test_ctrl_c_ends_a_calibration_in_one_line(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> HeldOut:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "held_out", stopped)
    assert command.main(["--checkpoint", str(saved), "--output", str(tmp_path / "new")]) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_a_calibrated_model_keeps_what_it_was_trained_on(
    saved: Path, tmp_path: Path, bach: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(saved, tmp_path / "model")
    split = {"train": [bach[5].name], "valid": [piece.name for piece in bach[:3]]}
    (model / "split.json").write_text(json.dumps(split))
    monkeypatch.setattr(command, "held_out", lambda *_, **__: HeldOut([cut(piece, 0, 32) for piece in bach[:3]], []))
    monkeypatch.setattr(command, "_TRIED", 1)
    monkeypatch.setattr(critic, "_EPOCHS", 1)
    for name, way in WAYS.items():
        monkeypatch.setitem(WAYS, name, Way(BeamSearch(2), 1, way.stripped))
    assert command.main(["--checkpoint", str(model), "--output", str(tmp_path / "new")]) == 0
    assert json.loads((tmp_path / "new" / "split.json").read_text()) == split
    assert "weights of" in (tmp_path / "new" / "README.md").read_text()  # its card says that it is calibrated


def test_a_calibration_that_was_cut_off_goes_on(
    saved: Path,
    tmp_path: Path,
    bach: list[Chorale],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pieces = [cut(piece, 0, 32) for piece in bach[:3]]
    monkeypatch.setattr(command, "held_out", lambda *_, **__: HeldOut(pieces, []))
    monkeypatch.setattr(command, "_TRIED", 1)
    monkeypatch.setattr(critic, "_EPOCHS", 1)
    for name, way in WAYS.items():
        monkeypatch.setitem(WAYS, name, Way(BeamSearch(2), 2, way.stripped))
    typed = ["--checkpoint", str(saved), "--output", str(tmp_path / "new")]
    assert command.main(typed) == 0
    assert json.loads((tmp_path / "new" / CALIBRATION).read_bytes())["rules"] == usual_numbers()
    assert LanguageModel.load(tmp_path / "new").calibration.figures
    report = (tmp_path / "new" / "report.md").read_text()
    assert "critic" in report
    monkeypatch.setattr(LanguageModel, "predictor", None)  # nothing is decoded again
    capsys.readouterr()
    assert command.main(typed) == 0
    assert report in capsys.readouterr().out
    assert command.main([*typed, "--seed", "1"]) == 2
    assert "other options" in capsys.readouterr().err
    assert command.main([*typed[:2], "--output", str(saved)]) == 2
    assert "has a model.json already" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.md").write_text("mine")
    assert command.main([*typed[:2], "--output", str(tmp_path / "mine")]) == 2
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["report.md"]
