/** The page's HTML: headings and places that its scripts fill. No inline script or style. */

/** The icon: the two wells of an energy. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M3 4C7 36 12 28 16 18S25 36 29 4" fill="none" stroke="#1292a0" stroke-width="4" stroke-linecap="round"/></svg>'

/** The page. */
export const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>langevin runs</title>
<link rel="icon" href="icon.svg" type="image/svg+xml"><link rel="stylesheet" href="uplot.css"><link rel="stylesheet" href="page.css">
<script src="uplot.js" defer></script><script type="module" src="main.js"></script></head>
<body><header><div><h1>langevin runs</h1><p id="folder" class="quiet"></p></div><p id="connection" role="status">connecting</p></header>
<main>
<noscript><p>This page needs JavaScript. Without it: npx langevin runs list.</p></noscript>
<section id="own" hidden aria-labelledby="own-title"><h2 id="own-title">This run</h2>
<p id="own-progress"></p><progress id="own-bar" max="1" value="0" aria-label="share of the steps that are done"></progress>
<div class="buttons"><button type="button" id="pause">Pause</button><button type="button" id="checkpoint">Checkpoint</button><button type="button" id="abort" class="danger">Abort</button></div>
<p id="message" role="status"></p></section>
<section aria-labelledby="runs-title"><h2 id="runs-title">Runs</h2>
<p class="quiet" id="runs-hint">Choose up to six to see them side by side.</p>
<div class="scroll" tabindex="0" role="region" aria-label="table of runs"><table id="runs"><thead><tr><th scope="col">shown</th><th scope="col">run</th><th scope="col">state</th><th scope="col" class="number">steps</th><th scope="col" class="number">loss</th><th scope="col" class="number">steps/s</th><th scope="col">objective</th><th scope="col" class="number">findings</th><th scope="col">started</th></tr></thead><tbody></tbody></table></div>
<p id="others" class="quiet"></p></section>
<section aria-labelledby="findings-title"><h2 id="findings-title">Findings</h2><div id="findings"></div></section>
<section aria-labelledby="curves-title"><h2 id="curves-title">Curves</h2>
<p><label><input type="checkbox" id="log"> logarithmic loss</label></p><div id="charts" class="charts"></div></section>
<section aria-labelledby="learned-title"><h2 id="learned-title">What is learned</h2><div id="pictures" class="charts"></div></section>
<section aria-labelledby="values-title"><h2 id="values-title">Newest values</h2>
<div class="scroll" tabindex="0" role="region" aria-label="table of newest values"><table id="values"></table></div></section>
<section aria-labelledby="settings-title"><h2 id="settings-title">Settings</h2>
<p><label><input type="checkbox" id="all-settings"> all settings, not only those that differ</label></p>
<div class="scroll" tabindex="0" role="region" aria-label="table of settings"><table id="settings"></table></div></section>
</main>
<dialog id="confirm" aria-labelledby="confirm-text"><p id="confirm-text">Stop this run? A checkpoint is written first; it can be continued later with langevin runs resume.</p>
<form method="dialog" class="buttons"><button value="no">Go on training</button><button value="yes" class="danger">Stop the run</button></form></dialog>
</body></html>
`
