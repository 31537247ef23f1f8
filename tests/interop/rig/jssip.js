// A phone as browsers run it: JsSIP over WebSocket. It registers, says each thing that happens as a line of JSON, and is
// busy when it is called: Node has no WebRTC, so there is no audio.
global.window = { RTCPeerConnection: class {} };
const JsSIP = require('jssip');
const WebSocket = require('jssip-node-websocket');

const [, , url, user, password, host] = process.argv;
const say = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));
const socket = new WebSocket(url, { requestOptions: { rejectUnauthorized: false } }); // it made its certificate itself
const ua = new JsSIP.UA({ sockets: [socket], uri: `sip:${user}@${host}`, password, register_expires: 120 });

ua.on('registered', ({ response }) => say('registered', { contact: response.getHeaders('Contact').join(', ') }));
ua.on('registrationFailed', ({ cause }) => say('refused', { cause }));
ua.on('newOptions', () => say('options'));
ua.on('newRTCSession', ({ session, request }) => {
  say('invite', { from: request.from.toString(), body: request.body });
  session.terminate({ status_code: 486, reason_phrase: 'Busy Here' });
});
process.stdin.on('end', () => { ua.stop(); setTimeout(() => process.exit(0), 2000); });
ua.on('unregistered', () => { say('unregistered'); });
ua.on('disconnected', () => process.exit(0));
process.stdin.resume();
ua.start();
