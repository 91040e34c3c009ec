"""Write chorales as MusicXML and MIDI."""
