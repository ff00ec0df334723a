(function () {
  "use strict";
  var doc = document, root = doc.documentElement;
  var data = JSON.parse(doc.getElementById("island").textContent);
  var all = function (query, from) { return Array.prototype.slice.call((from || doc).querySelectorAll(query)); };

  // Theme: follow the system until the reader chooses.
  var stored = null;
  try { stored = localStorage.getItem("cgmm-theme"); } catch (e) { stored = null; }
  if (stored) root.setAttribute("data-theme", stored);
  doc.getElementById("theme").addEventListener("click", function () {
    var now = root.getAttribute("data-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    var next = now === "dark" ? "light" : "dark";
    root.setAttribute("data-theme", next);
    try { localStorage.setItem("cgmm-theme", next); } catch (e) { /* private mode: not remembered */ }
    paint();
  });

  // One selected subpopulation, shown in every figure and table.
  var picked = null;
  var pick = doc.getElementById("pick"), clear = doc.getElementById("clear"), said = doc.getElementById("said");
  var marks = all("[data-s]");
  function select(index) {
    picked = index;
    root.classList.toggle("has-pick", index !== null);
    marks.forEach(function (m) {
      var on = index !== null && (+m.dataset.s === index || (m.dataset.t !== undefined && +m.dataset.t === index));
      m.classList.toggle("is-on", on);
      if (m.tagName === "BUTTON") m.setAttribute("aria-pressed", String(on));
    });
    pick.value = index === null ? "" : String(index);
    clear.hidden = index === null;
    said.textContent = index === null ? "" : data.names[index] + ": " + data.sentences[index];
    said.title = said.textContent;
    paint();
  }
  pick.addEventListener("change", function () { select(pick.value === "" ? null : +pick.value); });
  clear.addEventListener("click", function () { select(null); pick.focus(); });
  doc.addEventListener("keydown", function (e) { if (e.key === "Escape" && picked !== null) select(null); });
  doc.addEventListener("click", function (e) {
    var hit = e.target.closest && e.target.closest("[data-s]");
    if (!hit || String(getSelection())) return;
    var index = +hit.dataset.s;
    select(index === picked ? null : index);
  });

  // Cells: redraw only the picked subpopulation, on a canvas over the image.
  function unpack(text, kind) {
    var raw = atob(text), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return kind === 2 ? new Uint16Array(bytes.buffer) : bytes;
  }
  var cells = data.cells.component ? { component: unpack(data.cells.component, 1), side: unpack(data.cells.side, 1) } : null;
  var maps = {};
  function positions(key) { return maps[key] || (maps[key] = unpack(data.cells[key], 2)); }
  var plots = all(".plot");
  function paint() {
    plots.forEach(function (plot) {
      var canvas = plot.querySelector("canvas"), lit = false;
      var context = canvas.getContext("2d");
      if (picked === null || !cells) {
        canvas.width = canvas.width;
      } else {
        var w = plot.clientWidth, h = plot.clientHeight, dpr = window.devicePixelRatio || 1;
        canvas.width = Math.round(w * dpr); canvas.height = Math.round(h * dpr);
        context.scale(dpr, dpr);
        context.fillStyle = data.colours[picked];
        var xy = positions(plot.dataset.map), show = plot.dataset.show;
        var size = cells.component.length > 8000 ? 1.8 : 2.6;
        for (var i = 0; i < cells.component.length; i++) {
          if (cells.component[i] !== picked) continue;
          if (show === "source" && cells.side[i] !== 0 || show === "target" && cells.side[i] !== 1) continue;
          context.fillRect((xy[2 * i] / 65535 * 2 - 0.5) * w - size / 2, (xy[2 * i + 1] / 65535 * 2 - 0.5) * h - size / 2, size, size);
        }
        lit = true;
      }
      plot.classList.toggle("lit", lit);
    });
  }
  window.addEventListener("resize", function () { if (picked !== null) paint(); });
  function nearest(plot, event) {
    if (!cells) return -1;
    var box = plot.getBoundingClientRect(), xy = positions(plot.dataset.map), show = plot.dataset.show;
    var x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    var best = -1, bestD = Math.pow(8 / box.width, 2);
    for (var i = 0; i < cells.component.length; i++) {
      if (show === "source" && cells.side[i] !== 0 || show === "target" && cells.side[i] !== 1) continue;
      var dx = xy[2 * i] / 65535 * 2 - 0.5 - x, dy = xy[2 * i + 1] / 65535 * 2 - 0.5 - y, d = dx * dx + dy * dy;
      if (d < bestD) { bestD = d; best = i; }
    }
    return best < 0 || cells.component[best] === 255 ? -1 : cells.component[best];
  }

  // Hover: the <title> of a mark becomes our own tip, at once and readable.
  var tip = doc.createElement("div");
  tip.id = "tip"; tip.hidden = true; doc.body.appendChild(tip);
  all("svg.chart title").forEach(function (t) {
    if (t.parentNode.tagName.toLowerCase() === "svg") return;
    t.parentNode.setAttribute("data-tip", t.textContent);
    t.remove();
  });
  function showTip(text, e) {
    tip.textContent = text; tip.hidden = false;
    var w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(4, Math.min(e.clientX + 14, innerWidth - w - 6)) + "px";
    tip.style.top = (e.clientY + 18 + h > innerHeight ? e.clientY - h - 10 : e.clientY + 18) + "px";
  }
  doc.addEventListener("pointermove", function (e) {
    var mark = e.target.closest && e.target.closest("[data-tip]");
    if (mark) { showTip(mark.getAttribute("data-tip"), e); return; }
    var plot = e.target.closest && e.target.closest(".plot");
    var index = plot ? nearest(plot, e) : -1;
    if (index >= 0) showTip(data.names[index] + ": " + data.sentences[index], e); else tip.hidden = true;
  });
  doc.addEventListener("scroll", function () { tip.hidden = true; }, true);
  plots.forEach(function (plot) {
    plot.addEventListener("click", function (e) {
      if (e.target.closest("[data-s]")) return;
      var index = nearest(plot, e);
      if (index >= 0) select(index === picked ? null : index);
    });
  });
  all("[data-donor]").forEach(function (dot) {
    ["pointerenter", "pointerleave"].forEach(function (kind) {
      dot.addEventListener(kind, function () {
        all("[data-donor]").forEach(function (other) {
          if (other.dataset.donor === dot.dataset.donor) other.classList.toggle("same-donor", kind === "pointerenter");
        });
      });
    });
  });

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
    if (filter) filter.addEventListener("input", function () {
      var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), n = 0;
      Array.prototype.forEach.call(body.rows, function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (w) { return text.indexOf(w) >= 0; });
        if (!row.hidden) n++;
      });
      shown.textContent = words.length ? n + " of " + body.rows.length + " rows" : "";
    });
    var csv = box.querySelector("[data-csv]");
    if (csv) csv.addEventListener("click", function () {
      var quote = function (s) { return '"' + s.replace(/^([=+@\t\r])/, "'$1").replace(/"/g, '""') + '"'; };
      var lines = [heads.map(function (h) { return quote(h.textContent); }).join(",")];
      Array.prototype.forEach.call(body.rows, function (row) {
        if (!row.hidden) lines.push(Array.prototype.map.call(row.cells, function (c) {
          return c.classList.contains("num") && c.dataset.v !== undefined ? c.dataset.v : quote(c.textContent);
        }).join(","));
      });
      save(data.stem + "_" + csv.dataset.csv.replace(/\.tsv$/, "") + ".csv", new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }));
    });
  });

  // Figures: the drawing with its styles inside, as SVG or as PNG.
  function standalone(figure) {
    var ns = "http://www.w3.org/2000/svg", svg, w, h;
    var plot = all(".plot", figure);
    if (plot.length) {
      w = 440 * plot.length + 16 * (plot.length - 1); h = 404;
      svg = doc.createElementNS(ns, "svg");
      svg.setAttribute("class", "chart");
      plot.forEach(function (p, i) {
        var g = doc.createElementNS(ns, "g"), title = doc.createElementNS(ns, "text"), image = doc.createElementNS(ns, "image");
        g.setAttribute("transform", "translate(" + i * 456 + ",24)");
        title.setAttribute("y", "-8"); title.setAttribute("class", "head");
        title.textContent = p.parentNode.querySelector(".plot-title").textContent;
        image.setAttribute("href", p.querySelector("img").src); image.setAttribute("width", 440); image.setAttribute("height", 380);
        if (p.classList.contains("lit")) image.setAttribute("opacity", "0.13");
        g.appendChild(title); g.appendChild(image);
        if (p.classList.contains("lit")) {
          var dots = image.cloneNode(); dots.removeAttribute("opacity");
          dots.setAttribute("href", p.querySelector("canvas").toDataURL()); g.appendChild(dots);
        }
        var layer = p.querySelector("svg").cloneNode(true);
        layer.setAttribute("width", 440); layer.setAttribute("height", 380);
        g.appendChild(layer); svg.appendChild(g);
      });
    } else {
      svg = figure.querySelector(".fig-scroll svg").cloneNode(true);
      w = svg.viewBox.baseVal.width; h = svg.viewBox.baseVal.height;
    }
    var css = getComputedStyle(root), names = ["paper", "raised", "ink", "soft", "line", "faint", "accent", "up", "down", "seq", "on-strong"];
    var style = doc.createElementNS(ns, "style");
    style.textContent = ":root{" + names.map(function (n) { return "--" + n + ":" + css.getPropertyValue("--" + n); }).join(";") + "}" + doc.getElementById("chart-css").textContent;
    var back = doc.createElementNS(ns, "rect");
    back.setAttribute("width", "100%"); back.setAttribute("height", "100%"); back.setAttribute("fill", css.getPropertyValue("--raised"));
    svg.insertBefore(back, svg.firstChild); svg.insertBefore(style, svg.firstChild);
    svg.setAttribute("viewBox", "0 0 " + w + " " + h); svg.setAttribute("width", w); svg.setAttribute("height", h);
    if (picked !== null) svg.classList.add("has-pick");
    return { text: new XMLSerializer().serializeToString(svg), w: w, h: h };
  }
  all("[data-save]").forEach(function (button) {
    button.setAttribute("aria-label", "Download figure as " + button.dataset.save.toUpperCase());
    button.addEventListener("click", function () {
      var figure = button.closest("figure"), made = standalone(figure);
      var name = data.stem + "_" + figure.id.replace("fig-", "");
      var blob = new Blob([made.text], { type: "image/svg+xml;charset=utf-8" });
      if (button.dataset.save === "svg") { save(name + ".svg", blob); return; }
      var image = new Image();
      image.onload = function () {
        var canvas = doc.createElement("canvas"), scale = 2.5;
        canvas.width = made.w * scale; canvas.height = made.h * scale;
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(function (png) { save(name + ".png", png); });
      };
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(made.text);
    });
  });

  // Transfer heatmap: share of source, share of target, share of all mass.
  all(".modes").forEach(function (group) {
    var figure = group.closest("figure"), buttons = all("button", group), cellsOf = all("[data-v]", figure.querySelector("svg"));
    var top = [0, 1, 2].map(function (m) {
      return m < 2 ? 1 : Math.max.apply(null, cellsOf.map(function (c) { return +c.dataset.v.split("|")[2]; }).concat(1e-9));
    });
    buttons.forEach(function (button, mode) {
      button.addEventListener("click", function () {
        buttons.forEach(function (b, i) { b.setAttribute("aria-pressed", String(i === mode)); });
        cellsOf.forEach(function (cell) {
          var v = +cell.dataset.v.split("|")[mode], shade = Math.min(1, v / top[mode]);
          cell.querySelector(".heat").setAttribute("fill-opacity", shade.toFixed(3));
          var text = cell.querySelector("text");
          if (!text) return;
          text.textContent = v < 0.005 ? "" : v >= 0.0995 ? String(Math.round(v * 100)) : (v * 100).toFixed(1);
          text.setAttribute("class", shade > 0.55 ? "heat-ink" : "heat-text");
        });
      });
    });
  });

  // On paper, short lists are opened; long tables stay in their files.
  window.addEventListener("beforeprint", function () {
    all("details.more, details.plain").forEach(function (d) { d.open = true; });
  });

  // Methods text to the clipboard.
  var copy = doc.getElementById("copy"), copied = doc.getElementById("copied");
  copy.addEventListener("click", function () {
    var text = doc.getElementById("methods-text").innerText + "\n\nReferences\n" +
      all("#refs li").map(function (li, i) { return i + 1 + ". " + li.innerText; }).join("\n");
    function fallback() {
      var area = doc.createElement("textarea");
      area.value = text; doc.body.appendChild(area); area.select();
      var ok = doc.execCommand("copy"); area.remove();
      copied.textContent = ok ? "Copied." : "Copying is blocked here: select the text by hand.";
    }
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(text).then(function () { copied.textContent = "Copied."; }, fallback);
    } else fallback();
  });

  // Contents: mark the section being read.
  var links = all(".side a");
  if (window.IntersectionObserver && links.length) {
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (entry.isIntersecting) links.forEach(function (l) { l.classList.toggle("here", l.getAttribute("href") === "#" + entry.target.id); });
      });
    }, { rootMargin: "-10% 0px -80% 0px" });
    all("main > section").forEach(function (s) { seen.observe(s); });
  }
})();
