// Keeps the system that sounds in sight, as long as the reader looks at it.

export class Follower {
  #system = null;

  // Takes a part of the drawing that has begun to sound.
  follow(part) {
    const system = part.closest("g.system");
    if (system === null || system === this.#system) return;
    // Whoever has scrolled away from the music wants to read something else.
    const stays = this.#system?.isConnected && !seen(this.#system);
    this.#system = system;
    if (stays || inside(system)) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const { top, height } = system.getBoundingClientRect();
    const room = Math.max(0, innerHeight - height) / 2;
    scrollBy({ top: top - room, behavior: still ? "auto" : "smooth" });
  }
}

function seen(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function inside(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}
