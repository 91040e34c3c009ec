// Work that takes time: its progress, a button that stops it, and what went wrong, where one looks.

const PATIENCE = 200; // milliseconds

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
    const close = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "Close" });
    close.addEventListener("click", () => this.complain(null));
    this.#problem.replaceChildren(...(error === null ? [] : [error.message, close]));
    this.#problem.hidden = error === null;
  }

  // Runs job({signal, onProgress}); gives its result, or undefined if it was stopped or failed.
  async run(label, job) {
    this.stop();
    const controller = (this.#controller = new AbortController());
    this.complain(null);
    const show = this.#show(label, controller);
    try {
      return await job({ signal: controller.signal, onProgress: show });
    } catch (error) {
      if (controller.signal.aborted) this.#say("Stopped");
      else this.complain(error);
      return undefined;
    } finally {
      if (this.#controller === controller) {
        this.#controller = null;
        this.#element.hidden = true;
      }
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
    // What is done at once needs no bar.
    setTimeout(() => {
      if (this.#controller !== controller) return;
      this.#element.replaceChildren(text, bar, stop);
      this.#element.hidden = false;
      this.#say(label);
    }, PATIENCE);
    return ({ place, done }) => {
      if (done !== undefined) bar.value = done;
      text.textContent = place > 1 ? `${label}; number ${place} in the queue` : label;
    };
  }
}
