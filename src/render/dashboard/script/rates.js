// Rates computed from the samples of a history.

/**
 * Returns the rates of one counter as runs without a gap: [[{from, to, rate}, …], …].
 * A run ends at a reset, at an unknown value, and at an interval much longer than the ones around it.
 */
function rateRuns(samples, counter) {
  const steps = samples.slice(1).map((sample, index) => sample.timestamp - samples[index].timestamp);
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const runs = [];
  let run = null;
  steps.forEach((step, index) => {
    const [old, sample] = [samples[index], samples[index + 1]];
    // Old samples are further apart, so the larger of both medians is the usual distance.
    const usual = Math.max(median(steps.slice(Math.max(0, index - 4), index)), median(steps.slice(index + 1, index + 5)));
    const gap = usual > 0 && step > 2.5 * usual + 2;
    const growth = sample[counter] - old[counter];
    if (gap || sample.reset || sample[counter] === null || old[counter] === null || growth < 0 || step <= 0) {
      run = null;
      return;
    }
    if (!run) runs.push(run = []);
    run.push({ from: old.timestamp, to: sample.timestamp, rate: growth / step });
  });
  return runs;
}

/** Joins neighbouring steps until each is at least `minimum` seconds long: less than a pixel cannot be drawn. */
function joinShortSteps(run, minimum) {
  const joined = [];
  for (const { from, to, rate } of run) {
    const last = joined.at(-1);
    if (last && last.to - last.from < minimum) {
      last.rate = (last.rate * (last.to - last.from) + rate * (to - from)) / (to - last.from);
      last.to = to;
    } else {
      joined.push({ from, to, rate });
    }
  }
  return joined;
}
