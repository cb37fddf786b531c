/** The page's style: as the reports, light and dark, from 390 pixels on. */

/** The style sheet. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b2430;--quiet:#566273;--line:#d9dfe7;--paper:#fff;--tint:#f4f6f9;--accent:#0b6e75;--danger:#a3231a;--on-danger:#fff;--warn:#c8692b}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9f0;--quiet:#a3afbf;--line:#334050;--paper:#141a22;--tint:#1c242e;--accent:#4fc3c7;--danger:#ff9a8f;--on-danger:#2a0906;--warn:#e39a63}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:4px 24px;align-items:baseline;justify-content:space-between;padding:14px 24px;border-bottom:1px solid var(--line)}
header div{display:flex;flex-wrap:wrap;gap:0 14px;align-items:baseline}
header p{margin:0;overflow-wrap:anywhere}
h1{font-size:20px;margin:0}h2{font-size:18px;margin:0 0 8px}h3{font-size:15px;margin:14px 0 4px;overflow-wrap:anywhere}
main{max-width:1560px;margin:0 auto;padding:4px 24px 64px}
section{margin-top:24px}
p{margin:6px 0;max-width:90ch}.quiet{color:var(--quiet)}
#connection.lost{color:var(--danger);font-weight:600}
#own{background:var(--tint);border-left:4px solid var(--accent);padding:12px 16px}
progress{width:100%;height:10px;accent-color:var(--accent);display:block;margin:8px 0}
.buttons{display:flex;flex-wrap:wrap;gap:10px;margin-top:10px}
button{font:inherit;min-height:40px;padding:6px 18px;border:1px solid var(--accent);border-radius:6px;background:var(--paper);color:var(--accent);cursor:pointer}
button:hover{background:var(--tint)}
button.danger{border-color:var(--danger);color:var(--danger)}
button.danger:hover{background:var(--danger);color:var(--on-danger)}
button:disabled{opacity:.55;cursor:default}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13.5px}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}
td.number,th.number{text-align:right}thead th{background:var(--tint)}th[scope=row]{font-weight:600}
#runs input{width:20px;height:20px;margin:0;vertical-align:middle}
.scroll{overflow-x:auto;max-width:100%}
label{cursor:pointer}input[type=checkbox]{accent-color:var(--accent)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:20px 28px}
figure{margin:0;min-width:0}figcaption{font-weight:600}
.legend{list-style:none;margin:2px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:2px 14px;font-size:13px}
.legend li{display:flex;gap:6px;align-items:center}.legend .swatch{width:18px;height:0;border-top:3px solid}
.legend .swatch.dashed{border-top-style:dashed}.legend .swatch.dotted{border-top-style:dotted}
.legend .value{color:var(--quiet);font-variant-numeric:tabular-nums}
.findings{list-style:none;padding:0;margin:6px 0;max-width:90ch}
.findings li{border-left:4px solid var(--warn);background:var(--tint);padding:6px 14px;margin:8px 0}.findings li.error{border-color:var(--danger)}
code{background:var(--tint);padding:1px 5px;border-radius:4px;font-size:13px;overflow-wrap:anywhere}
dialog{border:1px solid var(--line);border-radius:8px;background:var(--paper);color:var(--ink);max-width:min(92vw,460px);padding:18px}
dialog::backdrop{background:#0007}
@media(max-width:700px){header{padding:10px 14px}main{padding:0 14px 48px}th,td{padding:5px 7px}}
@media(prefers-reduced-motion:reduce){*{transition:none!important;animation:none!important}}
`
