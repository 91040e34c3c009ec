"""Slurs of ABC: parentheses that nest, meet at one note, or are never closed."""

from bachlit.scores.reading.abc.bars import Sound

_MAX_SLURS = 6  # at once, in MusicXML


class Slurs:
    """Slurs of a voice, open and about to begin."""

    def __init__(self) -> None:
        self._waiting: list[bool] = []  # slurs that the next note begins: dotted or not
        self._open: list[tuple[int, Sound]] = []  # numbers, and the notes at which they began
        self._last: Sound | None = None

    def begin(self, *, dotted: bool) -> None:
        """Begin a slur at the next note."""
        if len(self._waiting) < _MAX_SLURS:
            self._waiting.append(dotted)

    def go_on(self, sound: Sound) -> None:
        """Go on with a note or chord."""
        self._last = sound
        for dotted in self._waiting:
            number = self._free_number()
            if number:
                sound.slurs.append((number, "start", dotted))
                self._open.append((number, sound))
        self._waiting = []

    def end(self) -> None:
        """End the innermost slur that didn't begin at the last note."""
        if self._waiting:
            self._waiting.pop()
            return
        for index in range(len(self._open) - 1, -1, -1):
            number, start = self._open[index]
            if start is not self._last and self._last is not None:
                del self._open[index]
                self._last.slurs.append((number, "stop", False))
                return

    def join(self, start: Sound, end: Sound) -> None:
        """Slur two notes in a row."""
        number = self._free_number()
        if number:
            start.slurs.append((number, "start", False))
            end.slurs.append((number, "stop", False))

    def finish(self) -> None:
        """Take back the slurs that never end."""
        for number, start in self._open:
            start.slurs = [slur for slur in start.slurs if slur[:2] != (number, "start")]

    def _free_number(self) -> int:
        """Number that no open slur has; 0 if all are taken."""
        return min(set(range(1, _MAX_SLURS + 1)) - {number for number, _ in self._open}, default=0)
