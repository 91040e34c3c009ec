"""Rules of part-writing and harmony, over pitches and voices."""
