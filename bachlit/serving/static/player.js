// Plays a piece on the organ, with lights for the notes that sound.

import { Clock, Stretch } from "./clock.js";
import { Organ } from "./organ.js";

const AHEAD = 2; // seconds scheduled: a hidden tab's timers come once a second
const PERIOD = 200; // milliseconds between looks ahead
const LEAD = 0.1; // seconds before the first note
const LATE = 1; // seconds after which a note that no frame has shown isn't lit any more
const SOON = 0.05; // seconds in which notes may have begun, since the audio clock is read late
const SLOWEST = 10, FASTEST = 1000; // quarters a minute, as for WAV files

// Events: "light" {on, off, tick}, once a frame while it plays, with the noteheads to light and to put out and the
// place in the piece; "end", when it has played, was stopped, or another piece was loaded.
export class Player extends EventTarget {
  #organ;
  #factor;
  #piece = null;
  #stretch = null;
  #tempo = 80;
  #gains = new Map();
  #run = null;

  // Takes partials, attack, release and fermata_stretch, as /api/v1/options has them.
  constructor(organ) {
    super();
    this.#organ = new Organ(organ);
    this.#factor = organ.fermata_stretch;
  }

  // The AudioContext; null before the first sound.
  get context() {
    return this.#organ.context;
  }

  get playing() {
    return this.#run !== null;
  }

  get tempo() {
    return this.#tempo;
  }

  // Sets quarters a minute; the music that plays goes on from where it is.
  set tempo(quarters) {
    this.#tempo = Math.min(Math.max(quarters, SLOWEST), FASTEST);
    this.#run?.turn(this.#rate());
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
    const run = new Run(this.#organ, this.#excerpt(from, end), this.#rate(), this.#gains);
    run.loop(loop);
    this.#run = run;
    run.light = (detail) => this.dispatchEvent(new CustomEvent("light", { detail }));
    run.end = () => this.#run === run && this.stop();
    run.begin();
  }

  stop() {
    if (this.#run === null) return;
    this.#cease();
    this.dispatchEvent(new CustomEvent("end"));
  }

  // Makes what plays a loop, or ends it with this round.
  loop(on) {
    this.#run?.loop(on);
  }

  // Moves a voice's fader, from 0 to 1.
  gain(voice, value) {
    this.#gains.set(voice, Math.min(Math.max(value, 0), 1));
    this.#run?.fade(voice, this.#gains.get(voice));
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
    const run = this.#run;
    this.#run = null;
    run?.cease();
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
    return { notes, length: place(to), tick: (played) => this.#stretch.written(played + zero) };
  }
}

// One performance of an excerpt. Notes of a loop are numbered through its rounds, so that each sounds once in each.
class Run {
  light = () => {};
  end = () => {};
  #organ;
  #excerpt;
  #clock;
  #desk;
  #rounds = 1;
  #next = 0; // first note that isn't scheduled
  #scheduled = []; // notes that may still sound or be taken back, in order
  #ahead = 0; // first note that isn't lit
  #lit = [];
  #timer = null;
  #frame = null;

  constructor(organ, excerpt, rate, gains) {
    this.#organ = organ;
    this.#excerpt = excerpt;
    this.#clock = new Clock(organ.context.currentTime + LEAD, rate);
    const voices = new Set(excerpt.notes.map((note) => note.voice));
    this.#desk = organ.desk([...voices].map((voice) => [voice, gains.get(voice) ?? 1]));
  }

  begin() {
    const look = () => {
      this.#schedule();
      if (this.#over()) this.end();
    };
    const draw = () => {
      this.#frame = requestAnimationFrame(draw);
      this.#show();
      // Here as well, so that the lights go out with the sound and not at the timer's next turn.
      if (this.#over()) this.end();
    };
    this.#timer = setInterval(look, PERIOD);
    this.#frame = requestAnimationFrame(draw);
    this.#schedule();
  }

  cease() {
    clearInterval(this.#timer);
    cancelAnimationFrame(this.#frame);
    const silent = this.#desk.silence();
    for (const { sound } of this.#scheduled) if (sound.end > silent) sound.stop(silent);
    const off = this.#lit.flatMap((note) => note.ids);
    if (off.length > 0) this.light({ on: [], off, tick: this.#tick() });
  }

  fade(voice, gain) {
    this.#desk.fade(voice, gain);
  }

  // Goes on at another rate: notes to come are taken back, and those that sound end at another time.
  turn(rate) {
    const at = Math.max(this.#organ.context.currentTime + SOON, this.#clock.time(0));
    this.#clock.change(at, rate);
    const place = this.#clock.place(at);
    this.#takeBack(place);
    for (const { note, sound } of this.#scheduled) {
      if (note.to > place) sound.finish(this.#clock.time(note.to), at);
    }
    this.#schedule();
  }

  loop(on) {
    const place = this.#clock.place(this.#organ.context.currentTime + SOON);
    this.#rounds = on ? Infinity : Math.max(0, Math.floor(place / this.#excerpt.length)) + 1;
    this.#takeBack(this.#rounds * this.#excerpt.length);
    this.#schedule();
  }

  // Takes back the notes that begin at a place or later.
  #takeBack(place) {
    while (this.#scheduled.length > 0 && this.#scheduled.at(-1).note.from >= place) {
      this.#scheduled.pop().sound.stop(0);
      this.#next -= 1;
    }
  }

  // The note of a number, at its places counted through all rounds; undefined after the last.
  #note(number) {
    const { notes, length } = this.#excerpt;
    if (notes.length === 0 || number >= notes.length * this.#rounds) return undefined;
    const note = notes[number % notes.length];
    const begin = Math.floor(number / notes.length) * length;
    return { ...note, from: begin + note.from, to: begin + note.to };
  }

  #schedule() {
    const now = this.#organ.context.currentTime;
    this.#scheduled = this.#scheduled.filter(({ sound }) => sound.end > now);
    let note = this.#note(this.#next);
    // Late, as after a computer's sleep: the music waits, rather than sounding all at once what was missed.
    if (note && this.#clock.time(note.from) < now) this.#clock.wait(now + SOON, note.from);
    const horizon = this.#clock.place(now + AHEAD);
    for (; note && note.from < horizon; note = this.#note(++this.#next)) {
      const sound = this.#organ.note(
        note.pitch,
        this.#clock.time(note.from),
        this.#clock.time(note.to),
        this.#desk.faders.get(note.voice),
      );
      this.#scheduled.push({ note, sound });
    }
  }

  // What is heard now, not what the clock has come to.
  #heard(before = 0) {
    return this.#clock.place(this.#organ.context.currentTime - this.#organ.latency - before);
  }

  #tick() {
    const { length, tick } = this.#excerpt;
    const heard = Math.max(0, this.#heard());
    return tick(this.#over() ? length : heard % length);
  }

  #over() {
    return this.#heard() >= this.#excerpt.length * this.#rounds;
  }

  #show() {
    const heard = this.#heard(), late = this.#heard(LATE);
    const ended = this.#lit.filter((note) => note.to <= heard);
    this.#lit = this.#lit.filter((note) => note.to > heard);
    const begun = [];
    for (let note = this.#note(this.#ahead); note && note.from <= heard; note = this.#note(++this.#ahead)) {
      if (note.to > late) begun.push(note);
    }
    this.#lit.push(...begun);
    const on = begun.flatMap((note) => note.ids);
    const off = ended.flatMap((note) => note.ids).filter((id) => !on.includes(id));
    this.light({ on, off, tick: this.#tick() });
  }
}
