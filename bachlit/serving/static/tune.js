// The tune: one immutable value, and pure functions that give another.
// A note is {line, alter, ticks, end}: line counts white keys (C4 is 28, null for a rest), end marks a phrase's last note.

export const QUARTER = 480;
export const LENGTHS = [1920, 960, 480, 240, 120];
export const METRES = ["4/4", "3/4", "2/4", "2/2", "3/2", "4/2", "6/4", "3/8", "6/8", "9/8", "12/8", "5/4"];
const LETTERS = "CDEFGAB";
const SEMITONES = [0, 2, 4, 5, 7, 9, 11];
const SHARPS = [3, 0, 4, 1, 5, 2, 6]; // lines that sharps alter, in order
const FIFTHS = "FCGDAEB";
const [LOWEST, HIGHEST] = [22, 43]; // D3 and E6: what the staff has room for

export const isOnStaff = (line) => line >= LOWEST && line <= HIGHEST;

const note = (line, ticks, alter = 0, end = false) => ({ line, alter, ticks, end });

export function emptyTune() {
  return { title: "", notes: [], fifths: 0, mode: "major", metre: "4/4", pickup: 0, source: null };
}

// Old Hundredth, from the Genevan psalter of 1551.
export function firstTune() {
  const lines = [31, 31, 30, 29, 28, 31, 32, 33, 33, 33, 33, 32, 31, 34, 33, 32, 31, 32, 33, 32, 31, 29, 30, 31,
    35, 33, 31, 32, 34, 33, 32, 31];
  const notes = lines.map((line) => note(line, QUARTER, line === 34 ? -1 : 0));
  return { ...emptyTune(), title: "Old Hundredth", notes, fifths: -1, pickup: QUARTER };
}

export const midiOf = ({ line, alter }) =>
  line === null ? null : 12 * (Math.floor(line / 7) + 1) + SEMITONES[line % 7] + alter;

export const isSharped = (fifths, line) => fifths > 0 && SHARPS.slice(0, fifths).includes(line % 7);
export const isFlatted = (fifths, line) => fifths < 0 && SHARPS.slice(fifths).includes(line % 7);
export const keyAlter = (fifths, line) => (isSharped(fifths, line) ? 1 : isFlatted(fifths, line) ? -1 : 0);

export function nameOf({ line, alter }) {
  if (line === null) return "rest";
  return LETTERS[line % 7] + ({ 1: "♯", "-1": "♭", 2: "𝄪", "-2": "𝄫" }[alter] ?? "") + Math.floor(line / 7);
}

// Modes by their places above the major key's tonic on the line of fifths.
const MODES = { major: 0, minor: 3, dorian: 2, phrygian: 4, lydian: -1, mixolydian: 1 };

export function keyName(fifths, mode) {
  const place = fifths + (MODES[mode] ?? 0);
  return `${FIFTHS[(place + 8) % 7]}${place > 5 ? "♯" : place < -1 ? "♭" : ""} ${mode}`;
}

// Spells a pitch near the key on the line of fifths, as a sharpened fourth and a lowered seventh are.
export function spelled(midi, fifths) {
  if (midi === null) return { line: null, alter: 0 };
  for (let place = fifths - 3; place < fifths + 9; place++) {
    if ((7 * place - midi) % 12 !== 0) continue;
    const alter = Math.floor((place + 1) / 7);
    const letter = LETTERS.indexOf(FIFTHS[(((place + 1) % 7) + 7) % 7]);
    return { line: 7 * (Math.floor((midi - alter) / 12) - 1) + letter, alter };
  }
  throw new RangeError(`No spelling of ${midi}.`);
}

export function barTicks({ metre }) {
  const [beats, unit] = metre.split("/").map(Number);
  return (4 * QUARTER * beats) / unit;
}

export function beatTicks({ metre }) {
  const [beats, unit] = metre.split("/").map(Number);
  return ((4 * QUARTER) / unit) * (unit >= 8 && beats % 3 === 0 ? 3 : 1);
}

// Bar and beat of a tick; a pickup is bar 0 and counts its beats from the end of a full bar.
export function placeOf(tune, tick) {
  const bar = barTicks(tune);
  const since = tick + (tune.pickup ? bar - tune.pickup : 0);
  return { bar: Math.floor(since / bar) + (tune.pickup ? 0 : 1), beat: (since % bar) / beatTicks(tune) + 1 };
}

export function startOf(tune, index) {
  return tune.notes.slice(0, index).reduce((sum, { ticks }) => sum + ticks, 0);
}

// A change of notes parts the tune from the file that it came from.
const edited = (tune, change) => ({ ...tune, ...change, source: null });

export const withTitle = (tune, title) => (title === tune.title ? tune : edited(tune, { title }));
export const withMetre = (tune, metre) => edited(tune, { metre, pickup: tune.pickup < barTicks({ metre }) ? tune.pickup : 0 });
export const withPickup = (tune, pickup) => edited(tune, { pickup });

// Notes that the old key altered follow the new one; accidentals stay.
export function withKey(tune, fifths, mode) {
  const notes = tune.notes.map((one) =>
    one.line !== null && one.alter === keyAlter(tune.fifths, one.line) ? { ...one, alter: keyAlter(fifths, one.line) } : one);
  return edited(tune, { fifths, mode, notes });
}

export function inserted(tune, index, line, ticks, alter = line === null ? 0 : keyAlter(tune.fifths, line)) {
  const added = note(line, ticks, alter);
  return edited(tune, { notes: [...tune.notes.slice(0, index), added, ...tune.notes.slice(index)] });
}

export function removed(tune, index) {
  return edited(tune, { notes: tune.notes.filter((_, place) => place !== index) });
}

export function changed(tune, index, change) {
  return edited(tune, { notes: tune.notes.map((one, place) => (place === index ? { ...one, ...change } : one)) });
}

export function movedTo(tune, index, line) {
  const bounded = Math.min(HIGHEST, Math.max(LOWEST, line));
  return changed(tune, index, { line: bounded, alter: keyAlter(tune.fifths, bounded) });
}

export function altered(tune, index, by) {
  const { line, alter } = tune.notes[index];
  if (line === null || Math.abs(alter + by) > 1) return tune;
  return changed(tune, index, { alter: alter + by });
}

export function movedBySemitone(tune, index, by) {
  const midi = midiOf(tune.notes[index]) + by;
  const { line, alter } = spelled(midi, tune.fifths);
  return isOnStaff(line) ? changed(tune, index, { line, alter }) : tune;
}

// Phrase ends go beside a file, so that it stays what is sent.
export const withEnd = (tune, index, end) => ({ ...changed(tune, index, { end }), source: tune.source });

// Marks the ends that were heard, so that one of them can be changed; `heard` has the ticks of last notes.
export function withHeard(tune, heard) {
  if (tune.notes.some(({ end }) => end)) return tune;
  const notes = tune.notes.map((one, index) => (heard.includes(startOf(tune, index)) ? { ...one, end: true } : one));
  return { ...tune, notes };
}

// Places of phrase ends as the service reads them, such as "4.3"; null if none is marked.
function phrasesOf(tune) {
  const places = tune.notes.flatMap(({ end }, index) => (end ? [placeOf(tune, startOf(tune, index))] : []));
  // Rounded up: a third of a beat must not name the note before.
  return places.length ? places.map(({ bar, beat }) => `${bar}.${Math.ceil(beat * 1e4 - 1e-6) / 1e4}`).join(",") : null;
}

// The melody as the service takes it; a file goes as it is.
export function requestOf(tune) {
  const phrases = phrasesOf(tune);
  const marked = phrases === null ? {} : { phrases };
  if (tune.source) return { ...tune.source.body, ...marked };
  return {
    notes: tune.notes.map((one) => [midiOf(one), one.ticks]),
    division: QUARTER,
    fifths: tune.fifths,
    mode: tune.mode,
    metre: tune.metre,
    pickup: tune.pickup,
    title: tune.title,
    ...marked,
  };
}

// The tune of a file as /render tells it, or null where this staff can't show it.
export function tuneOf(piece, source) {
  const scale = QUARTER / piece.division;
  const sung = Object.values(piece.voices).filter((voice) => voice.some(([midi]) => midi !== null));
  const tune = { ...emptyTune(), title: piece.title, fifths: piece.fifths, mode: piece.mode, metre: piece.metre, pickup: piece.pickup * scale, source };
  if (sung.length !== 1) return null;
  const notes = sung[0].map(([midi, ticks]) => ({ ...note(0, ticks * scale), ...spelled(midi, piece.fifths) }));
  const regular = piece.bars.slice(piece.pickup ? 1 : 0, -1).every(({ from, to }) => (to - from) * scale === barTicks(tune));
  const fits = notes.every(({ line, ticks }) => ticks % 120 === 0 && (line === null || isOnStaff(line)));
  return METRES.includes(piece.metre) && regular && fits && notes.length <= 400 ? { ...tune, notes } : null;
}
