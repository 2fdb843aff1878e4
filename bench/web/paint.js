// Notes from the first moment of a page what its reader waits for; runs before the page's own scripts.
(() => {
  const seen = { first: 0, largest: 0, shift: 0, tasks: [], events: [] };
  window.waited = seen;
  const on = (type, take, more) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  on("paint", (one) => { if (one.name === "first-contentful-paint") seen.first = one.startTime; });
  on("largest-contentful-paint", (one) => { seen.largest = one.startTime; });
  on("layout-shift", (one) => { if (!one.hadRecentInput) seen.shift += one.value; });
  on("longtask", (one) => { seen.tasks.push([one.startTime, one.duration]); });
  on("event", (one) => { if (one.interactionId) seen.events.push(one.duration); }, { durationThreshold: 16 });
})();
