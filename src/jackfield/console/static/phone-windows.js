// The windows of one browser: one of them is the phone, and the others ask it for calls.

const WAIT = 250; // milliseconds that another window has for its answer
const channel = "BroadcastChannel" in window ? new BroadcastChannel("jackfield-phone") : null;

function asked(question, answer, wait) {
  if (!channel) return Promise.resolve(false);
  return new Promise((done) => {
    const hear = ({ data }) => { if (data.what === answer) finish(true); };
    const finish = (found) => {
      channel.removeEventListener("message", hear);
      clearTimeout(timer);
      done(found);
    };
    const timer = setTimeout(finish, wait, false);
    channel.addEventListener("message", hear);
    channel.postMessage({ what: question });
  });
}

// Tell whether somebody talks in another window.
export const othersTalk = () => asked("who talks", "talking", WAIT);

// Have the other windows end their calls, before this one is the phone.
export const takeOver = () => asked("leave", "left", 2 * WAIT);

// Answer the other windows. Numbers that are clicked in another of the own pages (own.js) are called from here.
export function listen({ talks, ready, place, leave }) {
  channel?.addEventListener("message", ({ data }) => {
    if (data.what === "who talks" && talks()) channel.postMessage({ what: "talking" });
    else if (data.what === "leave" && talks()) {
      leave();
      channel.postMessage({ what: "left" });
    } else if (data.what === "call" && ready()) {
      channel.postMessage({ what: "calling", id: data.id });
      place(data.number, { name: data.name });
    }
  });
}
