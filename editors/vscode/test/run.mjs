// Drives the packaged extension in a real VS Code, with a real daemon and a scripted model.

import { scenario } from "./scenario.mjs";
import { withWorkbench } from "./setup.mjs";

const key = "sk-test-0123456789abcdef0123456789abcdef";

// The first step of the task waits until the test has seen its progress.
const replies = [
  "I look first.\n```python\nimport os, time\nuncertain('is 3 enough?')\nprint('looking at', len(values), 'values', flush=True)\n" +
    "while not os.path.exists('seen'):\n    time.sleep(0.02)\n```",
  "```python\nfinal_answer([value for value in values if value > 10])\n```",
];

await withWorkbench(
  {
    files: ["analysis.py", "crash.py", "many.py", "notes.md", "plot.py", "table.py"],
    key,
    replies,
    settings: {
      "tinycode.path": "no-such-tinycode",
      "files.exclude": { "**/__pycache__": true, seen: true }, // rows do not move under a click
    },
    viewport: { width: 1440, height: 800 },
  },
  (parts) => scenario({ ...parts, key }),
);
