// The harmonisations: tabs, each with the versions that were made of it, of which one is shown.
import { ScoreView } from "./score.js";
import { counted, saidFault } from "./words.js";

const MOST = 5;
const byId = (id) => document.getElementById(id);

const EXPLAINED =
  "Merit tells how near the piece is to Bach's settings, in figures that a teacher would count: the higher, the better; Bach's own lie about zero.";

// Without figures, as in the plain style and with rules of one's own, pieces are ranked by their odds: that is no merit.
function merit({ merit: figure, figures }) {
  if (typeof figure !== "number" || !Object.keys(figures ?? {}).length) return null;
  return figure.toFixed(1).replace("-0.0", "0.0").replace("-", "−");
}

// Events: "shown" {piece}; "bar" {piece, number}; "note" {piece, ...}; "held" {voices}.
export class Results extends EventTarget {
  #tabs = []; // each {versions, at}
  #current = 0;
  #before = null; // the tabs that others took the place of, {tabs, current}
  #after = null;
  #view;
  #say;

  constructor({ makeSvg, say }) {
    super();
    this.#say = say;
    this.#view = new ScoreView(byId("score"), makeSvg);
    this.#view.addEventListener("bar", ({ detail }) => this.#tell("bar", { piece: this.piece, ...detail }));
    this.#view.addEventListener("note", ({ detail }) => this.#tell("note", { piece: this.piece, ...detail }));
    this.#view.addEventListener("voice", ({ detail }) => this.#hold(detail.voice));
    byId("tabs").addEventListener("keydown", (event) => this.#key(event));
    byId("back").addEventListener("click", () => this.step(-1));
    byId("forth").addEventListener("click", () => this.step(1));
  }

  get view() {
    return this.#view;
  }

  get piece() {
    const tab = this.#tabs[this.#current];
    return tab?.versions[tab.at];
  }

  // The versions of the piece that is shown, it last.
  get versions() {
    const tab = this.#tabs[this.#current];
    return tab.versions.slice(0, tab.at + 1);
  }

  get full() {
    return this.#tabs.length >= MOST;
  }

  get held() {
    return [...this.#view.held];
  }

  // Seeds that were used, so that the next is another one.
  get lastSeed() {
    return Math.max(-1, ...this.#tabs.flatMap(({ versions }) => versions.map(({ seed }) => seed)));
  }

  // Whether a piece is still among the tabs.
  holds(piece) {
    return this.#tabs.some(({ versions }) => versions.includes(piece));
  }

  replace(pieces) {
    this.#before = this.#tabs.length ? this.#set : null;
    this.#after = null;
    this.#tabs = pieces.map((piece) => ({ versions: [piece], at: 0 }));
    this.#current = 0;
    this.#view.held = new Set();
    this.#tell("held", { voices: [] });
    this.#show();
  }

  add(piece) {
    if (this.full) return this.change(piece, this.piece);
    this.#tabs.push({ versions: [piece], at: 0 });
    this.#current = this.#tabs.length - 1;
    return this.#show();
  }

  // Another version of a piece, which may no longer be the one that is shown.
  change(piece, of) {
    const index = this.#tabs.findIndex(({ versions }) => versions.includes(of));
    if (index < 0) return;
    const tab = this.#tabs[index];
    tab.versions = [...tab.versions.slice(0, tab.versions.indexOf(of) + 1), piece];
    tab.at = tab.versions.length - 1;
    this.#current = index;
    this.#show();
  }

  get #set() {
    return { tabs: this.#tabs, current: this.#current };
  }

  // Back or forth by a version; before the first, to the tabs that were there before.
  step(by) {
    const tab = this.#tabs[this.#current];
    if (tab?.versions[tab.at + by]) tab.at += by;
    else if (by < 0 && this.#before) this.#swap(this.#before, null, this.#set);
    else if (by > 0 && this.#after) this.#swap(this.#after, this.#set, null);
    else return;
    this.#show();
    this.#say(by < 0 ? "Undone" : "Done again");
  }

  #swap({ tabs, current }, before, after) {
    this.#tabs = tabs;
    this.#current = current;
    this.#before = before;
    this.#after = after;
  }

  choose(index) {
    if (index === this.#current) return;
    this.#current = index;
    this.#show();
  }

  #hold(voice) {
    const held = new Set(this.#view.held);
    const on = !held.delete(voice);
    if (on) held.add(voice);
    this.#view.held = held;
    this.#say(`${voice} ${on ? "held" : "free"}`);
    this.#tell("held", { voices: [...held] });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -this.#current, End: this.#tabs.length - 1 - this.#current }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.choose((this.#current + by + this.#tabs.length) % this.#tabs.length);
    byId(`tab-${this.#current + 1}`).focus();
  }

  #show() {
    const { piece } = this;
    byId("results").hidden = false;
    byId("tabs").replaceChildren(...this.#tabs.map((tab, index) => this.#tab(tab, index)));
    byId("panel").setAttribute("aria-labelledby", `tab-${this.#current + 1}`);
    const tab = this.#tabs[this.#current];
    byId("back").disabled = tab.at === 0 && !this.#before;
    byId("forth").disabled = tab.at === tab.versions.length - 1 && !this.#after;
    byId("back").hidden = byId("forth").hidden = byId("back").disabled && byId("forth").disabled;
    this.#tell("shown", { piece });
    this.#view.show(piece).catch((error) => this.#tell("failed", { error }));
    this.#showFaults(piece);
    // A tune that was opened since stands above it.
    byId("score-title").textContent = piece.title;
    byId("score-title").hidden = !piece.title;
    showAbout(piece);
  }

  #tab({ versions, at }, index) {
    const button = document.createElement("button");
    const here = index === this.#current;
    Object.assign(button, { type: "button", id: `tab-${index + 1}`, tabIndex: here ? 0 : -1 });
    button.setAttribute("role", "tab");
    button.setAttribute("aria-selected", String(here));
    button.setAttribute("aria-controls", "panel");
    const figure = merit(versions[at]);
    const small = document.createElement("small");
    small.textContent = figure === null ? "" : `merit ${figure}`;
    small.title = EXPLAINED;
    button.append(String(index + 1), small);
    button.addEventListener("click", () => this.choose(index));
    return button;
  }

  #showFaults({ faults }) {
    byId("faults-title").textContent = faults.length ? counted(faults.length, "fault") : "No faults";
    byId("faults").replaceChildren(...faults.map((fault) => this.#fault(fault)));
  }

  #fault(fault) {
    const { place, what, details } = saidFault(fault);
    const button = document.createElement("button");
    button.type = "button";
    const [where, name, why] = ["strong", "span", "small"].map((tag) => document.createElement(tag));
    where.textContent = place;
    name.textContent = details ? `${what}: ${details}` : what;
    why.textContent = fault.why ?? "";
    // Without the spaces they would be read out as one word.
    button.append(where, " ", name, " ", why);
    const light = (on) => () => this.#view.light(on ? { on: fault.ids, off: [] } : { on: [], off: fault.ids });
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, light(true));
    for (const event of ["pointerleave", "blur"]) button.addEventListener(event, light(false));
    button.addEventListener("click", () => {
      light(true)();
      byId("score").querySelector(".lit")?.scrollIntoView({ block: "center" });
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}

function showAbout(piece) {
  const figure = merit(piece);
  const said = [piece.key, figure === null ? null : `merit ${figure}`, `seed ${piece.seed}`, piece.decoder].filter(Boolean);
  byId("about").textContent = `${said.join(" · ")}. ${figure === null ? "" : EXPLAINED}`;
  byId("warnings").replaceChildren(...(piece.warnings ?? []).map((warning) => Object.assign(document.createElement("li"), { textContent: warning })));
}
