"""Rules of part-writing and harmony, as constraints on pitches and voices."""
