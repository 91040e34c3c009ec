// Where everything of the tune's staff stands: pure geometry, in staff spaces.
import { LENGTHS, barTicks, beatTicks, keyAlter } from "./tune.js";

export const TOP_LINE = 38; // F5
const [ABOVE, BELOW] = [4, 4.5]; // room for clicking on ledger lines
const CLEF_WIDTH = 3.6;
const LAST_PLACE = 4; // room for the next note

// Notes cut at bar lines and into values that can be written, bar by bar.
function barsOf(tune) {
  const full = barTicks(tune);
  const bars = [];
  let bar = null, at = 0, start = 0;
  tune.notes.forEach((note, index) => {
    let left = note.ticks, first = true;
    while (left > 0) {
      if (bar === null) {
        const begin = bars.length === 0 && tune.pickup ? full - tune.pickup : 0;
        bars.push((bar = { number: bars.length + (tune.pickup ? 0 : 1), parts: [] }));
        at = begin;
      }
      const ticks = written(Math.min(left, full - at));
      left -= ticks;
      bar.parts.push({ index, ...note, ticks, at, start, first, tied: left > 0 && note.line !== null });
      at += ticks;
      first = false;
      if (at >= full) bar = null;
    }
    start += note.ticks;
  });
  for (const one of bars) addAccidentals(one.parts, tune.fifths);
  return { bars, complete: bar === null };
}

function written(ticks) {
  const values = LENGTHS.flatMap((one) => (one > 120 ? [one * 1.5, one] : [one]));
  return values.find((one) => one <= ticks) ?? ticks;
}

function addAccidentals(parts, fifths) {
  const now = new Map();
  for (const part of parts) {
    if (part.line === null) continue;
    const before = now.get(part.line) ?? keyAlter(fifths, part.line);
    if (part.first && part.alter !== before) part.accidental = part.alter;
    if (part.first) now.set(part.line, part.alter);
  }
}

const room = ({ ticks, accidental }) => 1.75 + 0.95 * Math.log2(ticks / 60) + (accidental === undefined ? 0 : 1.1);
const barRoom = (bar) => bar.parts.reduce((sum, part) => sum + room(part), 1.2);

function filled(bars, width, head) {
  const systems = [];
  let left = 0;
  for (const bar of bars) {
    const needed = barRoom(bar);
    if (!systems.length || left < needed) {
      left = width - head(systems.length);
      systems.push([]);
    }
    systems.at(-1).push(bar);
    left -= needed;
  }
  return systems;
}

// Systems as full as each other: the narrowest width that needs no more of them.
function balanced(bars, width, head) {
  const least = filled(bars, width, head).length;
  for (let narrow = width / 2; narrow < width; narrow += 1) {
    const systems = filled(bars, narrow, head);
    if (systems.length <= least) return systems;
  }
  return filled(bars, width, head);
}

// Gives {systems, height}; each system has its top line's y, parts with x, and lines of bars.
export function layout(tune, width) {
  const { bars, complete } = barsOf(tune);
  const keyWidth = CLEF_WIDTH + Math.abs(tune.fifths) * 0.95 + 0.4;
  const head = (number) => keyWidth + (number === 0 ? 2.6 : 0.6);
  const rows = balanced(bars, width - 0.5, head);
  if (!rows.length) rows.push([]);
  let y = 0;
  const systems = rows.map((row, number) => {
    const last = number === rows.length - 1;
    const natural = row.reduce((sum, bar) => sum + barRoom(bar), 0);
    const space = width - head(number) - 0.1 - (last ? Math.min(LAST_PLACE, width / 8) : 0);
    const stretch = last && natural < 0.62 * space ? Math.min(1.25, space / natural) : space / natural;
    const system = { number, parts: [], lines: [], left: head(number), right: width, last, bar: row[0]?.number ?? 1 };
    let x = head(number);
    for (const bar of row) {
      x += 0.5 * stretch;
      for (const part of bar.parts) {
        const shift = part.accidental === undefined ? 0 : 1.1;
        system.parts.push({ ...part, x: x + shift * stretch + 0.7, bar: bar.number });
        x += room(part) * stretch;
      }
      x += 0.7 * stretch;
      if (bar !== bars.at(-1) || complete) system.lines.push(x);
    }
    system.end = x + 0.7;
    const heights = system.parts.filter(({ line }) => line !== null).map(({ line }) => (TOP_LINE - line) / 2);
    system.top = y + Math.max(ABOVE, 2.5 - Math.min(0, ...heights));
    y = system.top + 4 + Math.max(BELOW, Math.max(0, ...heights) - 4 + 2.5);
    system.bottom = y;
    system.beams = beamsOf(system.parts, beatTicks(tune));
    return system;
  });
  return { systems, height: y };
}

// Groups of short notes within a beat, each with its slant and the ends of its stems.
function beamsOf(parts, beat) {
  const groups = [];
  let group = [];
  const close = () => {
    if (group.length > 1) groups.push(beam(group));
    group = [];
  };
  for (const part of parts) {
    if (part.line === null || part.ticks >= 480) close();
    else {
      const before = group.at(-1);
      if (before && (before.bar !== part.bar || Math.floor(before.at / beat) !== Math.floor(part.at / beat))) close();
      group.push(part);
    }
  }
  close();
  return groups;
}

function beam(parts) {
  const middle = parts.reduce((sum, { line }) => sum + line, 0) / parts.length;
  const up = middle < TOP_LINE - 4;
  const y = ({ line }) => (TOP_LINE - line) / 2;
  const way = up ? -1 : 1;
  const [a, b] = [parts[0], parts.at(-1)];
  const slope = Math.max(-1, Math.min(1, (y(b) - y(a)) / 2)) / (b.x - a.x || 1);
  const offset = way * Math.max(...parts.map((part) => way * (y(part) + way * 3 - slope * (part.x - a.x))));
  return { parts, up, endOf: (part) => offset + slope * (part.x - a.x) };
}
