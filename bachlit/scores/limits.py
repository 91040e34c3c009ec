"""How much a score may hold: generous for music, and little enough that no file takes a computer's memory or an hour.

The largest of Bach's chorales in music21 has 0.3 MB, 6,000 elements of XML and 60 measures.
"""

MAX_BYTES = 32 * 2**20
"""A file's size, and that of a zipped score when it is unpacked. An oratorio's full score has some 20 MB."""

MAX_ENTRIES = 1000
"""Files in one MXL: a score, a page of contents, and pictures."""

MAX_ELEMENTS = 1_000_000
"""XML elements, of which a note has about ten; a million take some 300 MB of memory."""

MAX_DEPTH = 64
"""XML elements within each other; MusicXML nests about ten."""

MAX_MIDI_BYTES = 2 * 2**20
"""A MIDI file's size. Its events are read one by one, at some five bytes a note and end of a note."""

MAX_TEXT = 64 * 2**10
"""Characters of ABC or kern, which music21 reads: it needs half a minute for so many. A chorale has 4,000."""

MAX_DIGITS = 4
"""Digits of a number in ABC's or kern's music: music21 spends minutes on a measure of a million beats."""

MAX_BARS = 1000
"""Bar lines of ABC or kern: music21's time grows with their square, to some nine seconds here."""

MAX_FRAMES = 20_000
"""Sixteenths of a piece: over an hour at 80 quarters a minute. Bach's longest chorales have 700."""

MAX_MEASURE = 16 * 16
"""Sixteenths in a measure: sixteen semibreves. MIDI can't write more than 255 beats."""
