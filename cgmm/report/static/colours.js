// Cells coloured by donor, sample, or a column of the user: drawn again for what the reader chooses.
(function () {
  "use strict";
  var doc = document, figure = doc.getElementById("fig-map-colours");
  if (!figure || !cgmm.cells) return;
  var given = cgmm.data.colourings, select = doc.getElementById("colour-by"), list = doc.getElementById("colour-levels");
  var plots = cgmm.all(".plot", figure), side = cgmm.cells.side, n = side.length;
  var chosen = 0, alone = null, codes = [], GREY = "#9a9a96", SCALE = 1.7;
  function codesOf(i) { return codes[i] || (codes[i] = cgmm.bytes(given[i].codes)); }

  // The same random order every time, so that no label lies above all others.
  var order = new Uint32Array(n), seed = 7;
  for (var i = 0; i < n; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    var j = seed % (i + 1);
    order[i] = order[j]; order[j] = i;
  }

  function draw(plot) {
    var canvas = doc.createElement("canvas"), which = plot.dataset.show === "source" ? 0 : 1;
    canvas.width = 440 * SCALE; canvas.height = 380 * SCALE;
    var context = canvas.getContext("2d"), own = codesOf(chosen), xy = cgmm.positions(plot.dataset.map);
    var size = Math.max(1.5, cgmm.data.dot * 100 / 72 * SCALE * 0.9), colours = given[chosen].colours;
    [false, true].forEach(function (lit) {  // what is not chosen lies below
      context.globalAlpha = lit ? 0.75 : 0.15;
      for (var k = 0; k < n; k++) {
        var cell = order[k], code = own[cell];
        if (side[cell] !== which || code === 255 || lit !== (alone === null || alone === code)) continue;
        context.fillStyle = lit ? colours[code] : GREY;
        context.fillRect((xy[2 * cell] / 65535 * 2 - 0.5) * canvas.width - size / 2, (xy[2 * cell + 1] / 65535 * 2 - 0.5) * canvas.height - size / 2, size, size);
      }
    });
    plot.querySelector("img").src = canvas.toDataURL();
  }
  function redraw() { plots.forEach(function (plot, i) { setTimeout(function () { draw(plot); }, 30 * i); }); }

  function label(index) {
    var item = doc.createElement("li"), button = doc.createElement("button");
    var swatch = doc.createElement("span"), count = doc.createElement("span"), own = codesOf(chosen), counts = [0, 0];
    for (var k = 0; k < n; k++) if (own[k] === index && side[k] < 2) counts[side[k]]++;
    button.type = "button"; button.dataset.level = index; button.setAttribute("aria-pressed", "false");
    swatch.className = "swatch"; swatch.style.background = given[chosen].colours[index];
    count.className = "muted"; count.textContent = counts.map(function (c) { return c.toLocaleString("en").replace(/,/g, "\u202f"); }).join(" · ");
    button.append(swatch, given[chosen].levels[index] + " ", count);
    item.appendChild(button);
    return item;
  }
  select.addEventListener("change", function () {
    chosen = +select.value; alone = null;
    doc.getElementById("coloured-by").textContent = select.options[chosen].text;
    list.replaceChildren.apply(list, given[chosen].levels.map(function (_, index) { return label(index); }));
    redraw();
  });
  list.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) return;
    alone = alone === +button.dataset.level ? null : +button.dataset.level;
    cgmm.all("button", list).forEach(function (b) { b.setAttribute("aria-pressed", String(+b.dataset.level === alone)); });
    redraw();
  });
})();
