// What the report adds: one selection across figures and tables, maps, and figures as files.
(function () {
  "use strict";
  var doc = document, root = doc.documentElement, all = cgmm.all, save = cgmm.save;
  var data = JSON.parse(doc.getElementById("island").textContent);

  cgmm.data = data;

  // One selected population, shown in every figure and table.
  var picked = null;
  var pick = doc.getElementById("pick"), clear = doc.getElementById("clear"), said = doc.getElementById("said");
  var marks = all("[data-s]");
  function subs(m) { return [m.dataset.s, m.dataset.t].concat((m.dataset.more || "").split(" ")); }
  function select(index) {
    picked = index;
    root.classList.toggle("has-pick", index !== null);
    marks.forEach(function (m) {
      var on = index !== null && subs(m).indexOf(String(index)) >= 0;
      m.classList.toggle("is-on", on);
      if (m.tagName === "BUTTON") m.setAttribute("aria-pressed", String(on));
    });
    pick.value = index === null ? "" : String(index);
    clear.hidden = index === null;
    said.textContent = index === null ? "" : data.names[index] + ": " + data.sentences[index];
    said.title = said.textContent;
    cgmm.tell("pick", index);
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

  // Cells: redraw only the picked population, on a canvas over the image.
  function bytes(text) {
    var raw = atob(text), found = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
    return found;
  }
  cgmm.bytes = bytes;
  function unpack(text, kind) { return kind === 2 ? new Uint16Array(bytes(text).buffer) : bytes(text); }
  var cells = data.cells.component ? { component: unpack(data.cells.component, 1), side: unpack(data.cells.side, 1) } : null;
  var maps = {};
  function positions(key) { return maps[key] || (maps[key] = unpack(data.cells[key], 2)); }
  cgmm.cells = cells; cgmm.positions = positions;
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
  doc.addEventListener("cgmm:theme", paint);
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

  plots.forEach(function (plot) {
    plot.addEventListener("pointermove", function (e) {
      if (e.target.closest("[data-tip]")) return;
      var index = nearest(plot, e);
      if (index < 0) { cgmm.hideTip(); return; }
      cgmm.showTip(data.names[index] + ": " + data.sentences[index], e.clientX, e.clientY);
      e.stopPropagation();
    });
  });
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
    var css = getComputedStyle(root), names = ["paper", "raised", "ink", "soft", "line", "faint", "accent", "up", "down", "seq", "on-strong", "on-mid", "warn"];
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
    var figure = group.closest("figure"), buttons = all("button", group), cellsOf = all("[data-v]", figure);
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
          text.setAttribute("class", shade > 0.8 ? "heat-ink" : shade > 0.55 ? "heat-mid" : "heat-text");
        });
      });
    });
  });

  // A link to a table opens it.
  function openLinked() {
    var linked = doc.getElementById(location.hash.slice(1));
    if (linked && linked.tagName === "DETAILS") { linked.open = true; linked.scrollIntoView(); }
  }
  window.addEventListener("hashchange", openLinked);
  openLinked();

  // On paper, short lists are opened; long tables stay in their files.
  window.addEventListener("beforeprint", function () {
    all("details.more, details.plain").forEach(function (d) { d.open = true; });
  });

  // Text to the clipboard: the elements that a button names, a list with its numbers.
  function textOf(id) {
    var part = doc.getElementById(id);
    if (part.tagName !== "OL") return part.hidden ? part.textContent : part.innerText;
    return "\nReferences\n" + all("li", part).map(function (li, i) { return i + 1 + ". " + li.innerText; }).join("\n");
  }
  all("[data-copy]").forEach(function (button) {
    var said = button.parentNode.querySelector("[aria-live]");
    button.addEventListener("click", function () {
      var text = button.dataset.copy.split(" ").map(textOf).join("\n");
      function fallback() {
        var area = doc.createElement("textarea");
        area.value = text; doc.body.appendChild(area); area.select();
        var ok = doc.execCommand("copy"); area.remove();
        said.textContent = ok ? "Copied." : "Copying is blocked here: select the text by hand.";
      }
      if (navigator.clipboard && navigator.clipboard.writeText) {
        navigator.clipboard.writeText(text).then(function () { said.textContent = "Copied."; }, fallback);
      } else fallback();
    });
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
