// The editor's state and what keys do to it: pure functions from state to state.
// State is {tune, at, length, entering}: `at` is the marked note, -1 before the first; what is typed goes after it.
import { LENGTHS, QUARTER, altered, changed, inserted, keyAlter, movedBySemitone, movedTo, removed, withEnd } from "./tune.js";

const LETTERS = "cdefgab";
const DIGITS = { 1: 1920, 2: 960, 4: 480, 8: 240, 6: 120 };

export function editing(tune) {
  return { tune, at: tune.notes.length - 1, length: QUARTER, entering: true };
}

const marked = (state) => state.tune.notes[state.at];

// Of a letter, the note nearest to the one before, unless that is lower than a tune goes.
function nearest(state, letter) {
  const before = state.tune.notes.slice(0, state.at + 1).findLast(({ line }) => line !== null)?.line ?? 31;
  const line = 7 * Math.floor(before / 7) + LETTERS.indexOf(letter);
  const near = line - before > 3 ? line - 7 : before - line > 3 ? line + 7 : line;
  return near < 27 && before > 27 ? near + 7 : near;
}

export function entered(state, line, index = state.at + 1, alter = undefined) {
  return { ...state, tune: inserted(state.tune, index, line, state.length, alter), at: index, entering: true };
}

export function selected(state, at) {
  const bounded = Math.max(-1, Math.min(state.tune.notes.length - 1, at));
  const length = state.tune.notes[bounded]?.ticks ?? state.length;
  return { ...state, at: bounded, length: isEntry(length) ? length : QUARTER, entering: false };
}

function deleted(state) {
  if (!marked(state)) return state;
  const tune = removed(state.tune, state.at);
  return { ...state, tune, at: state.at > 0 || !tune.notes.length ? state.at - 1 : 0 };
}

const isEntry = (ticks) => LENGTHS.includes(ticks) || (LENGTHS.includes((ticks * 2) / 3) && ticks % 120 === 0);
export const isDotted = (ticks) => !LENGTHS.includes(ticks);

// A length counts for what comes; of a note chosen by arrows or mouse it is changed, too.
export function withLength(state, ticks) {
  if (!isEntry(ticks)) return state;
  if (state.entering || !marked(state)) return { ...state, length: ticks };
  return { ...state, length: ticks, tune: changed(state.tune, state.at, { ticks }) };
}

const dotted = (state) =>
  withLength(state, isDotted(state.length) ? (state.length * 2) / 3 : (state.length * 3) / 2);

function stepped(state, by) {
  const plain = isDotted(state.length) ? (state.length * 2) / 3 : state.length;
  return withLength(state, LENGTHS[LENGTHS.indexOf(plain) + by] ?? state.length);
}

const onNote = (change) => (state) =>
  marked(state) && marked(state).line !== null ? { ...state, tune: change(state.tune, state.at, marked(state)) } : state;

const moved = (by) => onNote((tune, at, { line }) => movedTo(tune, at, line + by));

export const COMMANDS = {
  up: moved(1),
  down: moved(-1),
  octaveUp: moved(7),
  octaveDown: moved(-7),
  semitoneUp: onNote((tune, at) => movedBySemitone(tune, at, 1)),
  semitoneDown: onNote((tune, at) => movedBySemitone(tune, at, -1)),
  sharp: onNote((tune, at) => altered(tune, at, 1)),
  flat: onNote((tune, at) => altered(tune, at, -1)),
  natural: onNote((tune, at, { alter, line }) => changed(tune, at, { alter: alter ? 0 : keyAlter(tune.fifths, line) })),
  phrase: onNote((tune, at, { end }) => withEnd(tune, at, !end)),
  left: (state) => selected(state, state.at - 1),
  right: (state) => selected(state, state.at + 1),
  first: (state) => selected(state, -1),
  last: (state) => ({ ...selected(state, Infinity), entering: true }),
  rest: (state) => entered(state, null),
  delete: deleted,
  dot: dotted,
  shorter: (state) => stepped(state, 1),
  longer: (state) => stepped(state, -1),
};

const KEYS = {
  ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", Home: "first", End: "last",
  Backspace: "delete", Delete: "delete", "#": "sharp", "+": "sharp", "-": "flat", "=": "natural",
  r: "rest", 0: "rest", p: "phrase", ".": "dot", ",": "shorter", "<": "shorter", ">": "longer",
};

// What a key press means, as a function of the state; null if nothing.
export function commandOf({ key, shiftKey, altKey, ctrlKey, metaKey }) {
  const control = ctrlKey || metaKey;
  if (key === "ArrowUp" || key === "ArrowDown") {
    const way = key.slice(5);
    return COMMANDS[control ? `octave${way}` : shiftKey || altKey ? `semitone${way}` : way.toLowerCase()];
  }
  if (control || altKey) return null;
  if (shiftKey && key === "ArrowLeft") return COMMANDS.shorter;
  if (shiftKey && key === "ArrowRight") return COMMANDS.longer;
  if (DIGITS[key]) return (state) => withLength(state, DIGITS[key]);
  const letter = key.length === 1 ? key.toLowerCase() : "";
  if (letter && LETTERS.includes(letter)) return (state) => entered(state, nearest(state, letter));
  return COMMANDS[KEYS[letter || key]] ?? null;
}
