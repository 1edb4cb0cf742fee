// Recognition inside the browser: the step graph that the server runs, in WebAssembly. No audio is sent.

import { Decider } from "./decision.js";
import { Resampler } from "./resampler.js";
import { address, ask, bytesOf } from "./server.js";

const MOST_HOPS = 32; // in one run, where the graph takes any number
const FULL_SCALE = 32768;

let runtime = null;

/** onnxruntime-web, loaded once. */
async function loaded() {
  runtime ??= import(address("page/vendor/ort.wasm.min.mjs").href).then((ort) => {
    // One thread needs no shared memory, and a step is little work.
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = address("page/vendor/").href;
    return ort;
  });
  try {
    return await runtime;
  } catch (error) {
    runtime = null;
    throw new Error(`onnxruntime-web does not load here: ${error.message}`);
  }
}

/** Has the same methods, and calls the same handlers, as `ServerEngine`. */
export class BrowserEngine {
  #place;
  #handlers;
  #ort;
  #card;
  #session;
  #states;
  #decider;
  #resampler = null;
  #inbox = new Float32Array(0);
  #work = Promise.resolve();
  #closed = false;

  constructor({ name, version }, handlers) {
    this.#place = `page/graphs/${encodeURIComponent(name)}/${version}`;
    this.#handlers = handlers;
  }

  /** Load the runtime and the graph. */
  async open() {
    const [ort, card, graph] = await Promise.all([
      loaded(),
      ask(`${this.#place}/stream.json`),
      bytesOf(`${this.#place}/stream.onnx`),
    ]);
    this.#ort = ort;
    this.#card = card;
    this.#session = await ort.InferenceSession.create(new Uint8Array(graph), {
      executionProviders: ["wasm"],
    });
  }

  /** Begin a stream, from states that are all zero; `threshold` null leaves each label its own. */
  begin({ rateHz, threshold }) {
    const card = this.#card;
    this.#states = Object.fromEntries(
      card.states.map(({ name, shape }) => [name, this.#tensor([1, ...shape])]),
    );
    const ms = 1000 / card.rate_hz;
    this.#decider = new Decider(card.decision, {
      labels: card.labels,
      clock: (frame) => ((frame + 1) * card.hop - card.delay) * ms,
    });
    this.#decider.setThreshold(threshold);
    this.#resampler =
      rateHz === card.rate_hz ? null : new Resampler({ fromHz: rateHz, toHz: card.rate_hz });
  }

  setThreshold(threshold) {
    this.#decider.setThreshold(threshold);
  }

  push(samples) {
    const floats = Float32Array.from(samples, (sample) => sample / FULL_SCALE);
    this.#take(this.#resampler ? this.#resampler.push(floats) : floats);
  }

  /** Hear the rest, and silence for as long as answers are owed. */
  async finish() {
    if (this.#resampler) this.#take(this.#resampler.finish());
    await this.#work;
    const { hop, delay, step_hops: fixed } = this.#card;
    const owed = Math.ceil(this.#inbox.length / hop) + Math.ceil(delay / hop);
    const hops = fixed ? Math.ceil(owed / fixed) * fixed : owed;
    this.#take(new Float32Array(hops * hop - this.#inbox.length), owed);
    await this.#work;
    this.close();
  }

  close() {
    this.#closed = true;
    const session = this.#session;
    this.#session = null;
    this.#work = this.#work.then(() => session?.release());
  }

  #tensor(shape) {
    const size = shape.reduce((product, length) => product * length, 1);
    return new this.#ort.Tensor("float32", new Float32Array(size), shape);
  }

  /** Queue samples; runs follow each other, since each needs the states of the one before. */
  #take(samples, most = Infinity) {
    this.#work = this.#work
      .then(() => this.#hear(samples, most))
      .catch((error) => {
        if (!this.#closed) this.#handlers.failed(`The graph failed in this browser: ${error.message}`);
        this.#closed = true;
      });
  }

  async #hear(samples, most) {
    const joined = new Float32Array(this.#inbox.length + samples.length);
    joined.set(this.#inbox);
    joined.set(samples, this.#inbox.length);
    let at = 0;
    let left = most;
    const { hop, step_hops: fixed } = this.#card;
    while (!this.#closed) {
      const ready = Math.floor((joined.length - at) / hop);
      const hops = fixed ?? Math.min(ready, MOST_HOPS);
      if (!hops || ready < hops) break;
      left -= this.#tell(await this.#run(joined.slice(at, at + hops * hop)), Math.min(hops, left));
      at += hops * hop;
    }
    this.#inbox = joined.slice(at);
  }

  /** One step: [labels * hops] probabilities, label by label. */
  async #run(samples) {
    const card = this.#card;
    const input = new this.#ort.Tensor("float32", samples, [1, samples.length]);
    const answer = await this.#session.run({ [card.input]: input, ...this.#states });
    this.#states = Object.fromEntries(card.states.map(({ name, next }) => [name, answer[next]]));
    return answer[card.output].data;
  }

  #tell(probabilities, hops) {
    const labels = this.#card.labels.length;
    const stride = probabilities.length / labels;
    for (let frame = 0; frame < hops; frame += 1) {
      const row = Float32Array.from({ length: labels }, (_, label) => probabilities[label * stride + frame]);
      const { scores, timestamp, detections } = this.#decider.push(row);
      this.#handlers.scores(timestamp, scores);
      detections.forEach((detection) => this.#handlers.detection(detection));
    }
    return hops;
  }
}
