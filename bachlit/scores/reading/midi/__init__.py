"""Read standard MIDI files into MusicXML trees: beats, bars, voices and notation."""
