"use strict";
// Money of any size: to the nearest hundred, or three significant digits where that says little.
const Amounts = (() => {
  const SMALL = 10000;

  function money(x) {
    const places = Math.abs(x) >= SMALL ? -2 : x === 0 ? 0 : 2 - Math.floor(Math.log10(Math.abs(x)));
    const unit = 10 ** Math.abs(places);
    const rounded = places < 0 ? Math.round(x / unit) * unit : Math.round(x * unit) / unit;
    return d3.format(`,.${Math.max(places, 0)}f`)(rounded + 0);
  }

  return { money };
})();
