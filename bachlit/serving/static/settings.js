// The options: what the form holds, as fields of a request; only what differs from the usual.

const DRAWING = "Particles"; // draws another piece with each seed, where the search always finds the same

export class Settings {
  #form;
  #decoders = [];

  constructor(form) {
    this.#form = form;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => this.#show());
  }

  // Fills in what the service offers.
  offer({ decoders, rules, checkpoints }) {
    this.#decoders = decoders;
    for (const { name, about } of decoders) this.#form.decoder.append(new Option(`${name}: ${about.replaceAll("*", "")}`, name));
    this.#form.checkpoint.append(new Option("usual", ""));
    for (const name of checkpoints) this.#form.checkpoint.append(new Option(name, name));
    document.getElementById("checkpoint-label").hidden = checkpoints.length < 2;
    const fieldset = document.getElementById("rules");
    // Rewards are no rules that a musician would know.
    for (const { name, about } of rules.filter((rule) => rule.default === "inf" || rule.default > 0)) {
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true, name: "rule", value: name });
      const label = document.createElement("label");
      label.append(box, ` ${about}`);
      fieldset.append(label);
    }
    fieldset.closest("details").hidden = rules.length === 0;
    this.#show();
  }

  #show() {
    const decoder = this.#decoders.find(({ name }) => name === this.#form.decoder.value);
    document.getElementById("temperature-label").hidden = !decoder?.temperature;
  }

  // The decoder of the user's choice that gives another piece with each seed, if it is one.
  get chosen() {
    const { decoder, temperature } = this.value;
    const draws = this.#decoders.some((one) => one.temperature && one.name === decoder);
    return draws ? { decoder, ...(temperature ? { temperature } : {}) } : null;
  }

  get drawing() {
    return this.chosen ?? { decoder: DRAWING };
  }

  get seed() {
    return Math.max(0, Math.floor(Number(this.#form.seed.value) || 0));
  }

  get value() {
    const { num, style, voice, transpose, beat, layout, label, decoder, temperature, checkpoint } = this.#form;
    const value = {};
    if (num.value !== "1") value.num = Number(num.value);
    if (this.seed) value.seed = this.seed;
    if (style.value !== "chorale") value.style = style.value;
    if (voice.value) value.voice = voice.value;
    if (transpose.value) value.transpose = transpose.value;
    if (beat.value) value.beat = beat.value;
    if (layout.value !== "open") value.layout = layout.value;
    if (label.value) value.label = label.value;
    if (decoder.value) value.decoder = decoder.value;
    if (!temperature.parentElement.hidden && temperature.value) value.temperature = Number(temperature.value);
    if (checkpoint.value) value.checkpoint = checkpoint.value;
    const broken = [...this.#form.querySelectorAll("[name=rule]:not(:checked)")].map((box) => [box.value, 0]);
    if (broken.length) value.rules = Object.fromEntries(broken);
    return value;
  }
}
