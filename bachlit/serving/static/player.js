// Plays a piece on the organ, with lights for the notes that sound.

import { Stretch } from "./clock.js";
import { Organ } from "./organ.js";
import { Performance } from "./performance.js";

const SLOWEST = 10, FASTEST = 1000; // quarters a minute, as for WAV files

// Events: "light" {on, off}, once a frame while it plays, with the noteheads to light and to put out; "end", when it has
// played, was stopped, or another piece was loaded.
export class Player extends EventTarget {
  #organ;
  #factor;
  #piece = null;
  #stretch = null;
  #tempo = 80;
  #gains = new Map();
  #performance = null;

  // Takes partials, attack, release and fermata_stretch, as /api/v1/options has them.
  constructor(organ) {
    super();
    this.#organ = new Organ(organ);
    this.#factor = organ.fermata_stretch;
  }

  get playing() {
    return this.#performance !== null;
  }

  get tempo() {
    return this.#tempo;
  }

  // Sets quarters a minute; the music that plays goes on from where it is.
  set tempo(quarters) {
    this.#tempo = Math.min(Math.max(quarters, SLOWEST), FASTEST);
    this.#performance?.turn(this.#rate());
  }

  // Stops, and takes another piece with its tempo.
  load(piece) {
    this.stop();
    this.#piece = piece;
    this.#stretch = new Stretch(piece.fermatas ?? [], this.#factor);
    this.tempo = piece.tempo ?? 80;
  }

  // Plays the piece from a tick to another, over and over if it is a loop.
  play({ from = 0, to = this.#piece?.ticks ?? 0, loop = false } = {}) {
    this.#cease();
    const end = Math.min(to, this.#piece?.ticks ?? 0);
    if (!(from < end)) {
      this.dispatchEvent(new CustomEvent("end"));
      return;
    }
    this.#organ.wake();
    const performance = new Performance(this.#organ, this.#excerpt(from, end), this.#rate(), this.#gains);
    performance.loop(loop);
    this.#performance = performance;
    performance.light = (detail) => this.dispatchEvent(new CustomEvent("light", { detail }));
    performance.end = () => this.#performance === performance && this.stop();
    performance.begin();
  }

  stop() {
    if (this.#performance === null) return;
    this.#cease();
    this.dispatchEvent(new CustomEvent("end"));
  }

  // Makes what plays a loop, or ends it with this round.
  loop(on) {
    this.#performance?.loop(on);
  }

  // Moves a voice's fader, from 0 to 1.
  gain(voice, value) {
    this.#gains.set(voice, Math.min(Math.max(value, 0), 1));
    this.#performance?.fade(voice, this.#gains.get(voice));
  }

  // Plays a short note beside whatever plays.
  sound(pitch, seconds = 0.4) {
    const context = this.#organ.wake();
    const desk = this.#organ.desk([["", 1]]);
    const begin = context.currentTime + 0.01;
    this.#organ.note(pitch, begin, begin + seconds, desk.faders.get(""));
    setTimeout(() => desk.silence(), 1000 * seconds + 500);
  }

  #cease() {
    const performance = this.#performance;
    this.#performance = null;
    performance?.cease();
  }

  // Ticks as they are played, a second.
  #rate() {
    return (this.#tempo * (this.#piece?.division ?? 480)) / 60;
  }

  // Notes from a tick to another, cut where they reach beyond, at places from 0 to length.
  #excerpt(from, to) {
    const zero = this.#stretch.played(from);
    const place = (tick) => this.#stretch.played(Math.min(Math.max(tick, from), to)) - zero;
    const notes = this.#piece.notes
      .filter((note) => note.from < to && from < note.to)
      .map((note) => ({ pitch: note.pitch, voice: note.voice, ids: note.ids, from: place(note.from), to: place(note.to) }))
      .sort((one, other) => one.from - other.from);
    return { notes, length: place(to) };
  }
}
