"""Read ABC, by its standard 2.1, into MusicXML trees."""
