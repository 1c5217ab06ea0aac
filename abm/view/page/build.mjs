// Bundles src/ into dist/: page.js (one plain script), page.css, index.html.  The same input gives the same bytes.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";

const out = "dist";
await mkdir(out, { recursive: true });
await build({
  entryPoints: ["src/main.ts"],
  outfile: `${out}/page.js`,
  bundle: true,
  format: "iife",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "inline",
  logLevel: "warning",
});
const css = await Promise.all(["node_modules/uplot/dist/uPlot.min.css", "style.css"].map((name) => readFile(name, "utf8")));
await writeFile("dist/page.css", `${css.map((text) => text.trim()).join("\n")}\n`);
await copyFile("index.html", `${out}/index.html`);
