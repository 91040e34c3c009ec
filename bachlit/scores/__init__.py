"""Scores in and out: MusicXML, MXL, MIDI, ABC and kern are read, MusicXML and MIDI are written."""

from bachlit.scores.reading import SUFFIXES, ScoreWarning, read_chorale, read_melody

__all__ = ["SUFFIXES", "ScoreWarning", "read_chorale", "read_melody"]
