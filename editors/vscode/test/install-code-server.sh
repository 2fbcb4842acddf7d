#!/usr/bin/env bash
# Builds code-server, a VS Code that a browser opens, from npm: once, into the folder given. The extension's test drives it.
set -euo pipefail

version=4.100.3 # holds VS Code 1.100.3
target="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/tinycode/code-server-$version}"
if [ -x "$target/bin/code-server" ]; then
  echo "$target/bin/code-server"
  exit
fi

# Native modules are built against the headers that came with node, where they did; else they are downloaded.
prefix="$(dirname "$(dirname "$(realpath "$(command -v node)")")")"
[ -e "$prefix/include/node/node.h" ] && export npm_config_nodedir="$prefix"
export npm_config_yes=true npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

building="$target.building"
rm -rf "$building"
mkdir -p "$building/bin"
{
  cd "$building"
  npm install --no-save --ignore-scripts "code-server@$version"
  npm rebuild argon2 --build-from-source
  cd node_modules/code-server/lib/vscode # its own npm-shrinkwrap.json pins what it needs
  npm install --omit=dev --ignore-scripts
  npm rebuild @vscode/spdlog node-pty native-watchdog @vscode/deviceid
  (cd extensions && npm install --omit=dev --ignore-scripts)
  ln -sfn node_modules node_modules.asar
  for helper in bin/helpers/*-linux.sh bin/remote-cli/*-linux.sh; do
    [ -e "$helper" ] && ln -sfn "$(basename "$helper")" "${helper%-linux.sh}.sh"
  done
} >&2

# What other install scripts would download, such as ripgrep, is left out: nothing here searches.
ln -s ../node_modules/code-server/out/node/entry.js "$building/bin/code-server"
chmod +x "$building/node_modules/code-server/out/node/entry.js"
rm -rf "$target"
mv "$building" "$target"
echo "$target/bin/code-server"
