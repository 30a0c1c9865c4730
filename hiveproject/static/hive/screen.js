// The screen of an agent: noVNC on a websocket that a fresh ticket opens each time. What may be done there is decided
// and enforced on the host; what is shown here only follows it.
import RFB from "../novnc-1.7.0/core/rfb.js";

const RETRY = [500, 1_000, 2_000, 5_000, 10_000]; // ms
const SIGNED_OUT = 4403;

const page = document.querySelector("[data-screen]");
const part = (name) => page.querySelector(`[data-screen-${name}]`);
const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
const panel = () => document.getElementById("panel-control");
const clipboard = part("clipboard");

let rfb = null;
let viewer = "";
let tries = 0;
let shown = false;
let recording = false;
let timer = null;

// What is the same is not written again: whoever observes the page would be told.
const write = (name, text) => { if (part(name).textContent !== text) part(name).textContent = text; };
const say = (text) => write("word", text);

const mine = () => Boolean(viewer) && panel().dataset.driver === viewer && shown;

const follow = () => {
  const driving = mine();
  if (rfb && rfb.viewOnly === driving) {
    rfb.viewOnly = !driving;
    if (driving) rfb.focus();
  }
  page.dataset.mine = driving ? "yes" : "no";
  const words = driving ? "You drive" : "View only";
  write("badge", shown ? (recording ? `${words} · recording` : words) : "");
};

// -- connecting -----------------------------------------------------------------------------------------------------------

const ticket = async () => {
  const body = new URLSearchParams({ viewer, ...(recording ? { record: "1" } : {}) });
  const answer = await fetch(page.dataset.ticketPath, { method: "POST", body, headers: { "X-CSRFToken": csrf } });
  if (answer.redirected || answer.status === 401 || answer.status === 403) throw new Error("signed out");
  if (!answer.ok) return null;
  return answer.json();
};

const later = () => {
  clearTimeout(timer);
  timer = setTimeout(connect, RETRY[Math.min(tries++, RETRY.length - 1)] * (0.8 + Math.random() * 0.4));
};

const lost = (code, reason) => {
  rfb = null;
  shown = false;
  part("view").replaceChildren();
  follow();
  if (code === SIGNED_OUT) return say("You are signed out, or may not watch any more. Sign in and open this page again.");
  say(panel().dataset.absence || (reason ? `${reason[0].toUpperCase()}${reason.slice(1)}. Trying again…` : "Connecting…"));
  later();
};

const connect = async () => {
  const { absence } = panel().dataset;
  if (absence) {
    say(absence);
    await htmx.ajax("GET", `${location.pathname}?panels=control`, { source: document.body, swap: "none" }).catch(() => {});
    return panel().dataset.absence === absence ? later() : connect();
  }
  let given;
  try {
    given = await ticket();
  } catch (error) {
    return error.message === "signed out" ? lost(SIGNED_OUT) : lost(0, "the hive does not answer");
  }
  if (!given) return lost(0, "the hive does not answer");
  viewer = given.viewer;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}${page.dataset.socketPath}?ticket=${given.ticket}`);
  socket.binaryType = "arraybuffer";
  let over = null;
  socket.addEventListener("close", (event) => { over = event; });
  rfb = new RFB(part("view"), socket, { shared: true });
  rfb.viewOnly = true;
  rfb.scaleViewport = true;
  rfb.background = "transparent";
  rfb.addEventListener("connect", () => {
    shown = true;
    tries = 0;
    say("");
    follow();
  });
  rfb.addEventListener("disconnect", () => setTimeout(() => lost(over?.code ?? 0, over?.reason), 0));
  rfb.addEventListener("clipboard", (event) => { if (mine()) clipboard.value = event.detail.text; });
};

// -- what can be pressed --------------------------------------------------------------------------------------------------

document.addEventListener("htmx:configRequest", (event) => {
  if (event.target.matches(".screen-control form")) event.detail.parameters.set("viewer", shown ? viewer : "");
});

part("full").addEventListener("click", () => part("frame").requestFullscreen());
part("send").addEventListener("click", () => { if (mine()) rfb.clipboardPasteFrom(clipboard.value); });
part("copy").addEventListener("click", () => { clipboard.select(); document.execCommand("copy"); });
part("record")?.addEventListener("click", () => {
  recording = !recording;
  part("record").textContent = recording ? "Stop recording" : "Record";
  part("record").setAttribute("aria-pressed", String(recording));
  tries = 0;
  rfb?.disconnect();
});

// -- what the host says ---------------------------------------------------------------------------------------------------

new MutationObserver(follow).observe(page.querySelector("header"), { childList: true, subtree: true, attributeFilter: ["data-driver"] });

follow();
connect();
