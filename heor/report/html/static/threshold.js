"use strict";
// The threshold: slider, number, buttons; and the answer at it in words and numbers.
function exploreThreshold(model) {
  const { money, percent, whole, fill } = Charts;
  const words = model.words.slider;
  const element = (id) => document.getElementById(id);
  const slider = element("threshold-slider"), number = element("threshold-number");
  const [low, high] = model.range;
  let threshold = model.start, waiting = false, moved = false, aloud;

  function setUp() {
    const step = 10 ** Math.floor(Math.log10((high - low) / 150));
    Object.assign(slider, { min: low, max: high, step });
    const title = fill(words.outside, { low: whole(low), high: whole(high) });
    Object.assign(number, { min: low, max: high, step: "any", title });
    const presets = document.querySelector(".presets");
    for (const { value, severity } of model.thresholds) {
      element("marks").append(new Option("", value));
      const button = presets.appendChild(document.createElement("button"));
      button.type = "button";
      button.dataset.value = value;
      button.textContent = severity ? `${whole(value)} (${words.severity})` : whole(value);
      button.addEventListener("click", () => choose(value));
    }
    slider.addEventListener("input", () => choose(slider.valueAsNumber));
    number.addEventListener("input", () => {
      if (number.validity.valid && number.value !== "") choose(number.valueAsNumber, number);
    });
    number.addEventListener("change", () => { number.value = threshold; });
    slider.form.addEventListener("submit", (event) => event.preventDefault());
    const exact = `${fill(words.exact, { draws: whole(model.draws) })} ${fill(words.fixed, { start: whole(model.start), currency: model.currency })}`;
    element("threshold-unit").textContent += ` (${fill(words.reach, { low: whole(low), high: whole(high) })})`;
    element("note-exact").textContent = model.others.count ? `${exact} ${model.others.words}` : exact;
    const note = element("note-plane");
    if (note) {
      note.textContent = fill(model.words.charts.plane_note, {
        shown: whole(model.shown.length), draws: whole(model.draws),
      });
    }
    document.querySelector(".charts").before(Charts.strategyLegend(model));
    element("explore").hidden = false;
  }

  /** Take a threshold; the field being typed in keeps what was typed. */
  function choose(value, typed) {
    threshold = Math.min(Math.max(value, low), high);
    moved = true;
    slider.value = threshold;
    if (typed !== number) number.value = threshold;
    redraw();
  }

  /** At most once a frame. */
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(show);
  }

  function show() {
    waiting = false;
    const at = Decision.at(model, threshold);
    tell(at);
    for (const chart of ["plane", "ceac", "loss", "evpi", "tornado"]) Charts[chart](model, at);
    for (const id of ["chart-ceac", "chart-loss", "chart-evpi"]) {
      const svg = element(id).querySelector("svg");
      svg.addEventListener("click", (event) => {
        choose(svg.scale("x").invert(d3.pointer(event, svg)[0]));
      });
    }
  }

  /** The answer in words and tiles; said aloud only when the slider rests. */
  function tell(at) {
    const chosen = model.thresholds.find((t) => t.value === threshold);
    const values = {
      threshold: whole(threshold), currency: model.currency,
      severity: chosen?.severity ? ` (${words.severity})` : "",
      intervention: model.strategies[model.intervention].label,
      benefit: money(at.benefit), low: money(at.low), high: money(at.high),
      probability: percent(at.probability), evpi: money(at.evpi),
    };
    const several = model.strategies.length > 2, few = model.draws < model.least;
    if (several) {
      Object.assign(values, {
        best: model.strategies[at.best].label, chance: percent(at.each[at.best].probability),
        comparator: model.strategies[model.comparator].label,
        count: model.strategies.length + model.others.count,
      });
      element("label-benefit").textContent = fill(words.pair, values);
      element("label-probability").textContent = fill(words.chance_of, values);
    }
    element("verdict").textContent = verdict(at, values, several, few);
    element("tile-benefit").textContent = `${values.benefit} ${model.currency}`;
    element("tile-interval").textContent = few ? "" : `${values.low} ${words.to} ${values.high} (${words.interval})`;
    element("tile-probability").textContent = few ? "–" : several ? values.chance : values.probability;
    element("tile-evpi").textContent = few ? "–" : `${values.evpi} ${model.currency}`;
    element("tile-population").textContent = model.population === null || few ? "" : fill(words.population, {
      value: d3.format(",.1f")((at.evpi * model.population) / 1e6), currency: model.currency,
    });
    if (several) element("by-strategy").replaceChildren(table(at));
    slider.setAttribute("aria-valuetext", `${values.threshold} ${fill(words.unit, model)}${values.severity}`);
    for (const button of document.querySelectorAll(".presets button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.value) === threshold));
    }
    clearTimeout(aloud);
    if (moved) aloud = setTimeout(() => { element("verdict-aloud").textContent = element("verdict").textContent; }, 500);
  }

  /** The answer in a sentence: of two strategies a verdict, of more which of all is the best. */
  function verdict(at, values, several, few) {
    if (few) {
      const best = model.strategies[at.best].label;
      return fill(words.too_few, { ...values, best, draws: whole(model.draws), least: whole(model.least) });
    }
    if (several) return [fill(words.best_of, values), model.verdict ? "" : words.no_threshold].join(" ").trim();
    return fill(!model.verdict ? words.no_verdict : at.benefit > 0 ? words.worth : words.not_worth, values);
  }

  /** All strategies at this threshold. */
  function table(at) {
    const comparator = model.strategies[model.comparator].label;
    const found = document.createElement("table");
    const head = [words.strategy, fill(words.against, { comparator }), words.chance_best, words.loss];
    const row = found.createTHead().insertRow();
    for (const label of head) {
      const cell = row.appendChild(document.createElement("th"));
      cell.scope = "col";
      cell.textContent = label;
    }
    const body = found.createTBody();
    at.each.forEach((own, k) => {
      const line = body.insertRow();
      const name = line.appendChild(document.createElement("th"));
      name.scope = "row";
      name.textContent = model.strategies[k].label;
      const values = [money(own.benefit - at.each[model.comparator].benefit), percent(own.probability), money(own.loss)];
      for (const value of values) line.insertCell().textContent = value;
    });
    if (model.others.count) {
      const line = body.insertRow();
      const name = line.appendChild(document.createElement("th"));
      name.scope = "row";
      name.textContent = fill(words.others, { count: whole(model.others.count) });
      const chance = 1 - d3.sum(at.each, (own) => own.probability);
      for (const value of ["", percent(Math.max(chance, 0)), ""]) line.insertCell().textContent = value;
    }
    return found;
  }

  setUp();
  slider.value = number.value = threshold;
  show();
  let width = element("explore").clientWidth;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 1) return;
    width = entry.contentRect.width;
    redraw();
  }).observe(element("explore"));
}
