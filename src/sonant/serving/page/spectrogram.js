// The scrolling picture of the last seconds: dark is loud on paper, light is loud on slate.

import { Spectrum } from "./fft.js";
import { floatsOf } from "./sound.js";

const COLUMNS = 1200; // kept; as many are shown as the picture is wide
const COLUMNS_A_SECOND = 100;
const WINDOW_S = 0.032;
const FLOOR_DB = -95;
const RANGE_DB = 75;
const SHADES = 256;
const LABEL_GAP = 4;
const ROW = 20;

const DARK = matchMedia("(prefers-color-scheme: dark)");
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export class Spectrogram {
  #canvas;
  #picture = document.createElement("canvas");
  #loudness = null; // [COLUMNS, bins] shades, so that all can be painted again in other colours
  #spectrum;
  #bins;
  #step;
  #window;
  #filled = 0; // samples since the last column
  #total = 0; // columns so far
  #marks = [];
  #shades;
  #inks;
  #waiting = false;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#dye();
    DARK.addEventListener("change", () => this.#repaint());
    STILL.addEventListener("change", () => this.#ask());
    new ResizeObserver(() => this.#ask()).observe(canvas);
  }

  /** Forget everything and begin a stream of this rate. */
  reset(rateHz) {
    const size = 2 ** Math.round(Math.log2(rateHz * WINDOW_S));
    this.#spectrum = new Spectrum(size);
    this.#bins = size / 2;
    this.#step = Math.round(rateHz / COLUMNS_A_SECOND);
    this.#window = new Float32Array(size);
    this.#filled = 0;
    this.#loudness = new Uint8Array(COLUMNS * this.#bins);
    this.#picture.width = COLUMNS;
    this.#picture.height = this.#bins;
    this.#total = 0;
    this.#marks = [];
    this.#repaint();
  }

  push(samples) {
    const floats = floatsOf(samples);
    for (let at = 0; at < floats.length; ) {
      const count = Math.min(this.#step - this.#filled, floats.length - at);
      this.#window.copyWithin(0, count);
      this.#window.set(floats.subarray(at, at + count), this.#window.length - count);
      at += count;
      this.#filled += count;
      if (this.#filled === this.#step) this.#column();
    }
    this.#ask();
  }

  /** Name what was detected at a time of the stream. */
  mark(name, ms) {
    this.#marks.push({ name, column: Math.round((ms / 1000) * COLUMNS_A_SECOND) });
    this.#ask();
  }

  #column() {
    this.#filled = 0;
    const place = this.#total % COLUMNS;
    const shades = this.#loudness.subarray(place * this.#bins, (place + 1) * this.#bins);
    this.#spectrum.decibels(this.#window).forEach((db, bin) => {
      shades[bin] = Math.min(Math.max((db - FLOOR_DB) / RANGE_DB, 0), 1) * (SHADES - 1);
    });
    this.#paint(place);
    this.#total += 1;
    const oldest = this.#total - COLUMNS;
    this.#marks = this.#marks.filter((mark) => mark.column > oldest);
  }

  /** One column of the picture, low tones at the bottom. */
  #paint(place) {
    const pixels = new ImageData(1, this.#bins);
    for (let bin = 0; bin < this.#bins; bin += 1) {
      const shade = this.#loudness[place * this.#bins + bin];
      pixels.data.set(this.#shades.subarray(4 * shade, 4 * shade + 4), 4 * (this.#bins - 1 - bin));
    }
    this.#picture.getContext("2d").putImageData(pixels, place, 0);
  }

  #repaint() {
    this.#dye();
    for (let place = 0; this.#loudness && place < COLUMNS; place += 1) this.#paint(place);
    this.#ask();
  }

  /** Colours from the style sheet: from the panel over the accent to the ink. */
  #dye() {
    const style = getComputedStyle(document.documentElement);
    const [panel, accent, ink] = ["--panel", "--accent", "--ink"].map((name) => rgb(style.getPropertyValue(name)));
    this.#inks = { accent: style.getPropertyValue("--accent"), panel: style.getPropertyValue("--panel") };
    this.#shades = new Uint8ClampedArray(4 * SHADES);
    for (let shade = 0; shade < SHADES; shade += 1) {
      const share = (shade / (SHADES - 1)) ** 1.4;
      const [from, to, part] = share < 0.6 ? [panel, accent, share / 0.6] : [accent, ink, (share - 0.6) / 0.4];
      this.#shades.set([0, 1, 2].map((n) => from[n] + (to[n] - from[n]) * part), 4 * shade);
      this.#shades[4 * shade + 3] = 255;
    }
  }

  /** Draw at the next frame of the screen, once for all that came. */
  #ask() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw() {
    const canvas = this.#canvas;
    const scale = Math.min(devicePixelRatio, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const brush = canvas.getContext("2d");
    brush.setTransform(scale, 0, 0, scale, 0, 0);
    brush.clearRect(0, 0, width, height);
    if (!this.#loudness) return;
    const shown = Math.min(Math.round(width), COLUMNS);
    if (STILL.matches) this.#drawStill(brush, shown, height);
    else this.#drawPart(brush, { from: this.#total - shown, to: this.#total, x: 0, shown, width, height });
  }

  /** Without motion: written from left to right, and from the left again; what is old stays. */
  #drawStill(brush, shown, height) {
    const begin = Math.floor(this.#total / shown) * shown;
    const width = shown;
    const written = this.#total - begin;
    this.#drawPart(brush, { from: begin, to: this.#total, x: 0, shown, width, height });
    const old = { from: begin - shown + written, to: begin, x: written, shown, width, height };
    this.#drawPart(brush, old);
    brush.fillStyle = this.#inks.accent;
    brush.fillRect(written, 0, 1, height);
  }

  /** Columns [from, to) with the first at `x`, and the names of what was detected in them. */
  #drawPart(brush, { from, to, x, shown, width, height }) {
    const wide = width / shown;
    for (let column = Math.max(0, from, this.#total - COLUMNS); column < to; ) {
      const place = column % COLUMNS;
      const count = Math.min(to - column, COLUMNS - place);
      const left = x + (column - from) * wide;
      brush.drawImage(this.#picture, place, 0, count, this.#bins, left, 0, count * wide, height);
      column += count;
    }
    brush.font = `600 13px ${getComputedStyle(this.#canvas).fontFamily}`;
    const shownMarks = this.#marks.filter((mark) => mark.column >= from && mark.column < to);
    const ends = []; // of the last name in each row: names that would meet go below each other
    for (const { name, column } of shownMarks) this.#drawMark(brush, name, x + (column - from) * wide, ends);
  }

  #drawMark(brush, name, x, ends) {
    const long = brush.measureText(name).width + 2 * LABEL_GAP;
    const left = Math.max(0, x - long);
    const free = ends.findIndex((end) => end < left);
    const row = free < 0 ? ends.length : free;
    ends[row] = left + long;
    brush.fillStyle = this.#inks.accent;
    brush.fillRect(x, 0, 1, this.#canvas.clientHeight);
    brush.fillRect(left, row * ROW, long, ROW - 1);
    brush.fillStyle = this.#inks.panel;
    brush.fillText(name, left + LABEL_GAP, row * ROW + 14);
  }
}

/** "#rgb" or "#rrggbb" -> three numbers. */
function rgb(text) {
  const digits = text.trim().slice(1);
  const wide = digits.length === 3 ? [...digits].map((digit) => digit + digit).join("") : digits;
  return [0, 2, 4].map((at) => Number.parseInt(wide.slice(at, at + 2), 16));
}
