// Plays an asciicast: times in seconds from the beginning, shown as they were or faster; a long silence is cut to 2 s.
"use strict";

(async () => {
  const place = document.querySelector("[data-replay]");
  const [play, position, speed, state] = ["play", "position", "speed", "state"].map((name) =>
    document.querySelector(`[data-replay-${name}]`));
  const LONGEST = 2;
  const answer = await fetch(place.dataset.replay);
  if (!answer.ok) { state.textContent = "There is no recording of this terminal."; play.disabled = true; return; }
  const [head, ...events] = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line));
  const terminal = new Terminal({
    cols: head.width, rows: head.height, disableStdin: true, fontSize: 14, minimumContrastRatio: 4.5,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
    theme: { background: "#0c0b09", foreground: "#ece5d8", cursor: "#0c0b09" },
  });
  let at = 0;
  let timer = null;

  const times = [];
  events.reduce(([before, sum], [time]) => {
    const now = sum + Math.min(time - before, LONGEST);
    times.push(now);
    return [time, now];
  }, [0, 0]);
  const length = times.at(-1) ?? 0;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  const tell = () => {
    const now = at ? times[at - 1] : 0;
    position.value = length ? (1000 * now) / length : 0;
    state.textContent = `${clock(now)} of ${clock(length)}`;
    play.textContent = timer ? "Pause" : "Play";
  };
  const show = ([, kind, text]) => {
    if (kind === "o") terminal.write(text);
    if (kind === "r") terminal.resize(...text.split("x").map(Number));
  };
  const stop = () => { clearTimeout(timer); timer = null; tell(); };
  const step = () => {
    if (at >= events.length) return stop();
    show(events[at++]);
    const pause = at < events.length ? (times[at] - times[at - 1]) / Number(speed.value) : 0;
    timer = setTimeout(step, 1000 * pause);
    tell();
  };
  const jump = (to) => {
    terminal.reset();
    terminal.resize(head.width, head.height);
    for (at = 0; at < events.length && times[at] <= to; at += 1) show(events[at]);
  };

  terminal.open(place);
  tell();
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (at >= events.length) jump(-1);
    step();
  });
  position.addEventListener("input", () => { clearTimeout(timer); timer = null; jump((length * position.value) / 1000); tell(); });
})();
