// The kiosk: keeps the screen awake and sounds when something critical is new, once somebody has allowed it by a click.
"use strict";
(() => {
  const button = document.getElementById("sound");
  const PAUSE = 10000; // however much breaks at once, one sound in ten seconds
  let audio = null;
  let sounded = 0;
  let known = null;

  const present = () => new Set((document.getElementById("criticals")?.dataset.criticals ?? "").split(" ").filter(Boolean));

  function tone(at, height) {
    const swing = audio.createOscillator();
    const volume = audio.createGain();
    swing.frequency.value = height;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.4, at + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.45);
    swing.connect(volume).connect(audio.destination);
    swing.start(at);
    swing.stop(at + 0.5);
  }

  function sound() {
    if (!audio || Date.now() - sounded < PAUSE) return;
    sounded = Date.now();
    document.body.dataset.sounded = String(Number(document.body.dataset.sounded ?? 0) + 1);
    for (const [wait, height] of [[0, 660], [0.35, 880], [0.7, 660]]) tone(audio.currentTime + wait, height);
  }

  // What was there before this page, or before the connection came back, is not new to the ear.
  function listen() {
    const now = present();
    if (known && [...now].some((id) => !known.has(id))) sound();
    known = now;
  }

  let lock = null;
  async function awake() {
    if (!navigator.wakeLock || document.visibilityState !== "visible") return;
    try { lock = await navigator.wakeLock.request("screen"); } catch { lock = null; } // a page that is not secure
  }

  button.addEventListener("click", async () => {
    audio ??= new AudioContext();
    await audio.resume();
    button.setAttribute("aria-pressed", "true");
    button.textContent = button.dataset.on;
    sounded = 0;
    tone(audio.currentTime, 880);
    awake();
  });
  document.addEventListener("visibilitychange", awake);
  document.addEventListener("htmx:after:swap", listen);
  awake();
  listen();
})();
