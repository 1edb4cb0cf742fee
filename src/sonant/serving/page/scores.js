// A bar for each label, with its threshold, drawn once for each frame of the screen.

import { score as asText } from "./format.js";

const SPOKEN_EVERY_MS = 500; // screen readers ask for a value now and then, not at every frame

export class Scores {
  #list;
  #rows = [];
  #values = null;
  #peaks = null;
  #waiting = false;
  #spoken = 0;

  constructor(list) {
    this.#list = list;
  }

  /** Other labels; `thresholds` holds a number, or null for a label that never fires, for each. */
  reset(labels, thresholds) {
    this.#rows = labels.map((name) => row(name));
    this.#list.replaceChildren(...this.#rows.map(({ item }) => item));
    this.setThresholds(thresholds);
    this.show(labels.map(() => 0));
  }

  setThresholds(thresholds) {
    this.#rows.forEach((row, at) => {
      row.threshold = thresholds[at];
      row.item.classList.toggle("background", row.threshold === null);
      row.mark.hidden = row.threshold === null;
      row.mark.style.left = `${100 * (row.threshold ?? 0)}%`;
    });
    this.#ask();
  }

  /** A value for each label; of several before the next frame of the screen the highest is drawn. */
  show(values) {
    this.#peaks = this.#peaks ? this.#peaks.map((peak, at) => Math.max(peak, values[at])) : [...values];
    this.#ask();
  }

  #ask() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame((now) => {
      this.#waiting = false;
      this.#values = this.#peaks ?? this.#values;
      this.#peaks = null;
      const speaks = now - this.#spoken > SPOKEN_EVERY_MS;
      if (speaks) this.#spoken = now;
      this.#rows.forEach((row, at) => draw(row, this.#values[at], speaks));
    });
  }
}

/** A plain list of names with bars: the answer to a recording. */
export function ranking(scores) {
  const list = document.createElement("ul");
  for (const { label, score } of scores) {
    const made = row(label);
    draw(made, score, true);
    made.mark.remove();
    list.append(made.item);
  }
  return list;
}

function row(name) {
  const item = document.createElement("li");
  const [title, bar, value] = ["span", "span", "span"].map((tag) => document.createElement(tag));
  const [fill, mark] = ["i", "b"].map((tag) => document.createElement(tag));
  title.className = "name";
  title.textContent = title.title = name;
  bar.className = "bar";
  bar.setAttribute("role", "meter");
  bar.setAttribute("aria-label", name);
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", "1");
  value.className = "value";
  value.setAttribute("aria-hidden", "true");
  bar.append(fill, mark);
  item.append(title, bar, value);
  return { item, bar, fill, mark, value, threshold: null };
}

function draw({ item, bar, fill, value, threshold }, score, speaks) {
  fill.style.transform = `scaleX(${score})`;
  value.textContent = asText(score);
  item.classList.toggle("over", threshold !== null && score >= threshold);
  if (speaks || !bar.hasAttribute("aria-valuenow")) bar.setAttribute("aria-valuenow", asText(score));
}
