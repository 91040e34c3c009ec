"""Pairs are alike in all that isn't harmony: phrases, length, key, place."""

import asyncio
import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sizes import LARGE, size

from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import PRETRAINED, SPLIT
from bachlit.music.chorale import Chorale
from bachlit.serving.challenge import pairs
from bachlit.serving.challenge.excerpts import (
    FARTHEST,
    LONGEST,
    SHORTEST,
    Excerpt,
    Outline,
    excerpts,
    in_one_key,
    seconds,
)
from bachlit.serving.challenge.pairs import NUM_CATCHES, Maker
from bachlit.serving.challenge.routes import Challenge
from bachlit.serving.challenge.sessions import NUM_QUESTIONS
from bachlit.serving.settings import Settings


@pytest.fixture
def some(bach: list[Chorale]) -> list[Chorale]:
    return [bach[index] for index in range(0, len(bach), size(1, 4))]


def test_excerpts_are_whole_phrases_of_a_quarter_of_a_minute(some: list[Chorale]) -> None:
    found = [one for chorale in some for one in excerpts(chorale)]
    assert len(found) > 3 * len(some)
    for one in found:
        fermatas = np.concatenate([[True], one.chorale.fermatas, [False]])  # as if the piece followed a phrase
        assert SHORTEST <= seconds(one) <= LONGEST
        assert fermatas[one.first] > fermatas[one.first + 1] or one.first == 0
        assert fermatas[one.last] > fermatas[one.last + 1]
        assert (one.music().pitches > 0).all()
        assert one.chorale.onsets[one.first].all()
        assert not one.chorale.onsets[one.last - 2 : one.last].any()  # nothing leads on


def test_pieces_of_one_outline_are_compared_in_one_key(some: list[Chorale]) -> None:
    alike: defaultdict[Outline, list[Excerpt]] = defaultdict(list)
    for one in (one for chorale in some for one in excerpts(chorale)):
        alike[one.outline()].append(one)
    compared = 0
    for found in alike.values():
        for one, other in combinations(found, 2):
            moved = in_one_key(one, other)
            if moved is not None:
                compared += 1
                moves = [int(moved[0].pitches[0, 0] - one.chorale.pitches[one.first, 0])]
                moves += [int(moved[1].pitches[0, 0] - other.chorale.pitches[other.first, 0])]
                assert max(map(abs, moves)) <= FARTHEST / 2
                assert (one.key.tonic + moves[0] - other.key.tonic - moves[1]) % 12 == 0
                assert len(moved[0].pitches) == len(moved[1].pitches)
                assert moved[0].fermatas.tolist() == moved[1].fermatas.tolist()
    assert compared > 20


def test_a_held_out_tune_is_harmonised_and_cut_like_bachs(
    bach: list[Chorale], framed_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[Chorale, Chorale]] = []
    real = pairs.clips
    monkeypatch.setattr(pairs, "clips", lambda *both: (heard.append(both), real(*both))[1])
    piece = next(chorale for chorale in bach if chorale.name == "bwv336")
    maker = Maker(framed_model, "toy 1", [*bach[:9], piece], {"bwv336"})
    [pair] = maker.harmonised()
    [(own, other)] = heard
    assert (pair.task, pair.model, json.loads(pair.decoder)["class"]) == ("harmonisation", "toy 1", "BeamSearch")
    assert pair.name.startswith("bwv336:")
    assert (own.pitches[:, 0] == other.pitches[:, 0]).all()
    assert (own.pitches != other.pitches)[:, 1:].any()
    assert own.fermatas.tolist() == other.fermatas.tolist()
    assert len(pair.bach) == len(pair.other)
    assert 15 < len(pair.bach) / 32_000 < 26


def test_a_catch_clashes_and_is_never_of_a_held_out_tune(bach: list[Chorale], small_model: LanguageModel) -> None:
    maker = Maker(small_model, "toy", bach[:30], {"bwv2.6"})
    found = list(maker.catches())
    assert len({pair.tune for pair in found}) == NUM_CATCHES
    assert all(pair.bach != pair.other and len(pair.bach) == len(pair.other) for pair in found)
    assert not any("bwv2.6:" in pair.name for pair in found)


@pytest.mark.skipif(not LARGE, reason="half a minute of a core")
def test_a_process_of_its_own_prepares_what_a_session_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def prepared() -> Challenge:
        challenge = Challenge(Settings(challenge=True, answers=tmp_path / "answers.db"))
        await challenge.start()
        while challenge.sessions.num_ready < sum(NUM_QUESTIONS.values()) and not challenge._failed:
            await asyncio.sleep(0.1)
        await challenge.stop()
        return challenge

    made = asyncio.run(prepared()).sessions
    everything = [question.pair for question in made.begin("unsaid", "unsaid").questions]
    held_out = json.loads((PRETRAINED / SPLIT).read_text())["test"]
    harmonised = [pair for pair in everything if pair.task == "harmonisation"]
    assert all(pair.name.partition(":")[0] in held_out for pair in harmonised)
    assert all(len(pair.bach) == len(pair.other) for pair in everything)
    assert {pair.model.split()[0] for pair in everything if pair.model} == {"bachlit"}
    assert "non-commercial" in capsys.readouterr().out


def test_where_nothing_can_be_prepared_listeners_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence with the path goes to whoever started the service."""

    async def failed() -> Challenge:
        settings = Settings(challenge=True, answers=tmp_path / "answers.db", checkpoint=tmp_path / "none.ckpt")
        challenge = Challenge(settings)
        await challenge.start()
        assert challenge._receiving is not None
        await challenge._receiving
        await challenge.stop()
        return challenge

    assert asyncio.run(failed())._failed
    assert "none.ckpt" in capsys.readouterr().err
