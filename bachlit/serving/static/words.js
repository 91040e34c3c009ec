// What is said: notes and places for screen readers, and what to type in a terminal.
import { nameOf, placeOf, startOf } from "./tune.js";

const LENGTH_NAMES = { 1920: "whole", 960: "half", 480: "quarter", 240: "eighth", 120: "sixteenth" };

export function lengthName(ticks) {
  if (LENGTH_NAMES[ticks]) return LENGTH_NAMES[ticks];
  const dotted = LENGTH_NAMES[(ticks * 2) / 3];
  return dotted ? `dotted ${dotted}` : `${ticks / 120} sixteenths`;
}

const spoken = (name) => name.replace(/[♯#]/, " sharp ").replace(/[♭b]/, " flat ");
const FRACTIONS = { 25: "¼", 33: "⅓", 50: "½", 67: "⅔", 75: "¾" };

// A beat as one says it, such as 2½.
function number(value) {
  const fraction = FRACTIONS[Math.round((value % 1) * 100)];
  return fraction ? `${Math.floor(value)}${fraction}` : String(Number(value.toFixed(2)));
}

const barName = (bar) => (String(bar) === "0" ? "upbeat" : `bar ${bar}`);

export function saidNote(tune, index) {
  if (index < 0) return "Before the first note";
  const one = tune.notes[index];
  const { bar, beat } = placeOf(tune, startOf(tune, index));
  const end = one.end ? ", end of a phrase" : "";
  return `${spoken(nameOf(one))} ${lengthName(one.ticks)}, ${barName(bar)} beat ${number(beat)}${end}`;
}

// A note of a piece, by the bar in which it begins.
export function saidSung(piece, { voice, name, from }) {
  const bar = piece.bars.findLast((one) => one.from <= from);
  const began = piece.bars.find(({ number }) => number === bar.number).from;
  const [beats, unit] = piece.metre.split("/").map(Number);
  const beat = ((4 * piece.division) / unit) * (unit >= 8 && beats % 3 === 0 ? 3 : 1);
  const missing = bar === piece.bars[0] && piece.pickup ? (4 * piece.division * beats) / unit - piece.pickup : 0;
  return `${voice} ${spoken(name)}, ${barName(bar.number)} beat ${number((from - began + missing) / beat + 1)}`;
}

export const counted = (count, noun) => `${count === 0 ? "no" : count} ${noun}${count === 1 ? "" : "s"}`;

export const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

export function saidFault({ title, bar, beat, voices, details }) {
  const among = voices.length ? `, ${listed(voices)}` : "";
  return { place: `${barName(bar).replace(/^./, (letter) => letter.toUpperCase())}, beat ${number(beat)}`, what: `${title}${among}`, details };
}

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const plain = (text) => (/^[\w.,:+-]+$/.test(text) ? text : quoted(text));

const GIVEN = ["notes", "voices", "division", "fifths", "mode", "metre", "pickup", "title", "score", "score_base64", "name", "hold", "width"];

// The command line that writes the same, with the tune saved under a name.
export function commandLine(body, file) {
  const options = Object.entries(body).filter(([name]) => !GIVEN.includes(name)).flatMap(([name, value]) => {
    if (name === "rules" && typeof value === "object") return Object.entries(value).map(([rule, cost]) => `--rules.${rule} ${cost}`);
    if (name === "temperature") return [`--decoder.temperature ${value}`];
    return [`--${name} ${plain(value)}`];
  });
  return ["bachlit harmonize", plain(file), ...options].join(" ");
}

export function curlLine(address, body, guarded) {
  const token = guarded ? " -H 'Authorization: Bearer TOKEN'" : "";
  return `curl ${address} -H 'Content-Type: application/json'${token} -d ${quoted(JSON.stringify(body))}`;
}
