// The log of what was detected, each with its sound.

import { clock, score as asText } from "./format.js";
import { Player, save, wavOf } from "./sound.js";

const MOST = 100; // entries; the oldest give way
const AFTER_MS = 250; // that much is played after the detection, and before the clip it is about

export class Detections {
  #list;
  #announcer;
  #empty;
  #clear;
  #player = new Player();
  #waiting = []; // entries whose sound is not complete yet

  constructor({ list, announcer, empty, clear }) {
    this.#list = list;
    this.#announcer = announcer;
    this.#empty = empty;
    this.#clear = clear;
    clear.addEventListener("click", () => this.#forget());
  }

  /**
   * Log a detection of a live stream; `ring` holds its sound, of which the `clipMs` before the
   * detection are what the model looked at.
   */
  add({ name, timestamp, start, score }, { ring, rateHz, clipMs }) {
    const sample = (ms) => (ms / 1000) * rateHz;
    const from = sample(Math.min(start, timestamp - clipMs) - AFTER_MS);
    const entry = { name, timestamp, rateHz, ring, from, to: sample(timestamp + AFTER_MS), sound: null };
    this.#waiting.push(entry);
    this.#list.prepend(this.#row(entry, score));
    while (this.#list.children.length > MOST) this.#list.lastElementChild.remove();
    this.#announcer.append(paragraph(`${name}, ${Math.round(100 * score)} percent`));
    while (this.#announcer.children.length > 3) this.#announcer.firstElementChild.remove();
    this.#show();
  }

  /** Take the sound of those whose end was heard; of all, where the stream is `over`. */
  collect({ over = false } = {}) {
    const done = this.#waiting.filter(({ ring, to }) => over || ring.total >= to);
    done.forEach((entry) => this.#cut(entry));
    this.#waiting = this.#waiting.filter((entry) => !done.includes(entry));
  }

  #cut(entry) {
    entry.sound ??= entry.ring.slice(entry.from, entry.to);
    entry.ring = null;
    return entry.sound;
  }

  #row(entry, score) {
    const item = document.createElement("li");
    const when = `${clock(entry.timestamp)}`;
    const play = button("Play", `Play ${entry.name} at ${when}`);
    const keep = button("Save", `Save ${entry.name} at ${when} as a WAV file`);
    play.addEventListener("click", () => this.#play(entry, play));
    keep.addEventListener("click", () => {
      save(wavOf(this.#soundOf(entry), entry.rateHz), `${entry.name}-${Math.round(entry.timestamp)}ms.wav`);
    });
    const acts = span("acts", "");
    acts.append(play, keep);
    item.append(span("said", entry.name), span("when", `${when} · ${asText(score)}`), acts);
    return item;
  }

  #soundOf(entry) {
    return entry.sound ?? entry.ring.slice(entry.from, entry.to);
  }

  #play(entry, control) {
    if (control.textContent === "Stop") {
      this.#player.stop();
      return;
    }
    this.#player.play(this.#soundOf(entry), entry.rateHz, () => (control.textContent = "Play"));
    control.textContent = "Stop";
  }

  #forget() {
    this.#player.stop();
    this.#waiting = [];
    this.#list.replaceChildren();
    this.#announcer.replaceChildren();
    this.#show();
  }

  #show() {
    const some = this.#list.children.length > 0;
    this.#empty.hidden = some;
    this.#clear.disabled = !some;
  }
}

function button(text, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  return made;
}

function span(kind, text) {
  const made = document.createElement("span");
  made.className = kind;
  made.textContent = text;
  return made;
}

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}
