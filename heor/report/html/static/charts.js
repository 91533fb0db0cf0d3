"use strict";
// Charts that follow the threshold, drawn by Observable Plot.
const Charts = (() => {
  const INK = "#222222", GREY = "#6b6b6b", FAINT = "#b5b5b5";
  const LOW_END = "#88ccee", HIGH_END = "#332288";
  const DASHES = ["none", "6 3", "2 2", "8 3 2 3"];

  if (document.documentElement.lang === "nb") {
    d3.formatDefaultLocale({ decimal: ",", thousands: "\u00a0", grouping: [3], currency: ["", ""], minus: "−", percent: "\u00a0%" });
  }
  const whole = d3.format(",.0f");
  const TICKS = typeof Amounts === "undefined" ? ",.0f" : ",.4~r";
  /** Money to the nearest hundred, below a thousand to the nearest ten, as in the tables. */
  const money = (x) => {
    if (typeof Amounts !== "undefined") return Amounts.money(x); // of any size
    const to = Math.abs(x) >= 1000 ? 100 : 10;
    const text = whole(Math.round(x / to) * to + 0);
    return text === "−0" ? "0" : text;
  };
  const percent = (x) => d3.format(".1%")(x);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

  /** Put a chart into its box, with what it shows in words. */
  function place(id, label, options) {
    const box = document.getElementById(id);
    if (!box) return;
    const svg = Plot.plot({
      width: Math.max(box.clientWidth, 280),
      style: { fontSize: "11px", background: "none", color: INK },
      ...options,
    });
    // the picture is described as one; names of its parts would be read without their meaning
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    box.replaceChildren(svg);
    return svg;
  }

  /** Lines of the country's thresholds, and of the one chosen with its value above. */
  function marks(model, threshold) {
    const severity = model.thresholds.filter((t) => t.severity);
    return [
      Plot.ruleX(model.thresholds, { x: "value", stroke: FAINT, strokeDasharray: "3 3" }),
      Plot.text(severity, {
        x: "value", frameAnchor: "top", dy: -27, fill: GREY,
        text: () => model.words.slider.severity,
      }),
      Plot.ruleX([threshold], { stroke: INK, strokeWidth: 1.5 }),
      Plot.text([threshold], {
        x: (x) => x, frameAnchor: "top", dy: -13, text: whole, fontWeight: 600,
      }),
    ];
  }

  const axisX = (model) => ({
    domain: model.range,
    label: fill(model.words.charts.threshold_x, { currency: model.currency }),
    labelArrow: "none", labelAnchor: "center",
    ticks: d3.ticks(...model.range, 5).filter((t) => t <= model.range[1]).filter((_, i, all) => all.length < 6 || i % 2 === 0),
    tickFormat: TICKS,
  });

  const margins = { marginTop: 40, marginRight: 34, marginBottom: 42, marginLeft: 62, height: 300 };

  /** Dash of a strategy: the intervention's line is solid. */
  function dash(model, k) {
    const others = model.strategies.map((_, i) => i).filter((i) => i !== model.intervention);
    return k === model.intervention ? DASHES[0] : DASHES[1 + (others.indexOf(k) % (DASHES.length - 1))];
  }

  /** One line a strategy by threshold, with its value at the threshold chosen. */
  function lines(model, values, at, form) {
    const x = model.curves.threshold;
    return model.strategies.flatMap((strategy, k) => [
      Plot.line(x, {
        x: (t) => t, y: (_, i) => values[k][i],
        stroke: strategy.colour, strokeWidth: 1.6, strokeDasharray: dash(model, k), clip: true,
      }),
      Plot.dot([at.threshold], { x: (t) => t, y: () => form.at(k), fill: "white", stroke: strategy.colour, strokeWidth: 2, r: 4, clip: true }),
      Plot.text([at.threshold], {
        x: (t) => t, y: () => form.at(k), text: () => form.words(k), dx: 8, dy: form.above(k) ? -8 : 10,
        textAnchor: "start", fontWeight: 600, stroke: "white", strokeWidth: 4, fill: INK, clip: false,
      }),
    ]);
  }

  const named = (model, words) => model.strategies.map((s, k) => `${s.label} ${words(k)}`).join("; ");

  function ceac(model, at) {
    const { curves, words } = model;
    const form = {
      at: (k) => at.each[k].probability,
      words: (k) => percent(at.each[k].probability),
      above: (k) => at.each[k].probability < 0.12 || (at.each[k].probability > 0.5 && at.each[k].probability < 0.92),
    };
    const front = model.strategies.map((strategy, k) =>
      Plot.line(curves.threshold, {
        x: (t) => t, y: (_, i) => (curves.best[i] === k ? curves.probability[k][i] : NaN),
        stroke: strategy.colour, strokeWidth: 5, strokeOpacity: 0.35,
      }));
    const label = fill(words.charts.ceac_alt, { threshold: whole(at.threshold), values: named(model, form.words) });
    return place("chart-ceac", label, {
      ...margins, x: axisX(model),
      y: { domain: [0, 1], label: null, tickFormat: ".0%", ticks: 5, grid: true },
      marks: [...marks(model, at.threshold), ...front, ...lines(model, curves.probability, at, form)],
    });
  }

  function loss(model, at) {
    const { curves, words } = model;
    // the loss of a choice that is far from the best would flatten everything else
    const top = 4 * d3.max(curves.evpi) || 1;
    const form = {
      at: (k) => Math.min(at.each[k].loss, top),
      words: (k) => (at.each[k].loss > top ? "↑ " : "") + money(at.each[k].loss),
      above: (k) => at.each[k].loss < 0.9 * top,
    };
    const label = fill(words.charts.loss_alt, { threshold: whole(at.threshold), values: named(model, form.words) });
    return place("chart-loss", label, {
      ...margins, x: axisX(model),
      y: { domain: [0, top], label: fill(words.charts.loss_y, model), labelArrow: "none", tickFormat: TICKS, ticks: 5, grid: true },
      marks: [
        ...marks(model, at.threshold),
        Plot.line(curves.threshold, {
          x: (t) => t, y: (_, i) => curves.evpi[i], stroke: INK, strokeWidth: 5, strokeOpacity: 0.15,
        }),
        ...lines(model, curves.loss, at, form),
      ],
    });
  }

  function evpi(model, at) {
    const { curves, words } = model;
    const x = curves.threshold, y = (_, i) => curves.evpi[i];
    const label = fill(words.charts.evpi_alt, { threshold: whole(at.threshold), values: money(at.evpi) });
    return place("chart-evpi", label, {
      ...margins, x: axisX(model),
      y: { domain: [0, 1.15 * d3.max([...curves.evpi, at.evpi]) || 1], label: fill(words.charts.evpi_y, model), labelArrow: "none", tickFormat: TICKS, ticks: 5, grid: true },
      marks: [
        ...marks(model, at.threshold),
        Plot.areaY(x, { x: (t) => t, y, fill: INK, fillOpacity: 0.07 }),
        Plot.line(x, { x: (t) => t, y, stroke: INK, strokeWidth: 1.6 }),
        Plot.dot([at], { x: "threshold", y: "evpi", fill: "white", stroke: INK, strokeWidth: 2, r: 4 }),
        Plot.text([at], { x: "threshold", y: "evpi", text: (d) => money(d.evpi), dx: 8, dy: -10, textAnchor: "start", fontWeight: 600, stroke: "white", strokeWidth: 4, fill: INK }),
      ],
    });
  }

  /** Ends of an axis: all but the outermost 0.5 % at each end, with zero inside. */
  function span(values) {
    const sorted = Float64Array.from(values).sort();
    const low = Math.min(0, Decision.quantile(sorted, 0.005));
    const high = Math.max(0, Decision.quantile(sorted, 0.995));
    const width = high - low || 1;
    return [Math.min(low - 0.06 * width, -0.12 * width), Math.max(high + 0.08 * width, 0.12 * width)];
  }

  /** What the plane shows, computed once: points, means and axes. */
  function planePoints(model) {
    const others = model.strategies.map((_, k) => k).filter((k) => k !== model.comparator);
    const changes = others.map((k) => ({ k, ...Decision.increments(model, k) }));
    return {
      points: changes.flatMap(({ k, cost, qalys }) =>
        model.shown.map((i) => ({ k, cost: cost[i], qalys: qalys[i] }))),
      means: changes.map(({ k, cost, qalys }) => ({ k, cost: Decision.mean(cost), qalys: Decision.mean(qalys) })),
      x: span(changes.flatMap((c) => [...c.qalys])),
      y: span(changes.flatMap((c) => [...c.cost])),
    };
  }

  /** Axes, cloud and means; drawn again only when the width of the page changes. */
  function planeCanvas(model) {
    const { points, means, x, y } = model.plane;
    const { words, currency } = model;
    const colour = (d) => model.strategies[d.k].colour;
    const mean = means.find((d) => d.k === model.intervention) ?? means[0];
    const label = fill(words.charts.plane_alt, { currency, cost: money(mean.cost), qalys: d3.format(".2f")(mean.qalys) });
    const svg = place("chart-plane", label, {
      ...margins, marginTop: 16,
      x: { domain: x, label: words.charts.plane_x, labelArrow: "none", labelAnchor: "center", ticks: 6 },
      y: { domain: y, label: fill(words.charts.plane_y, { currency }), labelArrow: "none", tickFormat: TICKS, ticks: 6 },
      marks: [
        Plot.ruleX([0], { stroke: FAINT }),
        Plot.ruleY([0], { stroke: FAINT }),
        Plot.dot(points, { x: "qalys", y: "cost", r: 1.7, clip: true, fill: colour, stroke: colour, strokeWidth: 0.6, strokeOpacity: 0.55, fillOpacity: 0 }),
        Plot.dot(means, { x: "qalys", y: "cost", r: 5, fill: INK, stroke: "white", strokeWidth: 1.5 }),
      ],
    });
    const circles = [...svg.querySelectorAll("circle")].slice(0, -means.length);
    return {
      svg, width: svg.width.baseVal.value,
      cloud: circles.map((circle) => ({ circle, point: points[d3.select(circle).datum()], filled: false })),
      line: d3.select(svg).append("line").attr("stroke", INK).attr("stroke-width", 1.5),
    };
  }

  /** The cloud with the line of the threshold; points below it are filled. */
  function plane(model, at) {
    const box = document.getElementById("chart-plane");
    if (!box) return;
    model.plane ??= planePoints(model);
    if (model.canvas?.width !== Math.max(box.clientWidth, 280)) model.canvas = planeCanvas(model);
    const { svg, cloud, line } = model.canvas;
    for (const dot of cloud) {
      const filled = at.threshold * dot.point.qalys - dot.point.cost > 0;
      if (filled !== dot.filled) dot.circle.setAttribute("fill-opacity", filled ? 0.5 : 0);
      dot.filled = filled;
    }
    const { x, y } = model.plane, t = at.threshold;
    const ends = t > 0 ? [Math.max(x[0], y[0] / t), Math.min(x[1], y[1] / t)] : x;
    const [across, up] = [svg.scale("x").apply, svg.scale("y").apply];
    line.attr("x1", across(ends[0])).attr("y1", up(t * ends[0])).attr("x2", across(ends[1])).attr("y2", up(t * ends[1]));
  }

  /** Net benefit at both ends of every parameter at this threshold, widest first. */
  function tornadoRows(model, threshold) {
    const benefit = (d) => threshold * d.qalys - d.cost;
    const base = benefit(model.tornado.base);
    const rows = model.tornado.rows.map((row) => {
      const ends = row.ends.map((end, i) => ({ ...end, high: i === 1, benefit: benefit(end) }));
      const low = d3.min([base, ...ends.map((e) => e.benefit)]);
      const high = d3.max([base, ...ends.map((e) => e.benefit)]);
      return { ...row, ends, low, high };
    });
    rows.sort((a, b) => b.high - b.low - (a.high - a.low));
    return { base, rows: rows.slice(0, model.tornado.bars).map((row, i) => ({ ...row, place: i })) };
  }

  function tornado(model, at) {
    const box = document.getElementById("chart-tornado");
    if (!box) return;
    const { base, rows } = tornadoRows(model, at.threshold);
    const { words, currency } = model;
    const threshold = whole(at.threshold);
    // the longer bar first, in case both lie on one side
    const bars = rows.flatMap((row) => row.ends.map((end) => ({ ...end, place: row.place })))
      .sort((a, b) => Math.abs(b.benefit - base) - Math.abs(a.benefit - base));
    const ends = rows.flatMap((row) => {
      const [left, right] = [...row.ends].sort((a, b) => a.benefit - b.benefit);
      return [
        { place: row.place, x: Math.min(left.benefit, base), text: left.value, side: -1 },
        { place: row.place, x: Math.max(right.benefit, base), text: right.value, side: 1 },
      ];
    });
    const width = Math.max(box.clientWidth, 280), narrow = width < 560;
    const room = (narrow ? 0.22 : 0.13) * (d3.max(rows, (d) => d.high) - d3.min(rows, (d) => d.low) || 1);
    const label = fill(words.charts.tornado_alt, {
      values: rows.map((d) => `${d.label} ${d.ends.map((e) => money(e.benefit)).join(" / ")}`).join("; "),
    });
    const beside = (side) => ({
      x: "x", y: "place", text: "text", filter: (d) => d.side === side,
      dx: 4 * side, dy: narrow ? 13 : 7, textAnchor: side < 0 ? "end" : "start", fontSize: 10, fill: INK, stroke: "white", strokeWidth: 3,
    });
    place("chart-tornado", label, {
      height: 56 + (narrow ? 50 : 38) * rows.length, marginLeft: 8, marginRight: 34, marginTop: 6, marginBottom: 42,
      x: {
        domain: [d3.min([0, ...rows.map((d) => d.low)]) - room, d3.max([0, ...rows.map((d) => d.high)]) + room],
        label: fill(words.charts.tornado_x, { threshold, currency }), labelArrow: "none", labelAnchor: "center",
        tickFormat: TICKS, ticks: 5, grid: true,
      },
      y: { type: "band", domain: rows.map((d) => d.place), axis: null, padding: 0 },
      marks: [
        Plot.ruleX([0], { stroke: GREY, strokeDasharray: "3 3" }),
        Plot.barX(bars, { x1: base, x2: "benefit", y: "place", insetTop: narrow ? 31 : 19, insetBottom: 5, fill: (d) => (d.high ? HIGH_END : LOW_END) }),
        Plot.ruleX([base], { stroke: INK }),
        Plot.text(rows, {
          y: "place", frameAnchor: "left", dy: narrow ? 3 : -5, lineAnchor: "bottom", lineWidth: (width - 24) / 11,
          text: (d) => `${d.label[0].toUpperCase()}${d.label.slice(1)} (${d.unit}): ${d.status}`,
          stroke: "white", strokeWidth: 6, fill: INK,
        }),
        Plot.text(ends, beside(-1)),
        Plot.text(ends, beside(1)),
      ],
    });
    const note = fill(words.charts.tornado_note, {
      threshold, currency, shown: rows.length, all: model.tornado.rows.length, base: money(base),
    });
    document.getElementById("note-tornado").textContent = note;
    const key = [[words.charts.low_end, LOW_END], [words.charts.high_end, HIGH_END]];
    box.prepend(legend(key.map(([label, colour]) => ({ label, colour }))));
  }

  /** Strategies beside their lines. */
  const strategyLegend = (model) => legend(model.strategies.map((s, k) => ({ ...s, dash: dash(model, k) })));

  /** Names beside their colours, or lines where they have a dash. */
  function legend(entries) {
    const list = document.createElement("ul");
    list.className = "legend";
    for (const { label, colour, dash } of entries) {
      const item = list.appendChild(document.createElement("li"));
      const swatch = d3.select(item).append("svg").attr("width", 26).attr("height", 12).attr("aria-hidden", true)
        .append("line").attr("x2", 26).attr("y1", 6).attr("y2", 6).attr("stroke", colour).attr("stroke-width", dash ? 3 : 12);
      if (dash) swatch.attr("stroke-dasharray", dash);
      item.append(label);
    }
    return list;
  }

  return { plane, ceac, loss, evpi, tornado, strategyLegend, money, percent, whole, fill };
})();
