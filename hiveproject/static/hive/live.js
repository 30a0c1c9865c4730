// Keeps a page of the hive live: one websocket says which topics changed, htmx fetches the parts of the page that show
// them, idiomorph puts them in place. Everything here only adds to pages that work without it.
"use strict";

(() => {
  const GAP = 80; // ms between two refreshes; the hive gathers changes for 40 ms, too
  const PING_EVERY = 20_000;
  const SILENT_FOR = 45_000;
  const RETRY = [300, 1_000, 2_000, 5_000, 10_000];
  const TITLE = document.title.replace(/^\(\d+\) /, "");

  // -- morphing keeps what the reader opened, typed or has loaded --------------------------------------------------

  const dirty = (element) => "defaultValue" in element && element.type !== "hidden" && element.value !== element.defaultValue;

  Idiomorph.defaults.ignoreActiveValue = true;
  Object.assign(Idiomorph.defaults.callbacks, {
    beforeAttributeUpdated: (name, element) => !(name === "open" && /^(DETAILS|DIALOG)$/.test(element.tagName)),
    beforeNodeMorphed: (old, fresh) => {
      if (!(old instanceof Element)) return true;
      if (old.dataset.keep && old.dataset.keep === fresh.dataset?.keep) return false;
      if (old.dataset.loaded && old.dataset.loaded === fresh.dataset?.lazy) return false;
      return !dirty(old);
    },
  });

  // -- parts that are fetched when their fold is opened ---------------------------------------------------------------

  const openLazy = (root) => {
    for (const part of root.querySelectorAll("details[open] [data-lazy][hx-get]")) {
      if (part.dataset.loaded !== part.dataset.lazy) {
        part.dataset.loaded = part.dataset.lazy;
        htmx.trigger(part, "hive:open");
      }
    }
  };
  document.addEventListener("toggle", (event) => event.target.open && openLazy(event.target.parentNode), true);

  // -- logs stay at their end while one looks at the end ---------------------------------------------------------------

  const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const follow = (root) => root.querySelectorAll("[data-follow]").forEach((box) => { box.scrollTop = box.scrollHeight; });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const box = event.detail.target.closest?.("[data-follow]");
    if (box) box.dataset.follow = atEnd(box) ? "yes" : "no";
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const box = event.target.closest?.("[data-follow]");
    if (box && box.dataset.follow !== "no") box.scrollTop = box.scrollHeight;
    else if (event.target.matches?.("[data-lazy]")) follow(event.target);
    openLazy(document);
    showPending();
  });

  // -- refreshing -------------------------------------------------------------------------------------------------------

  const AGAIN = 1_000; // ms until a part that could not be fetched is asked for once more
  let wanted = new Set();
  let timer = null;
  let busy = false;
  const missed = new Set(); // topics of parts that changed when they could not be fetched
  let again = null;

  const concerns = (element, topics) =>
    element.dataset.topics.split(" ").some((topic) => {
      const [word, id] = topic.split(":");
      return word in topics && (!id || topics[word].length === 0 || topics[word].includes(id));
    });

  const want = (chosen) => {
    for (const element of document.querySelectorAll("[data-topics]")) {
      if (!chosen(element)) continue;
      if (element.dataset.panel) wanted.add(element.dataset.panel);
      else poke(element);
    }
    schedule();
  };

  // While a part is being fetched its answer may replace it, and what was just put in place is not wired yet: either
  // would lose a second request, so that is made a little later.
  const poke = (element) => {
    if (!element.matches(".htmx-request, .htmx-added")) return htmx.trigger(element, "hive:changed");
    missed.add(element.dataset.topics);
    again ??= setTimeout(pokeMissed, GAP);
  };

  const pokeMissed = () => {
    const topics = new Set(missed);
    missed.clear();
    again = null;
    want((element) => !element.dataset.panel && topics.has(element.dataset.topics));
  };

  const schedule = () => {
    if (!timer && !busy && wanted.size) timer = setTimeout(refresh, document.hidden ? GAP * 25 : 0);
  };

  const refresh = async () => {
    timer = null;
    const panels = [...wanted].join(",");
    wanted = new Set();
    busy = true;
    const url = new URL(location.href);
    url.searchParams.set("panels", panels);
    let pause = GAP;
    try {
      await htmx.ajax("GET", url.pathname + url.search, { source: document.body, swap: "none" });
    } catch {
      panels.split(",").forEach((panel) => wanted.add(panel));
      pause = AGAIN;
    }
    setTimeout(() => { busy = false; schedule(); }, pause);
  };

  const refreshAll = () => want(() => true);

  document.addEventListener("htmx:afterRequest", ({ detail: { requestConfig, successful, xhr } }) => {
    const { topics } = requestConfig.elt.dataset; // the event itself comes from the parent of one that was replaced
    if (!topics || requestConfig.verb !== "get") return;
    const same = () => want((element) => element.dataset.topics === topics);
    if (!successful && (xhr.status === 0 || xhr.status >= 500)) setTimeout(same, AGAIN);
  });

  const showPending = () => {
    const pending = Number(document.getElementById("panel-standing")?.dataset.pending || 0);
    document.title = pending ? `(${pending}) ${TITLE}` : TITLE;
  };

  // -- what forms did ---------------------------------------------------------------------------------------------------

  const toast = (text, tone) => {
    const box = document.querySelector("[data-toasts]");
    const note = document.createElement("p");
    note.className = `toast toast-${tone}`;
    note.textContent = text;
    note.addEventListener("click", () => note.remove());
    box.append(note);
    setTimeout(() => note.remove(), tone === "done" ? 5_000 : 15_000);
  };

  document.addEventListener("hive:toast", (event) => toast(event.detail.text, event.detail.tone));
  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.requestConfig.verb !== "get") toast("The hive did not answer: nothing was sent. Try again.", "refused");
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.getResponseHeader("HX-Trigger") || xhr.getResponseHeader("HX-Redirect")) return;
    const plain = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain");
    if (requestConfig.verb !== "get" || plain) toast(plain ? xhr.responseText : `The hive answered with an error (${xhr.status}).`, "refused");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { requestConfig, successful, elt } = event.detail;
    if (requestConfig.verb === "get") return;
    if (successful && elt.matches("form")) {
      elt.reset();
      if (elt.parentNode.matches("details")) elt.parentNode.open = false;
    }
    refreshAll();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("form.composer textarea")) {
      event.target.form.requestSubmit();
    }
  });

  // -- the connection -----------------------------------------------------------------------------------------------------

  const place = document.querySelector("[data-liveness]");
  let tries = 0;
  let heard = 0;
  let lost = null;
  let socket = null;

  const say = (state, text) => {
    place.dataset.liveness = state;
    if (place.textContent !== text) place.textContent = text;
  };
  const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });

  const receive = (message) => {
    heard = Date.now();
    const { topics } = JSON.parse(message);
    if (topics) want((element) => concerns(element, topics));
  };

  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${document.body.dataset.livePath}`);
    socket.onopen = () => {
      heard = Date.now();
      tries = 0;
      say("live", "live");
      refreshAll();
      lost = null;
    };
    socket.onmessage = (event) => receive(event.data);
    socket.onclose = (event) => {
      lost ??= new Date();
      if (event.code === 4403) return say("over", "signed out");
      say(tries < 3 ? "trying" : "stale", tries < 3 ? "reconnecting…" : `not live since ${clock(lost)}`);
      setTimeout(connect, RETRY[Math.min(tries++, RETRY.length - 1)] * (0.8 + Math.random() * 0.4));
    };
  };

  setInterval(() => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - heard > SILENT_FOR) socket.close();
    else socket.send("ping");
  }, PING_EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || schedule());
  addEventListener("online", () => socket?.readyState === WebSocket.OPEN || (tries = 0));

  document.documentElement.classList.add("js");
  openLazy(document);
  follow(document);
  say("trying", "connecting…");
  connect();
})();
