// Shows an engraved piece whose bars, voices, notes and faults can be clicked and whose notes light up.

import { Bars } from "./bars.js";
import { drawing } from "./drawing.js";
import { Follower } from "./follow.js";
import { faultMarks } from "./marks.js";
import { nameButtons } from "./names.js";

const NARROWEST = 300, WIDEST = 2000; // what /render engraves
const LITTLE = 0.06; // share of the width by which a picture may be scaled, as when a scroll bar comes
const PATIENCE = 250; // milliseconds without a change of width before the score is engraved anew
const NEAR = 3; // pixels around a notehead that belong to it

// Events:
// "bar" {number, from, to}: a bar is to be written anew; several that are chosen have a number such as "5-8";
// "note" {voice, from, to, pitch, ids}: a notehead was clicked, or the first letter of a voice typed on a bar;
// "voice" {voice}: a voice's name was clicked.
export class ScoreView extends EventTarget {
  #element;
  #makeSvg;
  #piece = null;
  #width = 0;
  #turn = 0; // of several pictures that are made at once, the last is shown
  #sheet = null;
  #parts = new Map();
  #lit = new Set();
  #held = new Set();
  #names = [];
  #bars = null;
  #chosen = null;
  #picked = null; // the note that was clicked last
  #follower = new Follower();

  // Takes the element to fill and makeSvg(piece, width), which returns the promise of an SVG text.
  constructor(element, makeSvg) {
    super();
    this.#element = element;
    this.#makeSvg = makeSvg;
    element.classList.add("score");
    let timer;
    const watch = new ResizeObserver(() => {
      clearTimeout(timer);
      if (this.#piece === null || Math.abs(this.#room() / this.#width - 1) < LITTLE) return;
      // The picture that stands there only becomes larger or smaller if a new one can't be had.
      timer = setTimeout(() => this.#engrave().catch(() => {}), PATIENCE);
    });
    watch.observe(element);
  }

  // Engraves a piece; the one before stays until it is ready.
  async show(piece) {
    if (this.#chosen !== null && piece.bars?.length !== this.#piece?.bars?.length) this.#choose(null);
    this.#piece = piece;
    this.#lit.clear();
    await this.#engrave();
  }

  // Lights noteheads and puts others out, by their ids.
  light({ on = [], off = [] }) {
    for (const id of off) {
      this.#lit.delete(id);
      this.#parts.get(id)?.classList.remove("lit");
    }
    for (const id of on) {
      this.#lit.add(id);
      this.#parts.get(id)?.classList.add("lit");
    }
    const first = this.#parts.get(on[0]);
    if (first) this.#follower.follow(first);
  }

  // Gives the keys to the bar of a tick.
  focus(tick) {
    this.#bars?.focus(this.#piece.bars.findLastIndex(({ from }) => from <= tick));
  }

  // Voices that are held.
  get held() {
    return this.#held;
  }

  set held(voices) {
    this.#held = new Set(voices);
    this.#showHeld();
  }

  // Bars that are chosen: {first, last} by their indices and {from, to} in ticks; null if none.
  get chosen() {
    return this.#chosen;
  }

  #room() {
    return Math.round(Math.min(Math.max(this.#element.clientWidth, NARROWEST), WIDEST));
  }

  async #engrave() {
    this.#turn += 1;
    const turn = this.#turn, piece = this.#piece, width = this.#room();
    const text = await this.#makeSvg(piece, width);
    if (turn !== this.#turn) return;
    const { svg, parts } = drawing(text);
    // What was laid out while it was hidden has no places.
    this.#width = this.#element.clientWidth > 0 ? width : 0;
    this.#parts = parts;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", piece.title ? `Score of ${piece.title}` : "Score");
    this.#sheet = document.createElement("div");
    this.#sheet.className = "score-sheet";
    this.#sheet.append(svg);
    const focus = this.#focus();
    this.#element.replaceChildren(this.#sheet);
    this.#lay(svg, piece);
    // A bar that was clicked by a key keeps the keys when it comes anew.
    if (focus !== null) [...this.#element.getElementsByClassName(focus.kind)][focus.index]?.focus({ preventScroll: true });
    for (const id of this.#lit) parts.get(id)?.classList.add("lit");
  }

  // Which of the buttons of a kind has the keys; null if none.
  #focus() {
    const button = document.activeElement;
    if (!this.#element.contains(button)) return null;
    const [kind] = button.classList;
    return { kind, index: [...this.#element.getElementsByClassName(kind)].indexOf(button) };
  }

  // Lays bars beneath the drawing, and names and marks above it.
  #lay(svg, { bars = [], notes = [], faults = [] }) {
    const share = sharesOf(this.#sheet.getBoundingClientRect());
    const boxes = [...svg.querySelectorAll("g.measure")].map((measure) => share(around(measure)));
    this.#bars = new Bars(bars, boxes, (index) => this.#dispatch("bar", this.#meant(index)), (range) => this.#choose(range));
    this.#bars.group.addEventListener("click", (event) => this.#pick(event), { capture: true });
    this.#bars.group.addEventListener("keydown", (event) => this.#pickByKey(event));
    this.#bars.group.addEventListener("pointermove", (event) => this.#hover(this.#noteAt(event)));
    this.#bars.group.addEventListener("pointerleave", () => this.#hover());
    this.#bars.mark(this.#chosen);
    const names = nameButtons(svg, this.#parts, notes, share, (voice) => this.#dispatch("voice", { voice }));
    const marks = faultMarks(faults, this.#notesOf(share));
    for (const id of faults.flatMap((fault) => fault.ids)) this.#parts.get(id)?.classList.add("fault");
    this.#sheet.prepend(this.#bars.group);
    // Beside the bars, nothing is chosen.
    this.#sheet.addEventListener("pointerdown", ({ target }) => target.closest("button") === null && this.#choose(null));
    this.#sheet.append(names.group, marks);
    this.#names = names.buttons;
    this.#showHeld();
  }

  // The notes of a fault from the tops of their stems, with the number of their system.
  #notesOf(share) {
    const systems = [...this.#sheet.querySelectorAll("g.system")];
    return (fault) =>
      fault.ids
        .map((id) => this.#parts.get(id))
        .filter((part) => part !== undefined)
        .map((part) => ({ ...share(stemmed(part)), system: systems.indexOf(part.closest("g.system")) }));
  }

  // A click on a notehead means the note, not its bar; the enter key always means the bar.
  #pick(event) {
    if (event.detail === 0 || event.shiftKey) return;
    const note = this.#noteAt(event);
    if (note === undefined) return;
    event.stopPropagation();
    this.#tellNote(note);
  }

  #noteAt({ clientX, clientY }) {
    const here = (id) => this.#parts.has(id) && isNear(headOf(this.#parts.get(id)), clientX, clientY);
    return this.#piece.notes.find((note) => note.ids.some(here));
  }

  // Shows which note a click would mean.
  #hover(note) {
    for (const part of this.#sheet.querySelectorAll(".near")) part.classList.remove("near");
    for (const id of note?.ids ?? []) this.#parts.get(id)?.classList.add("near");
  }

  // On a bar, the first letter of a voice means its first note there, and again the next.
  #pickByKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const bar = this.#piece.bars[this.#bars.indexOf(event.target)];
    const notes = this.#piece.notes.filter(
      (note) => bar && note.voice[0] === event.key.toLowerCase() && bar.from <= note.from && note.from < bar.to,
    );
    if (notes.length > 0) this.#tellNote(notes[(notes.indexOf(this.#picked) + 1) % notes.length]);
  }

  #tellNote(note) {
    this.#picked = note;
    const { voice, from, to, pitch, ids } = note;
    this.#dispatch("note", { voice, from, to, pitch, ids });
  }

  // The bar that was clicked, or those that are chosen if it is one of them.
  #meant(index) {
    const { bars } = this.#piece;
    const { first, last } = this.#chosen ?? { first: index, last: index };
    if (first === last || index < first || index > last) return { ...bars[index] };
    return { number: `${bars[first].number}-${bars[last].number}`, from: bars[first].from, to: bars[last].to };
  }

  #choose(range) {
    const bars = this.#piece?.bars ?? [];
    this.#chosen = range && { ...range, from: bars[range.first].from, to: bars[range.last].to };
    this.#bars?.mark(this.#chosen);
  }

  #showHeld() {
    for (const { element, voice, name } of this.#names) {
      element.setAttribute("aria-pressed", String(this.#held.has(voice)));
      name.classList.toggle("held", this.#held.has(voice));
    }
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

// Places as shares of a frame.
function sharesOf(frame) {
  return ({ left, top, width, height }) => ({
    left: (left - frame.left) / frame.width,
    top: (top - frame.top) / frame.height,
    width: width / frame.width,
    height: height / frame.height,
  });
}

// The box of a bar, from its first staff's highest line to its last staff's lowest.
function around(measure) {
  const lines = measure.querySelectorAll(":scope > g.staff > path");
  if (lines.length === 0) return measure.getBoundingClientRect();
  const first = lines[0].getBoundingClientRect();
  const last = lines[lines.length - 1].getBoundingClientRect();
  return { left: first.left, top: first.top, width: first.width, height: last.bottom - first.top };
}

function headOf(note) {
  return (note.querySelector("g.notehead") ?? note).getBoundingClientRect();
}

// The box of a notehead, up to its stem's top.
function stemmed(note) {
  const { left, width, top: head, bottom } = headOf(note);
  const top = Math.min(head, note.querySelector("g.stem path")?.getBoundingClientRect().top ?? head);
  return { left, width, top, height: bottom - top };
}

function isNear({ left, right, top, bottom }, x, y) {
  return left - NEAR <= x && x <= right + NEAR && top - NEAR <= y && y <= bottom + NEAR;
}
