// Another rate for a live stream: a sinc under a Hann window, wide enough to keep speech as it is.
// Only needed where the browser does not resample the microphone itself.

const ZEROS = 24; // crossings of the sinc on either side
const PASS = 0.94; // share of the lower band that is kept

export class Resampler {
  #step;
  #cut;
  #half;
  #inbox = new Float32Array(0);
  #first; // the input sample at the inbox' beginning
  #next = 0; // the output sample that is due

  constructor({ fromHz, toHz }) {
    this.#step = fromHz / toHz;
    this.#cut = PASS * Math.min(1, toHz / fromHz);
    this.#half = Math.ceil(ZEROS / this.#cut);
    // Silence before the first sample, so that it can be in the middle of a window.
    this.#inbox = new Float32Array(this.#half);
    this.#first = -this.#half;
  }

  /** Further samples -> those that are ready at the other rate. */
  push(samples) {
    const joined = new Float32Array(this.#inbox.length + samples.length);
    joined.set(this.#inbox);
    joined.set(samples, this.#inbox.length);
    const end = this.#first + joined.length;
    const made = [];
    while (Math.floor(this.#next * this.#step) + this.#half < end) {
      made.push(this.#at(this.#next * this.#step, joined));
      this.#next += 1;
    }
    const keep = Math.floor(this.#next * this.#step) - this.#half + 1;
    this.#inbox = joined.slice(Math.max(0, keep - this.#first));
    this.#first = Math.max(this.#first, keep);
    return Float32Array.from(made);
  }

  /** The rest, as silence follows. */
  finish() {
    return this.push(new Float32Array(this.#half));
  }

  #at(place, samples) {
    const middle = Math.floor(place);
    let sum = 0;
    for (let n = middle - this.#half + 1; n <= middle + this.#half; n += 1) {
      const away = place - n;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * away) / (this.#half + 1));
      const x = Math.PI * away * this.#cut;
      const sinc = Math.abs(x) < 1e-9 ? 1 : Math.sin(x) / x;
      sum += (samples[n - this.#first] ?? 0) * sinc * window;
    }
    return sum * this.#cut;
  }
}
