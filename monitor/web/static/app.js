// Keeps a page honest: the clock, relative times, and a loud sign when what it shows is no longer live.
"use strict";
(() => {
  const root = document.documentElement;
  root.dataset.script = ""; // shows what only works with a script
  const language = root.lang;
  const THEMES = ["light", "dark", "contrast"];
  const HAND = 8000; // so long an update waits while the pointer is on a list that must not move under it
  const SILENCE = 15000; // the server says something every 10 s
  const ENDED = 1500; // so long a stream that ended may take to begin again before it is lost
  const clock = document.getElementById("clock");
  const live = document.querySelector("main[hx-sse\\:connect]");
  const lost = document.getElementById("lost");
  const pulse = document.getElementById("pulse");
  // The server's clock counts, a wallboard's own may be wrong.
  const offset = Date.parse(clock.dateTime) - Date.now();
  const now = () => Date.now() + offset;
  const local = (time, options) => new Intl.DateTimeFormat("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hourCycle: "h23", ...options }).format(time);
  const STEPS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

  function lasting(seconds) {
    const [size, unit] = STEPS.find(([step]) => seconds >= step) ?? STEPS[3];
    return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(seconds / size));
  }

  function words(element) {
    const seconds = Math.max(0, (now() - Date.parse(element.dateTime)) / 1000);
    if (element.dataset.live === "since") return lasting(seconds);
    if (seconds < 5) return language === "vi" ? "vừa xong" : "just now";
    return language === "vi" ? `${lasting(seconds)} trước` : `${lasting(seconds)} ago`;
  }

  const pages = document.querySelector(".top nav"); // on a phone it scrolls: the present page is in sight
  const present = pages?.querySelector("[aria-current]");
  if (present) pages.scrollLeft = present.offsetLeft - (pages.clientWidth - present.clientWidth) / 2;

  addEventListener("beforeprint", () => {
    document.getElementById("printed-from").textContent = decodeURI(location.pathname + location.search);
    document.getElementById("printed-at").textContent = `${local(now(), { day: "2-digit", month: "2-digit", year: "numeric" })} ${local(now(), { hour: "2-digit", minute: "2-digit" })}`;
  });

  function tickTimes() {
    for (const element of document.querySelectorAll("time[data-live]")) {
      const text = words(element);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  let heard = Date.now();
  let why = ""; // "": live; "away": no answer; "out": nobody is signed in any more
  let opened = false;
  let ended = 0;

  function setLost(cause) {
    clearTimeout(ended);
    if (cause === why) return;
    why = cause;
    document.body.toggleAttribute("data-lost", Boolean(why));
    pulse.textContent = pulse.dataset[why || "ok"];
    for (const part of lost.querySelectorAll("[data-why]")) part.hidden = part.dataset.why !== why;
    for (const time of lost.querySelectorAll(".lost-since")) {
      time.dateTime = new Date(heard + offset).toISOString();
      time.textContent = time.dataset.live ? words(time) : local(heard + offset, { timeStyle: "medium" });
    }
    document.getElementById("again").href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
    lost.hidden = !why;
  }

  function alive() {
    heard = Date.now();
    opened = true;
    clearTimeout(ended);
    setLost("");
  }

  // A stream that ended begins again by itself; what it is answered then tells why it ended.
  function failed(status) {
    if (status === 403 || status === 404) location.reload(); // the page says it better
    else setLost(status === 401 ? "out" : "away");
  }

  function tick() {
    clock.textContent = local(now(), { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    if (live && !why && Date.now() - heard > SILENCE) setLost("away");
    // The stream could not even be opened, or was closed for good: a fresh page is the way back.
    if (live && why === "away" && Date.now() - heard > (opened ? 60000 : 5000)) tryAgain();
  }

  let trying = false;
  async function tryAgain() {
    if (trying) return;
    trying = true;
    try {
      // The page itself: /healthz answers 503 while the monitor is ill, and then the page is what tells so.
      const answer = await fetch(location.href, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (answer.ok) location.reload();
    } catch { /* still away */ }
    setTimeout(() => { trying = false; }, 10000);
  }

  function countInTitle() {
    const open = Number(document.querySelector("[data-open-incidents]")?.dataset.openIncidents ?? 0);
    document.title = document.title.replace(/^\(\d+\) /, "");
    if (open) document.title = `(${open}) ${document.title}`;
  }

  function toggleTheme() {
    const present = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = THEMES[(THEMES.indexOf(present) + 1) % THEMES.length];
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
    document.dispatchEvent(new Event("theme"));
  }

  // Nothing moves under the hand: a message waits until the pointer leaves the list, for a while.
  let under = null;
  let leave = () => {};
  document.addEventListener("pointerover", (event) => {
    const now = event.pointerType === "mouse" ? event.target.closest?.("[data-calm]") ?? null : null;
    if (now !== under) leave();
    under = now;
  });
  document.documentElement.addEventListener("pointerleave", () => { under = null; leave(); });
  document.addEventListener("htmx:sse:before:message", (event) => {
    const { message } = event.detail;
    if (!under || message.event) return;
    heard = Date.now();
    event.detail.waitUntil(new Promise((done) => { leave = done; setTimeout(done, HAND); }));
  });

  document.getElementById("theme").addEventListener("click", toggleTheme);
  document.addEventListener("htmx:sse:after:connection", alive);
  document.addEventListener("htmx:sse:after:message", alive);
  document.addEventListener("htmx:sse:before:connection", ({ detail }) => {
    clearTimeout(ended);
    if (detail.connection.attempt && !why) ended = setTimeout(setLost, ENDED, "away");
  });
  document.addEventListener("htmx:before:response", (event) => {
    const { status } = event.detail.ctx.response;
    if (status < 400) return;
    event.preventDefault(); // a refusal is not shown in the place of the page
    failed(status);
  });
  document.addEventListener("htmx:sse:error", (event) => failed(event.detail.status));
  document.addEventListener("htmx:sse:close", () => setLost("away"));
  document.addEventListener("htmx:error", () => setLost("away"));
  document.addEventListener("htmx:after:swap", () => { tickTimes(); countInTitle(); });
  window.addEventListener("pagehide", () => { heard = Infinity; });
  tick();
  tickTimes();
  countInTitle();
  setInterval(tick, 1000);
  setInterval(tickTimes, 5000);
})();
