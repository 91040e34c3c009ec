// Work that takes time: its progress, a button that stops it, and what went wrong, where one looks.

export class Work {
  #element;
  #problem;
  #say;
  #controller = null;

  constructor(element, problem, say) {
    this.#element = element;
    this.#problem = problem;
    this.#say = say;
  }

  stop() {
    this.#controller?.abort();
  }

  complain(error) {
    this.#problem.textContent = error === null ? "" : error.message;
    this.#problem.hidden = error === null;
  }

  // Runs job({signal, onProgress}); gives its result, or undefined if it was stopped or failed.
  async run(label, job) {
    this.stop();
    const controller = (this.#controller = new AbortController());
    this.complain(null);
    const show = this.#show(label, controller);
    this.#say(label);
    try {
      return await job({ signal: controller.signal, onProgress: show });
    } catch (error) {
      if (controller.signal.aborted) this.#say("Stopped");
      else this.complain(error);
      return undefined;
    } finally {
      if (this.#controller === controller) this.#element.hidden = true;
    }
  }

  #show(label, controller) {
    const text = document.createElement("span");
    text.textContent = label;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", label);
    const stop = document.createElement("button");
    stop.type = "button";
    stop.textContent = "Stop";
    stop.addEventListener("click", () => controller.abort());
    this.#element.replaceChildren(text, bar, stop);
    this.#element.hidden = false;
    return ({ place, done }) => {
      if (done !== undefined) bar.value = done;
      text.textContent = place > 1 ? `${label}; number ${place} in the queue` : label;
    };
  }
}
