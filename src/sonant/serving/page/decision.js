// From probabilities at every frame to detections: the same rules, and the same arithmetic in the same
// order, as `sonant.runtime.decision` has in Python. For each label with a threshold, independently:
//
// 1. The score of a frame is the mean probability over the last `smoothing_frames`; before the first
//    frame probabilities are 0.
// 2. At rest, frames in a row with a score of at least the threshold are counted, none of them within
//    `refractory_frames` after the last burst. When `patience` of them are reached, the label fires.
// 3. A burst lasts until a score falls below the release, which is never above the threshold. That
//    frame is the first at rest; a burst is one detection, whatever its length.

export class Decider {
  #settings;
  #labels;
  #clock;
  #past = []; // the last frames, at most `smoothing_frames`
  #watched = [];
  #frames = 0;

  /**
   * `settings`: {thresholds: a number or null for each label, release, smoothing_frames, patience,
   * refractory_frames}; `clock`: frame -> milliseconds of the stream.
   */
  constructor(settings, { labels, clock }) {
    this.#settings = settings;
    this.#labels = labels;
    this.#clock = clock;
    const silence = new Float64Array(labels.length);
    this.#past = Array.from({ length: settings.smoothing_frames }, () => silence);
    settings.thresholds.forEach((threshold, column) => {
      if (threshold === null) return;
      const release = Math.min(settings.release, threshold);
      this.#watched.push({ column, threshold, release, silentUntil: 0, run: 0, fired: -1 });
    });
  }

  /** One threshold for all labels from the next frame on; null gives each its own again. */
  setThreshold(threshold) {
    for (const label of this.#watched) {
      label.threshold = threshold ?? this.#settings.thresholds[label.column];
      label.release = Math.min(this.#settings.release, label.threshold);
    }
  }

  /** One frame of probabilities -> {timestamp, scores, detections}. */
  push(probabilities) {
    this.#past.push(Float64Array.from(probabilities));
    this.#past.shift();
    const scores = this.#means();
    const now = this.#frames++;
    const detections = this.#watched.filter((label) => this.#fires(label, scores[label.column], now));
    const timestamp = this.#clock(now);
    return { timestamp, scores, detections: detections.map((label) => this.#told(label, now)) };
  }

  #means() {
    const total = Float64Array.from(this.#past[0]);
    for (const frame of this.#past.slice(1)) frame.forEach((value, at) => (total[at] += value));
    return total.map((value) => value / this.#past.length);
  }

  #fires(label, score, now) {
    if (label.fired >= 0) {
      if (score < label.release) {
        Object.assign(label, { fired: -1, run: 0, silentUntil: now + this.#settings.refractory_frames });
      }
      return false;
    }
    if (score < label.threshold || now < label.silentUntil) {
      label.run = 0;
      return false;
    }
    if (!label.run) Object.assign(label, { start: now, score: -1 });
    label.score = Math.max(label.score, score);
    label.run += 1;
    if (label.run !== this.#settings.patience) return false;
    label.fired = now;
    return true;
  }

  #told(label, now) {
    return {
      name: this.#labels[label.column],
      timestamp: this.#clock(now),
      start: this.#clock(label.start),
      end: this.#clock(now),
      score: label.score,
    };
  }
}
