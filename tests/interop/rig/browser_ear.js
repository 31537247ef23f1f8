// Returns whether the strongest frequency that a call's card plays is `hertz`. Body of a function of (hertz, card).
const stream = document.querySelectorAll(".call-card audio")[card]?.srcObject;
if (!stream) return false;
const context = (window.earContext ??= new AudioContext());
await context.resume();
const ears = (window.ears ??= new Map());
if (!ears.has(stream)) {
  const node = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(node);
  ears.set(stream, node);
}
const node = ears.get(stream);
const levels = new Float32Array(node.frequencyBinCount);
node.getFloatFrequencyData(levels);
let best = 0;
levels.forEach((level, index) => { if (level > levels[best]) best = index; });
const found = (best * context.sampleRate) / node.fftSize;
window.heard = [found, levels[best]];
return levels[best] > -60 && Math.abs(found - hertz) < 15;
