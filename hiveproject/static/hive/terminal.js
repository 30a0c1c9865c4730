// A shell of an agent in the page: bytes both ways over one websocket, text only for sizes and states. A shell outlives
// its page by a minute; the tab remembers which one it was.
"use strict";

(() => {
  const place = document.querySelector("[data-terminal]");
  if (!place) return;
  const OVER = 4410, REFUSED = 4403;
  const RETRY = [300, 1_000, 2_000, 5_000, 10_000];
  const agent = place.dataset.terminal;
  const key = `terminal of ${agent}`;
  const state = document.querySelector("[data-terminal-state]");
  const again = document.querySelector("[data-terminal-again]");
  const close = document.querySelector("[data-terminal-close]");
  const styles = getComputedStyle(document.documentElement);
  const terminal = new Terminal({
    fontFamily: styles.getPropertyValue("--mono"),
    fontSize: 14,
    scrollback: 5_000,
    minimumContrastRatio: 4.5,
    allowProposedApi: false,
    theme: { background: "#0c0b09", foreground: "#ece5d8", cursor: "#f0a832", selectionBackground: "#5b4a2a" },
  });
  const fit = new FitAddon.FitAddon();
  const encoder = new TextEncoder();
  let socket = null;
  let tries = 0;
  let over = false;

  const say = (text) => { if (state.textContent !== text) state.textContent = text; };
  const tell = (words) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(words)); };
  const size = () => [terminal.cols, terminal.rows];

  const ended = (text) => {
    over = true;
    sessionStorage.removeItem(key);
    say(text);
    again.hidden = false;
    close.hidden = true;
    terminal.options.disableStdin = true;
  };

  const hear = (words) => {
    if (words.opened) {
      sessionStorage.setItem(key, words.opened);
      tries = 0;
      say("open");
      terminal.focus();
    } else if (words.gone) {
      ended("The shell has ended: nobody came back to it in time.");
      socket.close();
    } else if (words.ended) ended(words.ended);
  };

  const ticket = async () => {
    const headers = JSON.parse(document.body.getAttribute("hx-headers"));
    const answer = await fetch(place.dataset.ticketPath, { method: "POST", headers });
    if (!answer.ok) throw answer.status;
    return (await answer.json()).ticket;
  };

  const later = () => {
    say("reconnecting…");
    setTimeout(connect, RETRY[Math.min(tries++, RETRY.length - 1)]);
  };

  const connect = async () => {
    let token = "";
    try {
      token = await ticket();
    } catch (status) {
      return status === 401 || status === 403 ? ended("You are signed out, or may not open terminals.") : later();
    }
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const known = sessionStorage.getItem(key);
    socket = new WebSocket(`${scheme}//${location.host}/agents/${agent}/terminal/ws?ticket=${token}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (known) terminal.reset();
      tell(known ? { resume: known, size: size() } : { open: size() });
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? hear(JSON.parse(data)) : terminal.write(new Uint8Array(data)));
    socket.onclose = ({ code }) => {
      if (code === REFUSED) ended("You are signed out, or may not open terminals.");
      if (code === OVER && !over) ended("The terminal was closed.");
      if (!over) later();
    };
  };

  terminal.loadAddon(fit);
  terminal.open(place);
  fit.fit();
  new ResizeObserver(() => fit.fit()).observe(place);
  terminal.onResize(() => tell({ resize: size() }));
  terminal.onData((text) => { if (!over && socket?.readyState === WebSocket.OPEN) socket.send(encoder.encode(text)); });
  again.addEventListener("click", () => {
    over = false;
    again.hidden = true;
    close.hidden = false;
    terminal.options.disableStdin = false;
    terminal.reset();
    say("connecting…");
    connect();
  });
  close.addEventListener("click", () => tell({ close: true }));
  document.querySelector("[data-copy]")?.addEventListener("click", async ({ target }) => {
    await navigator.clipboard.writeText(document.querySelector("[data-copied]").textContent);
    target.textContent = "Copied";
  });
  connect();
})();
