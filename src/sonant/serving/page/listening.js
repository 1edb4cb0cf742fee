// One live stream from microphone to detections, on the server or in the browser.

import { BrowserEngine } from "./browser_engine.js";
import { Microphone } from "./microphone.js";
import { ServerEngine } from "./server_engine.js";
import { Ring } from "./sound.js";

const KEPT_S = 12; // sound that can still be cut out of the stream
const MEASURED = 200; // answers of which the latency is told

export class Listening {
  #handlers;
  #engine;
  #microphone;
  #model;

  /**
   * `handlers`: heard(chunk), scores(timestamp, values), detection(detection, sound), and
   * ended(text), which is called once if the stream ends by itself.
   */
  constructor(model, { inBrowser, handlers }) {
    this.#model = model;
    this.#handlers = handlers;
    this.latency = new Latency();
    const Engine = inBrowser ? BrowserEngine : ServerEngine;
    this.#engine = new Engine(model, {
      scores: (timestamp, values) => {
        this.latency.answered(timestamp + this.#delayMs, performance.now());
        handlers.scores(timestamp, values);
      },
      detection: (detection) => handlers.detection(detection, this.#sound()),
      failed: (text) => this.#end(text),
    });
  }

  get rateHz() {
    return this.#microphone.rateHz;
  }

  /** Milliseconds heard. */
  get heardMs() {
    return this.ring ? (1000 * this.ring.total) / this.rateHz : 0;
  }

  /** Open microphone and engine, then hear; throws an `Error` that a person can read. */
  async start({ processing, threshold }) {
    try {
      this.#microphone = await Microphone.open({ rateHz: this.#model.rate_hz, processing });
      await this.#engine.open();
      if (this.over) {
        this.close(); // stopped while it was starting
        return;
      }
      this.ring = new Ring(KEPT_S * this.rateHz);
      this.#engine.begin({ rateHz: this.rateHz, threshold });
      this.#microphone.start({
        onChunk: (chunk) => this.#hear(chunk),
        onLost: () => this.#end("The microphone is gone."),
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  setThreshold(threshold) {
    this.#engine.setThreshold(threshold);
  }

  /** Stop hearing, and wait for the last answers. */
  async stop() {
    if (!this.ring) {
      this.close();
      return;
    }
    await this.#microphone.finish();
    if (!this.over) await this.#engine.finish();
    this.over = true;
  }

  close() {
    this.over = true;
    this.#microphone?.close();
    this.#engine.close();
  }

  get #delayMs() {
    return (1000 * this.#model.delay) / this.#model.rate_hz;
  }

  #sound() {
    return { ring: this.ring, rateHz: this.rateHz, clipMs: this.#model.clip_ms };
  }

  #hear(chunk) {
    if (this.over) return;
    this.ring.push(chunk);
    this.latency.sent(this.heardMs, performance.now());
    this.#handlers.heard(chunk);
    this.#engine.push(chunk);
  }

  #end(text) {
    if (this.over) return;
    this.close();
    this.#handlers.ended(text);
  }
}

/** From handing a chunk to the engine to the scores that it made possible. */
class Latency {
  #sent = []; // [milliseconds of the stream at the chunk's end, when it was sent]
  #measured = [];

  sent(endMs, now) {
    this.#sent.push([endMs, now]);
  }

  answered(heardMs, now) {
    // Half a millisecond of grace: times are rounded on their way.
    const at = this.#sent.findIndex(([endMs]) => endMs >= heardMs - 0.5);
    if (at < 0) return;
    this.#measured.push(now - this.#sent[at][1]);
    this.#sent.splice(0, at);
    if (this.#measured.length > MEASURED) this.#measured.shift();
  }

  /** {median, worst} in milliseconds of the last answers, null before the first. */
  summary() {
    if (!this.#measured.length) return null;
    const sorted = [...this.#measured].sort((one, other) => one - other);
    return { median: sorted[sorted.length >> 1], worst: sorted[sorted.length - 1] };
  }
}
