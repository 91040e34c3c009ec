"""MusicXML as other programs write it, put together by hand. Import it as `handwritten`."""

from collections.abc import Sequence


def note(name: str, length: float = 4, *, before: str = "", after: str = "", voice: int = 1) -> str:
    """A note such as C4 or Bb3, or a rest (r); what stands `before` its pitch and `after` its duration is XML."""
    if name == "r":
        pitch = "<rest/>"
    else:
        alter = name.count("#") - name.count("b")
        pitch = f"<pitch><step>{name[0]}</step><alter>{alter}</alter><octave>{name[-1]}</octave></pitch>"
    tie, notations = (after, "") if after.startswith("<tie ") else ("", after)
    duration = "" if "<grace" in before else f"<duration>{round(12 * length)}</duration>"
    return (
        f"<note>{before}{pitch}{duration}{tie}<voice>{voice}</voice>"
        + (f"<notations>{notations}</notations>" if notations else "")
        + "</note>"
    )


def line(names: str, length: float = 4) -> str:
    """Notes of one length: line("C4 D4 E4")."""
    return "".join(note(name, length) for name in names.split())


def score(
    *parts: Sequence[str], names: Sequence[str] = (), numbers: Sequence[int] = (), attributes: str = "", head: str = ""
) -> str:
    """A score of parts, a part a sequence of measures, in 4/4 and C major. A length of 1 is a sixteenth."""
    names = names or ["Music"] * len(parts)
    text = f'<score-partwise version="4.0">{head}<part-list>'
    for index, name in enumerate(names):
        text += f'<score-part id="P{index}"><part-name>{name}</part-name></score-part>'
    text += "</part-list>"
    for index, measures in enumerate(parts):
        text += f'<part id="P{index}">'
        for place, measure in enumerate(measures):
            text += f'<measure number="{numbers[place] if numbers else place + 1}">'
            if place == 0:
                text += (
                    "<attributes><divisions>48</divisions><key><fifths>0</fifths><mode>major</mode></key>"
                    f"<time><beats>4</beats><beat-type>4</beat-type></time>{attributes}</attributes>"
                )
            text += f"{measure}</measure>"
        text += "</part>"
    return text + "</score-partwise>"
