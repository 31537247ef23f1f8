// A phone in a real browser: JsSIP for SIP, the browser's own WebRTC for audio. It plays a tone into its calls, keeps what
// it hears, and does what the test calls on `phone`.
import JsSIP from '/jssip.js';

const context = new AudioContext();
const events = [];
const heard = [];
const say = (what, more = {}) => events.push({ what, ...more });
let ua, session, tone, tap;

function speaks(hertz) {
  const oscillator = new OscillatorNode(context, { frequency: hertz });
  const gain = new GainNode(context, { gain: 0.3 });
  const line = context.createMediaStreamDestination();
  oscillator.connect(gain).connect(line);
  oscillator.start();
  return line.stream;
}

function listens(stream) {
  const element = new Audio(); // Chromium decodes nothing that no element plays
  element.muted = true;
  element.srcObject = stream;
  element.play();
  if (tap) tap.onaudioprocess = null; // a browser may tell of the same stream twice
  tap = context.createScriptProcessor(1024, 1, 1);
  tap.onaudioprocess = ({ inputBuffer }) =>
    heard.push(Int16Array.from(inputBuffer.getChannelData(0), (sample) => sample * 32767));
  context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
}

function follow(one) {
  session = one;
  for (const name of ['progress', 'accepted', 'confirmed', 'hold', 'unhold', 'reinvite'])
    one.on(name, ({ originator }) => say(name, { originator }));
  for (const name of ['ended', 'failed']) one.on(name, ({ cause }) => say(name, { cause }));
  one.on('refer', () => say('refer'));
  const watch = (connection) => {
    connection.addEventListener('track', ({ streams, track }) => {
      say('track', { streams: streams.length });
      listens(streams[0] ?? new MediaStream([track]));
    });
    connection.addEventListener('connectionstatechange', () => say(`connection ${connection.connectionState}`));
  };
  if (one.connection) watch(one.connection);
  else one.on('peerconnection', ({ peerconnection }) => watch(peerconnection));
}

const options = () => ({ mediaStream: tone, pcConfig: { iceServers: [] } });

window.phone = {
  events,
  async start({ url, user, password, host, hertz }) {
    await context.resume();
    tone = speaks(hertz);
    ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@${host}`, password, register_expires: 120,
    });
    ua.on('registered', () => say('registered'));
    ua.on('registrationFailed', ({ cause }) => say('refused', { cause }));
    ua.on('newRTCSession', ({ originator, session: one }) => {
      follow(one);
      if (originator === 'remote') say('ringing', { from: one.remote_identity.uri.user });
    });
    ua.start();
  },
  dial: (number) => void ua.call(number, options()),
  answer: () => session.answer(options()),
  hold: () => session.hold(),
  resume: () => session.unhold(),
  press: (digits) => session.sendDTMF(digits, { transportType: 'RFC2833', duration: 120, interToneGap: 120 }),
  refer: (number) => session.refer(number),
  restart: () => session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }),
  hangUp: () => session.terminate(),
  stop: () => ua.stop(),
  async codec() {
    for (const report of (await session.connection.getStats()).values())
      if (report.type === 'codec') return report.mimeType;
    return '';
  },
  async secured() {
    for (const report of (await session.connection.getStats()).values())
      if (report.type === 'transport') return `${report.tlsVersion} ${report.srtpCipher}`;
    return '';
  },
  descriptions: () => [session.connection.localDescription.sdp, session.connection.remoteDescription.sdp],
  // What was heard since the last time, as base64 of 16-bit samples.
  take() {
    const pieces = heard.splice(0);
    const all = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let place = 0;
    for (const piece of pieces) { all.set(piece, place); place += piece.length; }
    let text = '';
    const bytes = new Uint8Array(all.buffer);
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return [context.sampleRate, btoa(text)];
  },
};
