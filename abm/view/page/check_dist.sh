#!/usr/bin/env bash
# Build the page anew from its sources and the versions of package-lock.json; fail where dist/ is not what comes out.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "NOTE: no Node here: whether dist/ is what its sources give was not tried"
    exit 0
fi
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 20 ]; then
    echo "NOTE: Node $major is older than 20: whether dist/ is what its sources give was not tried"
    exit 0
fi
if grep -n '"resolved"' package-lock.json; then
    echo "abm/view/page/package-lock.json: it names addresses of a registry; take out the lines above" >&2
    exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r src build.mjs index.html style.css package.json package-lock.json tsconfig.json "$scratch"
cd "$scratch"
npm ci --silent --no-audit --no-fund
npm run --silent check
npm run --silent build
cd - >/dev/null
if ! diff -rq dist "$scratch/dist"; then
    echo "abm/view/page/dist is not what its sources give: run npm ci && npm run build there, and commit dist/" >&2
    exit 1
fi
echo "abm/view/page/dist is what its sources give"
