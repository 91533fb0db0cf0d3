"use strict";
// The decision at one threshold, from all draws: the same operations as the run's tables.
const Decision = (() => {
  /** Base64 of little-endian doubles → Float64Array. */
  function numbers(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Float64Array(bytes.buffer);
  }

  /** Costs and QALYs as arrays, one a strategy. */
  function read(data) {
    const each = (of) => ({ ...of, cost: of.cost.map(numbers), qalys: of.qalys.map(numbers) });
    return { ...each(data), others: each(data.others) };
  }

  /** Intervention (or another strategy) minus the comparator, by draw. */
  function increments(model, strategy = model.intervention) {
    const minus = (of) => of[strategy].map((x, i) => x - of[model.comparator][i]);
    return { cost: minus(model.cost), qalys: minus(model.qalys) };
  }

  const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

  /** Quantile of sorted values, by linear interpolation. */
  function quantile(sorted, share) {
    const place = (sorted.length - 1) * share;
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  /** Net benefit of the intervention against the comparator: mean, 95 % interval, share above 0 (a tie is half). */
  function netBenefit(model, threshold) {
    const change = increments(model);
    const benefit = change.qalys.map((q, i) => threshold * q - change.cost[i]);
    const wins = benefit.reduce((n, x) => n + (x > 0 ? 1 : x === 0 ? 0.5 : 0), 0);
    const sorted = benefit.slice().sort();
    return {
      benefit: mean(benefit),
      low: quantile(sorted, 0.025),
      high: quantile(sorted, 0.975),
      probability: wins / benefit.length,
    };
  }

  const benefits = (of, threshold) =>
    of.cost.map((cost, k) => of.qalys[k].map((q, i) => threshold * q - cost[i]));

  /** The best of the strategies that charts leave out, by draw. */
  function bestOfOthers(model, threshold) {
    const pieces = benefits(model.others, threshold);
    return pieces.length ? pieces[0].map((x, i) => pieces.reduce((best, own) => Math.max(best, own[i]), x)) : null;
  }

  /** Every strategy: mean net benefit, chance of being best (those that tie share it), expected loss. */
  function strategies(model, threshold) {
    const benefit = benefits(model, threshold);
    const others = bestOfOthers(model, threshold);
    const wins = benefit.map(() => 0);
    const forgone = benefit.map(() => 0);
    for (let i = 0; i < model.draws; i++) {
      let most = others === null ? -Infinity : others[i];
      for (const own of benefit) most = Math.max(most, own[i]);
      let best = others !== null && others[i] === most ? 1 : 0;
      for (const own of benefit) best += own[i] === most;
      for (let k = 0; k < benefit.length; k++) {
        if (benefit[k][i] === most) wins[k] += 1 / best;
        forgone[k] += most - benefit[k][i];
      }
    }
    return benefit.map((own, k) => ({
      benefit: mean(own),
      probability: wins[k] / model.draws,
      loss: forgone[k] / model.draws,
    }));
  }

  /** All of it at one threshold. EVPI is the loss of the best choice on average. */
  function at(model, threshold) {
    const each = strategies(model, threshold);
    const best = each.reduce((found, own, k) => (own.loss < each[found].loss ? k : found), 0);
    return { threshold, ...netBenefit(model, threshold), each, best, evpi: each[best].loss };
  }

  return { read, increments, at, mean, quantile };
})();
