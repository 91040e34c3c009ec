"""How much a score may hold: generous for music, and little enough that no file takes a computer's memory or an hour.

The largest of Bach's chorales in music21 has 0.5 MB of MusicXML in 13,000 elements; Beethoven's quartet op. 132, the
largest score there, 5.4 MB in 194,000.
"""

MAX_BYTES = 32 * 2**20
"""A file's size, and that of a zipped score when it is unpacked."""

MAX_ENTRIES = 1000
"""Files in one MXL: a score, a page of contents, and pictures."""

MAX_ELEMENTS = 1_000_000
"""XML elements, of which a note has about ten; a million take some 100 MB of memory and two seconds."""

MAX_DEPTH = 64
"""XML elements within each other; Bach's chorales nest seven."""

MAX_STAVES = 16
"""Staves of a part, each of which gets all of the part's measures, and voices of ABC. An organ has three."""

MAX_DIVISOR = 10**15
"""The smallest number that all divisions of a quarter in a part divide, lest their fractions grow with each note."""

MAX_MIDI_BYTES = 2 * 2**20
"""A MIDI file's size. A note takes some eight bytes; so many notes take three seconds."""

MAX_TEXT = 128 * 2**10
"""Characters of ABC, or of kern, which music21 reads. The largest kern that it brings along has 83,000."""

MAX_DIGITS = 4
"""Digits of a number in ABC's or kern's music: more make a piece of hours."""

MAX_METRE_DIGITS = 2
"""Digits of a number in kern's time signatures: music21 spends minutes on a measure of 9999 beats."""

MAX_BARS = 1000
"""Bar lines of kern: music21's time grows with their square, to some nine seconds here."""

MAX_FRAMES = 20_000
"""Sixteenths of a piece: over an hour at 80 quarters a minute. Bach's longest chorale has 992."""

MAX_MEASURE = 16 * 16
"""Sixteenths in a measure: sixteen semibreves. MIDI can't write more than 255 beats."""
