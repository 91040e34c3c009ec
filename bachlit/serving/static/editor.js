// The editor: mouse, keys and buttons change the tune, and what changed is said.
import { COMMANDS, commandOf, entered, isDotted, selected, withLength } from "./commands.js";
import { GLYPHS } from "./glyphs.js";
import { StaffView, drawn, glyph } from "./staff.js";
import {
  METRES, barTicks, isOnStaff, keyName, midiOf, movedTo, spelled, startOf, withHeard, withKey, withMetre, withPickup, withTitle,
} from "./tune.js";
import { counted, lengthName, saidNote } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Editor {
  #history;
  #say;
  #sound;
  #staff;
  #heard = { notes: null, ticks: [] };

  // `say` tells screen readers, `sound` plays a pitch.
  constructor(history, { say, sound }) {
    this.#history = history;
    this.#say = say;
    this.#sound = sound;
    this.#staff = new StaffView(byId("staff"));
    this.#fill();
    this.#listen();
    history.addEventListener("change", () => this.show());
    this.show();
  }

  get staff() {
    return this.#staff;
  }

  // Ends of phrases that bachlit heard in a tune, until its notes are changed.
  hear(tune, ticks) {
    this.#heard = { notes: tune.notes, ticks };
    this.show();
  }

  get #ends() {
    return this.#heard.notes === this.#history.present.tune.notes ? this.#heard.ticks : [];
  }

  // A note of a MIDI keyboard.
  take(midi) {
    const state = this.#history.present;
    const { line, alter } = spelled(midi, state.tune.fifths);
    if (!state.tune.sheet && isOnStaff(line)) this.#change(entered(state, line, state.at + 1, alter));
  }

  #fill() {
    for (const [command, sign] of Object.entries(SIGNS)) byId("palette").querySelector(`[data-command=${command}]`).append(sign());
    for (const button of byId("palette").querySelectorAll("[data-length]")) button.append(noteSign(Number(button.dataset.length)));
    byId("undo").append(arrow(false));
    byId("redo").append(arrow(true));
    for (const button of byId("palette").querySelectorAll("button")) button.setAttribute("aria-label", button.title);
    for (const mode of ["major", "minor"]) {
      const group = Object.assign(document.createElement("optgroup"), { label: mode });
      for (let fifths = -6; fifths <= 6; fifths++) group.append(new Option(keyName(fifths, mode), `${fifths} ${mode}`));
      byId("key").append(group);
    }
    for (const metre of METRES) byId("metre").append(new Option(metre, metre));
  }

  #listen() {
    const staff = byId("staff");
    staff.addEventListener("keydown", (event) => this.#key(event));
    // Before that, a note in another colour would only puzzle.
    staff.addEventListener("focus", () => staff.classList.add("used"), { once: true });
    this.#staff.addEventListener("press", ({ detail }) => this.#press(detail));
    this.#staff.addEventListener("drag", ({ detail: { index, line, first } }) => {
      const state = this.#history.present;
      this.#change({ ...state, tune: movedTo(state.tune, index, line) }, { step: first });
    });
    byId("palette").addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.length) this.#change(withLength(this.#history.present, this.#dottedAs(Number(button.dataset.length))));
      if (button?.dataset.command) this.#do(COMMANDS[button.dataset.command]);
    });
    byId("palette").addEventListener("keydown", rove);
    byId("undo").addEventListener("click", () => this.undo());
    byId("redo").addEventListener("click", () => this.redo());
    const onChange = (id, change) => byId(id).addEventListener("change", ({ target }) => {
      const state = this.#history.present;
      this.#history.set({ ...state, tune: change(state.tune, target.value) });
    });
    onChange("title", withTitle);
    onChange("metre", withMetre);
    onChange("key", (tune, value) => withKey(tune, Number(value.split(" ")[0]), value.split(" ")[1]));
    onChange("pickup", (tune, value) => withPickup(tune, Number(value)));
  }

  #dottedAs(ticks) {
    return isDotted(this.#history.present.length) && this.#history.present.entering && ticks > 120 ? ticks * 1.5 : ticks;
  }

  #key(event) {
    if (event.isComposing || this.#history.present.tune.sheet) return;
    const button = event.key === " " ? "hear" : event.key === "Enter" ? "harmonise" : null;
    const command = button ? () => byId(button).click() : commandOf(event);
    if (!command) return;
    event.preventDefault();
    if (button) command();
    else this.#do(command);
  }

  #do(command) {
    const state = this.#history.present;
    const { phrase } = COMMANDS;
    this.#change(command(command === phrase ? { ...state, tune: withHeard(state.tune, this.#ends) } : state));
  }

  #press({ line, index, what }) {
    byId("staff").focus({ preventScroll: true });
    const state = this.#history.present;
    if (what === "gap") this.#change(entered(state, line, index));
    else if (what === "phrase") this.#do((now) => COMMANDS.phrase(selected({ ...now, tune: withHeard(now.tune, this.#ends) }, index)));
    else {
      const marked = selected(state, index);
      this.#change(what === "pitch" ? { ...marked, tune: movedTo(state.tune, index, line) } : marked);
    }
  }

  #change(state, { step = true } = {}) {
    const before = this.#history.present;
    if (state === before) return;
    this.#history.set(state, { step: step && state.tune !== before.tune });
    const note = state.tune.notes[state.at];
    const old = before.tune.notes[before.at];
    const deleted = state.tune.notes.length < before.tune.notes.length;
    const heard = note && note.line !== null && (state.at !== before.at || !old || midiOf(old) !== midiOf(note));
    if (heard && !deleted) this.#sound(midiOf(note));
    if (deleted) this.#say(`Deleted; ${saidNote(state.tune, state.at)}`);
    else if (state.length !== before.length && state.tune === before.tune && state.at === before.at) this.#say(lengthName(state.length));
    else this.#say(saidNote(state.tune, state.at));
  }

  undo() {
    if (this.#history.undo()) this.#say(`Undone; ${counted(this.#history.present.tune.notes.length, "note")}`);
  }

  redo() {
    if (this.#history.redo()) this.#say(`Done again; ${counted(this.#history.present.tune.notes.length, "note")}`);
  }

  show() {
    const state = this.#history.present;
    const { tune, length, at } = state;
    byId("staff").hidden = byId("palette").hidden = Boolean(tune.sheet);
    document.querySelector(".signature").hidden = Boolean(tune.sheet);
    if (!tune.sheet) this.#staff.show(state, this.#ends);
    byId("staff").setAttribute("aria-label", `Staff with ${counted(tune.notes.length, "note")}`);
    byId("title").readOnly = Boolean(tune.sheet);
    if (document.activeElement !== byId("title")) byId("title").value = tune.title;
    this.#showKey(tune);
    byId("metre").value = tune.metre;
    this.#showPickups(tune);
    byId("undo").disabled = !this.#history.canUndo;
    byId("redo").disabled = !this.#history.canRedo;
    const plain = isDotted(length) ? (length * 2) / 3 : length;
    const note = tune.notes[at];
    for (const button of byId("palette").querySelectorAll("[data-length]"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.length) === plain));
    const pressed = (command, on) => byId("palette").querySelector(`[data-command=${command}]`).setAttribute("aria-pressed", String(on));
    pressed("dot", isDotted(length));
    pressed("phrase", Boolean(note?.end || this.#ends.includes(startOf(tune, at))));
    for (const command of ["sharp", "flat", "up", "down", "phrase"])
      byId("palette").querySelector(`[data-command=${command}]`).disabled = !note || note.line === null;
    byId("palette").querySelector("[data-command=delete]").disabled = !note;
    if (!byId("palette").querySelector("button:enabled[tabindex='0']")) reach(byId("palette").querySelector("button"));
  }

  #showKey({ fifths, mode }) {
    const value = `${fifths} ${mode}`;
    if (![...byId("key").options].some((option) => option.value === value)) byId("key").append(new Option(keyName(fifths, mode), value));
    byId("key").value = value;
  }

  #showPickups(tune) {
    const options = [new Option("none", 0)];
    for (let ticks = 240; ticks < barTicks(tune); ticks += 240) options.push(new Option(pickupName(ticks), ticks));
    if (!options.some(({ value }) => Number(value) === tune.pickup)) options.push(new Option(tune.pickup === 120 ? "a sixteenth" : `${tune.pickup / 120} sixteenths`, tune.pickup));
    byId("pickup").replaceChildren(...options);
    byId("pickup").value = tune.pickup;
  }
}

// The tab key comes to a toolbar once; arrows go through it.
function rove(event) {
  const buttons = [...byId("palette").querySelectorAll("button:enabled")];
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const next = { Home: buttons[0], End: buttons.at(-1) }[event.key] ?? (by && buttons.at((buttons.indexOf(event.target) + by) % buttons.length));
  if (!next) return;
  event.preventDefault();
  reach(next);
  next.focus();
}

function reach(reached) {
  for (const button of byId("palette").querySelectorAll("button")) button.tabIndex = button === reached ? 0 : -1;
}

function pickupName(ticks) {
  if (ticks === 240) return "an eighth";
  if (ticks % 480 === 0) return ticks === 480 ? "a quarter" : ticks === 960 ? "a half" : `${ticks / 480} quarters`;
  return `${ticks / 240} eighths`;
}

const sign = (box, ...children) => drawn("svg", { viewBox: box, class: "sign", "aria-hidden": "true" }, ...children);

function noteSign(ticks) {
  const head = glyph(ticks >= 1920 ? "whole" : ticks >= 960 ? "half" : "black", 0, ticks >= 1920 ? 0 : 1.4);
  const children = [head];
  if (ticks < 1920) children.push(drawn("path", { d: "M.55 1.25V-2", class: "stem" }));
  if (ticks <= 240) children.push(glyph("flagUp", 0.55, -2));
  if (ticks <= 120) children.push(glyph("flagUp", 0.55, -1.2));
  return sign("-1.9 -2.2 3.9 4.2", ...children);
}

const SIGNS = {
  dot: () => sign("-1.9 -2 3.8 4", glyph("black", -0.4, 0), glyph("dot", 0.8, 0)),
  rest: () => sign("-1.9 -2.1 3.8 4.2", glyph("rest4")),
  sharp: () => sign("-1.7 -2 3.4 4", glyph("sharp")),
  flat: () => sign("-1.7 -2.4 3.4 4", glyph("flat")),
  up: () => sign("-2.2 -2.5 4.4 5", drawn("path", { d: "M0 1.6V-1.5M-1 -.5L0 -1.5L1 -.5", class: "drawn" })),
  down: () => sign("-2.2 -2.5 4.4 5", drawn("path", { d: "M0 -1.5V1.6M-1 .6L0 1.6L1 .6", class: "drawn" })),
  phrase: () => sign("-1.4 -1.6 2.8 3.2", drawn("path", { d: GLYPHS.comma, transform: "translate(0 -.2)" })),
  delete: () => sign("-2.2 -2.5 4.4 5", drawn("path", { d: "M-1 -1L1 1M1 -1L-1 1", class: "drawn" })),
};

const arrow = (mirrored) =>
  sign("-2.2 -2.5 4.4 5", drawn("path", { d: "M-1.4 -.4H.4A1 1 0 0 1 .4 1.6H-.4M-.5 -1.4L-1.5 -.4L-.5 .6", class: "drawn", ...(mirrored ? { transform: "scale(-1 1)" } : {}) }));
