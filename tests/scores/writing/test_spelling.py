"""Laws of spelled pitches, in every key."""

import pytest
from chorales import KEYS, midi_pitch

from bachlit.music.keys import Key
from bachlit.scores.writing.spelling import spell, spell_voice


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("leads", [-1, 0, 1])
def test_a_spelled_pitch_gives_back_its_pitch(key: Key, leads: int) -> None:
    assert [midi_pitch(spell(pitch, key, leads=leads)) for pitch in range(1, 128)] == list(range(1, 128))


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_scale_of_a_key_is_spelled_with_its_signature(key: Key) -> None:
    scale = [
        spell(60 + key.tonic + s, key)
        for s in ((0, 2, 4, 5, 7, 9, 11) if key.mode == "major" else (0, 2, 3, 5, 7, 8, 10))
    ]
    assert {name.step for name in scale} == set("ABCDEFG")
    assert sum(name.alter for name in scale) == key.fifths


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_double_accidentals_are_only_raised_degrees_of_minor(key: Key) -> None:
    doubles = {
        (p - key.tonic) % 12 for p in range(60, 72) for leads in (-1, 0, 1) if abs(spell(p, key, leads=leads).alter) > 1
    }
    assert doubles <= ({9, 11} if key.mode == "minor" else set())
    if key.mode == "minor":
        leading, tonic = spell(71 + key.tonic, key), spell(72 + key.tonic, key)
        assert "CDEFGABC".index(leading.step) + 1 in ("CDEFGABC".find(tonic.step), 7)


@pytest.mark.parametrize(
    ("key", "names"),
    [(Key(0, "major"), "C C# D Eb E F F# G G# A Bb B"), (Key(0, "minor"), "C C# D D# E F F# G G# A Bb B")],
)
def test_accidentals_are_the_near_ones_on_the_line_of_fifths(key: Key, names: str) -> None:
    spelled = [spell(pitch, key) for pitch in range(60, 72)]
    assert " ".join(name.step + ("b", "", "#")[name.alter + 1] for name in spelled) == names


def test_a_note_before_a_semitone_step_is_spelled_to_lead_there() -> None:
    up, down = spell_voice([62, 63, 63, 64], Key()), spell_voice([64, 63, 62], Key())
    assert [name.step for name in up if name] == list("DDDE")  # repeated notes keep their name
    assert [name.step for name in down if name] == list("EED")


def test_a_rest_has_no_name_and_parts_no_leading_note_from_its_goal() -> None:
    assert [name and name.step for name in spell_voice([0, 63, 0, 64], Key())] == [None, "D", None, "E"]
