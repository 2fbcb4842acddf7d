"""The style of a shown run.

It says no background of its own and takes its colours from the notebook's theme where there is
one: JupyterLab and its exports name theirs `--jp-*`, VS Code `--vscode-*`. The colours that stand
in elsewhere are readable on white and on near-black. Every rule begins with the one class.
"""

from __future__ import annotations

import re

_CSS = """
.tinyagent-run {
  --ta-line: rgba(128,128,128,.3); --ta-soft: rgba(128,128,128,.09);
  --ta-accent: var(--jp-brand-color1, var(--vscode-textLink-foreground, #3d7fd6));
  --ta-good: var(--jp-success-color1, var(--vscode-testing-iconPassed, #2c8a57));
  --ta-warn: var(--jp-warn-color1, var(--vscode-editorWarning-foreground, #b0741a));
  --ta-bad: var(--jp-error-color1, var(--vscode-errorForeground, #d34545));
  --ta-mono: var(--jp-code-font-family, var(--vscode-editor-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace));
  font-family: inherit; line-height: 1.5; max-width: 60em; margin: .2em 0; color: inherit;
}
.tinyagent-run .ta-task { margin: 0 0 .6em; font-weight: 600; white-space: pre-wrap; }
.tinyagent-run details { margin: 0; padding: 0; border: 0; background: none; }
.tinyagent-run summary { cursor: pointer; list-style: none; margin: 0; padding: 0; }
.tinyagent-run summary::-webkit-details-marker { display: none; }
.tinyagent-run .ta-step > summary { display: flex; align-items: baseline; gap: .65em; padding: .3em 0; }
.tinyagent-run .ta-number {
  flex: none; box-sizing: border-box; width: 1.75em; height: 1.75em; line-height: 1.75em; border-radius: 50%;
  background: rgba(128,128,128,.17); text-align: center; font-size: .8em; font-weight: 600;
}
.tinyagent-run .ta-words { flex: 1 1 auto; min-width: 0; }
.tinyagent-run .ta-preview { flex: 1 1 auto; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; opacity: .75; }
.tinyagent-run .ta-step[open] > summary .ta-preview code { visibility: hidden; }
.tinyagent-run .ta-marks { flex: none; display: flex; align-items: baseline; gap: .45em; font-size: .8em; white-space: nowrap; }
.tinyagent-run .ta-mark { border: 1px solid var(--ta-line); border-radius: 1em; padding: 0 .6em; }
.tinyagent-run .ta-time { opacity: .65; font-variant-numeric: tabular-nums; }
.tinyagent-run .ta-mark.ta-bad { color: var(--ta-bad); border-color: currentColor; }
.tinyagent-run .ta-mark.ta-good, .tinyagent-run .ta-mark.ta-commit { color: var(--ta-good); border-color: currentColor; }
.tinyagent-run .ta-mark.ta-uncertain { color: var(--ta-warn); border-color: currentColor; }
.tinyagent-run .ta-mark.ta-explore { color: var(--ta-accent); border-color: currentColor; }
.tinyagent-run .ta-body { margin: 0 0 .7em .68em; padding: 0 0 0 1.3em; border-left: 1px solid var(--ta-line); }
.tinyagent-run .ta-say { white-space: pre-wrap; margin: 0 0 .4em; }
.tinyagent-run pre, .tinyagent-run code { font-family: var(--ta-mono); font-size: .92em; line-height: 1.45; color: inherit; }
.tinyagent-run code { background: none; padding: 0; border: 0; }
.tinyagent-run pre { margin: .35em 0; padding: 0; border: 0; background: none; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 32em; overflow: auto; }
.tinyagent-run pre.ta-code { background: var(--ta-soft); border-radius: 5px; padding: .55em .8em; white-space: pre; overflow-wrap: normal; }
.tinyagent-run pre.ta-out { padding: 0 .8em; }
.tinyagent-run pre.ta-stderr { border-left: 3px solid var(--ta-warn); padding-left: calc(.8em - 3px); }
.tinyagent-run pre.ta-value { font-weight: 600; }
.tinyagent-run .ta-call, .tinyagent-run .ta-signal, .tinyagent-run .ta-note { margin: .25em 0; padding: 0 .8em; font-size: .92em; }
.tinyagent-run .ta-sign { opacity: .65; margin-right: .5em; }
.tinyagent-run .ta-note, .tinyagent-run .ta-gap { opacity: .7; font-style: italic; }
.tinyagent-run .ta-signal b { font-weight: 600; }
.tinyagent-run .ta-signal.ta-uncertain b { color: var(--ta-warn); }
.tinyagent-run .ta-signal.ta-explore b { color: var(--ta-accent); }
.tinyagent-run .ta-signal.ta-commit b { color: var(--ta-good); }
.tinyagent-run .ta-error { margin: .4em 0; padding: .1em .8em; border-left: 3px solid var(--ta-bad); overflow-wrap: anywhere; }
.tinyagent-run .ta-error b { color: var(--ta-bad); font-weight: 600; }
.tinyagent-run details.ta-error > summary::after { content: "traceback"; font-size: .8em; opacity: .65; margin-left: .8em; text-decoration: underline dotted; }
.tinyagent-run .ta-rich { margin: .4em 0; padding: 0 .8em; overflow: auto; max-height: 36em; }
.tinyagent-run .ta-rich img { max-width: 100%; height: auto; background: #fff; border-radius: 3px; }
.tinyagent-run .ta-rich table { border-collapse: collapse; margin: 0; font-size: .9em; }
.tinyagent-run .ta-rich th, .tinyagent-run .ta-rich td { padding: .25em .8em; text-align: right; border: 0; border-bottom: 1px solid var(--ta-line); font-variant-numeric: tabular-nums; }
.tinyagent-run .ta-answer { margin: .5em 0 .55em; padding: .55em 1em .65em; border-left: 4px solid var(--ta-accent); background: var(--ta-soft); border-radius: 0 6px 6px 0; }
.tinyagent-run .ta-answer.ta-none { border-left-color: var(--ta-bad); }
.tinyagent-run.ta-cancelled .ta-answer.ta-none { border-left-color: var(--ta-warn); }
.tinyagent-run .ta-label { font-size: .8em; font-weight: 600; color: var(--ta-accent); margin-bottom: .1em; }
.tinyagent-run .ta-none .ta-label { font-size: 1em; color: var(--ta-bad); margin: 0; }
.tinyagent-run.ta-cancelled .ta-none .ta-label { color: var(--ta-warn); }
.tinyagent-run .ta-prose { font-size: 1.1em; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 40em; overflow: auto; }
.tinyagent-run .ta-why { overflow-wrap: anywhere; white-space: pre-wrap; }
.tinyagent-run pre.ta-result { margin: 0; }
.tinyagent-run pre.ta-big { font-size: 1.35em; font-weight: 600; }
.tinyagent-run .ta-foot { margin: .2em 0; font-size: .85em; opacity: .75; font-variant-numeric: tabular-nums; }
.tinyagent-run .ta-pulse { display: inline-block; width: .6em; height: .6em; border-radius: 50%; margin-right: .6em; background: var(--ta-accent); animation: tinyagent-pulse 1.2s ease-in-out infinite; }
@keyframes tinyagent-pulse { 50% { opacity: .25; } }
@media (prefers-reduced-motion: reduce) { .tinyagent-run .ta-pulse { animation: none; } }
.tinyagent-run [class^="tk-k"], .tinyagent-run .tk-ow { color: var(--jp-mirror-editor-keyword-color, #9a5bc0); font-weight: 600; }
.tinyagent-run [class^="tk-s"] { color: var(--jp-mirror-editor-string-color, #b0602a); }
.tinyagent-run [class^="tk-m"] { color: var(--jp-mirror-editor-number-color, #2b8a62); }
.tinyagent-run [class^="tk-c"] { color: var(--jp-mirror-editor-comment-color, #7d8590); font-style: italic; }
.tinyagent-run .tk-nf, .tinyagent-run .tk-nc { color: var(--jp-mirror-editor-def-color, #3b7fc4); }
.tinyagent-run .tk-nb, .tinyagent-run .tk-ne, .tinyagent-run .tk-bp { color: var(--jp-mirror-editor-builtin-color, #2b8a8a); }
.tinyagent-run .tk-nd { color: var(--jp-mirror-editor-meta-color, #9a7a1c); }
"""

#: The whole style element. One of these is in every shown run: outputs are moved, copied and
#: exported one by one, and a page has no other place that all front ends keep.
STYLE = "<style>" + re.sub(r"\s*\n\s*", " ", _CSS).strip() + "</style>"
