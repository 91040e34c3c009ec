"""Sessions draw by fresh coins, and take no more room than they may."""

import numpy as np
import pytest
from listening import short, toys

from bachlit.serving.challenge.sessions import NUM_QUESTIONS, Session, Sessions
from bachlit.serving.refusals import RefusedError

NUM = sum(NUM_QUESTIONS.values())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def sessions(clock: Clock, most: int = 1000) -> Sessions:
    made = Sessions(clock=clock, most=most, lifetime=60)
    for pair in toys():
        made.add(pair)
    return made


def begin(made: Sessions) -> Session:
    return made.begin("unsaid", "unsaid")


def test_coins_places_and_pairs_are_drawn_anew_for_each() -> None:
    made = sessions(Clock())
    drawn = [begin(made).questions for _ in range(400)]
    coins = np.array([[question.bach for question in questions] for questions in drawn])  # (400, 11)
    # Each count of 400 coins is within 5 standard deviations; all fail once in 150,000 runs.
    assert abs(coins.sum(axis=0) - 200).max() < 50
    catches = [[question.pair.task for question in questions].index("catch") for questions in drawn]
    assert np.bincount(catches, minlength=NUM).min() > 400 / NUM - 30
    assert len({tuple(question.pair.name for question in questions) for questions in drawn}) > 390
    names = [name for questions in drawn for question in questions for name in (question.name, *question.clips)]
    assert len(set(names)) == 400 * NUM * 3


def test_no_tune_is_heard_twice() -> None:
    made = sessions(Clock())
    for pair in toys():  # other pairs of the same tunes
        made.add(pair._replace(name=f"{pair.name} again"))
    for _ in range(100):
        tunes = [question.pair.tune for question in begin(made).questions]
        assert len(set(tunes)) == NUM


def test_sessions_expire_with_their_clips() -> None:
    clock = Clock()
    made = sessions(clock)
    session = begin(made)
    question = made.ask(session)
    assert question is not None
    clock.now = 50
    made.find(session.name)
    clock.now = 100
    assert made.clip(question.clips[0])
    clock.now = 111
    for missing in (lambda: made.find(session.name), lambda: made.clip(question.clips[0])):
        with pytest.raises(RefusedError, match="expected"):
            missing()
    assert not made._sessions
    assert not made._clips


def test_an_answer_waits_until_both_clips_can_have_been_heard() -> None:
    clock, ten_seconds = Clock(), 80_000
    made = Sessions(clock=clock)
    for pair in toys():
        made.add(pair._replace(bach=short(1, ten_seconds), other=short(2, ten_seconds)))
    session = begin(made)
    question = made.ask(session)
    assert question is not None
    for clip in question.clips:
        made.clip(clip)
    clock.now = 18
    with pytest.raises(RefusedError, match="hear them to their ends"):
        made.answering(session, question.name, 0, False)
    clock.now = 20
    assert made.answering(session, question.name, 0, False)


def test_a_flood_of_sessions_ends_those_that_answer_nothing() -> None:
    made = sessions(Clock(), most=3)
    listening = begin(made)
    question = made.ask(listening)
    assert question is not None
    question.choice = 0
    for _ in range(10):
        made.ask(begin(made))
    assert made.find(listening.name) is listening
    assert (len(made._sessions), len(made._clips)) == (3, 6)
    for session in made._sessions.values():
        session.questions[0].choice = 0
    with pytest.raises(RefusedError, match="Too many listeners"):
        begin(made)
