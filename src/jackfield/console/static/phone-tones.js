// The tones that a phone makes by itself, as the country has them: it rings there, they are busy, another one calls.

import { route } from "./phone-sound.js";

const WAITING = [[[440], 0.15], [[], 0.15], [[440], 0.15], [[], 4.5]]; // while one talks: soft, and twice
const LEVEL = 0.06;
const AHEAD = 0.05; // seconds

class Tones {
  name = ""; // what sounds now
  #context = null;
  #target = null;
  #element = new Audio();
  #playing = [];
  #timer = 0;

  // Play a tone's cadence, [[frequencies in Hz], seconds] in turn, until `stop`, or for so many seconds.
  play(name, cadence, seconds = 0) {
    if (this.name === name || !cadence?.length) return;
    this.stop();
    this.name = name;
    this.#context ??= new AudioContext();
    this.#target ??= this.#context.createMediaStreamDestination();
    this.#element.srcObject = this.#target.stream;
    route(this.#element, "speaker");
    this.#context.resume().catch(() => {});
    this.#element.play().catch(() => {});
    const round = cadence.reduce((sum, [, length]) => sum + length, 0);
    const until = seconds ? this.#context.currentTime + seconds : Infinity;
    const next = (at) => {
      if (at >= until) return this.stop();
      this.#playing = this.#playing.filter((one) => one.ends > this.#context.currentTime);
      let from = at;
      for (const [frequencies, length] of cadence) {
        for (const hertz of frequencies) this.#sound(hertz, from, length, frequencies.length);
        from += length;
      }
      this.#timer = setTimeout(next, Math.max(0, from - this.#context.currentTime - AHEAD) * 1000, from);
    };
    next(this.#context.currentTime + AHEAD);
  }

  waiting() {
    this.play("waiting", WAITING);
  }

  #sound(hertz, at, length, together) {
    const tone = new OscillatorNode(this.#context, { frequency: hertz });
    const gain = new GainNode(this.#context, { gain: 0 });
    gain.gain.setTargetAtTime(LEVEL / together, at, 0.004);
    gain.gain.setTargetAtTime(0, at + length - 0.02, 0.004);
    tone.connect(gain).connect(this.#target);
    tone.start(at);
    tone.stop(at + length);
    this.#playing.push(Object.assign(tone, { ends: at + length }));
  }

  stop(name = this.name) {
    if (name !== this.name) return;
    this.name = "";
    clearTimeout(this.#timer);
    for (const tone of this.#playing) tone.disconnect();
    this.#playing = [];
    this.#element.pause();
  }
}

export const tones = new Tones();
