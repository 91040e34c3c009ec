// The tune's staff: draws a tune, and tells where it is clicked, dragged and pointed at.
import { GLYPHS } from "./glyphs.js";
import { TOP_LINE, layout } from "./layout.js";
import { isFlatted, isSharped } from "./tune.js";

const SVG = "http://www.w3.org/2000/svg";
const SHARP_LINES = [38, 35, 39, 36, 33, 37, 34];
const FLAT_LINES = [34, 37, 33, 36, 32, 35, 31];
const ACCIDENTALS = { 1: "sharp", 0: "natural", "-1": "flat" };
const STEM = 3.4;
const STILL = 10; // pixels that a finger may tremble

const yOf = (line) => (TOP_LINE - line) / 2;

export function drawn(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const round = (value) => Number(value.toFixed(3));
export const glyph = (name, x = 0, y = 0, className = "") =>
  drawn("path", { d: GLYPHS[name], transform: `translate(${round(x)} ${round(y)})`, ...(className ? { class: className } : {}) });
const line = (x1, y1, x2, y2, className) =>
  drawn("path", { d: `M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}`, class: className });

// Events: "press" {line, index, what}, "drag" {line, index, first}; `what` is "note" (one is there), "pitch" (a note stands
// at this place, elsewhere), "gap" or "phrase" (a comma).
export class StaffView extends EventTarget {
  #element;
  #layout = null;
  #space = 10;
  #state = null;
  #dragged = null;
  #tapped = null;
  #heard = [];

  constructor(element) {
    super();
    this.#element = element;
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerleave", () => this.#ghost(null));
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointerup", (event) => this.#release(event));
    element.addEventListener("pointercancel", () => (this.#dragged = this.#tapped = null));
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (Math.abs(contentRect.width - width) < 1) return;
      width = contentRect.width;
      if (this.#state) this.show(this.#state, this.#heard);
    }).observe(element);
  }

  // `heard`: ticks of last notes of phrases, shown faintly where the tune marks none.
  show(state, heard = []) {
    this.#state = state;
    this.#heard = state.tune.notes.some(({ end }) => end) ? [] : heard;
    const width = this.#element.clientWidth;
    if (!width) return;
    this.#space = width < 560 ? 7.5 : 10;
    const spaces = width / this.#space;
    this.#layout = layout(state.tune, spaces);
    const { systems, height } = this.#layout;
    const svg = drawn("svg", {
      viewBox: `0 0 ${round(spaces)} ${round(height)}`, width, height: round(height * this.#space), "aria-hidden": "true",
    });
    for (const system of systems) svg.append(this.#system(system));
    this.#element.replaceChildren(svg);
  }

  // Lights notes that sound, by their places.
  light({ on = [], off = [] }) {
    for (const [places, lit] of [[off, false], [on, true]])
      for (const place of places) for (const note of this.#element.querySelectorAll(`[data-note="${place}"]`)) note.classList.toggle("lit", lit);
  }

  #system(system) {
    const { tune, at } = this.#state;
    const group = drawn("g", { transform: `translate(0 ${round(system.top)})` });
    for (let each = 0; each < 5; each++) group.append(line(0, each, system.right, each, "staff-line"));
    group.append(...this.#head(system, tune));
    for (const x of system.lines) group.append(line(x, 0, x, 4, "bar-line"));
    if (system.last && system.lines.length && system.lines.at(-1) > (system.parts.at(-1)?.x ?? 0)) {
      const x = system.lines.at(-1);
      group.append(line(x + 0.5, 0, x + 0.5, 4, "last-line"));
    }
    const beamed = new Map(system.beams.flatMap((beam) => beam.parts.map((part) => [part, beam])));
    for (const part of system.parts) group.append(this.#part(part, beamed.get(part), part.index === at));
    for (const beam of system.beams) group.append(...beams(beam));
    group.append(...ties(system));
    group.append(...this.#caret(system));
    return group;
  }

  #head(system, tune) {
    const drawnHead = [glyph("clef", 0.6, 3)];
    const lines = tune.fifths > 0 ? SHARP_LINES.filter((one) => isSharped(tune.fifths, one)) : FLAT_LINES.filter((one) => isFlatted(tune.fifths, one));
    lines.forEach((one, place) => drawnHead.push(glyph(tune.fifths > 0 ? "sharp" : "flat", 4 + place * 0.95, yOf(one))));
    if (system.number === 0) {
      const [beats, unit] = tune.metre.split("/");
      const x = 4.7 + Math.abs(tune.fifths) * 0.95;
      drawnHead.push(drawn("text", { x, y: 1.93, class: "time" }, beats), drawn("text", { x, y: 3.93, class: "time" }, unit));
    } else drawnHead.push(drawn("text", { x: 0.1, y: -1.3, class: "bar-number" }, String(system.bar)));
    return drawnHead;
  }

  #part(part, beam, marked) {
    const group = drawn("g", { class: marked ? "note marked" : "note", "data-note": part.index });
    const { x, line: at, ticks } = part;
    const plain = [1920, 960, 480, 240, 120].find((one) => one <= ticks) ?? 120;
    if (at === null) {
      const name = { 1920: "restBar", 960: "restHalf", 480: "rest4", 240: "rest8", 120: "rest16" }[plain];
      group.append(glyph(name, x, 2));
    } else {
      const y = yOf(at);
      group.append(...ledgers(x, at), glyph(plain >= 1920 ? "whole" : plain >= 960 ? "half" : "black", x, y));
      if (part.accidental !== undefined) group.append(glyph(ACCIDENTALS[part.accidental] ?? "sharp", x - 1.3, y));
      if (plain < 1920) group.append(...stem(part, beam, plain));
      const heard = this.#heard.includes(part.start);
      if ((part.end || heard) && !part.tied) group.append(this.#comma(x + 1.1, Math.min(0, y), part.index, heard));
    }
    if (ticks > plain) group.append(glyph("dot", x + 1.15, at === null || at % 2 === 0 ? (at === null ? 1.5 : yOf(at) - 0.5) : yOf(at)));
    return group;
  }

  #comma(x, above, index, heard) {
    const area = drawn("rect", { x: x - 1.1, y: above - 2.6, width: 2.2, height: 2.4, class: "touch" });
    return drawn("g", { class: heard ? "phrase heard" : "phrase", "data-phrase": index }, area, glyph("comma", x, above - 1.3));
  }

  // Where the next note goes.
  #caret(system) {
    const { at, tune } = this.#state;
    const part = system.parts.findLast(({ index }) => index === at);
    if (at === -1 && system.number === 0) return [line(system.left - 0.1, -1, system.left - 0.1, 5, "caret")];
    if (!part) return [];
    if (this.#layout.systems.some((other) => other.number > system.number && other.parts.some(({ index }) => index === at))) return [];
    const next = system.parts.find(({ index }) => index === at + 1);
    const x = at === tune.notes.length - 1 ? system.end + 0.6 : next ? (part.x + next.x) / 2 + 0.1 : (part.x + system.right) / 2;
    return [line(x, -1, x, 5, "caret")];
  }

  // What stands at a place of the screen.
  #at({ clientX, clientY, pointerType }) {
    if (!this.#layout) return null;
    const box = this.#element.firstElementChild.getBoundingClientRect();
    const x = (clientX - box.left) / this.#space, y = (clientY - box.top) / this.#space;
    const { systems } = this.#layout;
    const system = systems.find(({ bottom }) => y < bottom) ?? systems.at(-1);
    const at = Math.round(TOP_LINE - 2 * (y - system.top));
    if (at > 43 || at < 22 || x < system.left - 1) return null;
    const near = pointerType === "mouse" ? 0.95 : 20 / this.#space;
    const nearest = system.parts.toSorted((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0];
    if (nearest && Math.abs(nearest.x - x) < near) {
      const touched = pointerType !== "mouse" || nearest.line === null || Math.abs(nearest.line - at) <= 1;
      return { line: at, index: nearest.index, what: touched ? "note" : "pitch", x: nearest.x, system };
    }
    const before = system.parts.filter((part) => part.x < x).at(-1);
    const index = before ? before.index + 1 : (system.parts[0]?.index ?? 0);
    const end = system.last && index === this.#state.tune.notes.length;
    return { line: at, index, what: "gap", x: end ? Math.min(x, system.end + 1.5) : x, system };
  }

  #move(event) {
    if (this.#dragged) {
      const by = Math.round((2 * (this.#dragged.y - event.clientY)) / this.#space);
      if (by === this.#dragged.by) return;
      const first = !this.#dragged.moved;
      Object.assign(this.#dragged, { by, moved: true });
      this.#tell("drag", { index: this.#dragged.index, line: this.#dragged.line + by, first });
      return;
    }
    this.#ghost(event.pointerType === "mouse" && !event.target.closest("[data-phrase]") ? this.#at(event) : null);
  }

  #press(event) {
    if (event.button !== 0) return;
    // A finger that moves scrolls the page: what it means is known when it leaves.
    if (event.pointerType === "mouse") this.#choose(event);
    else this.#tapped = event;
  }

  #release(event) {
    const tapped = this.#tapped;
    this.#dragged = this.#tapped = null;
    if (tapped && Math.hypot(tapped.clientX - event.clientX, tapped.clientY - event.clientY) < STILL) this.#choose(tapped);
  }

  #choose(event) {
    const phrase = event.target.closest("[data-phrase]");
    if (phrase) {
      this.#tell("press", { index: Number(phrase.dataset.phrase), what: "phrase" });
      return;
    }
    const place = this.#at(event);
    if (!place) return;
    this.#ghost(null);
    const { line: at } = this.#state.tune.notes[place.index] ?? {};
    if (place.what === "note" && at !== null && event.pointerType === "mouse") {
      this.#dragged = { index: place.index, line: at, y: event.clientY, by: 0, moved: false };
      this.#element.setPointerCapture(event.pointerId);
    }
    this.#tell("press", place);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #ghost(place) {
    this.#element.querySelector(".ghost")?.remove();
    this.#element.classList.toggle("over-note", place?.what === "note");
    if (!place || place.what === "note") return;
    const { length } = this.#state;
    const head = glyph(length >= 1920 ? "whole" : length >= 960 ? "half" : "black", place.x, yOf(place.line));
    const ghost = drawn("g", { class: "ghost", transform: `translate(0 ${round(place.system.top)})` }, ...ledgers(place.x, place.line), head);
    if (length < 1920) ghost.append(...stem({ x: place.x, line: place.line }, null, 480));
    this.#element.firstElementChild.append(ghost);
  }
}

function ledgers(x, at) {
  const lines = [];
  for (let each = 28; each >= at; each -= 2) lines.push(line(x - 1.05, yOf(each), x + 1.05, yOf(each), "ledger"));
  for (let each = 40; each <= at; each += 2) lines.push(line(x - 1.05, yOf(each), x + 1.05, yOf(each), "ledger"));
  return lines;
}

function stem({ x, line: at }, beam, plain) {
  const up = beam ? beam.up : at < TOP_LINE - 4;
  const y = yOf(at);
  const end = beam ? beam.endOf({ x }) : up ? Math.min(y - STEM, 2) : Math.max(y + STEM, 2);
  const side = x + (up ? 0.55 : -0.55);
  const signs = [line(side, y + (up ? -0.15 : 0.15), side, end, "stem")];
  if (beam || plain >= 480) return signs;
  const name = up ? "flagUp" : "flagDown";
  signs.push(glyph(name, side, end));
  if (plain < 240) signs.push(glyph(name, side, end + (up ? 0.85 : -0.85)));
  return signs;
}

function beams({ parts, up, endOf }) {
  const side = up ? 0.55 : -0.55, thick = up ? 0.5 : -0.5;
  const bar = (a, b, down) => {
    const [x1, x2] = [a.x + side - 0.05, b.x + side + 0.05];
    const [y1, y2] = [endOf(a) + down, endOf(b) + down];
    return drawn("path", { d: `M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}V${round(y2 + thick)}L${round(x1)} ${round(y1 + thick)}Z` });
  };
  const bars = [bar(parts[0], parts.at(-1), 0)];
  const second = up ? 0.78 : -0.78;
  parts.forEach((part, place) => {
    if (part.ticks >= 240) return;
    const next = parts[place + 1], before = parts[place - 1];
    if (next && next.ticks < 240) bars.push(bar(part, next, second));
    else if (!(before && before.ticks < 240)) bars.push(bar(part, { x: part.x + (next ? 0.9 : -0.9) }, second));
  });
  return bars;
}

function ties({ parts, right }) {
  return parts.filter(({ tied }) => tied).map((part) => {
    const next = parts[parts.indexOf(part) + 1];
    const [x1, x2] = [part.x + 0.8, next ? next.x - 0.8 : right - 0.2];
    const way = part.line < TOP_LINE - 4 ? 1 : -1;
    const y = yOf(part.line) + way * 0.6;
    const middle = (x1 + x2) / 2;
    return drawn("path", { d: `M${round(x1)} ${round(y)}Q${round(middle)} ${round(y + way * 1.1)} ${round(x2)} ${round(y)}Q${round(middle)} ${round(y + way * 0.8)} ${round(x1)} ${round(y)}Z` });
  });
}
