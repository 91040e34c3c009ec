// A single note of a piece changed in its MusicXML, so that everything else stays as it is.
import { keyAlter, midiOf, spelled } from "./tune.js";

const VOICES = ["soprano", "alto", "tenor", "bass"];
const LETTERS = "CDEFGAB";
const SIGNS = { "-2": "flat-flat", "-1": "flat", 0: "natural", 1: "sharp", 2: "double-sharp" };

const child = (element, name) => [...element.children].find((one) => one.localName === name);
const numberIn = (element, name) => Number(child(element, name)?.textContent ?? 0);

function pitchOf(note) {
  const pitch = child(note, "pitch");
  if (!pitch) return null;
  const line = 7 * numberIn(pitch, "octave") + LETTERS.indexOf(child(pitch, "step").textContent);
  return { line, alter: numberIn(pitch, "alter") };
}

// The notes of a part with the ticks at which they begin and end.
function placed(part, division) {
  const notes = [];
  let start = 0, scale = 1, fifths = 0;
  for (const measure of part.children) {
    let now = start, end = start, before = start;
    for (const element of measure.children) {
      const length = numberIn(element, "duration") * scale;
      if (element.localName === "attributes") {
        scale = division / (numberIn(element, "divisions") || division / scale);
        fifths = child(element, "key") ? numberIn(child(element, "key"), "fifths") : fifths;
      } else if (element.localName === "backup") now -= length;
      else if (element.localName === "forward") now += length;
      else if (element.localName === "note" && !child(element, "grace")) {
        const from = child(element, "chord") ? before : now;
        notes.push({ element, measure, fifths, from: Math.round(from), to: Math.round(from + length), voice: child(element, "voice")?.textContent ?? "1" });
        before = from;
        now = from + length;
      }
      end = Math.max(end, now);
    }
    start = end;
  }
  return notes;
}

// The heads of a note: several if it is tied. Voices in unison stand in their order.
function headsOf(document, piece, note) {
  const parts = [...document.documentElement.children].filter(({ localName }) => localName === "part").map((part) => placed(part, piece.division));
  const there = parts.flatMap((notes) => notes.filter((one) => {
    const pitch = pitchOf(one.element);
    return one.from === note.from && pitch && midiOf(pitch) === note.pitch;
  }).map((one) => ({ ...one, notes })));
  const together = piece.notes.filter(({ from, pitch }) => from === note.from && pitch === note.pitch)
    .toSorted((a, b) => VOICES.indexOf(a.voice) - VOICES.indexOf(b.voice));
  const first = there[together.findIndex(({ voice }) => voice === note.voice)];
  if (!first) return [];
  return first.notes.filter((one) => one.voice === first.voice && one.from >= note.from && one.to <= note.to && one.to > one.from);
}

function setPitch(document, note, { line, alter }) {
  const pitch = child(note, "pitch");
  const made = (name, text) => Object.assign(document.createElementNS(note.namespaceURI, name), { textContent: String(text) });
  pitch.replaceChildren(made("step", LETTERS[line % 7]), ...(alter ? [made("alter", alter)] : []), made("octave", Math.floor(line / 7)));
}

// Writes the accidentals of a voice in a measure as its notes need them.
function setAccidentals(document, notes) {
  const now = new Map();
  for (const { element, fifths } of notes) {
    const pitch = pitchOf(element);
    if (!pitch) continue;
    child(element, "accidental")?.remove();
    const tied = [...element.children].some((one) => one.localName === "tie" && one.getAttribute("type") === "stop");
    const before = now.get(pitch.line) ?? keyAlter(fifths, pitch.line);
    if (tied) continue;
    now.set(pitch.line, pitch.alter);
    if (before === pitch.alter) continue;
    const sign = Object.assign(document.createElementNS(element.namespaceURI, "accidental"), { textContent: SIGNS[pitch.alter] });
    // The schema wants it after the type and its dots.
    const after = [...element.children].findLast(({ localName }) => ["dot", "type", "voice", "tie", "duration"].includes(localName));
    after.after(sign);
  }
}

// Gives the MusicXML of a piece in which a note has another pitch, or null where it can't be found.
export function withPitch(piece, note, midi) {
  const document = new DOMParser().parseFromString(piece.musicxml, "application/xml");
  const heads = headsOf(document, piece, note);
  if (!heads.length) return null;
  for (const { element } of heads) setPitch(document, element, spelled(midi, piece.fifths));
  const part = heads[0].element.parentElement.parentElement;
  for (const measure of new Set(heads.map((head) => head.measure))) {
    setAccidentals(document, placed(part, piece.division).filter((one) => one.measure === measure && one.voice === heads[0].voice));
  }
  return new XMLSerializer().serializeToString(document);
}

// The pitch a step or a semitone away.
export function neighbourOf(piece, midi, by, semitone) {
  if (semitone) return midi + by;
  const { line } = spelled(midi, piece.fifths);
  return midiOf({ line: line + by, alter: keyAlter(piece.fifths, line + by) });
}
