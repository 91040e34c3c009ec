// Playing: one piece at a time, of which the notes that sound are lit.
import { Player } from "./player.js";
import { midiOf } from "./tune.js";

const VOICES = ["soprano", "alto", "tenor", "bass"];
const byId = (id) => document.getElementById(id);

export class Listening {
  #player = null;
  #organ;
  #now = null; // what plays: {button, name, light}
  #tempo = null; // chosen by the listener; null for the piece's own

  // `organ` gives the organ's settings when they are first needed.
  constructor(organ) {
    this.#organ = organ;
    for (const voice of VOICES) byId("faders").append(fader(voice, (value) => this.#player?.gain(voice, value)));
    byId("tempo").addEventListener("input", ({ target }) => {
      this.#tempo = Number(target.value);
      byId("tempo-told").textContent = target.value;
      if (this.#player && this.#now?.button === byId("play")) this.#player.tempo = this.#tempo;
    });
    byId("loop").addEventListener("change", ({ target }) => {
      if (this.#now?.button === byId("play")) this.#player.loop(target.checked);
    });
  }

  get player() {
    if (this.#player === null && this.#organ()) {
      this.#player = new Player(this.#organ());
      for (const input of byId("faders").querySelectorAll("input")) this.#player.gain(input.name, Number(input.value));
      this.#player.addEventListener("light", ({ detail }) => this.#now?.light(detail));
      this.#player.addEventListener("end", () => this.#ended());
    }
    return this.#player;
  }

  sound(midi) {
    if (!this.#player?.playing) this.player?.sound(midi);
  }

  get tempo() {
    return this.#tempo;
  }

  // Shows the tempo of a piece that may be played next.
  ready(piece) {
    const tempo = this.#tempo ?? Math.round(piece.tempo ?? 80);
    byId("tempo").max = Math.max(160, tempo);
    byId("tempo").value = tempo;
    byId("tempo-told").textContent = String(tempo);
  }

  stop() {
    this.#player?.stop();
  }

  // Plays, or stops if this button had it played.
  toggle(piece, { button, light, range = null, tempo = null }) {
    const again = this.#now?.button === button;
    this.stop();
    if (again || !this.player) return;
    this.#player.load(piece);
    const chosen = tempo ?? this.#tempo;
    if (chosen !== null) this.#player.tempo = chosen;
    this.#now = { button, name: button.textContent, light };
    button.textContent = "Stop";
    const { from, to } = range ?? { from: 0, to: piece.ticks };
    this.#player.play({ from, to, loop: button === byId("play") && byId("loop").checked });
  }

  #ended() {
    if (this.#now) this.#now.button.textContent = this.#now.name;
    this.#now = null;
  }
}

function fader(voice, change) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.05, value: 1, name: voice });
  input.addEventListener("input", () => change(Number(input.value)));
  label.append(voice, input);
  return label;
}

// The tune alone as a piece, whose notes' ids are their places.
export function playable(tune) {
  const notes = [];
  let at = 0;
  tune.notes.forEach((note, index) => {
    if (note.line !== null) notes.push({ voice: "soprano", pitch: midiOf(note), from: at, to: at + note.ticks, ids: [String(index)] });
    at += note.ticks;
  });
  return { notes, ticks: at, division: 480, fermatas: [], tempo: 80 };
}
