"use strict";
// Starts the page of another program's draws: the threshold and what follows it.
exploreThreshold(Decision.read(JSON.parse(document.getElementById("data").textContent)));
