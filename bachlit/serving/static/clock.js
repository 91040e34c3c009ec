// Times of the music: ticks as they are written, ticks as they are played, and seconds of the audio clock.

// Ticks as they are played: those under a fermata are longer by a factor, in all voices.
export class Stretch {
  #held;
  #factor;

  constructor(fermatas, factor) {
    this.#held = fermatas;
    this.#factor = factor;
  }

  played(tick) {
    let played = tick;
    for (const [from, to] of this.#held) {
      if (tick > from) played += (Math.min(tick, to) - from) * (this.#factor - 1);
    }
    return played;
  }
}

// Where the music is at a time of the audio clock. The tempo may change; what was before the change stays, since
// listeners hear later than the clock shows.
export class Clock {
  #spans;

  constructor(at, rate) {
    this.#spans = [{ at, place: 0, rate }];
  }

  place(time) {
    const span = this.#spans.findLast((one) => one.at <= time) ?? this.#spans[0];
    return span.place + (time - span.at) * span.rate;
  }

  // By the present tempo.
  time(place) {
    const span = this.#spans.at(-1);
    return span.at + (place - span.place) / span.rate;
  }

  change(at, rate) {
    this.#add({ at, place: this.place(at), rate });
  }

  // Waits at a place until a time.
  wait(at, place) {
    this.#add({ at, place, rate: this.#spans.at(-1).rate });
  }

  #add(span) {
    this.#spans.push(span);
    if (this.#spans.length > 100) this.#spans.shift();
  }
}
