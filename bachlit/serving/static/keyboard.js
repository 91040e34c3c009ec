// Notes from a MIDI keyboard, one after another as a tune has them.

const ON = 0x90, OFF = 0x80;

// Listens to all MIDI keyboards, those connected later too. Calls onPress(midi) when a key goes down and
// onNote(midi, seconds) when it is released or the next one goes down, since a tune has one note at a time.
// Returns the promise of a function that ends it; it is refused with an Error whose message is a sentence.
export async function listen(onNote, onPress = () => {}) {
  const access = await permitted();
  const tune = new Tune(onNote, onPress);
  const hear = (event) => tune.take(event.data, event.timeStamp);
  const connect = () => {
    for (const input of access.inputs.values()) input.onmidimessage = hear;
  };
  connect();
  if (access.inputs.size === 0) {
    throw new Error("No MIDI keyboard was found; connect one and try again.");
  }
  access.onstatechange = connect;
  return () => {
    access.onstatechange = null;
    for (const input of access.inputs.values()) input.onmidimessage = null;
  };
}

async function permitted() {
  if (!navigator.requestMIDIAccess) {
    throw new Error("This browser can't hear a MIDI keyboard; use Chrome, Edge or Firefox, or type the notes.");
  }
  try {
    return await navigator.requestMIDIAccess();
  } catch {
    throw new Error("The browser was not allowed to hear a MIDI keyboard; allow it in the site's settings and try again.");
  }
}

// The key that is down, and since when.
class Tune {
  #onNote;
  #onPress;
  #key = null;
  #since = 0;

  constructor(onNote, onPress) {
    this.#onNote = onNote;
    this.#onPress = onPress;
  }

  take([status, key, velocity], time) {
    const command = status & 0xf0;
    if (command === ON && velocity > 0) {
      this.#release(time);
      this.#key = key;
      this.#since = time;
      this.#onPress(key);
    } else if ((command === OFF || command === ON) && key === this.#key) {
      // Many keyboards send a note without velocity for a key that is released.
      this.#release(time);
    }
  }

  #release(time) {
    if (this.#key === null) return;
    const key = this.#key;
    this.#key = null;
    this.#onNote(key, (time - this.#since) / 1000);
  }
}
