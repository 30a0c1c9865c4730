// Plays a recorded screen: noVNC is fed what a browser was sent then, at the same pace; long pauses are shortened.
import RFB from "../novnc-1.7.0/core/rfb.js";

const MAGIC = "HIVERFB1";
const LONGEST_PAUSE = 2_000; // ms

const page = document.querySelector("[data-replay]");
const part = (name) => page.querySelector(`[data-replay-${name}]`);
const say = (text) => { part("word").textContent = text; };

// What noVNC takes for its connection; what it says to the server of then is for nobody.
class Tape {
  binaryType = "arraybuffer";
  protocol = "";
  readyState = "open";
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  send() {}
  close() { this.readyState = "closed"; }
}

const load = async () => {
  const pieces = [];
  let length = 0;
  for (;;) {
    const answer = await fetch(`${page.dataset.piecePath}?from=${length}`);
    if (!answer.ok) throw new Error(answer.status === 404 ? "The file of this recording is gone." : "The hive does not answer.");
    const piece = new Uint8Array(await answer.arrayBuffer());
    if (!piece.length) break;
    pieces.push(piece);
    length += piece.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
};

// [when to show it, ms; bytes], with long pauses cut.
const records = (whole) => {
  if (new TextDecoder().decode(whole.subarray(0, MAGIC.length)) !== MAGIC) throw new Error("This is no recording.");
  const view = new DataView(whole.buffer);
  const found = [];
  let clock = 0;
  let before = 0;
  for (let at = MAGIC.length; at + 8 <= whole.length;) {
    const [time, length] = [view.getUint32(at), view.getUint32(at + 4)];
    if (at + 8 + length > whole.length) break; // its end was not written
    clock += Math.min(time - before, LONGEST_PAUSE);
    before = time;
    found.push([clock, whole.slice(at + 8, at + 8 + length)]);
    at += 8 + length;
  }
  if (!found.length) throw new Error("Nothing was recorded.");
  return found;
};

const spoken = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, "0")}`;

const play = (found) => {
  const end = found[found.length - 1][0];
  let tape, rfb, next, clock, then, running;

  const begin = () => {
    rfb?.disconnect();
    part("view").replaceChildren();
    tape = new Tape();
    rfb = new RFB(part("view"), tape, { shared: true });
    rfb.viewOnly = true;
    rfb.scaleViewport = true;
    rfb.background = "transparent";
    [next, clock, then, running] = [0, 0, performance.now(), true];
    part("play").textContent = "Pause";
    requestAnimationFrame(step);
  };

  const step = (now) => {
    if (!running) return;
    clock += now - then;
    then = now;
    while (next < found.length && found[next][0] <= clock) tape.onmessage?.({ data: found[next++][1].buffer });
    part("progress").value = Math.min(1, clock / (end || 1));
    part("clock").textContent = `${spoken(Math.min(clock, end))} / ${spoken(end)}`;
    if (next < found.length) return requestAnimationFrame(step);
    running = false;
    part("progress").value = 1;
    part("play").textContent = "Again";
  };

  part("play").addEventListener("click", () => {
    if (next >= found.length) return begin();
    running = !running;
    part("play").textContent = running ? "Pause" : "Play";
    then = performance.now();
    if (running) requestAnimationFrame(step);
  });
  begin();
};

try {
  if (!part("word").textContent) say("Loading…");
  const found = records(await load());
  say("");
  play(found);
} catch (error) {
  say(error.message);
}
