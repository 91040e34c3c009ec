// An organ: each note an oscillator with the pipe's partials, faded in and out within its length.

const LOUDNESS = 0.23; // a voice's peak: four together can't clip
const FADE = 0.03; // seconds: short enough to be at once, long enough not to click
// Left and right gain of each voice, as in the WAV files.
const PLACES = { soprano: [1, 0.6], alto: [0.7, 0.95], tenor: [0.95, 0.7], bass: [0.6, 1] };
const MIDDLE = [0.8, 0.8];

export class Organ {
  context = null;
  #partials;
  #attack;
  #release;
  #pipe = null;

  constructor({ partials, attack, release }) {
    this.#partials = partials;
    this.#attack = attack;
    this.#release = release;
  }

  // Browsers let a page sound only after a click or key, so the context is made then.
  wake() {
    if (this.context === null) {
      this.context = new AudioContext();
      const sines = Float32Array.from([0, ...this.#partials]);
      this.#pipe = this.context.createPeriodicWave(new Float32Array(sines.length), sines);
    }
    this.context.resume();
    return this.context;
  }

  // Seconds from the audio clock to the listener's ear: much, with wireless headphones.
  get latency() {
    return this.context.outputLatency || this.context.baseLatency || 0;
  }

  desk(voices) {
    return new Desk(this.context, voices);
  }

  // Plays a note from begin to end, and returns what can move its end or take it back.
  note(pitch, begin, end, into) {
    const oscillator = this.context.createOscillator();
    const envelope = this.context.createGain();
    oscillator.setPeriodicWave(this.#pipe);
    oscillator.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
    const risen = begin + Math.min(this.#attack, (end - begin) / 4);
    envelope.gain.setValueAtTime(0, begin);
    envelope.gain.linearRampToValueAtTime(1, risen);
    oscillator.connect(envelope).connect(into);
    oscillator.onended = () => envelope.disconnect();
    oscillator.start(begin);
    const note = new Note(oscillator, envelope.gain, risen, this.#release);
    note.finish(end, begin);
    return note;
  }
}

class Note {
  end = 0;
  #oscillator;
  #gain;
  #risen;
  #release;
  #falls = Infinity;

  constructor(oscillator, gain, risen, release) {
    this.#oscillator = oscillator;
    this.#gain = gain;
    this.#risen = risen;
    this.#release = release;
  }

  // Ends the note at another time, unless it is fading already; what sounds before now stays as it is.
  finish(end, now) {
    if (this.#falls <= now) return;
    const falls = Math.max(this.#risen, now, end - Math.min(this.#release, (end - this.#risen) / 2));
    this.end = Math.max(end, falls + 0.01);
    this.#falls = falls;
    this.#gain.cancelScheduledValues(Math.max(now, this.#risen + 1e-4));
    this.#gain.setValueAtTime(1, falls + 1e-4);
    this.#gain.linearRampToValueAtTime(0, this.end);
    this.#oscillator.stop(this.end);
  }

  // Ends the oscillator; before its beginning, the note never sounds.
  stop(time) {
    this.#oscillator.stop(time);
  }
}

// The desk of one performance: a fader and a place for each voice, and one output that can be silenced.
class Desk {
  faders = new Map();
  #context;
  #output;

  constructor(context, gains) {
    this.#context = context;
    this.#output = context.createGain();
    const merger = context.createChannelMerger(2);
    merger.connect(this.#output).connect(context.destination);
    for (const [voice, gain] of gains) {
      const fader = context.createGain();
      fader.gain.value = gain;
      (PLACES[voice] ?? MIDDLE).forEach((share, side) => {
        const pan = context.createGain();
        pan.gain.value = LOUDNESS * share;
        fader.connect(pan).connect(merger, 0, side);
      });
      this.faders.set(voice, fader);
    }
  }

  // Moves a fader, in a few hundredths of a second so that it doesn't crackle.
  fade(voice, gain) {
    this.faders.get(voice)?.gain.setTargetAtTime(gain, this.#context.currentTime, 0.015);
  }

  // Fades everything out, and returns when it is silent.
  silence() {
    const now = this.#context.currentTime;
    this.#output.gain.setValueAtTime(1, now);
    this.#output.gain.linearRampToValueAtTime(0, now + FADE);
    setTimeout(() => this.#output.disconnect(), 1000 * FADE + 200);
    return now + FADE;
  }
}
