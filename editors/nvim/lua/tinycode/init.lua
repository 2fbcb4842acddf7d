-- What users call: each function is a command of the same name.

local client = require("tinycode.client")
local config = require("tinycode.config")
local executions = require("tinycode.executions")
local view = require("tinycode.view")

local M = {}

local function tell(message)
  vim.notify("tinycode: " .. message, vim.log.levels.INFO)
end

local function here()
  return vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1] - 1
end

--- Sets tinycode up: see `:help tinycode-setup`.
function M.setup(options)
  options = config.set(options)
  view.highlights()
  local group = vim.api.nvim_create_augroup("tinycode", { clear = true })
  vim.api.nvim_create_autocmd("ColorScheme", { group = group, callback = view.highlights })
  if not options.autostart then
    return
  end
  local function attach(bufnr)
    if vim.bo[bufnr].buftype == "" and vim.fn.executable(options.cmd[1]) == 1 then
      client.attach(bufnr)
    end
  end
  vim.api.nvim_create_autocmd("FileType", {
    group = group,
    pattern = options.filetypes,
    callback = function(event)
      attach(event.buf)
    end,
  })
  local bufnr = vim.api.nvim_get_current_buf()
  if vim.tbl_contains(options.filetypes, vim.bo[bufnr].filetype) then
    attach(bufnr)
  end
end

--- Runs the cell under the cursor.
function M.run()
  local bufnr, line = here()
  client.execute(bufnr, "runCell", { line = line })
end

--- Runs all cells above the one under the cursor.
function M.run_above()
  local bufnr, line = here()
  client.execute(bufnr, "runAbove", { line = line })
end

--- Runs all cells of the buffer.
function M.run_all()
  client.execute(vim.api.nvim_get_current_buf(), "runAll", {})
end

--- Runs the task under the cursor; one that is given is written below it first.
function M.task(task)
  local bufnr, line = here()
  if task and task ~= "" then
    local indent = vim.fn.matchstr(vim.api.nvim_get_current_line(), [[^\s*]])
    line = line + 1
    vim.api.nvim_buf_set_lines(bufnr, line, line, false, { indent .. "# agent: " .. task })
    vim.api.nvim_win_set_cursor(0, { line + 1, #indent })
  end
  client.execute(bufnr, "runTask", { line = line })
end

--- Inserts the code that the agent wrote for the task under the cursor.
function M.insert()
  local bufnr, line = here()
  local execution = executions.at(bufnr, line)
  local code = execution and execution.kind == "task" and execution.answer and execution.answer.code
  if not code or code == vim.NIL then
    return tell("no code was written for a task on this line; :TinycodeTask runs one")
  end
  local _, last = view.lines(execution)
  local indent = vim.fn.matchstr(vim.api.nvim_buf_get_lines(bufnr, last, last + 1, false)[1], [[^\s*]])
  local lines = vim.tbl_map(function(text)
    return text == "" and text or indent .. text
  end, vim.split(vim.trim(code), "\n", { plain = true }))
  vim.api.nvim_buf_set_lines(bufnr, last + 1, last + 1, false, lines)
end

--- Stops what runs in the buffer.
function M.interrupt()
  client.execute(vim.api.nvim_get_current_buf(), "interrupt", {}, function(answer)
    if not answer.interrupted then
      tell("nothing runs")
    end
  end)
end

--- Goes back to what the session was after the cell or task under the cursor, or forth again.
function M.rewind()
  local bufnr, line = here()
  client.execute(bufnr, "rewind", { line = line }, function(info)
    tell(("the session is again what it was after step %d"):format(info.step))
  end)
end

--- Gives the buffer a fresh session: of another trust level and with other options, `LEVEL OPTION=VALUE ...`, if some
--- are given.
function M.restart(arguments)
  local session = {}
  for _, word in ipairs(vim.split(arguments or "", "%s+", { trimempty = true })) do
    local option, value = word:match("^([%w_]+)=(.*)$")
    option, value = option or "trust_level", value or word
    if session[option] then
      local message = "'%s' is one too many: %s is '%s'; options are given as sandbox=strict"
      return tell(message:format(word, option, session[option]))
    end
    session[option] = value
  end
  session = next(session) and session -- empty, it would be a list on the wire
  client.execute(vim.api.nvim_get_current_buf(), "restart", { session = session }, function(info)
    tell("a fresh session, " .. require("tinycode.sessions").describe(info))
  end)
end

--- Shows all that came of the cell or task under the cursor.
function M.output()
  local execution = executions.at(here())
  if not execution then
    return tell("nothing was run here; :TinycodeRun runs the cell under the cursor")
  end
  require("tinycode.float").open(require("tinycode.text").full(execution))
end

--- Shows the variables of the buffer's session.
function M.vars()
  local bufnr = vim.api.nvim_get_current_buf()
  client.execute(bufnr, "session", {}, function(session)
    if type(session) ~= "table" then
      return tell("no Python runs here yet; :TinycodeRun runs the cell under the cursor")
    end
    client.request(bufnr, "variables.list", { session = session.session }, function(answer)
      if #answer.variables == 0 then
        return tell("there are no variables")
      end
      require("tinycode.float").open(require("tinycode.text").variables(answer.variables))
    end)
  end)
end

--- Forgets the results of the buffer.
function M.clear()
  local bufnr = vim.api.nvim_get_current_buf()
  executions.clear(bufnr)
  client.execute(bufnr, "clear", {})
end

return M
