// Genes: a volcano of one population, and one gene in every donor of every population.
(function () {
  "use strict";
  var doc = document, island = doc.getElementById("gene-data");
  if (!island) return;
  var page = cgmm.data, all = cgmm.all, bytes = cgmm.bytes, store = null, gene = 0, pop = 0;
  var choose = doc.getElementById("gene-population"), field = doc.getElementById("gene-name");
  var list = doc.getElementById("gene-list"), known = doc.getElementById("gene-known");
  var volcano = doc.getElementById("volcano-plot"), panels = doc.getElementById("gene-plot");
  var said = doc.getElementById("gene-said");

  function load() {
    if (store) return store;
    var d = JSON.parse(island.textContent), k = d.pops.length;
    store = {
      genes: d.genes.split("\n"), pops: d.pops, k: k, top: d.top, scope: d.scope, sides: d.sides, unit: d.unit, kinds: d.kinds, reasons: d.reasons,
      change: new Int16Array(bytes(d.change).buffer), q: new Uint16Array(bytes(d.q).buffer), ambient: bytes(d.ambient),
      donors: d.donors || [], least: d.least || [], most: d.most || [], values: d.values || "", shown: d.shown ? bytes(d.shown) : null
    };
    store.level = new Int16Array(128).fill(-1); store.levels = (d.letters || "").length - 1;
    for (var i = 0; i <= store.levels; i++) store.level[d.letters.charCodeAt(i)] = i;
    store.place = {};
    store.genes.forEach(function (name, i) { if (!(name in store.place)) store.place[name] = i; });
    return store;
  }
  function esc(text) { return String(text).replace(/[&<>"]/g, function (c) { return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c]; }); }
  var ruler;
  function breadth(text) {
    if (!ruler) { ruler = doc.createElement("canvas").getContext("2d"); ruler.font = "12px " + getComputedStyle(doc.body).fontFamily; }
    return ruler.measureText(text).width / ruler.measureText("n").width;
  }
  function cut(text, n) {
    if (breadth(text) <= n) return text;
    var letters = Array.from(text);
    while (letters.length && breadth(letters.join("")) > n - 1) letters.pop();
    return letters.join("") + "…";
  }
  function fixed(v, n) { var s = v.toFixed(n); return (+s === 0 ? s.replace("-", "") : s).replace("-", "−"); }
  function signed(v) { var s = fixed(v, 2); return v > 0 && +v.toFixed(2) > 0 ? "+" + s : s; }
  function probability(q) { return q < 1e-10 ? "<1e−10" : q < 0.001 ? q.toExponential(0).replace("e-", "e−") : q.toFixed(q < 0.1 ? 3 : 2); }
  function at(g, k) {
    var d = store, i = g * d.k + k, c = d.change[i];
    return {
      change: c === -32768 ? null : c / 1000, q: d.q[i] === 65535 ? null : Math.pow(10, -d.q[i] / 1000), height: d.q[i] === 65535 ? null : d.q[i] / 1000,
      clear: d.ambient[i] >= 128, ambient: d.ambient[i] % 128 === 127 ? null : (d.ambient[i] % 128) / 100
    };
  }
  function value(g, k, u) {
    var d = store, v = g < d.least.length ? d.level[d.values.charCodeAt((g * d.k + k) * d.donors.length + u)] : -1;
    return v < 0 ? null : d.least[g] + v / d.levels * (d.most[g] - d.least[g]);
  }
  // Donors of a gene in a population, and in how many the change has its direction.
  function donors(g, k) {
    var before = {}, after = {}, sides = [[], []];
    store.donors.forEach(function (donor, u) {
      var v = value(g, k, u);
      if (v === null) return;
      (donor[1] ? after : before)[donor[0]] = v; sides[donor[1]].push({ donor: donor[0], v: v });
    });
    var both = Object.keys(before).filter(function (name) { return name in after; });
    return { before: before, after: after, sides: sides, both: both };
  }
  function shown(g, k) {
    var d = store, change = at(g, k).change, n = d.shown && g < d.least.length ? d.shown[g * d.k + k] : 255;
    if (change === null || n === 255) return null;
    var of = donors(g, k), up = change > 0;
    if (of.both.length) return { n: n, of: of.both.length, words: (up ? "higher" : "lower") + " in " + n + " of " + of.both.length + " donors" };
    return { n: n, of: of.sides[1].length, words: n + " of " + of.sides[1].length + " donors " + (up ? "above" : "below") + " all of " + d.sides[0] };
  }

  function path(points) { return points.map(function (p) { return "M" + p[0].toFixed(1) + "," + p[1].toFixed(1) + "h0"; }).join(""); }
  function steps(low, high, n) {
    var raw = (high - low) / n, power = Math.pow(10, Math.floor(Math.log10(raw))), out = [];
    var step = [1, 2, 5, 10].map(function (s) { return s * power; }).filter(function (s) { return s >= raw; })[0];
    for (var v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) out.push(Math.round(v / step) * step);
    return out;
  }
  var drawn = [];
  function drawVolcano() {
    var d = load(), W = 640, H = 380, L = 50, B = 44, T = 12, R = 14, tested = false, xs = 1, ys = 3, g, s;
    for (g = 0; g < d.genes.length; g++) { s = at(g, pop); if (s.change === null) continue; xs = Math.max(xs, Math.abs(s.change)); if (s.height !== null) { tested = true; ys = Math.max(ys, s.height); } }
    var means = null;
    if (!tested) {
      means = d.genes.map(function (_, i) { var sum = 0, n = 0; d.donors.forEach(function (_, u) { var v = value(i, pop, u); if (v !== null) { sum += v; n++; } }); return n ? sum / n : null; });
      ys = Math.max.apply(null, means.map(function (m) { return m || 0; }).concat(1));
    }
    xs *= 1.06; ys *= 1.06;
    var x = function (v) { return L + (v + xs) / (2 * xs) * (W - L - R); }, y = function (v) { return H - B - v / ys * (H - B - T); };
    var clouds = { up: [], down: [], flat: [] }; drawn = [];
    for (g = 0; g < d.genes.length; g++) {
      s = at(g, pop); var h = tested ? s.height : means[g];
      if (s.change === null || h === null) continue;
      var point = [x(s.change), y(h), g];
      clouds[s.clear ? (s.change > 0 ? "up" : "down") : "flat"].push(point); drawn.push(point);
    }
    var out = "";
    steps(-xs, xs, 8).forEach(function (v) { out += '<line class="grid" x1="' + x(v) + '" x2="' + x(v) + '" y1="' + T + '" y2="' + (H - B) + '"/><text class="tick" text-anchor="middle" x="' + x(v) + '" y="' + (H - B + 15) + '">' + fixed(v, xs < 2 ? 1 : 0) + "</text>"; });
    steps(0, ys, 5).forEach(function (v) { out += '<line class="grid" x1="' + L + '" x2="' + (W - R) + '" y1="' + y(v) + '" y2="' + y(v) + '"/><text class="tick" text-anchor="end" x="' + (L - 6) + '" y="' + (y(v) + 4) + '">' + fixed(v, ys < 3 ? 1 : 0) + "</text>"; });
    out += '<line class="zero" x1="' + x(0) + '" x2="' + x(0) + '" y1="' + T + '" y2="' + (H - B) + '"/>';
    if (tested) out += '<line class="identity" x1="' + L + '" x2="' + (W - R) + '" y1="' + y(-Math.log10(0.05)) + '" y2="' + y(-Math.log10(0.05)) + '"/><text class="tick" x="' + (L + 4) + '" y="' + (y(-Math.log10(0.05)) - 4) + '">q 0.05</text>';
    ["flat", "down", "up"].forEach(function (kind) { out += '<path class="cloud ' + kind + '" d="' + path(clouds[kind]) + '"/>'; });
    out += '<text class="tick" text-anchor="middle" x="' + (L + W - R) / 2 + '" y="' + (H - 8) + '">' + esc(d.unit + ", " + cut(d.sides[1], 20) + " against " + cut(d.sides[0], 20)) + "</text>";
    out += '<text class="tick" transform="translate(13,' + (H - B + T) / 2 + ') rotate(-90)" text-anchor="middle">' + (tested ? "−log10 q" : "mean expression") + "</text>";
    var taken = [];
    drawn.slice().sort(function (a, b) { return tested ? a[1] - b[1] : Math.abs(b[0] - x(0)) - Math.abs(a[0] - x(0)); }).slice(0, 40).forEach(function (point) {
      var name = cut(d.genes[point[2]], 14), w = breadth(name) * 7, right = point[0] + w + 12 < W, x0 = right ? point[0] + 6 : point[0] - 6 - w;
      if (taken.length >= 14 || taken.some(function (t) { return x0 < t[1] && x0 + w > t[0] && Math.abs(point[1] - t[2]) < 12; })) return;
      taken.push([x0, x0 + w, point[1]]);
      out += '<text class="gene tick" x="' + (right ? point[0] + 6 : point[0] - 6) + '" text-anchor="' + (right ? "start" : "end") + '" y="' + (point[1] + 4) + '">' + esc(name) + "</text>";
    });
    drawn.forEach(function (p) { if (p[2] === gene) out += '<circle class="ring" r="7" cx="' + p[0] + '" cy="' + p[1] + '"/>'; });
    volcano.innerHTML = '<svg class="chart" role="img" aria-label="' + esc("The " + d.kinds + " of " + page.names[d.pops[pop]] + ": change and " + (tested ? "q over donors" : "mean expression")) + '" viewBox="0 0 ' + W + " " + H + '" width="' + W + '" height="' + H + '" style="--w:' + W + 'px" xmlns="http://www.w3.org/2000/svg">' + out + "</svg>";
    list.innerHTML = d.top[pop].map(function (i) { return '<li><button type="button" class="chip" data-gene="' + esc(d.genes[i]) + '"' + (i === gene ? ' aria-pressed="true"' : "") + "><em>" + esc(d.genes[i]) + "</em> " + signed(at(i, pop).change || 0) + "</button></li>"; }).join("");
    doc.getElementById("volcano-reason").textContent = d.reasons[pop] ? "No test over donors: " + d.reasons[pop] : "";
    doc.getElementById("volcano-of").textContent = page.names[d.pops[pop]];
  }
  function scopeWords() {
    return { c: "Nearly all populations show this change in common.", s: "This change is specific to one or some populations.", "-": "No population changes it 1.5-fold beyond what all share." }[store.scope[gene]];
  }
  function sentence() {
    var d = load(), s = at(gene, pop), n = shown(gene, pop), name = page.names[d.pops[pop]];
    if (s.change === null) return d.genes[gene] + " has no value in " + name + ": too few cells. " + scopeWords();
    return d.genes[gene] + " in " + name + ": " + d.unit + " " + signed(s.change) + (s.q === null ? ", not tested" : ", q " + probability(s.q)) + (n ? "; " + n.words : "") + ". " + scopeWords() +
      (s.ambient === null ? "" : s.ambient >= 0.005 ? " RNA of other cells explains at most " + Math.round(100 * s.ambient) + "% of the change." : " RNA of other cells does not explain it.");
  }
  function panel(k, x0, y0, w, h, low, high) {
    var d = store, s = at(gene, k), of = donors(gene, k), index = d.pops[k], colour = page.colours[index], n = shown(gene, k);
    var y = function (v) { return y0 + h - (v - low) / (high - low) * h; }, xs = [x0 + w * 0.28, x0 + w * 0.72], out = "";
    out += '<g data-s="' + index + '" data-tip="' + esc(page.names[index] + (n ? ": " + n.words : "")) + '"><rect class="panel' + (k === pop ? " chosen" : "") + '" x="' + x0 + '" y="' + y0 + '" width="' + w + '" height="' + h + '"/>';
    out += '<rect class="row-hit" x="' + x0 + '" y="' + (y0 - 18) + '" width="' + w + '" height="' + (h + 50) + '"/><text class="panel-title" x="' + x0 + '" y="' + (y0 - 6) + '">' + esc(cut(page.names[index], 17)) + "</text></g>";
    of.both.forEach(function (name) { out += '<path class="pair" stroke="' + colour + '" d="M' + xs[0] + "," + y(of.before[name]).toFixed(1) + "L" + xs[1] + "," + y(of.after[name]).toFixed(1) + '"/>'; });
    of.sides.forEach(function (side, i) {
      side.forEach(function (v, j) {
        var spread = of.both.length ? 0 : (j - (side.length - 1) / 2) * Math.min(7, 40 / side.length);
        out += '<circle class="donor ' + (i ? "target" : "source") + '" r="3.4" stroke="' + colour + '"' + (i ? ' fill="' + colour + '"' : "") + ' cx="' + (xs[i] + spread).toFixed(1) + '" cy="' + y(v.v).toFixed(1) + '" data-tip="' + esc(v.donor + ", " + d.sides[i] + ": " + fixed(v.v, 1)) + '"/>';
      });
    });
    if (!of.sides[0].length && !of.sides[1].length) out += '<text class="tick" text-anchor="middle" x="' + (x0 + w / 2) + '" y="' + (y0 + h / 2) + '">' + (d.donors.length ? "few cells" : "") + "</text>";
    out += '<text class="tick" text-anchor="middle" x="' + xs[0] + '" y="' + (y0 + h + 12) + '">' + esc(cut(d.sides[0], 9)) + '</text><text class="tick" text-anchor="middle" x="' + xs[1] + '" y="' + (y0 + h + 12) + '">' + esc(cut(d.sides[1], 9)) + "</text>";
    var words = s.change === null ? "no change known" : signed(s.change) + (s.q === null ? "" : " · q " + probability(s.q)) + (n ? " · " + n.n + "/" + n.of : "");
    return out + '<text class="value tick' + (s.clear ? (s.change > 0 ? " up-text" : " down-text") : "") + '" x="' + x0 + '" y="' + (y0 + h + 27) + '">' + esc(words) + "</text>";
  }
  function changes() {
    var d = store, left = 134, W = 380, row = 23, low = 0, high = 0, out = "", k;
    for (k = 0; k < d.k; k++) { low = Math.min(low, at(gene, k).change || 0); high = Math.max(high, at(gene, k).change || 0); }
    var from = left + (low < 0 ? 58 : 10), unit = (W - from - (high > 0 ? 52 : 10)) / Math.max(high - low, 1), zero = from - low * unit;
    for (k = 0; k < d.k; k++) {
      var index = d.pops[k], change = at(gene, k).change, end = zero + (change || 0) * unit, y = 14 + row * k, up = change === null || change > 0;
      out += '<g data-s="' + index + '"><text text-anchor="end" x="' + left + '" y="' + (y + 4) + '">' + esc(cut(page.names[index], 17)) + '</text><rect class="change" fill="' + page.colours[index] + '" x="' + Math.min(zero, end).toFixed(1) + '" y="' + (y - 6) + '" width="' + Math.abs(end - zero).toFixed(1) + '" height="12"/>';
      out += '<text class="value tick" text-anchor="' + (up ? "start" : "end") + '" x="' + (end + (up ? 6 : -6)).toFixed(1) + '" y="' + (y + 4) + '">' + (change === null ? "no change known" : signed(change)) + "</text></g>";
    }
    out += '<line class="zero" stroke="currentColor" x1="' + zero + '" x2="' + zero + '" y1="0" y2="' + (row * d.k + 4) + '"/>';
    return drawing(W, row * d.k + 8, " in every population. ", out);
  }
  function drawing(W, H, where, out) {
    return '<svg class="chart" role="img" aria-label="' + esc(store.genes[gene] + where + sentence()) + '" viewBox="0 0 ' + W + " " + H + '" width="' + W + '" height="' + H + '" style="--w:' + W + 'px" xmlns="http://www.w3.org/2000/svg">' + out + "</svg>";
  }
  function inDonors() {
    var d = load(), across = 5, w = 126, h = 92, gapX = 18, gapY = 66, left = 40, top = 26, low = 0, high = 0;
    if (gene < d.least.length) { low = d.least[gene]; high = d.most[gene]; }
    if (!(high > low)) high = low + 1;
    high += (high - low) * 0.06; low -= (high - low) * 0.03;
    var rows = Math.ceil(d.k / across), W = left + across * (w + gapX), H = top + rows * (h + gapY) - 34, out = "";
    for (var k = 0; k < d.k; k++) {
      var x0 = left + (k % across) * (w + gapX), y0 = top + Math.floor(k / across) * (h + gapY);
      if (k % across === 0) steps(low, high, 3).forEach(function (v) { if (v >= low) out += '<text class="tick" text-anchor="end" x="' + (x0 - 5) + '" y="' + (y0 + h - (v - low) / (high - low) * h + 4).toFixed(1) + '">' + fixed(v, high - low < 3 ? 1 : 0) + "</text>"; });
      out += panel(k, x0, y0, w, h, low, high);
    }
    return drawing(W, H, " in every donor of every population. ", out);
  }
  function drawPanels() {
    var d = load();
    panels.innerHTML = d.donors.length ? inDonors() : changes();
    doc.getElementById("gene-title").textContent = d.genes[gene];
    said.textContent = sentence();
    field.value = d.genes[gene];
  }
  function show(name, k) {
    var d = load();
    if (name !== null) { if (!(name in d.place)) { said.textContent = name + " is not among the " + d.genes.length + " " + d.kinds + " of this page; the file genes.tsv may have it."; return false; } gene = d.place[name]; }
    if (k !== null && k >= 0) pop = k;
    choose.value = String(d.pops[pop]);
    drawVolcano(); drawPanels();
    return true;
  }
  function go() { var figure = doc.getElementById("fig-gene"); figure.scrollIntoView({ block: "nearest" }); }

  choose.addEventListener("change", function () { show(null, load().pops.indexOf(+choose.value)); });
  field.addEventListener("focus", function () { if (!known.firstChild) known.innerHTML = load().genes.map(function (g) { return '<option value="' + esc(g) + '">'; }).join(""); });
  field.addEventListener("change", function () {
    var d = load(), typed = field.value.trim();
    if (!(typed in d.place)) typed = d.genes.filter(function (g) { return g.toLowerCase() === typed.toLowerCase(); })[0] || typed;
    show(typed, null);
  });
  doc.addEventListener("click", function (e) {
    var hit = e.target.closest && e.target.closest("[data-gene]");
    if (!hit) return;
    var owner = hit.closest("[data-s]"), k = owner ? load().pops.indexOf(+owner.dataset.s) : -1, again = hit.closest("#gene-list");
    e.preventDefault(); e.stopPropagation();
    var place = again ? all("button", list).indexOf(hit) : -1;
    if (show(hit.dataset.gene, k)) { if (place >= 0) all("button", list)[place].focus({ preventScroll: true }); go(); }
  }, true);
  volcano.addEventListener("click", function (e) {
    var best = near(e);
    if (best) { show(store.genes[best[2]], null); go(); }
  });
  function near(e) {
    var svg = volcano.querySelector("svg"), box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    var x = (e.clientX - box.left) * scale, y = (e.clientY - box.top) * scale, best = null, least = 144;
    drawn.forEach(function (p) { var d = (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y); if (d < least) { least = d; best = p; } });
    return best;
  }
  volcano.addEventListener("pointermove", function (e) {
    var best = store && near(e);
    if (!best) { cgmm.hideTip(); return; }
    var s = at(best[2], pop), n = shown(best[2], pop);
    cgmm.showTip(store.genes[best[2]] + ": " + store.unit + " " + signed(s.change) + (s.q === null ? "" : ", q " + probability(s.q)) + (n ? ", " + n.words : ""), e.clientX, e.clientY);
    e.stopPropagation();
  });
  doc.addEventListener("cgmm:pick", function (e) {
    if (e.detail === null) return;
    var k = load().pops.indexOf(e.detail);
    if (k >= 0 && k !== pop) show(null, k);
  });
  function first() { if (!store) { load(); gene = store.top[0].length ? store.top[0][0] : 0; show(null, 0); } }
  window.addEventListener("beforeprint", first);
  if (window.requestIdleCallback) requestIdleCallback(first, { timeout: 1500 }); else setTimeout(first, 200);
})();
