// Recognition on the server: 16-bit samples over a WebSocket, answers as small JSON messages.

import { streamAddress } from "./server.js";

const MOST_WAITING = 1 << 20; // bytes that the network has not taken yet: half a minute of speech
const SCORES_HZ = 25;
const GOODBYE_MS = 2000;
const NORMAL = 1000;
const REASONS = {
  1000: "The server closed the stream.",
  1001: "The server is shutting down.",
  1008: "The server refused the stream.",
  1009: "The server found a message too long.",
  1011: "The server had an error.",
  1013: "The server has too many streams; try again in a moment.",
};

export class ServerEngine {
  #place;
  #handlers;
  #socket;
  #said = ""; // the last error that the server told
  #ended;
  #closing = false;

  /**
   * `handlers`: scores(timestamp, values) with milliseconds of the stream and a value for each label,
   * detection({name, timestamp, start, end, score}), failed(text).
   */
  constructor({ name, version }, handlers) {
    this.#place = streamAddress(name, version);
    this.#handlers = handlers;
  }

  /** Connect; resolves when the server has introduced itself. */
  open() {
    this.#socket = new WebSocket(this.#place);
    this.#socket.binaryType = "arraybuffer";
    return new Promise((welcomed, refused) => {
      this.#socket.onmessage = ({ data }) => this.#hear(JSON.parse(data), welcomed);
      this.#ended = new Promise((ended) => {
        this.#socket.onclose = ({ code, reason }) => {
          const text = this.#said || reason || REASONS[code] || "The connection to the server broke.";
          refused(new Error(text));
          if (!this.#closing) this.#handlers.failed(text);
          ended();
        };
      });
    });
  }

  /** Begin a stream; `threshold` null leaves each label its own. */
  begin({ rateHz, threshold }) {
    this.setThreshold(threshold);
    this.#say("audio-start", { rate: rateHz, width: 2, channels: 1 });
  }

  /** While it runs, too. */
  setThreshold(threshold) {
    this.#say("detect", { partials: SCORES_HZ, ...(threshold === null ? {} : { threshold }) });
  }

  push(samples) {
    if (this.#socket.bufferedAmount > MOST_WAITING) {
      this.#handlers.failed("The network is slower than the microphone.");
    } else if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(samples);
    }
  }

  /** Say that the sound is over, and wait for what the server still has to tell. */
  async finish() {
    this.#closing = true;
    this.#say("audio-stop", {});
    // When all is told, the server closes.
    await Promise.race([this.#ended, new Promise((done) => setTimeout(done, GOODBYE_MS))]);
    this.close();
  }

  close() {
    this.#closing = true;
    this.#socket?.close(NORMAL);
  }

  #say(type, data) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
  }

  #hear({ type, data }, welcomed) {
    if (type === "info") welcomed(data);
    else if (type === "scores") this.#handlers.scores(data.timestamp, data.scores);
    else if (type === "detection") this.#handlers.detection(data);
    else if (type === "error") this.#said = data.text;
  }
}
