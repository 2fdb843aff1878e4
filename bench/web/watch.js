// Notes on a wall when each count of open incidents was painted (after the frame in which it came), and what moved.
() => {
  const open = () => Number(document.querySelector("[data-open-incidents]").dataset.openIncidents);
  const seen = { painted: {}, batches: 0, records: 0, nodes: 0, tiles: {}, replaced: 0, tasks: [], shift: 0 };
  const PARTS = ".tile, .troubles > li, .card, section";
  window.seen = seen;
  let last = open();

  function note(one) {
    seen.nodes += one.addedNodes.length + one.removedNodes.length;
    const tile = (one.target.closest ? one.target : one.target.parentElement)?.closest(".tile");
    if (tile && one.attributeName === "data-state") seen.tiles[tile.id] = (seen.tiles[tile.id] ?? 0) + 1;
    for (const gone of one.removedNodes) if (gone.matches?.(PARTS)) seen.replaced += 1;
  }

  function painted(count) {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { seen.painted[count] ??= (performance.timeOrigin + performance.now()) / 1000; };
    requestAnimationFrame(() => channel.port2.postMessage(0));
  }

  new MutationObserver((records) => {
    seen.batches += 1;
    seen.records += records.length;
    records.forEach(note);
    const now = open();
    if (now !== last) painted(now);
    last = now;
  }).observe(document.getElementById("live"), { subtree: true, childList: true, attributes: true, characterData: true });

  const on = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type });
  on("longtask", (one) => seen.tasks.push(one.duration));
  on("layout-shift", (one) => { if (!one.hadRecentInput) seen.shift += one.value; });
}
