// What every page has: light and dark, tips, and tables that sort, filter and download.
(function () {
  "use strict";
  var doc = document, root = doc.documentElement;
  var all = function (query, from) { return Array.prototype.slice.call((from || doc).querySelectorAll(query)); };
  var tell = function (name, detail) { doc.dispatchEvent(new CustomEvent("cgmm:" + name, { detail: detail })); };

  // Theme: follow the system until the reader chooses.
  var stored = null;
  try { stored = localStorage.getItem("cgmm-theme"); } catch (e) { stored = null; }
  if (stored) root.setAttribute("data-theme", stored);
  doc.getElementById("theme").addEventListener("click", function () {
    var now = root.getAttribute("data-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    var next = now === "dark" ? "light" : "dark";
    root.setAttribute("data-theme", next);
    try { localStorage.setItem("cgmm-theme", next); } catch (e) { /* private mode: not remembered */ }
    tell("theme");
  });

  // Tips: the <title> of a mark and the explanation of a heading, at once and readable.
  var tip = doc.createElement("div");
  tip.id = "tip"; tip.hidden = true; doc.body.appendChild(tip);
  all("svg.chart title").forEach(function (t) {
    if (t.parentNode.tagName.toLowerCase() === "svg") return;
    t.parentNode.setAttribute("data-tip", t.textContent);
    t.remove();
  });
  function showTip(text, x, y) {
    tip.textContent = text; tip.hidden = false;
    var w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - w - 6)) + "px";
    tip.style.top = (y + 18 + h > innerHeight ? y - h - 10 : y + 18) + "px";
  }
  function hideTip() { tip.hidden = true; }
  doc.addEventListener("pointermove", function (e) {
    var mark = e.target.closest && e.target.closest("[data-tip]");
    if (mark) showTip(mark.getAttribute("data-tip"), e.clientX, e.clientY); else hideTip();
  });
  doc.addEventListener("focusin", function (e) {
    var mark = e.target.closest && e.target.closest("[data-tip]");
    if (!mark || !e.target.matches(":focus-visible")) { hideTip(); return; }
    var box = e.target.getBoundingClientRect();
    showTip(mark.getAttribute("data-tip"), box.left, box.bottom - 12);
  });
  doc.addEventListener("scroll", hideTip, true);

  // Tables: sort by any column, filter rows, save what is shown.
  function save(name, blob) {
    var link = doc.createElement("a");
    link.href = URL.createObjectURL(blob); link.download = name;
    doc.body.appendChild(link); link.click(); link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 2000);
  }
  all(".tbl table").forEach(function (table) {
    var body = table.tBodies[0], heads = all("thead th", table), box = table.closest(".tbl");
    heads.forEach(function (head, column) {
      var button = doc.createElement("button");
      button.type = "button"; button.textContent = head.textContent;
      head.textContent = ""; head.appendChild(button); head.setAttribute("aria-sort", "none");
      if (head.title) {
        head.setAttribute("data-tip", head.title);
        button.setAttribute("aria-description", head.title);
        head.removeAttribute("title");
      }
      button.addEventListener("click", function () {
        var first = head.classList.contains("num") ? "descending" : "ascending";
        var now = head.getAttribute("aria-sort");
        var next = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
        heads.forEach(function (h) { h.setAttribute("aria-sort", "none"); });
        head.setAttribute("aria-sort", next);
        var sign = next === "ascending" ? 1 : -1, number = head.classList.contains("num");
        Array.prototype.slice.call(body.rows).map(function (row, i) {
          var cell = row.cells[column], v = cell.dataset.v;
          return { row: row, i: i, v: v === undefined ? (number ? null : cell.textContent.toLowerCase()) : number ? +v : v };
        }).sort(function (a, b) {
          if (a.v === null || b.v === null) return (a.v === null) - (b.v === null) || a.i - b.i;
          return sign * (number ? a.v - b.v : a.v.localeCompare(b.v, undefined, { numeric: true })) || a.i - b.i;
        }).forEach(function (item) { body.appendChild(item.row); });
      });
    });
    var filter = box.querySelector("[data-filter]"), shown = box.querySelector("[data-shown]");
    var only = box.querySelector("[data-only]");
    function apply() {
      var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), n = 0;
      var picked = only && only.getAttribute("aria-pressed") === "true" && !only.disabled;
      Array.prototype.forEach.call(body.rows, function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (w) { return text.indexOf(w) >= 0; }) || picked && !row.classList.contains("is-on");
        if (!row.hidden) n++;
      });
      shown.textContent = words.length || picked ? n + " of " + body.rows.length + " rows" : "";
    }
    if (filter) filter.addEventListener("input", apply);
    if (only) {
      only.addEventListener("click", function () {
        only.setAttribute("aria-pressed", String(only.getAttribute("aria-pressed") !== "true"));
        apply();
      });
      doc.addEventListener("cgmm:pick", function (e) { only.disabled = e.detail === null; apply(); });
    }
    var csv = box.querySelector("[data-csv]");
    if (csv) csv.addEventListener("click", function () {
      var quote = function (s) { return '"' + s.replace(/^([=+@\t\r]|-(?![\d.]+$))/, "'$1").replace(/"/g, '""') + '"'; };
      var lines = [heads.map(function (h) { return quote(h.textContent); }).join(",")];
      Array.prototype.forEach.call(body.rows, function (row) {
        if (!row.hidden) lines.push(Array.prototype.map.call(row.cells, function (c) {
          return c.classList.contains("num") && c.dataset.v !== undefined ? c.dataset.v : quote(c.textContent);
        }).join(","));
      });
      save((doc.body.dataset.stem || "cgmm") + "_" + csv.dataset.csv.replace(/\.tsv$/, "") + ".csv", new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }));
    });
  });

  window.cgmm = { all: all, save: save, showTip: showTip, hideTip: hideTip, tell: tell };
})();
