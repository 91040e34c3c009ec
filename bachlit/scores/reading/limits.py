"""Limits of score files: generous for music, and small enough to bound memory and time.

The largest of Bach's chorales in music21 has 0.5 MB of MusicXML in 13,000 elements; Beethoven's quartet op. 132, the
largest score there, 5.4 MB in 194,000.
"""

MAX_BYTES = 32 * 2**20
"""Size of a file, and of an unpacked MXL."""

MAX_ENTRIES = 1000
"""Files in an MXL."""

MAX_ELEMENTS = 1_000_000
"""XML elements: a note has about ten; a million take some 100 MB and two seconds."""

MAX_DEPTH = 64
"""Nesting of XML elements; Bach's chorales have seven."""

MAX_STAVES = 16
"""Staves per part, and voices in ABC. An organ has three."""

MAX_DIVISOR = 10**15
"""Least common multiple of a part's divisions of the quarter, to bound the fractions."""

MAX_MIDI_BYTES = 2 * 2**20
"""Size of a MIDI file: at some eight bytes per note, three seconds."""

MAX_MIDI_NOTES = 30_000
"""Notes of a MIDI file: an opera's act. Two or three seconds."""

MAX_MIDI_PARTS = 256
"""Pairs of track and channel with notes in a MIDI file: sixteen channels in each of sixteen tracks."""

MAX_MIDI_HEADS = 60_000
"""Measures and note heads, tied ones too, of all parts of a MIDI file: a band of 20 has 15,000 in a long song."""

MAX_TEXT = 128 * 2**10
"""Characters of ABC or kern. The largest kern file in music21 has 83,000."""

MAX_TUNES = 100_000
"""Tunes of a book in ABC: the largest have some 50,000."""

MAX_SIGNS = 50_000
"""Note heads and measures of a tune in ABC: each has some ten XML elements."""

MAX_DIGITS = 4
"""Digits of a number in ABC or kern: more make a piece of hours."""

MAX_METRE_DIGITS = 2
"""Digits of a number in a kern time signature: music21 takes minutes for 9999 beats."""

MAX_BARS = 1000
"""Bar lines of kern: music21's time grows with their square, to nine seconds here."""

MAX_SPINES = 64
"""Spines of kern; the scores in music21 have at most 24."""

MAX_CONVERTED_NOTES = 20_000
"""Notes and rests of MEI, cells of kern: some five seconds."""

MAX_FRAMES = 20_000
"""Length in sixteenths: over an hour at 80 quarters per minute. Bach's longest chorale has 992."""

MAX_MEASURE = 16 * 16
"""Sixteenths per measure: sixteen semibreves. MIDI can't write more than 255 beats."""
