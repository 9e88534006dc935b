"use strict";
// What the pages do beyond showing figures: they stay fresh, draw charts from the tables that are there anyway, and ask
// before they stop something. Without this script every page works as plain HTML.

(() => {
  const home = "/admin/ai-metrics";
  const pulse = document.getElementById("pulse");

  // Freshness. The server says that something has ended; the page is then read again, and its live parts are replaced.
  let held = false; // a finger is down: a button must not vanish under it
  let busy = false;
  let again = false;

  // say shows the state of the connection; only a change of it, or of the verdict, is read out.
  const say = (state, text) => {
    if (pulse.dataset.state !== state && pulse.dataset.state !== "off") tell(text);
    pulse.dataset.state = state;
    pulse.querySelector("span").textContent = text;
  };
  const tell = (text) => { document.getElementById("news").textContent = text; };
  const verdict = () => document.querySelector(".verdict .word")?.textContent;

  async function refresh() {
    if (busy || held || document.hidden) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      const answer = await fetch(location.href, { cache: "no-store", headers: { Accept: "text/html" } });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say("live", "live, " + new Date().toISOString().slice(11, 19) + " UTC");
    } catch {
      say("lost", "connection lost");
    } finally {
      busy = false;
    }
    if (again) setTimeout(refresh, 250);
  }

  function replace(next) {
    if (held) {
      again = true;
      return;
    }
    const before = verdict();
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = next.getElementById(part.id);
      if (!fresh || fresh.innerHTML === part.innerHTML) continue;
      const focus = part.contains(document.activeElement) ? document.activeElement.id : "";
      const scrolled = part.querySelector(".scroll")?.scrollLeft || 0;
      part.replaceChildren(...fresh.childNodes);
      if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
      if (scrolled) part.querySelector(".scroll").scrollLeft = scrolled;
    }
    if (verdict() !== before) tell("Now: " + verdict());
    draw();
  }

  let stream;
  function listen() {
    stream = new EventSource(home + "/events");
    stream.onopen = () => {
      if (pulse.dataset.state === "lost") refresh(); // what it shows is of before
      else say("live", "live");
    };
    stream.onerror = () => {
      say("lost", "connection lost");
      if (stream.readyState === EventSource.CLOSED) setTimeout(comeBack, 3000);
    };
    stream.addEventListener("tick", (event) => {
      const { ended } = JSON.parse(event.data);
      delete pulse.dataset.beat;
      if (ended) requestAnimationFrame(() => { pulse.dataset.beat = ""; });
      refresh();
    });
  }

  // comeBack tries again where the browser by itself would not: it was refused, as by a server that was started anew and
  // knows nobody. The page finds out about that.
  async function comeBack() {
    await refresh();
    listen();
  }

  if (pulse) {
    addEventListener("pointerdown", () => { held = true; }, true);
    for (const name of ["pointerup", "pointercancel"]) {
      addEventListener(name, () => setTimeout(() => { held = false; if (again) refresh(); }, 50), true);
    }
    document.addEventListener("visibilitychange", () => { if (!document.hidden && again) refresh(); });
    if (document.querySelector("[data-live]")) {
      listen();
      addEventListener("pagehide", () => stream.close());
      addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
    }
  }

  // Charts. Each is a few columns of the table of steps.
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const seconds = (v) => (v == null ? "—" : v.toFixed(2) + " s");
  // per writes a percentage as the rest of the page does: only all is 100 %, and only nothing is 0 %.
  const per = (v) => (v == null ? "—" : v === 0 || v === 100 ? v + " %" : v > 99.9 ? ">99.9 %" : v < 0.1 ? "<0.1 %" : v.toFixed(1) + " %");
  const many = (v) => (v == null ? "—" : String(v));
  const kinds = {
    traffic: { low: 0, lines: [{ label: "ended", column: 1, as: many, paint: "--chart-1", bars: true }, { label: "failed", column: 2, as: many, paint: "--chart-2", bars: true }] },
    success: { low: 0, high: 100, lines: [{ label: "success", column: 3, as: per, paint: "--chart-1", times: 100, dots: true }] },
    time: { low: 0, lines: [{ label: "median", column: 4, as: seconds, paint: "--chart-1", times: 0.001, dots: true }, { label: "p95", column: 5, as: seconds, paint: "--chart-3", times: 0.001, dash: [5, 4], dots: true }] },
    spend: { low: 0, lines: [{ label: "settled and possible", column: 6, as: (v) => (v == null ? "—" : "$" + v.toFixed(4)), paint: "--chart-1", bars: true }] },
  };
  const charts = new Map();
  const tall = 170;

  // numbers are what a row of the table says.
  const numbers = (row) => [...row.cells].map((cell) => {
    const data = cell.querySelector("data");
    return data ? Number(data.value) : null;
  });
  let whole = { name: "", numbers: [] }; // what the steps come to together: legends tell it while nobody points at one

  function figures() {
    const rows = [...document.querySelectorAll("#steps tbody tr")];
    const foot = document.querySelector("#steps tfoot tr");
    if (foot) whole = { name: foot.cells[0].textContent, numbers: numbers(foot) };
    const columns = rows.map(numbers);
    return { at: rows.map((row) => Number(row.dataset.at)), column: (i, times = 1) => columns.map((c) => (c[i] == null ? null : c[i] * times)) };
  }

  function draw() {
    const places = document.querySelectorAll("[data-chart]");
    if (!places.length || typeof uPlot === "undefined") return;
    const all = figures();
    const panel = document.querySelector(".charts");
    panel.classList.toggle("drawn", all.at.length > 0);
    if (!all.at.length) return;
    for (const place of places) {
      const kind = kinds[place.dataset.chart];
      const data = [all.at, ...kind.lines.map((line) => all.column(line.column, line.times))];
      const old = charts.get(place);
      if (old) {
        old.setData(data);
        old.setLegend({ idx: old.cursor.idx ?? null });
      }
      else charts.set(place, new uPlot(options(place, kind), data, place));
    }
  }

  function options(place, kind) {
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1, size: 4 }, font: "11px system-ui, sans-serif" };
    return {
      width: place.clientWidth, height: tall,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { sync: { key: "steps" }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { range: (chart) => wide(chart.data[0]) }, y: { range: (_, low, high) => [kind.low ?? low, kind.high ?? (high > 0 ? high * 1.1 : 1)] } },
      axes: [{ ...axis, size: 30, space: 60, values: hours }, { ...axis, size: 52, space: 30 }],
      series: [{ label: "time", value: (_, at) => (at == null ? whole.name : new Date(at * 1000).toISOString().slice(5, 16).replace("T", " ")) }, ...kind.lines.map((line) => ({
        label: line.label, stroke: colour(line.paint), width: 1.5, dash: line.dash, value: (_, v, __, at) => line.as(at == null ? total(line) : v), spanGaps: false,
        fill: line.bars ? colour(line.paint) : undefined, paths: line.bars ? uPlot.paths.bars({ size: [0.8, 40], align: 1 }) : undefined,
        points: { show: line.dots === true, size: 4, fill: colour(line.paint) },
      }))],
    };
  }

  const total = (line) => (whole.numbers[line.column] == null ? null : whole.numbers[line.column] * (line.times || 1));

  // hours are the ticks of time: the hour within a day, the day beyond.
  function hours(_, ticks, __, ___, step) {
    return ticks.map((at) => {
      const text = new Date(at * 1000).toISOString();
      return step >= 86400 || text.slice(11, 16) === "00:00" ? text.slice(5, 10) : text.slice(11, 16);
    });
  }

  // wide ends where the last step does.
  const wide = (at) => [at[0], at[at.length - 1] + (at.length > 1 ? at[1] - at[0] : 60)];

  function redraw() {
    for (const chart of charts.values()) chart.destroy();
    charts.clear();
    draw();
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", () => {
    for (const [place, chart] of charts) chart.setSize({ width: place.clientWidth, height: tall });
  });

  // Stopping. The question is asked in place; without scripts, or without <dialog>, on a page of its own.
  const dialog = document.getElementById("kill");
  if (dialog && dialog.showModal) {
    document.addEventListener("submit", (event) => {
      const asked = event.target;
      if (!(asked instanceof HTMLFormElement) || !asked.hasAttribute("data-kill")) return;
      event.preventDefault();
      const scope = asked.elements.scope.value;
      const name = asked.elements.name.value;
      const form = dialog.querySelector("form");
      form.reset();
      form.elements.scope.value = scope;
      form.elements.name.value = name;
      form.classList.toggle("single", scope !== "all");
      dialog.querySelector("[data-where]").hidden = scope === "all";
      dialog.querySelector("h2 b").textContent = scope === "all" ? "everything" : scope + " " + name;
      dialog.showModal();
      form.elements.reason.select();
    });
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
})();
