// One performance of an excerpt: schedules its notes a little ahead, and lights those that are heard.

import { Clock } from "./clock.js";

const AHEAD = 2; // seconds scheduled: a hidden tab's timers come once a second
const PERIOD = 200; // milliseconds between looks ahead
const LEAD = 0.1; // seconds before the first note
const LATE = 1; // seconds after which a note that no frame has shown isn't lit any more
const SOON = 0.05; // seconds in which notes may have begun, since the audio clock is read late

// Takes an organ that is awake, an excerpt with notes at places from 0 to its length, places a second, and the faders'
// gains by voice. Notes of a loop are numbered through its rounds, so that each sounds once in each.
export class Performance {
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
    if (off.length > 0) this.light({ on: [], off });
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
    this.light({ on, off });
  }
}
