#include "cli/report/page_style.hpp"

namespace spider::cli {

auto page_style() noexcept -> std::string_view {
  return R"css(
:root{color-scheme:light dark;--paper:#fff;--card:#f5f7fa;--ink:#1b232d;--soft:#5c6875;--rule:#dde3ea;
--good:#1f8a4c;--bad:#d3262f;--queue:#7f8fa6;--other:#a3acb8;
--c0:#3b78d8;--c1:#ee8f2c;--c2:#21a08f;--c3:#8b5cd0;--c4:#79ab2c;--c5:#dd6fb8;--c6:#a9825a;--c7:#1f9fd3;
--c8:#c7ab2b;--c9:#5a66a8}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--card:#1d232a;--ink:#e8edf2;--soft:#9aa7b4;
--rule:#323b45;--good:#4cc37e;--bad:#ff5c62;--queue:#7488a3;--other:#75808d;
--c0:#5b94ec;--c1:#f0a04a;--c2:#38b5a4;--c3:#a37de0;--c4:#90c044;--c5:#e58ac8;--c6:#bf9a73;--c7:#45b4e2;
--c8:#d6bd49;--c9:#7f8bd0}}
*{box-sizing:border-box}
body{margin:0 auto;padding:28px 24px 40px;max-width:1120px;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{margin:0;font-size:30px;line-height:1.2;overflow-wrap:anywhere}
h2{margin:34px 0 2px;font-size:19px}
p{margin:4px 0}
.what,.caption,footer{color:var(--soft)}
.what{font-size:16px}
.verdict{margin:14px 0 16px;font-size:25px;font-weight:650}
.good{color:var(--good)}
.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(155px,1fr));gap:12px}
.tile{padding:12px 14px;border-radius:10px;background:var(--card)}
.tile b{display:block;font-size:22px;line-height:1.3;font-weight:650;white-space:nowrap}
.tile span{display:block;color:var(--soft);font-size:13px}
.note{margin-top:12px;padding:8px 14px;border-left:4px solid var(--queue);background:var(--card)}
.complaint{color:var(--bad)}
svg{display:block;width:100%;height:auto;margin:8px 0 4px}
text{fill:var(--ink);font-size:11.5px}
.tick{fill:var(--soft)}
.middle{text-anchor:middle}
.end{text-anchor:end}
.in{fill:#fff;font-size:11px;pointer-events:none}
.ink{fill:var(--ink)}
.grid{stroke:var(--rule);stroke-width:1}
.axis{stroke:var(--soft);stroke-width:1}
.limit{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:5 4}
.curve{fill:none;stroke:var(--ink);stroke-width:1;opacity:.75}
.queue{fill:var(--queue)}
.failed{fill:var(--bad);background:var(--bad)}
.gone{fill:url(#gone);stroke:var(--soft);stroke-width:.6;
background:repeating-linear-gradient(45deg,var(--soft) 0 2px,var(--card) 2px 5px)}
.hatch{fill:var(--card)}
.hatching{stroke:var(--soft);stroke-width:2}
.other{fill:var(--other);background:var(--other)}
.c0{fill:var(--c0);background:var(--c0)}.c1{fill:var(--c1);background:var(--c1)}
.c2{fill:var(--c2);background:var(--c2)}.c3{fill:var(--c3);background:var(--c3)}
.c4{fill:var(--c4);background:var(--c4)}.c5{fill:var(--c5);background:var(--c5)}
.c6{fill:var(--c6);background:var(--c6)}.c7{fill:var(--c7);background:var(--c7)}
.c8{fill:var(--c8);background:var(--c8)}.c9{fill:var(--c9);background:var(--c9)}
.s0{opacity:.22}.s1{opacity:.4}.s2{opacity:.6}.s3{opacity:.8}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:2px 0 0;padding:0;list-style:none;font-size:13px}
i{display:inline-block;width:12px;height:12px;margin-right:6px;border-radius:3px;vertical-align:-1px}
.table{overflow-x:auto}
table{width:100%;border-collapse:collapse;margin-top:8px;font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th{color:var(--soft);font-weight:500;font-size:13px}
th:first-child,td:first-child{padding-left:0;text-align:left;white-space:normal;overflow-wrap:anywhere}
.bars{width:34%;min-width:160px;padding-right:0}
.bar{position:relative;height:14px}
.bar u{position:absolute;left:0;top:0;bottom:0;border-radius:2px;min-width:1px}
.w0{opacity:.3}.w1{opacity:.5}
footer{margin-top:34px;padding-top:10px;border-top:1px solid var(--rule);font-size:13px}
@media print{:root{color-scheme:light;--paper:#fff;--card:#f5f7fa;--ink:#1b232d;--soft:#5c6875;--rule:#dde3ea}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{padding:0;max-width:none}h2{break-after:avoid}svg,tr,.tile{break-inside:avoid}}
)css";
}

}  // namespace spider::cli
