// The keyboard: "/" searches, arrows walk lists, "g" and a letter goes to a page, "?" says so. All of it can be switched off.
"use strict";
(() => {
  const help = document.getElementById("keys");
  const field = document.querySelector(".find input");
  const list = document.getElementById("hits");
  const use = document.getElementById("use-keys");
  const GO = { w: "/", m: "/map", i: "/incidents", s: "/services", f: "/findings", v: "/inventory", h: "/health", k: "/wall?kiosk=1" };
  const WALK = ".tile, .incidents .summary, .troubles .place, .troubles .summary, .found th a, .devices th a, .k-where, .mark";
  let leader = 0;

  const on = () => localStorage.getItem("keys") !== "off";
  use.checked = on();
  use.addEventListener("change", () => localStorage.setItem("keys", use.checked ? "on" : "off"));
  document.getElementById("keys-open").addEventListener("click", () => help.showModal());

  const typing = (element) => element.closest("input, textarea, select, [contenteditable], .cm-editor, dialog");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !on()) return;
    if (Date.now() - leader < 1500 && GO[event.key]) return go(event, GO[event.key]);
    leader = event.key === "g" ? Date.now() : 0;
    if (event.key === "/") { event.preventDefault(); field.focus(); field.select(); }
    if (event.key === "?") help.showModal();
    if (event.key === "j" || event.key === "ArrowDown") walk(event, 1);
    if (event.key === "k" || event.key === "ArrowUp") walk(event, -1);
    if (event.key === "x") tick(event);
  });

  function go(event, address) {
    event.preventDefault();
    location.assign(address);
  }

  // Arrows scroll as ever unless something of a list has the focus already; j and k begin a list.
  function walk(event, step) {
    const all = [...document.querySelectorAll(WALK)].filter((one) => one.checkVisibility());
    const at = all.indexOf(document.activeElement);
    if (!all.length || (at < 0 && event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    all[Math.min(Math.max(at < 0 ? 0 : at + step, 0), all.length - 1)].focus();
  }

  function tick(event) {
    const box = event.target.closest(".incident")?.querySelector("input[type=checkbox]");
    if (box) box.click();
  }

  // Suggestions under the search field: the same answers as the page of the search.
  let asked = "";
  let timer;
  if (!field) return; // nobody is signed in yet
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
  field.addEventListener("focus", () => { if (list.childElementCount) open(true); });
  field.addEventListener("blur", () => setTimeout(() => open(false), 150));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { open(false); field.blur(); }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(event.key === "ArrowDown" ? 1 : -1); }
    const chosen = list.querySelector("[aria-selected=true]");
    if (event.key === "Enter" && chosen && !list.hidden) { event.preventDefault(); location.assign(chosen.dataset.href); }
  });
  list.addEventListener("mousedown", (event) => {
    const hit = event.target.closest("[data-href]");
    if (hit) location.assign(hit.dataset.href);
  });

  function open(value) {
    list.hidden = !value;
    field.setAttribute("aria-expanded", String(value));
    if (!value) field.removeAttribute("aria-activedescendant");
  }

  async function ask() {
    const text = field.value.trim();
    if (text === asked) return;
    asked = text;
    if (text.length < 2) { list.replaceChildren(); return open(false); }
    try {
      const answer = await fetch(`/api/v1/search?${new URLSearchParams({ q: text, limit: 8 })}`);
      if (!answer.ok || text !== asked) return;
      const { hits } = await answer.json();
      list.replaceChildren(...hits.map(line));
      open(hits.length > 0);
    } catch { open(false); }
  }

  function line(hit, index) {
    const item = document.createElement("li");
    item.role = "option";
    item.id = `hit-line-${index}`;
    item.dataset.href = hit.kind === "site" ? `/sites/${encodeURIComponent(hit.id)}` : `/devices/${hit.id.split("/").map(encodeURIComponent).join("/")}`;
    item.dataset.state = hit.state;
    const state = document.createElement("span");
    state.className = "dot";
    const name = document.createElement("b");
    name.textContent = hit.name;
    const where = document.createElement("span");
    where.className = "soft";
    where.textContent = hit.kind === "site" ? hit.id : `${hit.site_name} · ${hit.address}`;
    item.append(state, name, where);
    return item;
  }

  function choose(step) {
    const all = [...list.children];
    if (!all.length) return;
    open(true);
    const at = all.findIndex((one) => one.ariaSelected === "true");
    const next = all[(at + step + all.length) % all.length] ?? all[0];
    for (const one of all) one.ariaSelected = String(one === next);
    field.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }
})();
