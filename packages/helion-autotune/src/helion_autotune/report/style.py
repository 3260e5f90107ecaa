"""The style of the page: one set of names for colours, twice, for light and dark."""

STYLE = """
:root{--page:#f6f7f9;--card:#fff;--text:#1c2330;--muted:#667085;--line:#d9dee7;--best:#0b6bcb;--trial:#8aa4c8;
--failed:#c8372d;--bar:#3f83c9;--near:#0f8a5f;--close:#d08a1a;--far:#9aa3b2;--changed:#fff4d6}
@media (prefers-color-scheme:dark){:root{--page:#11151c;--card:#1a202b;--text:#e6eaf2;--muted:#9aa5b8;--line:#323b4b;
--best:#5cb0ff;--trial:#5b7396;--failed:#ff7b70;--bar:#4f96df;--near:#37c98f;--close:#e2a63b;--far:#5c6678;
--changed:#3b3216}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
sans-serif}
main{max-width:1240px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:24px;margin:0 0 16px}h2{font-size:20px;margin:36px 0 10px;overflow-wrap:anywhere}
h3{font-size:15px;margin:0 0 10px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:0 0 16px;
min-width:0}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr));gap:16px}
.pair .card{margin:0}.pair{margin:0 0 16px}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin:10px 0 16px}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px;min-width:110px}
.tiles b{display:block;font-size:19px;font-variant-numeric:tabular-nums}.tiles span,.muted{color:var(--muted);
font-size:13px}
nav ul{margin:0;padding-left:18px}a{color:var(--best)}
svg{display:block;width:100%;height:auto}
.wide{overflow-x:auto}.wide svg{min-width:900px;max-width:none!important}
.scroll{max-height:420px;overflow:auto}
text.label{font:12px system-ui,sans-serif;fill:var(--muted)}text.name{font:600 12px system-ui,sans-serif;
fill:var(--text)}
text.halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round;fill:var(--text)}
line.grid{stroke:var(--line);stroke-width:1}line.axis{stroke:var(--muted);stroke-width:1}
circle.trial{fill:var(--trial);opacity:.75}circle.failed{fill:var(--failed);opacity:.8}
polyline{fill:none}polyline.best{stroke:var(--best);stroke-width:2.5;stroke-linejoin:round}
rect.bar{fill:var(--bar)}
.thread{stroke-width:1.2;opacity:.35}.thread:hover{opacity:1;stroke-width:3}
.thread.far{stroke:var(--far);opacity:.22}.thread.close{stroke:var(--close)}.thread.near{stroke:var(--near);
opacity:.8}
.thread.winner{stroke:var(--best);stroke-width:3;opacity:1}
.legend{display:flex;flex-wrap:wrap;gap:6px 14px;margin:0 0 8px;color:var(--muted);font-size:13px;align-items:center}
.key{display:inline-block;width:22px;height:3px;border-radius:2px;margin-right:4px;vertical-align:middle}
.key.winner{background:var(--best)}.key.near{background:var(--near)}.key.close{background:var(--close)}
.key.far{background:var(--far)}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
td,th{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
overflow-wrap:anywhere}
tr.changed td{background:var(--changed)}tr.changed td:first-child{font-weight:600}
.count{text-align:right;padding-right:16px;white-space:nowrap}.failures td:first-child{white-space:nowrap}
details summary{cursor:pointer;color:var(--muted);font-size:13px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--page);border-radius:6px;padding:10px;
font-size:12.5px;
max-height:300px;overflow:auto}
"""
