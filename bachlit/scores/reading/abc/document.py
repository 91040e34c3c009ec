"""ABC -> a document in MusicXML, with all that the tune says."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from math import lcm
from xml.etree.ElementTree import Element, SubElement

from bachlit.scores.reading.abc.bars import Bar, Change, Item, Sound
from bachlit.scores.reading.abc.fields import Clef, KeyField, Metre
from bachlit.scores.reading.abc.notes import add_sound, beams_of, pieces_of
from bachlit.scores.reading.abc.numbering import MeasureNumber, measure_numbers
from bachlit.scores.reading.abc.tune import Tune, read_tune
from bachlit.scores.reading.abc.voice import Voice
from bachlit.scores.reading.limits import MAX_SIGNS

_MAX_DIVISIONS = 10**7  # of a quarter: a piece of the greatest length still has numbers of twelve digits
_DIATONIC = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)  # steps of a transposition by semitones


def abc_document(text: str) -> Element:
    r"""Read the first tune of a text in ABC as a document in MusicXML.

    Notes have MusicXML's pitches (as they sound, but for `<transpose>`), spelled as in ABC. Each voice is a part;
    voices laid over it are its second and further voices.

    Returns:
        A `<score-partwise>` of MusicXML 4.0.

    Raises:
        ValueError: If it isn't a tune, is too large, or a number in it isn't possible.

    >>> document = abc_document("X:1\nT:Air\nL:1/4\nK:Ddor\nD|A2 ^F2|")
    >>> [note.findtext("pitch/step") for note in document.iter("note")], document.findtext(".//mode")
    (['D', 'A', 'F'], 'dorian')
    """
    tune = read_tune(text)
    root = Element("score-partwise", version="4.0")
    _add_heading(root, tune)
    parts = SubElement(root, "part-list")
    voices = [voice for voice in tune.voices.values() if not voice.is_empty]
    if len(voices) * max((len(voice.bars) for voice in voices), default=0) > MAX_SIGNS:
        raise ValueError(f"it has more than {MAX_SIGNS} measures")
    divisions = _divisions(voices)
    rows = list(zip_longest(*(voice.bars for voice in voices)))
    longest = max((voice.bars for voice in voices), key=len, default=[])
    lengths = [max(bar.length for bar in row if bar is not None) for row in rows]
    endings = {index for index, row in enumerate(rows) if any(bar is not None and bar.ending for bar in row)}
    numbers = measure_numbers(lengths, [bar.full for bar in longest], endings)
    for index, voice in enumerate(voices, start=1):
        part = SubElement(parts, "score-part", id=f"P{index}")
        SubElement(part, "part-name").text = voice.name
        if voice.short_name:
            SubElement(part, "part-abbreviation").text = voice.short_name
        instrument = SubElement(part, "score-instrument", id=f"P{index}-I1")  # without one, MuseScore complains
        SubElement(instrument, "instrument-name").text = voice.name
        missing = range(len(voice.bars), len(longest))
        bars = voice.bars + [_silent(lengths[place], longest[place]) for place in missing]
        _add_part(root, f"P{index}", voice, bars, numbers, divisions)
    return root


def _add_heading(root: Element, tune: Tune) -> None:
    """Add titles, composers and the order of the parts."""
    if tune.titles:
        SubElement(SubElement(root, "work"), "work-title").text = tune.titles[0]
    if tune.composers or tune.order:
        identification = SubElement(root, "identification")
        for composer in tune.composers:
            SubElement(identification, "creator", type="composer").text = composer
        if tune.order:
            field = SubElement(SubElement(identification, "miscellaneous"), "miscellaneous-field", name="parts")
            field.text = tune.order
    for subtitle in tune.titles[1:]:
        credit = SubElement(root, "credit", page="1")
        SubElement(credit, "credit-type").text = "subtitle"
        SubElement(credit, "credit-words").text = subtitle


def _divisions(voices: Sequence[Voice]) -> int:
    """Least common multiple of the parts into which lengths divide a quarter."""
    divisions = 1
    for voice in voices:
        for sound in _sounds(voice.bars):
            divisions = lcm(divisions, *((piece.length * 4).denominator for piece in pieces_of(sound)))
            if divisions > _MAX_DIVISIONS:
                raise ValueError("it divides quarters in too many ways")
    return divisions


def _sounds(bars: Sequence[Bar]) -> Iterator[Sound]:
    return (item for bar in bars for layer in bar.layers for item in layer if isinstance(item, Sound))


def _silent(length: Fraction, like: Bar) -> Bar:
    """Rest of a measure that a voice doesn't reach, with the bar lines of another."""
    rest = Sound(length, length, fills=True)
    return Bar([[rest]], length, like.metre, like.left, like.right, like.ending, like.ending_text, like.ends)


def _add_part(
    root: Element, name: str, voice: Voice, bars: Sequence[Bar], numbers: Sequence[MeasureNumber], divisions: int
) -> None:
    part = SubElement(root, "part", id=name)
    clef, ending = voice.start.clef or Clef(), ""  # the ending that is open
    for index, (bar, number) in enumerate(zip(bars, numbers, strict=True)):
        implicit = {"implicit": "yes"} if number.implicit else {}
        measure = SubElement(part, "measure", {"number": number.text} | implicit)
        ending = bar.ending or ending
        _add_left(measure, bar)
        if index == 0:
            _add_change(measure, voice.start, Clef(), divisions=divisions)
        start = clef
        for layer, items in enumerate(bar.layers, start=1):
            after = _add_layer(measure, layer, items, bar, start, divisions)
            clef = clef if after == start else after
        _add_right(measure, bar, ending)
        ending = "" if bar.ends else ending


def _add_layer(measure: Element, layer: int, items: Sequence[Item], bar: Bar, clef: Clef, divisions: int) -> Clef:
    """Add a voice of a measure; the clef after it."""
    if layer > 1:
        if not any(isinstance(item, Sound) for item in items):
            return clef
        SubElement(SubElement(measure, "backup"), "duration").text = str(int(bar.length * 4 * divisions))
    beams = beams_of([item for item in items if isinstance(item, Sound) and not item.grace])
    beams |= beams_of([item for item in items if isinstance(item, Sound) and item.grace])
    now = Fraction(0)
    for item in items:
        if isinstance(item, Sound):
            own = beams.get(id(item), ())
            add_sound(measure, item, layer=layer, higher=clef.higher, divisions=divisions, beams=own)
            now += item.length
        elif isinstance(item, Change):
            _add_change(measure, item, clef)
            clef = item.clef or clef
        elif item.tag == "print" and not now:
            measure.insert(0, item)  # where programs look for it
        else:
            measure.append(item)
    if len(bar.layers) > 1 and now < bar.length:
        SubElement(SubElement(measure, "forward"), "duration").text = str(int((bar.length - now) * 4 * divisions))
    return clef


def _add_left(measure: Element, bar: Bar) -> None:
    """Add the bar line before a measure, if it isn't plain: a repeat or an ending begins."""
    if not (bar.left.plays or bar.left.style or bar.ending):
        return
    line = SubElement(measure, "barline", location="left")
    if bar.left.plays or bar.left.style:
        SubElement(line, "bar-style").text = "heavy-light" if bar.left.plays else bar.left.style
    if bar.ending:
        SubElement(line, "ending", number=bar.ending, type="start").text = bar.ending_text or None
    if bar.left.plays:
        SubElement(line, "repeat", direction="forward")


def _add_right(measure: Element, bar: Bar, ending: str) -> None:
    """Add the bar line after a measure, if it isn't plain; it may end an open ending."""
    ends = bar.ends if ending else ""
    if not (bar.right.plays or bar.right.style or ends):
        return
    line = SubElement(measure, "barline", location="right")
    if bar.right.style:
        SubElement(line, "bar-style").text = bar.right.style
    if ends:
        SubElement(line, "ending", number=ending, type=ends)
    if bar.right.plays:
        times = {"times": str(bar.right.plays)} if bar.right.plays > 2 else {}
        SubElement(line, "repeat", {"direction": "backward"} | times)


def _add_change(measure: Element, change: Change, before: Clef, *, divisions: int = 0) -> None:
    """Add `<attributes>`: divisions at the beginning, key, metre, clef and transposition after the clef before."""
    attributes = SubElement(measure, "attributes")
    if divisions:
        SubElement(attributes, "divisions").text = str(divisions)
    if change.key is not None and (change.key.fifths is not None or not divisions):
        _add_key(attributes, change.key)
    if change.metre is not None:
        _add_metre(attributes, change.metre)
    if change.clef is not None:
        clef = SubElement(attributes, "clef")
        SubElement(clef, "sign").text = change.clef.sign
        if change.clef.sign not in ("percussion", "none"):
            SubElement(clef, "line").text = str(change.clef.line)
        if change.clef.octave:
            SubElement(clef, "clef-octave-change").text = str(change.clef.octave)
        if change.clef.transposition != before.transposition:
            _add_transposition(attributes, change.clef.transposition)


def _add_key(attributes: Element, key: KeyField) -> None:
    element = SubElement(attributes, "key")
    SubElement(element, "fifths").text = str(key.fifths or 0)
    if key.mode or key.fifths is None:
        SubElement(element, "mode").text = key.mode or "none"


def _add_metre(attributes: Element, metre: Metre) -> None:
    time = SubElement(attributes, "time", {"symbol": metre.symbol} if metre.symbol else {})
    if not metre.beats:
        SubElement(time, "senza-misura")
        return
    SubElement(time, "beats").text = metre.beats
    SubElement(time, "beat-type").text = str(metre.beat_type)


def _add_transposition(attributes: Element, semitones: int) -> None:
    octaves, chromatic = divmod(abs(semitones), 12)
    sign = 1 if semitones > 0 else -1
    transpose = SubElement(attributes, "transpose")
    SubElement(transpose, "diatonic").text = str(sign * _DIATONIC[chromatic])
    SubElement(transpose, "chromatic").text = str(sign * chromatic)
    if octaves:
        SubElement(transpose, "octave-change").text = str(sign * octaves)
