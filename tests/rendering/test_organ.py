"""The organ plays what is written, as long as it is written."""

import dataclasses
import io
import wave

import numpy as np
import pytest
from chorales import chorales
from hypothesis import given, settings
from hypothesis import strategies as st

from bachlit.errors import OptionError
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.rendering import wav
from bachlit.rendering.organ import FERMATA_STRETCH, Tempo, Tone, frame_times, play, play_notes

RATE = 22_050


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt((samples**2).mean()))


@settings(max_examples=30, deadline=None)
@given(chorales(), st.sampled_from([40, 80, 150]))
def test_it_is_silent_where_all_rests_and_only_there_and_never_clips(chorale: Chorale, tempo: float) -> None:
    sound = play(chorale, tempo=tempo)
    assert np.abs(sound).max(initial=0) < 0.95
    edges = np.rint(frame_times(chorale, tempo) * RATE).astype(int)
    assert len(sound) == edges[-1]
    for row, begin, end in zip(chorale.pitches, edges, edges[1:], strict=False):
        assert (sound[begin:end] != 0).any() == (row != REST).any()


def test_the_strongest_tones_are_the_pitches_that_sound(bach: list[Chorale]) -> None:
    """Of all pitches in the voices' compass, those that sound have more energy than any that isn't their overtone."""
    chorale = bach[0]
    sound, times = play(chorale, tempo=30).sum(axis=1), frame_times(chorale, 30)
    for frame in range(8, 80, 8):
        middle = sound[int(times[frame] * RATE) :][: int(0.5 * RATE)] * np.hanning(int(0.5 * RATE))
        sounding = set(chorale.pitches[frame].tolist())
        energy = {}
        for pitch in range(40, 82):
            wheel = np.exp(-2j * np.pi * 440 * 2 ** ((pitch - 69) / 12) * np.arange(len(middle)) / RATE)
            energy[pitch] = abs(middle @ wheel)
        overtones = {pitch + above for pitch in sounding for above in (12, 19, 24, 28, 31, 34, 36)}
        other = max(energy[pitch] for pitch in energy if pitch not in sounding | overtones)
        assert min(energy[pitch] for pitch in sounding) > 3 * other


def test_a_fermata_holds_all_voices_half_as_long_again() -> None:
    fermatas = np.arange(32) // 8 == 1
    plain = Chorale.from_pitches([[67, 64, 60, 48]] * 32)
    held = dataclasses.replace(plain, fermatas=fermatas)
    seconds = [frame_times(piece, 60) for piece in (plain, held)]
    assert seconds[0][-1] == 8
    assert seconds[1][-1] == 8 + 2 * (FERMATA_STRETCH - 1)
    assert np.array_equal(seconds[0][:9], seconds[1][:9])


def test_repeated_notes_are_heard_to_begin_again() -> None:
    onsets = np.zeros((16, 4), bool)
    onsets[8] = True
    tone = Chorale.from_pitches([[67, 0, 0, 0]] * 16)
    one, two = play(tone), play(dataclasses.replace(tone, onsets=onsets))
    border = slice(len(one) // 2 - 60, len(one) // 2 + 60)
    assert loudness(two[border]) < 0.1 * loudness(one[border])


def test_nothing_clicks() -> None:
    """A tone cut hard spreads over all frequencies; one that comes and goes softly doesn't."""
    sound = play(Chorale.from_pitches([[57, 0, 0, 0]] * 16), tempo=60).sum(axis=1)
    spectrum = np.abs(np.fft.rfft(sound))
    above = np.fft.rfftfreq(len(sound), 1 / RATE) > 4000  # the highest partial is at 1760 Hz
    assert spectrum[above].max() < 2e-4 * spectrum.max()


def test_a_high_note_has_no_false_tones() -> None:
    """Partials above half the rate would come back as lower tones."""
    sound = play(Chorale.from_pitches([[110, 0, 0, 0]] * 16), tempo=60).sum(axis=1)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    below = np.fft.rfftfreq(len(sound), 1 / RATE) < 4000  # it sounds at 4699 Hz
    assert spectrum[below].max() < 1e-3 * spectrum.max()


@pytest.mark.parametrize("pitch", [120, 123, 124])
def test_the_highest_pitches_sound_as_they_are(pitch: int) -> None:
    """Once a pitch without room for its fundamental below nine tenths of the half rate was silent."""
    sound = play(Chorale.from_pitches([[pitch, 0, 0, 0]] * 16), tempo=60).sum(axis=1)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    loudest = np.fft.rfftfreq(len(sound), 1 / RATE)[spectrum.argmax()]
    assert loudest == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=1)
    assert loudness(sound) > 0.1


def test_voices_stand_from_left_to_right_in_an_organ_between() -> None:
    """Louder on the left: soprano, then tenor; on the right: alto, and most the bass."""
    shares = []
    for column in range(4):
        pitches = np.zeros((16, 4), int)
        pitches[:, column] = 60
        left, right = play(Chorale.from_pitches(pitches)).T
        shares.append(loudness(left) / loudness(right))
    soprano, alto, tenor, bass = shares
    assert soprano > tenor > 1 > alto > bass


def test_mono_is_the_mean_of_left_and_right(bach: list[Chorale]) -> None:
    with wave.open(io.BytesIO(wav(bach[3], stereo=False))) as file:
        assert file.getnchannels() == 1
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples / 32_767 - play(bach[3]).mean(axis=1)).max() < 1e-4


def test_the_file_is_whole_and_the_same_each_time(bach: list[Chorale]) -> None:
    content = wav(bach[3])
    assert content == wav(bach[3])
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        assert file.getnframes() == len(play(bach[3]))
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(samples / 32_767 - play(bach[3])).max() < 1e-4


@pytest.mark.parametrize("options", [{"tempo": 0}, {"tempo": float("nan")}, {"rate": 100}], ids=str)
def test_what_cant_be_played_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="The tempo is"):
        wav(Chorale.from_pitches([[67, 64, 60, 48]]), **options)  # type: ignore[arg-type]


def test_a_practice_track_has_its_voice_12_db_above_the_others() -> None:
    """By what each voice adds to the track when it alone sings."""
    chord = Chorale.from_pitches([[76, 67, 60, 48]] * 32)
    for loud in VOICES:
        alone = {
            voice: loudness(play(chord.only(voice), loud=loud)) / loudness(play(chord.only(voice))) for voice in VOICES
        }
        for voice in VOICES:
            assert 20 * np.log10(alone[loud] / alone[voice]) == pytest.approx(0 if voice == loud else 12, abs=0.1)
    assert np.abs(play(Chorale.from_pitches([[60, 60, 60, 60]] * 32), loud="bass")).max() < 0.95


def test_triplets_sound_as_long_as_they_are_written_through_a_change_of_tempo() -> None:
    tones = [Tone(60 + 2 * index, index * 4 / 3, 4 / 3) for index in range(6)]
    sound = play_notes({"soprano": tones}, [Tempo(0, 60), Tempo(4, 120)], 8).sum(axis=1)
    assert len(sound) == round(1.5 * RATE)
    begins = [0, 1 / 3, 2 / 3, 1, 7 / 6, 4 / 3]
    for begin, tone in zip(begins, tones, strict=True):
        heard = sound[round((begin + 0.03) * RATE) : round((begin + 0.14) * RATE)]
        wheel = {
            pitch: abs(np.exp(-2j * np.pi * 440 * 2 ** ((pitch - 69) / 12) * np.arange(len(heard)) / RATE) @ heard)
            for pitch in range(58, 74)
        }
        assert max(wheel, key=lambda pitch: wheel[pitch]) == tone.pitch
    assert (np.diff(np.flatnonzero(np.abs(sound) > 0)) < 20).all()


@pytest.mark.parametrize("quarters", [0.0, -1.0, float("inf"), float("nan")])
def test_a_tempo_that_cant_be_played_is_refused(quarters: float) -> None:
    with pytest.raises(OptionError, match="The tempo is"):
        play_notes({}, [Tempo(0, quarters)], 8)
