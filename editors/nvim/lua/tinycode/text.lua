-- What is said of an execution: from the daemon's answers to lines of text with highlights.
--
-- Pure: it draws nothing.

local M = {}

local function null(value)
  return value ~= vim.NIL and value or nil
end

--- The lines of a text, without empty ones at its end; what a carriage return overwrote is left out.
function M.split(text)
  local lines = vim.split((text or ""):gsub("\r\n", "\n"), "\n", { plain = true })
  for at, line in ipairs(lines) do
    lines[at] = line:gsub("^.*\r(.)", "%1"):gsub("\r$", ""):gsub("\t", "    "):gsub("%c%[[%d;]*m", "")
  end
  while #lines > 0 and vim.trim(lines[#lines]) == "" do
    table.remove(lines)
  end
  return lines
end

function M.duration(milliseconds)
  if milliseconds < 1000 then
    return ("%d ms"):format(milliseconds)
  end
  return ("%.1f s"):format(milliseconds / 1000)
end

local function as_text(value)
  value = null(value)
  return type(value) == "string" and value or (value ~= nil and vim.fn.json_encode(value) or nil)
end

local function error_text(error)
  return error.message ~= "" and (error.type .. ": " .. error.message) or error.type
end

-- Blocks of a cell's result: { highlight, lines }.
local function blocks_of_cell(result)
  local blocks = {}
  local function add(highlight, text)
    local lines = M.split(text)
    if #lines > 0 then
      table.insert(blocks, { highlight, lines })
    end
  end
  add("TinycodeOutput", result.output)
  add("TinycodeStderr", result.stderr)
  for _, display in ipairs(result.display or {}) do
    local kinds = vim.tbl_keys(display)
    table.sort(kinds)
    add("TinycodeInfo", "[" .. table.concat(kinds, ", ") .. "]")
  end
  return blocks
end

-- Columns of a sentence, so that it can be read in a window of 80 columns, with signs.
local MEASURE = 76

-- The lines, broken between words where they are wider than that.
local function wrap(lines, width)
  local wrapped = {}
  for _, line in ipairs(lines) do
    local row = ""
    for word in line:gmatch("%s*%S+") do
      if row ~= "" and vim.fn.strdisplaywidth(row .. word) > width then
        table.insert(wrapped, row)
        row = vim.trim(word)
      else
        row = row .. word
      end
    end
    table.insert(wrapped, row)
  end
  return wrapped
end

-- The lines of a traceback: where it happened, and what the exception says, from the line that names it on.
local function parts(error)
  local lines = M.split(error.traceback)
  local from = #lines
  for at, line in ipairs(lines) do
    local name = line:match("^[^%s:]+") or ""
    if name == error.type or vim.endswith(name, "." .. error.type) then
      from = at
    end
  end
  local first = vim.startswith(lines[1] or "", "Traceback ") and 2 or 1
  return vim.list_slice(lines, first, from - 1), vim.list_slice(lines, from)
end

-- What went wrong, if something did, in lines: `where` it happened, what it `says`, and what to do, a `hint`.
local function failure(execution)
  local answer = execution.answer
  if answer.error then
    local hint = null(answer.error.data) and null(answer.error.data.hint)
    return { where = {}, says = M.split(answer.error.message), hint = M.split(hint or "") }
  end
  local error = null(answer.result.error)
  if not error then
    return nil
  elseif execution.kind == "task" then
    return { where = {}, says = M.split(error.message), hint = M.split(null(error.hint) or "") }
  end
  local where, says = parts(error)
  return { where = where, says = #says > 0 and says or { error_text(error) }, hint = {} }
end

local function failed_line(failed)
  return "✗ " .. (failed.says[1] or "")
end

--- One line that says most: { text, highlight } pieces, as virtual text takes them.
function M.headline(execution)
  local history = execution.undone and "undone" or (execution.stale and "edited since")
  local stale = history and { { " · " .. history, "TinycodeInfo" } } or {}
  local function line(text, highlight, info)
    local first = M.split(text)[1] or ""
    local more = #M.split(text) - 1
    local pieces = { { first, highlight } }
    if more > 0 then
      table.insert(pieces, { (" … +%d"):format(more), "TinycodeInfo" })
    end
    if info then
      table.insert(pieces, { "  " .. info, "TinycodeInfo" })
    end
    return vim.list_extend(pieces, stale)
  end
  if execution.state == "queued" then
    return line("queued", "TinycodeInfo")
  elseif execution.state == "running" then
    local doing = execution.code and "running" or "thinking"
    local step = execution.kind == "task" and ("step %d · %s"):format(#execution.steps, doing) or "running"
    return line(step, "TinycodeRunning")
  end
  local result = execution.answer.result
  local info = result and M.duration(result.duration_ms or result.duration_seconds * 1000)
  local failed = failure(execution)
  if result and result.interrupted then
    return line("interrupted", "TinycodeError", info)
  elseif failed then
    return line(failed_line(failed), "TinycodeError", info)
  elseif execution.kind == "task" then
    return line("= " .. result.output, "TinycodeValue", info)
  elseif result.is_final then
    return line("= " .. (as_text(result.final_value) or "None"), "TinycodeValue", info)
  elseif null(result.value) then
    return line("= " .. result.value, "TinycodeValue", info)
  end
  return line("✓ " .. info, "TinycodeInfo")
end

-- What is below the line: { highlight, lines } blocks.
local function blocks(execution)
  if execution.state == "running" then
    local highlight = execution.kind == "task" and not execution.code and "TinycodeInfo" or "TinycodeOutput"
    return { { highlight, M.split(execution.stream) } }
  elseif execution.state == "done" and execution.kind == "cell" and not execution.answer.error then
    return blocks_of_cell(execution.answer.result)
  end
  return {}
end

-- What is below the line of what went wrong: all that the line has no room for.
local function blocks_of_failure(execution, room)
  local failed = execution.state == "done" and failure(execution)
  if not failed or (execution.answer.result or {}).interrupted then
    return {}
  end
  local fits = vim.fn.strdisplaywidth(failed_line(failed)) <= room.behind
  local width = math.min(MEASURE, room.below)
  return {
    { "TinycodeError", failed.where },
    { "TinycodeError", wrap(vim.list_slice(failed.says, fits and 2 or 1), width) },
    { "TinycodeInfo", wrap(failed.hint, width) },
  }
end

--- The last lines of what is said, as virtual lines take them: at most `max`. `room` is how many columns there are
--- `behind` the last line of the code, and `below` it.
function M.body(execution, max, room)
  local border = { "│ ", "TinycodeBorder" }
  room = { behind = room.behind, below = room.below - vim.fn.strdisplaywidth(border[1]) }
  local lines = {}
  for _, block in ipairs(vim.list_extend(blocks(execution), blocks_of_failure(execution, room))) do
    for _, line in ipairs(block[2]) do
      table.insert(lines, { border, { line, block[1] } })
    end
  end
  local hidden = #lines - max
  if hidden <= 0 then
    return lines
  end
  local shown = vim.list_slice(lines, hidden + 1)
  local note = ("┆ %d more %s, :TinycodeOutput"):format(hidden, hidden == 1 and "line" or "lines")
  table.insert(shown, 1, { { note, "TinycodeBorder" } })
  return shown
end

--- All that is known, as { line, highlight } pairs.
function M.full(execution)
  local lines = {}
  local function add(text, highlight)
    for _, line in ipairs(M.split(text)) do
      table.insert(lines, { line, highlight })
    end
  end
  local answer = execution.answer
  if execution.state ~= "done" then
    add(execution.code, "TinycodeInfo")
    add(execution.stream, "TinycodeOutput")
  elseif answer.error then
    add(answer.error.message, "TinycodeError")
    add(null(answer.error.data) and null(answer.error.data.hint), "TinycodeInfo")
  elseif execution.kind == "task" then
    local result = answer.result
    local failed = null(result.error)
    add(failed and failed.message or result.output, failed and "TinycodeError" or "TinycodeValue")
    add(failed and null(failed.hint), "TinycodeInfo")
    if null(answer.code) then
      table.insert(lines, { "", "TinycodeOutput" })
      add(answer.code, "TinycodeOutput")
    end
  else
    for _, block in ipairs(blocks_of_cell(answer.result)) do
      for _, line in ipairs(block[2]) do
        table.insert(lines, { line, block[1] })
      end
    end
    add(not answer.result.interrupted and null(answer.result.error) and answer.result.error.traceback, "TinycodeError")
    add(as_text(answer.result.is_final and answer.result.final_value or answer.result.value), "TinycodeValue")
  end
  if #lines == 0 then
    table.insert(lines, { "nothing was printed", "TinycodeInfo" })
  end
  return lines
end

--- Variables in columns, as { line, highlight } pairs.
function M.variables(variables)
  local width = { name = 0, type = 0 }
  for _, variable in ipairs(variables) do
    for column, widest in pairs(width) do
      width[column] = math.max(widest, vim.fn.strdisplaywidth(variable[column]))
    end
  end
  local function padded(variable, column)
    local text = variable[column]
    return text .. (" "):rep(width[column] - vim.fn.strdisplaywidth(text) + 2)
  end
  return vim.tbl_map(function(variable)
    local shown = table.concat(M.split(variable.repr), " ")
    return { padded(variable, "name") .. padded(variable, "type") .. shown, "TinycodeValue" }
  end, variables)
end

return M
