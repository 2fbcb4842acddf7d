-- The plugin in a real Neovim, with a real daemon and a scripted model. Started by tests/e2e/nvim.rs.

local folder = vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h")
local t = dofile(folder .. "/harness.lua")

vim.opt.runtimepath:prepend(vim.fn.fnamemodify(folder, ":h"))
vim.cmd("runtime plugin/tinycode.lua")
vim.o.swapfile = false
vim.o.hidden = true

require("tinycode").setup {
  cmd = { vim.env.TINYCODE_BINARY, "serve" },
  session = { model = "test-model", base_url = vim.env.MODEL_URL, api_key = vim.env.MODEL_KEY },
}

local CELLS = [[
import math

# %%
x = math.sqrt(16)
x

# %%
for n in range(12):
    print("line", n)]]

local function at(line)
  vim.api.nvim_win_set_cursor(0, { line, 0 })
end

--- Runs what is at a line, and waits until this is drawn behind another.
local function run(line, shown_at, text)
  at(line)
  vim.cmd("TinycodeRun")
  t.wait_for_text(shown_at, text)
end

--- Edits lines, counted from 0, as typing does.
local function edit(first, last, lines)
  vim.api.nvim_buf_set_lines(0, first, last, false, lines)
  vim.cmd("doautocmd TextChanged")
end

--- Gives a test the messages that the user is told meanwhile.
local function with_messages(test)
  return function()
    local notify, told = vim.notify, {}
    vim.notify = function(message)
      table.insert(told, message)
    end
    local passed, problem = xpcall(test, debug.traceback, told)
    vim.notify = notify
    if not passed then
      error(problem, 0)
    end
  end
end

--- Waits until the last that the user was told matches.
local function wait_for_message(told, pattern)
  t.wait_until("it is told: " .. pattern, function()
    return told[#told] and told[#told]:match(pattern)
  end, function()
    return told
  end)
end

t.test("a cell shows its value behind its last line and a sign where it begins", function()
  t.buffer("a.py", "python", CELLS)
  run(1, 1, "✓")
  run(4, 5, "= 4.0")
  t.sign(3, "✓")
  t.equal(t.drawn()[5].lines, {})
end)

t.test("the last lines of the output are shown below, and all of it in a window", function()
  t.buffer("a.py", "python", CELLS)
  vim.cmd("TinycodeRunAll")
  t.wait_for_text(9, "✓")
  local lines = t.drawn()[9].lines
  t.equal(#lines, 9)
  t.equal({ lines[1], lines[2], lines[9] }, { "┆ 4 more lines, :TinycodeOutput", "│ line 4", "│ line 11" })
  at(8)
  vim.cmd("TinycodeOutput")
  local shown = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  t.equal({ #shown, shown[1], shown[12] }, { 12, "line 0", "line 11" })
  t.equal(vim.api.nvim_win_get_config(0).relative, "win")
  vim.cmd("normal q")
  t.equal(#vim.api.nvim_list_wins(), 1)
end)

t.test("the variables of the session are shown in a window", function()
  t.buffer("a.py", "python", "name = 'é'\nrows = [1, 2]")
  vim.cmd("TinycodeVars") -- there is no session yet
  run(1, 2, "✓")
  vim.cmd("TinycodeVars")
  t.wait_until("the window is there", function()
    return #vim.api.nvim_list_wins() == 2
  end, vim.api.nvim_list_wins)
  t.equal(vim.api.nvim_buf_get_lines(0, 0, -1, false), { "name  str   'é'", "rows  list  [1, 2]" })
  vim.cmd("normal q")
  t.equal(#vim.api.nvim_list_wins(), 1)
end)

t.test("output is shown while the code runs, and it can be stopped", function()
  t.buffer("a.py", "python", "import time\nprint('tick', flush=True)\ntime.sleep(1000)")
  vim.cmd("TinycodeRun")
  t.wait_until("the output is shown", function()
    local drawn = t.drawn()
    return drawn[3] and vim.deep_equal(drawn[3].lines, { "│ tick" }) and drawn[3].text == "running"
  end, t.drawn)
  t.sign(1, "●")
  vim.cmd("TinycodeInterrupt")
  t.wait_for_text(3, "interrupted")
  t.equal(t.drawn()[3].lines, { "│ tick" })
  t.sign(1, "✗")
  t.equal(vim.diagnostic.get(0), {})
end)

t.test("what became of variables is said where code had to be killed", function()
  local bufnr = t.buffer("a.py", "python", [[
y = 5
# %%
y = 6
while True:
    try:
        print('on', flush=True)
        while True: pass
    except BaseException:
        pass
# %%
y]])
  local client = require("tinycode.client")
  local function interrupted(shown, said)
    vim.cmd("TinycodeClear")
    t.wait_until("earlier results are gone", function()
      return next(t.drawn()) == nil
    end, t.drawn)
    run(1, 1, "✓")
    at(2)
    vim.cmd("TinycodeRun")
    t.wait_until("it runs", function()
      return #(t.drawn()[9] or { lines = {} }).lines > 0
    end, t.drawn)
    vim.cmd("TinycodeInterrupt")
    t.wait_for_text(9, shown)
    local lines = table.concat(t.drawn()[9].lines, " "):gsub(" │ ", " ")
    assert(lines:find(said, 1, true), lines)
    vim.cmd("TinycodeOutput")
    local output = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
    assert(output:find(shown, 1, true) and output:find(said, 1, true), output)
    vim.cmd("normal q")
  end
  interrupted("interrupted, variables are as before this cell", "was killed. The session is as it was before this")
  run(11, 11, "= 5")
  local fresh
  client.execute(bufnr, "restart", { session = { checkpoints = false } }, function()
    fresh = true
  end)
  t.wait_until("there is a fresh session", function()
    return fresh
  end)
  interrupted("interrupted, all variables are lost", "was killed. Its variables are gone")
  t.equal(t.drawn()[1].text, "✓ · variables lost")
  run(11, 11, "✗ NameError: name 'y' is not defined")
end)

t.test("what is printed in the background is shown below the latest cell that has ended", function()
  t.buffer("a.py", "python", [[
import threading, time
def late():
    time.sleep(1)
    print('late')
threading.Thread(target=late).start()
print('soon')]])
  run(1, 6, "✓")
  t.equal(t.drawn()[6].lines, { "│ soon" })
  local wanted = { "soon", "printed in the background since:", "late" }
  t.wait_until("it is shown", function()
    return vim.deep_equal(t.drawn()[6].lines, vim.tbl_map(function(line)
      return "│ " .. line
    end, wanted))
  end, t.drawn)
  vim.cmd("TinycodeOutput")
  t.equal(vim.api.nvim_buf_get_lines(0, 0, -1, false), wanted)
  vim.cmd("normal q")
end)

t.test("an error is shown behind its cell and as a diagnostic on its line", function()
  t.buffer("a.py", "python", "# %%\ny = 0\n1 / y\n\nprint('never')")
  run(1, 5, "✗ ZeroDivisionError: division by zero")
  t.sign(1, "✗")
  t.wait_until("there is a diagnostic", function()
    return #vim.diagnostic.get(0) == 1
  end)
  local diagnostic = vim.diagnostic.get(0)[1]
  t.equal({ diagnostic.lnum, diagnostic.source }, { 2, "tinycode" })
end)

t.test("what there is no room for behind a cell is said in the lines below", function()
  t.buffer("a.py", "python", [[
raise ValueError('one\ntwo')
# %%
open('/etc/tinycode', 'w')
# %%
assert 0, 'word ' * 20]])
  run(1, 1, "✗ ValueError: one")
  t.equal(t.drawn()[1].lines[3], "│ two")
  run(3, 3, "✗ PermissionError: [Errno 13] Permission denied: '/etc/tinycode'")
  local lines = t.drawn()[3].lines
  for _, line in ipairs(lines) do
    assert(vim.fn.strdisplaywidth(line) <= 78, line)
  end
  local said = table.concat(lines, " "):gsub(" │ ", " ")
  assert(said:find("This session may read", 1, true) and said:find("allows more%.$"), said)
  run(5, 5, "✗ AssertionError: " .. vim.trim(("word "):rep(20)))
  lines = t.drawn()[5].lines
  t.equal({ lines[3], lines[4] }, { "│ AssertionError:" .. (" word"):rep(12), "│ " .. vim.trim(("word "):rep(8)) })
  local refused = { message = "no", data = { hint = "say please" } }
  local execution = { kind = "cell", state = "done", answer = { error = refused } }
  local border = { "│ ", "TinycodeBorder" }
  lines = require("tinycode.text").body(execution, 8, { behind = 80, below = 80 })
  t.equal(lines, { { border, { "say please", "TinycodeInfo" } } })
end)

t.test("results move with their cells and say when these were edited", function()
  t.buffer("a.py", "python", CELLS)
  vim.cmd("TinycodeRunAll")
  t.wait_for_text(9, "✓")
  edit(0, 0, { "# about", "" })
  t.equal(t.drawn()[7].text, "= 4.0")
  t.sign(5, "✓")
  edit(5, 6, { "x = 5" })
  t.equal(t.drawn()[7].text, "= 4.0 · edited since")
  t.sign(5, "~")
  run(6, 7, "= 5")
  edit(4, 8, {})
  t.sign(5, "✓") -- of the cell that has come here
  vim.cmd("TinycodeClear")
  t.equal(t.drawn(), {})
end)

t.test("one more cell costs the same however many there are", function()
  local executions = require("tinycode.executions")
  local count = 200
  local bufnr = t.buffer("a.py", "text", ("# %%\n"):rep(count))
  local function run_at(line, id)
    local params = { uri = vim.uri_from_bufnr(bufnr), execution = id, kind = "cell", session = "s", step = id }
    params.place = { version = 0, first_line = line, last_line = line, cell = line }
    params.answer = { result = { output = "", stderr = "", duration_ms = 1 } }
    for _, state in ipairs({ "queued", "running", "done" }) do
      executions.on_execution(vim.tbl_extend("force", params, { state = state, ok = true }), 0)
    end
  end
  --- How often Neovim is asked for a mark while a cell is run again.
  local function calls(id)
    local ask, found = vim.api.nvim_buf_get_extmark_by_id, 0
    vim.api.nvim_buf_get_extmark_by_id = function(...)
      found = found + 1
      return ask(...)
    end
    run_at(0, id)
    vim.api.nvim_buf_get_extmark_by_id = ask
    return found
  end
  for line = 0, 9 do
    run_at(line, line + 1)
  end
  local few = calls(count + 1)
  for line = 10, count - 1 do
    run_at(line, line + 1)
  end
  t.equal(calls(count + 2), few)
end)

t.test("a task is answered beside its comment, and its code can be inserted", function()
  t.buffer("a.py", "python", "values = [1, 2, 39]\n\nif values:\n    pass")
  run(1, 4, "✓")
  at(4)
  vim.cmd("TinycodeTask add them up")
  t.equal(vim.api.nvim_get_current_line(), "    # agent: add them up")
  t.wait_for_text(5, "= 42")
  vim.cmd("TinycodeInsert")
  t.equal(vim.api.nvim_buf_get_lines(0, 5, -1, false), { "    total = sum(values)", "    final_answer(total)" })
end)

t.test("fenced blocks of Markdown are cells", function()
  t.buffer("a.md", "markdown", "# Title\n\n```python\n6 * 7\n```\n")
  run(4, 4, "= 42")
  t.sign(3, "✓")
end)

t.test("a session goes back to what it was after a cell, and forth again", with_messages(function(told)
  t.buffer("a.py", "python", "# %%\nx = 1\nx\n# %%\nx += 1\nx\n# %%\nx * 10")
  at(1)
  vim.cmd("TinycodeRewind")
  wait_for_message(told, "has not run yet")
  vim.cmd("TinycodeRunAll")
  t.wait_for_text(8, "= 20")
  at(2)
  vim.cmd("TinycodeRewind")
  t.wait_for_text(6, "= 2 · undone")
  t.wait_for_text(8, "= 20 · undone")
  t.equal(t.drawn()[3].text, "= 1")
  t.sign(4, "~")
  wait_for_message(told, "^tinycode: the session is again what it was after step 1$")
  run(8, 8, "= 10")
  at(5)
  vim.cmd("TinycodeRewind")
  t.wait_for_text(6, "= 2")
  t.sign(4, "✓")
  t.wait_for_text(8, "= 10 · undone")
end))

t.test("a session can be started afresh", with_messages(function(told)
  t.buffer("a.py", "python", "# %%\nx = 1\n# %%\nx")
  vim.cmd("TinycodeRunAll")
  t.wait_for_text(4, "= 1")
  vim.cmd("TinycodeRestart isolated")
  wait_for_message(told, "^tinycode: a fresh session, isolated, sandbox workspace$")
  t.equal(t.drawn()[4].text, "= 1 · session ended")
  t.sign(3, "~")
  run(4, 4, "✗ NameError: name 'x' is not defined")
  vim.cmd("TinycodeRestart nonsense")
  wait_for_message(told, "trust_level")
  vim.cmd("TinycodeRestart isolated sandbox=strict")
  wait_for_message(told, "^tinycode: a fresh session, isolated, sandbox strict$")
  vim.cmd("TinycodeRestart sandbox=nonsense")
  wait_for_message(told, "session.sandbox")
  vim.cmd("TinycodeRestart isolated strict")
  wait_for_message(told, "'strict' is one too many")
  t.equal(vim.fn.getcompletion("TinycodeRestart isolated sandbox=", "cmdline")[1], "sandbox=strict")
end))

t.test("what the sandbox cannot enforce is told once, when a file gets its first session", with_messages(function(told)
  local options = require("tinycode.config").options
  options.env = { TINYCODE_SANDBOX_WITHOUT = "namespaces" }
  t.buffer("a.py", "python", "1\n# %%\n2")
  options.env = nil
  run(1, 1, "= 1")
  wait_for_message(told, "^tinycode: not enforced on this system: .*other processes can be seen")
  run(3, 3, "= 2")
  t.equal(#told, 1)
  vim.cmd("TinycodeRestart")
  wait_for_message(told, "^tinycode: a fresh session, isolated, sandbox workspace; not enforced on this system: other")
  t.equal(#told, 2)
end))

t.test("what ran in a daemon that has gone is marked", function()
  local options, file = require("tinycode.config").options, vim.fn.tempname()
  local cmd = options.cmd
  options.cmd = { "sh", "-c", 'echo $$ > "$1"; exec "$0" serve', vim.env.TINYCODE_BINARY, file }
  t.buffer("a.py", "python", "# %%\nx = 1\nx\n# %%\n2")
  options.cmd = cmd
  run(1, 3, "= 1")
  vim.loop.kill(tonumber(vim.fn.readfile(file)[1]), "sigkill")
  t.wait_for_text(3, "= 1 · disconnected since")
  t.sign(1, "~")
  run(4, 5, "= 2")
  t.equal(t.drawn()[3].text, "= 1 · disconnected since")
  run(1, 3, "= 1")
end)

t.test("what is set wrongly is named", function()
  local setup = require("tinycode").setup
  for _, case in ipairs({ { { autostrat = true }, "autostrat" }, { { cmd = "tinycode" }, "cmd" } }) do
    local passed, problem = pcall(setup, case[1])
    t.equal(passed, false)
    assert(problem:find(case[2], 1, true), problem)
  end
end)

t.test("a missing binary is told in words", with_messages(function(told)
  local options = require("tinycode.config").options
  local cmd = options.cmd
  options.cmd = { "no-such-tinycode" }
  vim.cmd("enew")
  vim.cmd("TinycodeRun")
  options.cmd = cmd
  local said = told[1] or "nothing was told"
  assert(said:find("no-such-tinycode", 1, true) and said:find("checkhealth", 1, true), said)
end))

t.test(":checkhealth says what works", function()
  vim.cmd("checkhealth tinycode")
  local report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
  assert(report:find("trust level isolated", 1, true), report)
  assert(report:find("a model is configured", 1, true), report)
end)

t.test(":help tinycode is there, and each command has its entry", function()
  vim.cmd("helptags " .. vim.fn.fnameescape(vim.fn.fnamemodify(folder, ":h") .. "/doc"))
  vim.cmd("help tinycode")
  for name in pairs(vim.api.nvim_get_commands({})) do
    if vim.startswith(name, "Tinycode") then
      vim.cmd("help :" .. name)
    end
  end
end)

t.finish()
