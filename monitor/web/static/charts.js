// Draws a device's series with uPlot: mean as a line, minimum to maximum as a band when there is one line only.
"use strict";
(() => {
  const PALETTE = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7", "--c8"];
  const REFRESH = 20000;
  const language = document.documentElement.lang;
  const number = (value, digits) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
  const SCALES = { bit: [[1e9, "Gbit"], [1e6, "Mbit"], [1e3, "kbit"], [1, "bit"]], By: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"], [1, "B"]] };
  const SIGNS = { Cel: "°C" };
  let seconds = 3600;

  function quantity(value, unit) {
    if (value == null) return "–";
    if (unit === "1") return `${number(value * 100, 1)} %`;
    if (unit === "s") return Math.abs(value) < 1 ? `${number(value * 1000, 1)} ms` : `${number(value, 1)} s`;
    const base = unit.replace(/\/s$/, "");
    const per = unit.endsWith("/s") ? "/s" : "";
    if (SCALES[base]) {
      const [size, sign] = SCALES[base].find(([step]) => Math.abs(value) >= step) ?? SCALES[base].at(-1);
      return `${number(value / size, 1)} ${sign}${per}`;
    }
    return `${number(value, 2)} ${unit.startsWith("{") ? "" : SIGNS[unit] ?? unit}`.trim();
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const time = (at, options) => new Intl.DateTimeFormat("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", hourCycle: "h23", ...options }).format(at * 1000);

  function tickLabels(ticks) {
    const daily = seconds > 2 * 86400;
    if (seconds > 200 * 86400) return ticks.map((at) => time(at, { month: "2-digit", year: "numeric" }));
    return ticks.map((at) => time(at, daily ? { day: "2-digit", month: "2-digit" } : { hour: "2-digit", minute: "2-digit" }));
  }

  // One row a slice for every line; a slice without samples stays empty so that a gap shows as a gap.
  function columns(answer) {
    const step = answer.step;
    const start = Date.parse(answer.start) / 1000;
    const slot = (at) => Math.round((at - start) / step);
    const size = Math.max(1, ...answer.series.flatMap((line) => line.points.map(([at]) => slot(at) + 1)));
    const times = Array.from({ length: size }, (_, index) => start + index * step);
    const pick = (line, column) => {
      const found = new Array(size).fill(null);
      for (const point of line.points) if (slot(point[0]) >= 0) found[slot(point[0])] = point[column];
      return found;
    };
    const means = answer.series.map((line) => pick(line, 2));
    const band = answer.series.length === 1 ? [pick(answer.series[0], 3), pick(answer.series[0], 1)] : [];
    return [times, ...means, ...band];
  }

  const WORDS = { receive: "wordReceive", transmit: "wordTransmit" };
  const title = (plot, labels) => Object.values(labels).map((value) => plot.dataset[WORDS[value]] ?? value).join(" ");

  function options(plot, answer, unit, width) {
    const single = answer.series.length === 1;
    const lines = answer.series.map((line, index) => ({
      label: title(plot, line.labels) || plot.dataset.mean,
      stroke: colour(PALETTE[index % PALETTE.length]), width: 1.6, spanGaps: false, points: { show: false },
      dash: index >= PALETTE.length ? [5, 4] : undefined,
      value: (_, value) => quantity(value, unit),
    }));
    const bounds = single ? [plot.dataset.most, plot.dataset.least].map((label) => ({ label, stroke: "transparent", points: { show: false }, value: (_, value) => quantity(value, unit) })) : [];
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return {
      width, height: 150, padding: [8, 18, 0, 0], cursor: { y: false, points: { size: 6 } },
      legend: { live: true },
      scales: { x: { time: true, min: Date.parse(answer.start) / 1000, max: Date.parse(answer.end) / 1000 }, y: { range: (_, low, high) => range(low, high, unit) } },
      series: [{ value: (_, at) => (at == null ? "–" : time(at, { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" })), label: plot.dataset.time }, ...lines, ...bounds],
      bands: single ? [{ series: [2, 3], fill: `${colour("--c1")}26` }] : [],
      axes: [{ ...axis, values: (_, ticks) => tickLabels(ticks), space: 60, size: 26 }, { ...axis, size: 66, values: (_, ticks) => ticks.map((value) => quantity(value, unit)), space: 32 }],
    };
  }

  function range(low, high, unit) {
    if (low == null) return [0, 1];
    if (unit === "1" && high <= 1) return [0, high > 0.5 ? 1 : Math.max(high * 1.3, 0.05)];
    return [Math.min(0, low), (high || 1) * 1.15];
  }

  async function ask(device, metric, to) {
    const query = new URLSearchParams({ device, metric, from: to - seconds, to, buckets: 180 });
    const response = await fetch(`/api/v1/series?${query}`);
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  // Several metrics in one chart: every line is named after its metric.
  function together(answers, names) {
    if (answers.length === 1) return answers[0];
    const named = (line, index) => ({ ...line, labels: { ...line.labels, metric: names[index] } });
    return { ...answers[0], series: answers.flatMap((answer, index) => answer.series.map((line) => named(line, index))) };
  }

  async function draw(plot) {
    const device = plot.closest("[data-device]").dataset.device;
    const to = Math.floor(Date.now() / 1000);
    try {
      const answers = [];
      const names = plot.dataset.names?.split("|") ?? [];
      const metrics = names.length ? plot.dataset.metric.split(" ") : [plot.dataset.metric];
      for (const metric of metrics) answers.push(await ask(device, metric, to));
      show(plot, together(answers, names));
    } catch { say(plot, plot.dataset.failed); }
  }

  function say(plot, text) {
    plot.uplot?.destroy();
    plot.uplot = null;
    const line = document.createElement("p");
    line.textContent = text;
    plot.replaceChildren(line);
  }

  function show(plot, answer) {
    if (!answer.series.some((line) => line.points.length)) return say(plot, plot.dataset.empty);
    const shape = answer.series.map((line) => JSON.stringify(line.labels)).join("|");
    if (plot.uplot && plot.dataset.shape === shape) {
      plot.uplot.setData(columns(answer), false);
      plot.uplot.setScale("x", { min: Date.parse(answer.start) / 1000, max: Date.parse(answer.end) / 1000 });
      return;
    }
    plot.uplot?.destroy();
    plot.replaceChildren();
    plot.dataset.shape = shape;
    plot.dataset.lines = answer.series.length;
    plot.uplot = new uPlot(options(plot, answer, answer.unit || plot.dataset.unit, plot.clientWidth), columns(answer), plot);
    plot.dataset.drawn = "1";
  }

  const plots = () => [...document.querySelectorAll(".plot[data-metric]")];
  // One after the other: a page full of charts must not be a burst of queries.
  let drawing = Promise.resolve();
  const drawSome = (some) => { drawing = drawing.then(async () => { for (const plot of some) await draw(plot); }); };
  const fresh = () => plots().filter((plot) => !plot.dataset.asked && (plot.dataset.asked = "1"));

  function choose(button) {
    seconds = Number(button.dataset.range);
    for (const other of document.querySelectorAll(".ranges button")) other.setAttribute("aria-pressed", String(other === button));
    again();
  }

  function again() {
    for (const plot of plots()) delete plot.dataset.shape;
    drawSome(plots());
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".ranges button");
    if (button) choose(button);
  });
  // Any metric, drawn when it is chosen.
  document.addEventListener("change", (event) => {
    if (event.target.id !== "metric") return;
    const figure = document.getElementById("chart-chosen");
    const plot = document.getElementById("plot-chosen");
    const chosen = event.target.selectedOptions[0];
    figure.hidden = !chosen.value;
    figure.querySelector("figcaption").textContent = chosen.textContent;
    delete plot.dataset.shape;
    delete plot.dataset.metric;
    if (!chosen.value) return;
    plot.dataset.metric = chosen.value;
    plot.dataset.unit = chosen.dataset.unit;
    plot.dataset.asked = "1";
    drawSome([plot]);
  });
  document.addEventListener("htmx:after:swap", () => drawSome(fresh()));
  document.addEventListener("theme", again);
  let resized;
  window.addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => { for (const plot of plots()) plot.uplot?.setSize({ width: plot.clientWidth, height: 150 }); }, 150);
  });
  drawSome(fresh());
  setInterval(() => { if (!document.hidden) drawSome(plots()); }, REFRESH);
})();
